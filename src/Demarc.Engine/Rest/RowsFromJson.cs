using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Rest;

/// <summary>Turns JSON rows into the columns of an insert. Names beyond the schema go into the dynamic field.</summary>
internal static class RowsFromJson
{
    private static readonly JsonElement EmptyText = JsonSerializer.SerializeToElement("", RestTextJson.Default.String);

    /// <param name="schema">As clients see it.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="metaKey">Whether the keys of a member named $meta are dynamic ones too, as in files to import.</param>
    /// <param name="partial">Whether fields that no row names are left as they are.</param>
    public static List<FieldData> Columns(CollectionSchema schema, List<JsonElement> rows, bool metaKey = false, bool partial = false)
    {
        var columns = new List<FieldData>();
        foreach (var field in schema.Fields.Where(f => IsAsked(f, rows, metaKey, partial)))
        {
            columns.Add(FieldDefinition.IsVectorType(field.DataType) ? Vectors(field, rows) : Scalars(field, rows, loose: !metaKey));
        }

        columns.AddRange(schema.StructArrayFields.Where(a => rows.Exists(r => r.ValueKind == JsonValueKind.Object && r.TryGetProperty(a.Name, out _))).Select(a => Structs(a, rows)));
        var known = schema.Fields.Select(f => f.Name).Concat(schema.StructArrayFields.Select(a => a.Name)).ToHashSet(StringComparer.Ordinal);
        var dynamic = new JSONArray();
        foreach (var row in rows)
        {
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw Unfit($"a row should be an object, not {row.ValueKind}");
            }

            var extra = row.EnumerateObject().Where(p => !known.Contains(p.Name) && (metaKey || p.Value.ValueKind != JsonValueKind.Null))
                .SelectMany(p => metaKey && p.Name == CollectionDefinition.DynamicFieldName && p.Value.ValueKind == JsonValueKind.Object ? (IEnumerable<JsonProperty>)p.Value.EnumerateObject() : [p]).ToList();
            if (extra.Count > 0 && !schema.EnableDynamicField)
            {
                throw Unfit("has pass more field without dynamic schema, please check it: invalid parameter");
            }

            if (!metaKey && extra.Exists(p => p.Name == CollectionDefinition.DynamicFieldName))
            {
                throw Unfit($"use the invalid field name({CollectionDefinition.DynamicFieldName}) when enable dynamicField: invalid parameter");
            }

            dynamic.Data.Add(ByteString.CopyFrom(Written(extra)));
        }

        if (schema.EnableDynamicField)
        {
            columns.Add(new FieldData { Type = DataType.Json, FieldName = CollectionDefinition.DynamicFieldName, IsDynamic = true, Scalars = new ScalarField { JsonData = dynamic } });
        }

