using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rest;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Imports;

/// <summary>
/// The columns of a Parquet file as a client would send them. Vectors and arrays are lists; vectors of half floats and of bits
/// are lists of their bytes, sparse ones and JSON are texts; a struct array is a list of structs.
/// </summary>
internal static class ParquetRows
{
    /// <summary>Bytes that rows turned into columns at a time should take.</summary>
    private const long BatchBytes = 16L * 1024 * 1024;

    public static IEnumerable<ImportBatch> Read(CollectionSchema schema, string path, int mostRows)
    {
        var name = Path.GetFileName(path);
        var file = Tried(name, () => ParquetFile.Open(path));
        CheckNames(schema, file, name);
        for (var group = 0; group < file.Groups; group++)
        {
            var current = group;
            var columns = Tried(name, () => Enumerable.Range(0, file.Leaves.Count).Select(leaf => new RowWalker(file.Read(current, leaf))).ToList());
            var rows = file.RowsOf(group);
            var step = (int)Math.Clamp(BatchBytes / Math.Max(1, file.BytesOf(group) / Math.Max(1, rows)), 1, mostRows);
            for (var from = 0; from < rows; from += step)
            {
                var count = Math.Min(step, rows - from);
                yield return new ImportBatch(count, Tried(name, () => Batch(schema, columns, count)));
            }
        }
    }

    private static T Tried<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or OverflowException or ArgumentException or JsonException)
        {
            throw ImportFiles.Unfit($"{name} cannot be read: {e.Message}");
        }
    }

    private static void CheckNames(CollectionSchema schema, ParquetFile file, string name)
    {
        var known = schema.Fields.Select(f => f.Name).Concat(schema.StructArrayFields.Select(s => s.Name)).Append(CollectionDefinition.DynamicFieldName).ToHashSet(StringComparer.Ordinal);
        if (file.Leaves.FirstOrDefault(l => !known.Contains(l.Path[0])) is { } other)
        {
            throw ImportFiles.Unfit($"{name} has column {other.Path[0]}, which the collection has not");
        }
    }

    private static List<FieldData> Batch(CollectionSchema schema, List<RowWalker> columns, int count)
    {
        var batch = new List<FieldData>();
        foreach (var field in schema.Fields.Where(f => !f.IsFunctionOutput))
        {
            if (columns.Find(c => c.Leaf.Path[0] == field.Name) is { } column)
            {
                batch.Add(Field(field, column.Take(count)));
            }
        }

        foreach (var array in schema.StructArrayFields)
        {
            var structs = new StructArrayField();
            foreach (var part in array.Fields)
            {
                if (columns.Find(c => c.Leaf.Path[0] == array.Name && c.Leaf.Path.Contains(part.Name)) is { } column)
                {
                    structs.Fields.Add(Part(part, column.Take(count)));
                }
            }

            if (structs.Fields.Count > 0)
            {
                batch.Add(new FieldData { Type = DataType.ArrayOfStruct, FieldName = array.Name, StructArrays = structs });
            }
        }

        if (schema.EnableDynamicField)
        {
            var meta = columns.Find(c => c.Leaf.Path[0] == CollectionDefinition.DynamicFieldName)?.Take(count);
            var json = new JSONArray { Data = { Enumerable.Range(0, count).Select(i => meta?[i] is byte[] { Length: > 0 } text ? ByteString.CopyFrom(text) : ByteString.CopyFromUtf8("{}")) } };
            batch.Add(new FieldData { Type = DataType.Json, FieldName = CollectionDefinition.DynamicFieldName, IsDynamic = true, Scalars = new ScalarField { JsonData = json } });
        }

        return batch;
    }

    /// <summary>A column of the wire from values; a null takes no place, and the marks say where it is.</summary>
    private static FieldData Field(FieldSchema field, List<object?> rows)
    {
        var data = new FieldData { Type = field.DataType, FieldName = field.Name };
        var present = rows.OfType<object>().ToList();
        if (FieldDefinition.IsVectorType(field.DataType))
        {
            data.Vectors = Vectors(field, field.DataType, present);
        }
        else if (field.DataType == DataType.Array)
        {
            data.Scalars = new ScalarField { ArrayData = new ArrayArray { ElementType = field.ElementType, Data = { present.Select(row => Scalars(field, field.ElementType, Items(field, row))) } } };
        }
        else
        {
            data.Scalars = Scalars(field, field.DataType, present);
        }

        if (field.Nullable || field.DefaultValue is not null)
        {
            data.ValidData.Add(rows.Select(r => r is not null));
        }
        else if (present.Count < rows.Count)
        {
            throw ImportFiles.Unfit($"a row leaves out field {field.Name}, which is not nullable");
        }

        return data;
    }

    private static FieldData Part(FieldSchema part, List<object?> rows)
    {
        var data = new FieldData { Type = part.DataType, FieldName = part.Name };
        if (part.DataType == DataType.ArrayOfVector)
        {
            data.Vectors = new VectorField { VectorArray = new VectorArray { ElementType = part.ElementType, Data = { rows.Select(row => Vectors(part, part.ElementType, Items(part, row))) } } };
        }
        else
        {
            data.Scalars = new ScalarField { ArrayData = new ArrayArray { ElementType = part.ElementType, Data = { rows.Select(row => Scalars(part, part.ElementType, Items(part, row))) } } };
        }

        return data;
    }

    private static List<object> Items(FieldSchema field, object? row) =>
        row is List<object?> list && list.TrueForAll(i => i is not null) ? [.. list.Select(i => i!)] : throw ImportFiles.Unfit($"a value of field {field.Name} is no list, or one with nulls in it");

    private static VectorField Vectors(FieldSchema field, DataType type, List<object> vectors)
    {
        var data = new VectorField { Dim = int.TryParse(FieldDefinition.Parameter(field, "dim"), out var dim) ? dim : 0 };
        switch (type)
        {
            case DataType.FloatVector:
                data.FloatVector = new FloatArray { Data = { vectors.SelectMany(v => Items(field, v)).Select(v => v is double value ? (float)value : throw Mismatch(field)) } };
                break;
            case DataType.SparseFloatVector:
                data.SparseFloatVector = new SparseFloatArray { Contents = { vectors.Select(v => Sparse(field, v)) } };
                break;
            default:
                ByteVectorColumn.SetBytes(data, type, ByteString.CopyFrom([.. vectors.SelectMany(v => Items(field, v)).Select(v => v is long value and >= sbyte.MinValue and <= byte.MaxValue ? (byte)value : throw Mismatch(field))]));
                break;
        }

        return data;
    }

    private static ByteString Sparse(FieldSchema field, object value)
    {
        using var document = JsonDocument.Parse(value as byte[] ?? throw Mismatch(field));
        return ByteString.CopyFrom(RowsFromJson.VectorBytes(field, document.RootElement));
    }

    private static ScalarField Scalars(FieldSchema field, DataType type, List<object> values)
    {
        switch (type)
        {
            case DataType.Bool:
                return new ScalarField { BoolData = new BoolArray { Data = { values.Select(v => Whole(field, v) != 0) } } };
            case DataType.Int8 or DataType.Int16 or DataType.Int32:
                return new ScalarField { IntData = new IntArray { Data = { values.Select(v => checked((int)Whole(field, v))) } } };
            case DataType.Int64:
                return new ScalarField { LongData = new LongArray { Data = { values.Select(v => Whole(field, v)) } } };
            case DataType.Timestamptz when values.TrueForAll(v => v is long):
                return new ScalarField { TimestamptzData = new TimestamptzArray { Data = { values.Select(v => Whole(field, v)) } } };
            case DataType.Float:
                return new ScalarField { FloatData = new FloatArray { Data = { values.Select(v => (float)Fraction(field, v)) } } };
            case DataType.Double:
                return new ScalarField { DoubleData = new DoubleArray { Data = { values.Select(v => Fraction(field, v)) } } };
            case DataType.Json:
                return new ScalarField { JsonData = new JSONArray { Data = { values.Select(v => ByteString.CopyFrom(v as byte[] ?? throw Mismatch(field))) } } };
            default:
                return new ScalarField { StringData = new StringArray { Data = { values.Select(v => System.Text.Encoding.UTF8.GetString(v as byte[] ?? throw Mismatch(field))) } } };
        }
    }

    private static long Whole(FieldSchema field, object value) => value is long whole ? whole : throw Mismatch(field);

    private static double Fraction(FieldSchema field, object value) => value switch { double fraction => fraction, long whole => whole, _ => throw Mismatch(field) };

    private static Fault Mismatch(FieldSchema field) => ImportFiles.Unfit($"a value of field {field.Name} is not of its type");
}

