using System.Buffers.Binary;
using System.Numerics;

namespace Demarc.Engine.Imports;

/// <summary>Reads the unpacked body of one page: levels first, then values.</summary>
internal sealed class PageReader(byte[] body, ParquetLeaf leaf)
{
    private const int PlainEncoding = 0;
    private const int OldDictionaryEncoding = 2;
    private const int RunLengthEncoding = 3;
    private const int DictionaryEncoding = 8;

    private int at;

    /// <summary>A page of values with their levels; the lengths of the levels stand before them, or are given.</summary>
    public void Data(ParquetColumn column, int places, int encoding, ParquetColumn? dictionary, int repetitionBytes, int definitionBytes)
    {
        if (places < 0)
        {
            throw new InvalidDataException("a page has less than no values");
        }

        var from = column.Definitions.Count;
        Levels(column.Repetitions, places, leaf.Lists.Count, repetitionBytes);
        Levels(column.Definitions, places, leaf.Definition, definitionBytes);
        column.Places += places;
        var count = leaf.Definition == 0 ? places : column.Definitions.Skip(from).Count(d => d == leaf.Definition);
        switch (encoding)
        {
            case PlainEncoding:
                Plain(column, count);
                break;
            case RunLengthEncoding when leaf.Type == ParquetType.Boolean:
                var length = Number();
                column.Whole.AddRange(Runs(count, 1, at + length));
                break;
            case OldDictionaryEncoding or DictionaryEncoding when dictionary is not null:
                var width = count == 0 ? 0 : body[Forward(1)];
                Look(column, dictionary, Runs(count, width, body.Length));
                break;
            default:
                throw new InvalidDataException($"column {leaf.Path[0]} is in encoding {encoding}, which is not read; write it plain or with a dictionary");
        }
    }

    /// <summary>Values one after another.</summary>
    public void Plain(ParquetColumn column, int count)
    {
        if (count < 0 || (leaf.Type != ParquetType.Boolean && count > body.Length))
        {
            throw new InvalidDataException("a page states more values than it has bytes");
        }

        for (var i = 0; i < count; i++)
        {
            switch (leaf.Type)
            {
                case ParquetType.Boolean:
                    column.Whole.Add((body[Checked(at + (i / 8))] >> (i % 8)) & 1);
                    break;
                case ParquetType.Int32:
                    column.Whole.Add(BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(Forward(4), 4)));
                    break;
                case ParquetType.Int64:
                    column.Whole.Add(BinaryPrimitives.ReadInt64LittleEndian(body.AsSpan(Forward(8), 8)));
                    break;
                case ParquetType.Float:
                    column.Fractions.Add(BinaryPrimitives.ReadSingleLittleEndian(body.AsSpan(Forward(4), 4)));
                    break;
                case ParquetType.Double:
                    column.Fractions.Add(BinaryPrimitives.ReadDoubleLittleEndian(body.AsSpan(Forward(8), 8)));
                    break;
                case ParquetType.Bytes:
                    var length = Number();
                    column.Bytes.Add(body.AsSpan(Forward(length), length).ToArray());
                    break;
                case ParquetType.FixedBytes when leaf.Width > 0:
                    column.Bytes.Add(body.AsSpan(Forward(leaf.Width), leaf.Width).ToArray());
                    break;
                default:
                    throw new InvalidDataException($"column {leaf.Path[0]} has values of type {leaf.Type}, which are not read");
            }
        }
    }

    private static void Look(ParquetColumn column, ParquetColumn dictionary, List<long> places)
    {
        foreach (var place in places)
        {
            var size = Math.Max(dictionary.Whole.Count, Math.Max(dictionary.Fractions.Count, dictionary.Bytes.Count));
            if (place >= size)
            {
                throw new InvalidDataException("a value is looked up beyond the end of its dictionary");
            }

            if (dictionary.Whole.Count > 0)
            {
                column.Whole.Add(dictionary.Whole[(int)place]);
            }
            else if (dictionary.Fractions.Count > 0)
            {
                column.Fractions.Add(dictionary.Fractions[(int)place]);
            }
            else
            {
                column.Bytes.Add(dictionary.Bytes[(int)place]);
            }
        }
    }

    private void Levels(List<byte> levels, int places, int most, int bytes)
    {
        if (most == 0)
        {
            at += Math.Max(bytes, 0);
            return;
        }

        var length = bytes >= 0 ? bytes : Number();
        var end = at + length;
        if (length < 0 || end > body.Length)
        {
            throw new InvalidDataException("a page's levels are longer than the page");
        }

        levels.AddRange(Runs(places, BitOperations.Log2((uint)most) + 1, end).Select(l => (byte)l));
        at = end;
    }

    /// <summary>Numbers of so many bits, in runs of one value or packed in eights.</summary>
    private List<long> Runs(int count, int width, int end)
    {
        if (width > 32 || end > body.Length)
        {
            throw new InvalidDataException("runs of numbers are broken");
        }

        var values = new List<long>();
        while (values.Count < count)
        {
            var head = Varint();
            if ((head & 1) == 0)
            {
                var bytes = (width + 7) / 8;
                long value = 0;
                var from = Forward(bytes);
                for (var i = 0; i < bytes; i++)
                {
                    value |= (long)body[from + i] << (8 * i);
                }

                for (var left = Math.Min(head >> 1, (uint)(count - values.Count)); left > 0; left--)
                {
                    values.Add(value);
                }

                continue;
            }

            var packed = (long)(head >> 1) * width;
            var start = (long)Forward((int)Math.Min(packed, end - at)) * 8;
            for (var i = 0L; i < (head >> 1) * 8L && values.Count < count; i++)
            {
                values.Add(Bits(start + (i * width), width));
            }
        }

        return values;
    }

    private long Bits(long from, int width)
    {
        long value = 0;
        for (var i = 0; i < width; i++)
        {
            var bit = from + i;
            value |= (long)((body[Checked((int)(bit >> 3))] >> (int)(bit & 7)) & 1) << i;
        }

        return value;
    }

    private uint Varint()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = body[Forward(1)];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a run's length is broken");
    }

    private int Number() => BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(Forward(4), 4));

    /// <summary>Where so many bytes stand, and past them.</summary>
    private int Forward(int count)
    {
        if (count < 0 || count > body.Length - at)
        {
            throw new InvalidDataException("a page ends too early");
        }

        at += count;
        return at - count;
    }

    private int Checked(int place) => place < body.Length ? place : throw new InvalidDataException("a page ends too early");
}