        return columns;
    }

    /// <summary>Whether a column is made: rows name the field, or it may not be left out and a row has to say so.</summary>
    private static bool IsAsked(FieldSchema field, List<JsonElement> rows, bool import, bool partial)
    {
        if (rows.Exists(r => r.ValueKind == JsonValueKind.Object && r.TryGetProperty(field.Name, out _)))
        {
            return !(import && field.IsFunctionOutput);
        }

        return !(import || partial || field.Nullable || field.DefaultValue is not null || field.IsFunctionOutput || field.IsPrimaryKey && field.AutoID) && rows.TrueForAll(r => r.ValueKind == JsonValueKind.Object);
    }

    /// <summary>One vector as the wire has it.</summary>
    public static byte[] VectorBytes(FieldSchema field, JsonElement value)
    {
        try
        {
            return field.DataType switch
            {
                DataType.FloatVector => Numbers(value, sizeof(float), (to, v) => BinaryPrimitives.WriteSingleLittleEndian(to, v.GetSingle())),
                DataType.Float16Vector or DataType.Bfloat16Vector when value.ValueKind == JsonValueKind.String => value.GetBytesFromBase64(),
                DataType.Float16Vector => Numbers(value, sizeof(ushort), (to, v) => BinaryPrimitives.WriteHalfLittleEndian(to, (Half)v.GetSingle())),
                DataType.Bfloat16Vector => Numbers(value, sizeof(ushort), (to, v) => BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)(BitConverter.SingleToUInt32Bits(v.GetSingle()) >> 16))),
                DataType.Int8Vector => Numbers(value, 1, (to, v) => to[0] = (byte)v.GetSByte()),
                DataType.BinaryVector => value.ValueKind == JsonValueKind.String ? value.GetBytesFromBase64() : Numbers(value, 1, (to, v) => to[0] = v.GetByte()),
                _ => Sparse(value),
            };
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or OverflowException)
        {
            throw Unfit($"{Short(value)} is no {RestSchemas.NameOf(field.DataType)} for field {field.Name}: invalid parameter[expected={RestSchemas.NameOf(field.DataType)}][actual={Short(value)}]");
        }
    }

    private static FieldData Vectors(FieldSchema field, List<JsonElement> rows)
    {
        var values = new List<JsonElement>();
        var valid = new List<bool>();
        foreach (var row in rows)
        {
            var given = row.TryGetProperty(field.Name, out var value) && value.ValueKind != JsonValueKind.Null;
            valid.Add(given);
            if (given)
            {
                values.Add(value);
            }
        }

        if (!field.Nullable && values.Count < rows.Count)
        {
            throw Unfit($"missing vector field: {field.Name}: invalid parameter[expected={RestSchemas.NameOf(field.DataType)}][actual=]");
        }

        var vectors = VectorsOf(field, field.DataType, values);
        var data = new FieldData { Type = field.DataType, FieldName = field.Name, Vectors = vectors };
        if (field.Nullable)
        {
            data.ValidData.Add(valid);
        }

        return data;
    }

    /// <summary>Vectors of one type as the wire has them.</summary>
    private static VectorField VectorsOf(FieldSchema field, DataType type, IEnumerable<JsonElement> given)
    {
        var one = new FieldSchema { Name = field.Name, DataType = type };
        var values = given.Select(v => VectorBytes(one, v)).ToList();
        var vectors = new VectorField { Dim = int.TryParse(FieldDefinition.Parameter(field, "dim"), NumberStyles.None, CultureInfo.InvariantCulture, out var known) ? known : 0 };
        switch (type)
        {
            case DataType.FloatVector:
                vectors.FloatVector = new FloatArray { Data = { values.SelectMany(v => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(v).ToArray()) } };
                break;
            case DataType.SparseFloatVector:
                vectors.SparseFloatVector = new SparseFloatArray { Contents = { values.Select(v => ByteString.CopyFrom(v)) } };
                break;
            default:
                Rows.ByteVectorColumn.SetBytes(vectors, type, ByteString.CopyFrom([.. values.SelectMany(v => v)]));
                break;
        }

        return vectors;
    }

    /// <summary>An array of objects a row; each part of the struct is a column of its own.</summary>
    private static FieldData Structs(StructArrayFieldSchema array, List<JsonElement> rows)
    {
        var items = rows.Select(row => row.TryGetProperty(array.Name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToList()
            : array.Nullable && value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null
            : throw Unfit($"struct array field {array.Name} expects a JSON array of objects: invalid parameter")).ToList();
        var structs = new StructArrayField();
        foreach (var part in array.Fields)
        {
            var data = new FieldData { Type = part.DataType, FieldName = part.Name };
            data.ValidData.Add(array.Nullable ? items.Select(row => row is not null) : []);
            if (part.DataType == DataType.ArrayOfVector)
            {
                data.Vectors = new VectorField { VectorArray = new VectorArray { ElementType = part.ElementType, Data = { items.Where(row => row is not null).Select(row => VectorsOf(part, part.ElementType, row!.Select(i => Part(i, array, part)))) } } };
            }
            else
            {
                data.Scalars = new ScalarField { ArrayData = new ArrayArray { ElementType = part.ElementType, Data = { items.Where(row => row is not null).Select(row => Elements(part, row!.Select(i => Part(i, array, part)))) } } };
            }

            structs.Fields.Add(data);
        }

        return new FieldData { Type = DataType.ArrayOfStruct, FieldName = array.Name, StructArrays = structs };
    }

    private static JsonElement Part(JsonElement item, StructArrayFieldSchema array, FieldSchema part) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(part.Name, out var value) ? value
        : throw Unfit($"struct array field {array.Name} element missing sub-field {part.Name}: invalid parameter");

    private static ScalarField Elements(FieldSchema field, IEnumerable<JsonElement> items)
    {
        try
        {
            return Values(field.ElementType, field.ElementType, [.. items]);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or OverflowException)
        {
            throw Unfit($"an element of field {field.Name} is no {RestSchemas.NameOf(field.ElementType)}: invalid parameter");
        }
    }

    private static FieldData Scalars(FieldSchema field, List<JsonElement> rows, bool loose)
    {
        var data = new FieldData { Type = field.DataType, FieldName = field.Name };
        var valid = new List<bool>();
        var values = new List<JsonElement>();
        foreach (var row in rows)
        {
            var named = row.TryGetProperty(field.Name, out var value);
            if (loose && !named && field is { DataType: DataType.VarChar, Nullable: false, DefaultValue: null })
            {
                (named, value) = (true, EmptyText); // As in Milvus, a text that is left out is an empty one.
            }

            var given = named && (value.ValueKind != JsonValueKind.Null || field.DataType == DataType.Json && !field.Nullable);
            valid.Add(given);
            if (given)
            {
                values.Add(loose ? Loosened(field.DataType, value) : value);
            }
        }

        try
        {
            data.Scalars = Values(field.DataType, field.ElementType, values);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or OverflowException)
        {
            var named = RestSchemas.NameOf(field.DataType) + (field.DataType == DataType.Array ? " of " + RestSchemas.NameOf(field.ElementType) : "");
            throw Unfit($"a value of field {field.Name} is no {named}: invalid parameter[expected={named}]");
        }

        if (field.Nullable || field.DefaultValue is not null)
        {
            data.ValidData.Add(valid);
        }
        else if (valid.Contains(false))
        {
            throw Unfit($"row {valid.IndexOf(false)} does not has field {field.Name}: invalid parameter[expected={RestSchemas.NameOf(field.DataType)}][actual=]");
        }

        return data;
    }

    private static ScalarField Values(DataType type, DataType element, List<JsonElement> values) => type switch
    {
        DataType.Bool => new ScalarField { BoolData = new BoolArray { Data = { values.Select(v => v.GetBoolean()) } } },
        DataType.Int8 or DataType.Int16 or DataType.Int32 => new ScalarField { IntData = new IntArray { Data = { values.Select(v => checked((int)Whole(v))) } } },
        DataType.Int64 => new ScalarField { LongData = new LongArray { Data = { values.Select(Whole) } } },
        DataType.Float => new ScalarField { FloatData = new FloatArray { Data = { values.Select(v => v.GetSingle()) } } },
        DataType.Double => new ScalarField { DoubleData = new DoubleArray { Data = { values.Select(v => v.GetDouble()) } } },
        DataType.Json => new ScalarField { JsonData = new JSONArray { Data = { values.Select(v => ByteString.CopyFromUtf8(v.GetRawText())) } } },
        DataType.Array => new ScalarField { ArrayData = new ArrayArray { ElementType = element, Data = { values.Select(v => Values(element, element, [.. v.EnumerateArray()])) } } },
        _ => new ScalarField { StringData = new StringArray { Data = { values.Select(v => v.GetString()!) } } },
    };

    /// <summary>What Milvus takes in place of a value: the text of a number or of a truth, the text of JSON, and anything as a text.</summary>
    private static JsonElement Loosened(DataType type, JsonElement value)
    {
        if (type is DataType.VarChar or DataType.Text or DataType.Geometry or DataType.Timestamptz)
        {
            return value.ValueKind == JsonValueKind.String ? value : JsonSerializer.SerializeToElement(value.GetRawText(), RestTextJson.Default.String);
        }

        if (value.ValueKind != JsonValueKind.String || type is not (DataType.Bool or DataType.Float or DataType.Double or DataType.Json or DataType.Array))
        {
            return value;
        }

        var text = value.GetString()!;
        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(text));
        try
        {
            return JsonElement.TryParseValue(ref reader, out var parsed) && reader.BytesConsumed == System.Text.Encoding.UTF8.GetByteCount(text) ? parsed.Value : value;
        }
        catch (JsonException)
        {
            return value;
        }
    }

    private static Fault Unfit(string why) => new(1804, $"fail to deal the insert data, error: {why}");

    /// <summary>Scripts that cannot hold 64 bits send whole numbers as text.</summary>
    private static long Whole(JsonElement value) => value.ValueKind == JsonValueKind.String ? long.Parse(value.GetString()!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : value.GetInt64();

    private delegate void Put(Span<byte> to, JsonElement value);

    private static byte[] Numbers(JsonElement list, int width, Put put)
    {
        var bytes = new byte[list.GetArrayLength() * width];
        var at = 0;
        foreach (var value in list.EnumerateArray())
        {
            put(bytes.AsSpan(at, width), value);
            at += width;
        }

        return bytes;
    }

    /// <summary>{"5": 0.3} or {"indices": [5], "values": [0.3]}.</summary>
    private static byte[] Sparse(JsonElement value)
    {
        var entries = value.TryGetProperty("indices", out var indices) && value.TryGetProperty("values", out var values)
            ? indices.EnumerateArray().Zip(values.EnumerateArray(), (i, v) => (Index: i.GetUInt32(), Value: v.GetSingle()))
            : value.EnumerateObject().Select(p => (Index: uint.Parse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture), Value: p.Value.GetSingle()));
        var sorted = entries.OrderBy(e => e.Index).ToList();
        var bytes = new byte[sorted.Count * 8];
        for (var i = 0; i < sorted.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 8), sorted[i].Index);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan((i * 8) + 4), sorted[i].Value);
        }

        return bytes;
    }

    private static byte[] Written(List<JsonProperty> members)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, RestJson.Options))
        {
            writer.WriteStartObject();
            foreach (var member in members)
            {
                member.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    public static string Short(JsonElement value) => value.GetRawText() is { Length: > 60 } text ? text[..60] + "…" : value.GetRawText();
}