/// <summary>Goes through a column row by row: a value, a list of values, a list of lists, or null.</summary>
internal sealed class RowWalker(ParquetColumn column)
{
    private int place;
    private int value;

    public ParquetLeaf Leaf => column.Leaf;

    /// <summary>The next rows.</summary>
    public List<object?> Take(int rows)
    {
        var taken = new List<object?>(rows);
        for (var i = 0; i < rows; i++)
        {
            taken.Add(Row());
        }

        return taken;
    }

    private object? Row()
    {
        if (place >= column.Places)
        {
            throw new InvalidDataException($"column {Leaf.Path[0]} has fewer rows than its row group");
        }

        if (Leaf.Lists.Count == 0)
        {
            return Value();
        }

        var row = new List<object?>();
        var isNull = Leaf.TopOptional && Level() == 0;
        do
        {
            Add(row);
        }
        while (place < column.Places && column.Repetitions[place] > 0);
        return isNull ? null : row;
    }

    /// <summary>Puts what stands at the place into the row: nothing for an empty list, a value, or a value of an inner list.</summary>
    private void Add(List<object?> row)
    {
        if (Level() < Leaf.Lists[0])
        {
            place++;
        }
        else if (Leaf.Lists.Count == 1)
        {
            row.Add(Value());
        }
        else
        {
            if (column.Repetitions[place] < 2)
            {
                row.Add(new List<object?>());
            }

            if (Level() < Leaf.Lists[1])
            {
                place++;
            }
            else
            {
                ((List<object?>)row[^1]!).Add(Value());
            }
        }
    }

    private int Level() => column.Definitions.Count == 0 ? Leaf.Definition : column.Definitions[place];

    private object? Value()
    {
        if (!column.Present(place++))
        {
            return null;
        }

        var at = value++;
        return Leaf.Type switch
        {
            ParquetType.Boolean or ParquetType.Int32 or ParquetType.Int64 => At(column.Whole, at),
            ParquetType.Float or ParquetType.Double => At(column.Fractions, at),
            _ => At(column.Bytes, at),
        };
    }

    private static object At<T>(List<T> values, int at) => at < values.Count ? values[at]! : throw new InvalidDataException("a column has fewer values than it says");
}
