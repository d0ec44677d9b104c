using System.Buffers.Binary;
using System.Globalization;
using CsCheck;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Sim.Engine;

/// <summary>
/// Values of each type in the model's own form: bool, long, float, double, string (text, JSON, geometry), DateTime, object[]
/// for arrays, float[] for dense and binary vectors, a sorted table for sparse ones; null for null. All numbers are small
/// quarters, which every type holds exactly.
/// </summary>
internal static class ModelValues
{
    private static readonly string[] Words = ["", "a", "ab", "abc", "b", "ba", "100%", "x_y", "é", "long word"];
    private static readonly string[] Jsons = ["{}", "1", "\"a\"", "null", "true", "[1,2,3]", "{\"k\":1,\"d\":{\"e\":0.5}}", "{\"k\":\"ab\",\"d\":null}", "{\"k\":[1,2],\"d\":{\"e\":[4]}}", "{\"k\":2.25}", "{\"k\":true}"];
    private static readonly string[] Places = ["POINT (1 2)", "POINT (3.5 -4)", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"];
    private static readonly string[] Metas = ["{}", "{\"k\":1}", "{\"k\":2,\"x\":\"a\"}", "{\"x\":[1,2]}", "{\"k\":\"ab\"}", "{\"y\":{\"z\":1.5}}"];
    private static readonly DateTime Epoch = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public static readonly Gen<string> Meta = Gen.Int[0, Metas.Length - 1].Select(i => Metas[i]);

    public static readonly Gen<string> Word = Gen.Int[0, Words.Length - 1].Select(i => Words[i]);

    public static readonly Gen<DateTime> Time = Gen.Int[0, 40].Select(d => Epoch.AddHours(d * 13));

    /// <summary>A value of a field, never null.</summary>
    public static Gen<object> Of(ModelField field) => field.Type switch
    {
        DataType.Array => Plain(field.Element).Array[0, 5].Select(a => (object)a),
        DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector => Gen.Int[-20, 20].Select(v => v / 4f).Array[Math.Max(1, field.Dimension)].Select(a => (object)NotNought(a)),
        DataType.Int8Vector => Gen.Int[-20, 20].Select(v => (float)v).Array[Math.Max(1, field.Dimension)].Select(a => (object)NotNought(a)),
        DataType.BinaryVector => Gen.Int[0, 1].Select(v => (float)v).Array[Math.Max(8, field.Dimension)].Select(a => (object)NotNought(a)),
        DataType.SparseFloatVector => Gen.Select(Gen.Int[0, 12], Gen.Int[1, 20]).Select((i, v) => ((uint)i * 1000, v / 4f)).Array[1, 5].Select(a => (object)Sparse(a)),
        _ => Plain(field.Type),
    };

    public static Gen<object> Key(ModelField key) =>
        key.Type == DataType.Int64 ? Gen.Int[0, 40].Select(k => (object)(long)k) : Gen.Int[0, 40].Select(k => (object)$"k{k}");

    public static ValueField ToDefault(ModelField field, object value) => value switch
    {
        bool v => new ValueField { BoolData = v },
        long v when field.Type == DataType.Int64 => new ValueField { LongData = v },
        long v => new ValueField { IntData = (int)v },
        float v => new ValueField { FloatData = v },
        double v => new ValueField { DoubleData = v },
        DateTime v => new ValueField { StringData = Iso(v) },
        _ => new ValueField { StringData = (string)value },
    };

    public static string Iso(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The column of some rows as a client sends it; nulls are marked, and hold a place or not as the client likes.</summary>
    public static FieldData ToColumn(ModelField field, IReadOnlyList<object?> values, bool dense)
    {
        var data = new FieldData { FieldName = field.Name, Type = field.Type };
        if (values.Contains(null))
        {
            data.ValidData.Add(values.Select(v => v is not null));
        }

        if (field.IsVector)
        {
            data.Vectors = Vectors(field, [.. values.OfType<object>()]);
        }
        else
        {
            data.Scalars = Scalars(field.Type, field.Element, [.. dense ? values : values.Where(v => v is not null)]);
        }

        return data;
    }

    public static FieldData MetaColumn(IEnumerable<string> rows)
    {
        var data = new FieldData { FieldName = ModelSchema.Meta, Type = DataType.Json, IsDynamic = true, Scalars = new ScalarField { JsonData = new JSONArray() } };
        data.Scalars.JsonData.Data.Add(rows.Select(ByteString.CopyFromUtf8));
        return data;
    }

    /// <summary>The bytes of one query vector.</summary>
    public static ByteString ToQuery(ModelField field, object vector) => field.Type switch
    {
        DataType.FloatVector => ByteString.CopyFrom([.. ((float[])vector).SelectMany(BitConverter.GetBytes)]),
        DataType.SparseFloatVector => SparseBytes((SortedDictionary<uint, float>)vector),
        _ => ByteString.CopyFrom(DenseBytes(field.Type, (float[])vector)),
    };

    /// <summary>The values of an answered column.</summary>
    public static List<object?> FromColumn(ModelField field, FieldData data, int rows)
    {
        var marks = data.ValidData.Count > 0 ? data.ValidData : data.Scalars?.ValidData.Count > 0 ? data.Scalars.ValidData : null;
        var present = marks is null ? rows : marks.Count(m => m);
        var values = field.IsVector ? FromVectors(field, data.Vectors) : FromScalars(field.Type, field.Element, data.Scalars!);
        if (values.Count != rows && values.Count != present)
        {
            throw new ModelMismatchException($"column {field.Name} has {values.Count} values for {rows} rows of which {present} are there");
        }

        var all = new List<object?>(rows);
        for (int row = 0, at = 0; row < rows; row++)
        {
            var there = marks is null || marks[row];
            all.Add(there ? values[values.Count == rows ? row : at] : null);
            at += there ? 1 : 0;
        }

        return all;
    }

    public static bool Same(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (object[] x, object[] y) => x.Length == y.Length && x.Zip(y).All(p => Same(p.First, p.Second)),
        (float[] x, float[] y) => x.AsSpan().SequenceEqual(y),
        (SortedDictionary<uint, float> x, SortedDictionary<uint, float> y) => x.SequenceEqual(y),
        _ => Equals(a, b),
    };

    public static string Show(object? value) => value switch
    {
        null => "null",
        object[] a => $"[{string.Join(',', a.Select(Show))}]",
        float[] a => $"[{string.Join(',', a.Select(v => v.ToString(CultureInfo.InvariantCulture)))}]",
        SortedDictionary<uint, float> s => $"{{{string.Join(',', s.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key}:{p.Value}")))}}}",
        DateTime t => Iso(t),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static Gen<object> Plain(DataType type) => type switch
    {
        DataType.Bool => Gen.Bool.Select(v => (object)v),
        DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 => Gen.Int[-5, 5].Select(v => (object)(long)v),
        DataType.Float => Gen.Int[-8, 8].Select(v => (object)(v / 4f)),
        DataType.Double => Gen.Int[-8, 8].Select(v => (object)(v / 4.0)),
        DataType.Json => Gen.Int[0, Jsons.Length - 1].Select(i => (object)Jsons[i]),
        DataType.Timestamptz => Time.Select(t => (object)t),
        DataType.Geometry => Gen.Int[0, Places.Length - 1].Select(i => (object)Places[i]),
        _ => Word.Select(w => (object)w),
    };

    private static float[] NotNought(float[] values)
    {
        if (Array.TrueForAll(values, v => v == 0)) values[0] = 1;
        return values;
    }

    private static SortedDictionary<uint, float> Sparse((uint Index, float Value)[] entries)
    {
        var table = new SortedDictionary<uint, float>();
        foreach (var (index, value) in entries) table[index] = value;
        return table;
    }

    private static ScalarField Scalars(DataType type, DataType element, IReadOnlyList<object?> values)
    {
        var field = new ScalarField();
        switch (type)
        {
            case DataType.Bool:
                field.BoolData = new BoolArray { Data = { values.Select(v => v is true) } };
                break;
            case DataType.Int64:
                field.LongData = new LongArray { Data = { values.Select(v => v is long l ? l : 0) } };
                break;
            case DataType.Float:
                field.FloatData = new FloatArray { Data = { values.Select(v => v is float f ? f : 0) } };
                break;
            case DataType.Double:
                field.DoubleData = new DoubleArray { Data = { values.Select(v => v is double d ? d : 0) } };
                break;
            case DataType.VarChar or DataType.Geometry:
                field.StringData = new StringArray { Data = { values.Select(v => v as string ?? "") } };
                break;
            case DataType.Timestamptz:
                field.StringData = new StringArray { Data = { values.Select(v => Iso(v is DateTime t ? t : Epoch)) } };
                break;
            case DataType.Json:
                field.JsonData = new JSONArray { Data = { values.Select(v => ByteString.CopyFromUtf8(v as string ?? "null")) } };
                break;
            case DataType.Array:
                field.ArrayData = new ArrayArray { Data = { values.Select(v => Scalars(element, DataType.None, v as object[] ?? [])) } };
                break;
            default:
                field.IntData = new IntArray { Data = { values.Select(v => v is long l ? (int)l : 0) } };
                break;
        }

        return field;
    }

    private static List<object?> FromScalars(DataType type, DataType element, ScalarField data) => type switch
    {
        DataType.Bool => [.. data.BoolData?.Data.Select(v => (object?)v) ?? []],
        DataType.Int64 => [.. data.LongData?.Data.Select(v => (object?)v) ?? []],
        DataType.Float => [.. data.FloatData?.Data.Select(v => (object?)v) ?? []],
        DataType.Double => [.. data.DoubleData?.Data.Select(v => (object?)v) ?? []],
        DataType.VarChar => [.. data.StringData?.Data ?? []],
        DataType.Geometry => [.. data.GeometryWktData?.Data ?? data.StringData?.Data ?? []],
        DataType.Timestamptz => [.. data.StringData.Data.Select(t => (object?)DateTime.Parse(t, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal))],
        DataType.Json => [.. data.JsonData.Data.Select(j => j.ToStringUtf8())],
        DataType.Array => [.. data.ArrayData.Data.Select(a => FromScalars(element, DataType.None, a).ToArray())],
        _ => [.. data.IntData?.Data.Select(v => (object?)(long)v) ?? []],
    };

    private static VectorField Vectors(ModelField field, List<object> values)
    {
        var data = new VectorField { Dim = field.Dimension };
        byte[] Bytes() => [.. values.SelectMany(v => DenseBytes(field.Type, (float[])v))];
        switch (field.Type)
        {
            case DataType.FloatVector:
                data.FloatVector = new FloatArray { Data = { values.SelectMany(v => (float[])v) } };
                break;
            case DataType.Float16Vector:
                data.Float16Vector = ByteString.CopyFrom(Bytes());
                break;
            case DataType.Bfloat16Vector:
                data.Bfloat16Vector = ByteString.CopyFrom(Bytes());
                break;
            case DataType.Int8Vector:
                data.Int8Vector = ByteString.CopyFrom(Bytes());
                break;
            case DataType.BinaryVector:
                data.BinaryVector = ByteString.CopyFrom(Bytes());
                break;
            default:
                data.SparseFloatVector = new SparseFloatArray { Contents = { values.Select(v => SparseBytes((SortedDictionary<uint, float>)v)) } };
                break;
        }

        return data;
    }

    private static byte[] DenseBytes(DataType type, float[] values) => type switch
    {
        DataType.Float16Vector => [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))],
        DataType.Bfloat16Vector => [.. values.SelectMany(v => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(v) >> 16)))],
        DataType.Int8Vector => [.. values.Select(v => (byte)(sbyte)v)],
        _ => [.. values.Chunk(8).Select(bits => (byte)bits.Select((b, i) => b > 0 ? 1 << i : 0).Sum())],
    };

    private static ByteString SparseBytes(SortedDictionary<uint, float> table)
    {
        var bytes = new byte[table.Count * 8];
        var at = 0;
        foreach (var (index, value) in table)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), index);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at + 4), value);
            at += 8;
        }

        return ByteString.CopyFrom(bytes);
    }

    private static List<object?> FromVectors(ModelField field, VectorField? data)
    {
        switch (field.Type)
        {
            case DataType.FloatVector:
                return [.. (data?.FloatVector?.Data ?? []).Chunk(field.Dimension)];
            case DataType.SparseFloatVector:
                return [.. (data?.SparseFloatVector?.Contents ?? []).Select(FromSparse)];
            case DataType.Float16Vector:
                return [.. data!.Float16Vector.ToByteArray().Chunk(2).Select(b => (float)BitConverter.ToHalf(b)).Chunk(field.Dimension)];
            case DataType.Bfloat16Vector:
                return [.. data!.Bfloat16Vector.ToByteArray().Chunk(2).Select(b => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(b) << 16)).Chunk(field.Dimension)];
            case DataType.Int8Vector:
                return [.. data!.Int8Vector.ToByteArray().Select(b => (float)(sbyte)b).Chunk(field.Dimension)];
            default:
                return [.. data!.BinaryVector.ToByteArray().SelectMany(b => Enumerable.Range(0, 8).Select(i => (float)(b >> i & 1))).Chunk(field.Dimension)];
        }
    }

    private static object FromSparse(ByteString bytes)
    {
        var table = new SortedDictionary<uint, float>();
        for (var at = 0; at < bytes.Length; at += 8)
        {
            table[BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[at..])] = BinaryPrimitives.ReadSingleLittleEndian(bytes.Span[(at + 4)..]);
        }

        return table;
    }
}

/// <summary>The engine and the model do not agree.</summary>
internal sealed class ModelMismatchException(string message) : Exception(message);
