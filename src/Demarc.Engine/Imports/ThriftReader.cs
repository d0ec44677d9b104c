using System.Buffers.Binary;

namespace Demarc.Engine.Imports;

/// <summary>
/// Reads values in Thrift's compact protocol, which the headers of Parquet are written in. A struct becomes its fields by
/// number: whole numbers are long, texts and bytes are byte arrays. Every read is within the bytes given, or a fault.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    private const int MostDepth = 32;
    private const byte True = 1;
    private const byte False = 2;

    private readonly ReadOnlySpan<byte> bytes = bytes;
    private int depth;

    /// <summary>How many bytes have been read.</summary>
    public int Position { get; private set; }

    public ThriftStruct Struct()
    {
        if (++depth > MostDepth)
        {
            throw new InvalidDataException("a header is nested too deep");
        }

        var fields = new Dictionary<int, object>();
        var id = 0;
        while (Byte() is var head and not 0)
        {
            var step = head >> 4;
            id = step != 0 ? id + step : (int)Signed();
            var type = head & 0x0F;
            fields[id] = type is True or False ? type == True : Value(type);
        }

        depth--;
        return new ThriftStruct(fields);
    }

    private object Value(int type) => type switch
    {
        True or False => Byte() == True,
        3 => (long)(sbyte)Byte(),
        4 or 5 or 6 => Signed(),
        7 => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double))),
        8 => Take(Length(Unsigned())).ToArray(),
        9 or 10 => List(),
        11 => Map(),
        12 => Struct(),
        _ => throw new InvalidDataException($"a header has a value of unknown type {type}"),
    };

    private List<object> List()
    {
        var head = Byte();
        var count = head >> 4 == 15 ? Length(Unsigned()) : head >> 4;
        var list = new List<object>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++)
        {
            list.Add(Value(head & 0x0F));
        }

        return list;
    }

    private List<object> Map()
    {
        var count = Length(Unsigned());
        var types = count == 0 ? (byte)0 : Byte();
        var list = new List<object>();
        for (var i = 0; i < count; i++)
        {
            list.Add(Value(types >> 4));
            list.Add(Value(types & 0x0F));
        }

        return list;
    }

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - Position)
        {
            throw new InvalidDataException("a header ends too early");
        }

        Position += count;
        return bytes.Slice(Position - count, count);
    }

    private readonly int Length(ulong stated) => stated <= (ulong)(bytes.Length - Position) ? (int)stated : throw new InvalidDataException("a header states a length beyond its end");

    private long Signed() => Unsigned() is var value ? (long)(value >> 1) ^ -(long)(value & 1) : 0;

    private ulong Unsigned()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a header has a number of more than 64 bits");
    }
}

/// <summary>The fields of a struct, by number; what is asked for and missing or of another kind is a fault.</summary>
internal sealed class ThriftStruct(Dictionary<int, object> fields)
{
    public int Whole(int id, int? absent = null) => fields.TryGetValue(id, out var value) ? value is long whole and >= int.MinValue and <= int.MaxValue ? (int)whole : throw Bad(id) : absent ?? throw Bad(id);

    public long Long(int id) => fields.TryGetValue(id, out var value) && value is long whole ? whole : throw Bad(id);

    public bool Flag(int id, bool absent) => fields.TryGetValue(id, out var value) ? value is true : absent;

    public string Text(int id) => fields.TryGetValue(id, out var value) && value is byte[] text ? System.Text.Encoding.UTF8.GetString(text) : throw Bad(id);

    public ThriftStruct Struct(int id) => fields.TryGetValue(id, out var value) && value is ThriftStruct inner ? inner : throw Bad(id);

    public bool Has(int id) => fields.ContainsKey(id);

    public IEnumerable<T> List<T>(int id) => fields.TryGetValue(id, out var value) && value is List<object> list ? list.Select(item => item is T one ? one : throw Bad(id)) : throw Bad(id);

    private static InvalidDataException Bad(int id) => new($"a header lacks field {id}, or has it in another form");
}
