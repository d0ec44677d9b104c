using System.Text;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// Turns the columns of a request into canonical ones: the schema's order, every row present, nulls marked, defaults
/// filled in, every value within its bounds. Runs on the caller's thread; what it returns can be logged and applied
/// without a further question.
/// </summary>
internal static class RowReader
{
    private static readonly ByteString EmptyObject = ByteString.CopyFromUtf8("{}");
    private static readonly ByteString NullJson = ByteString.CopyFromUtf8("null");

    /// <param name="definition">The collection.</param>
    /// <param name="given">The request's columns.</param>
    /// <param name="rows">The request's row count.</param>
    /// <param name="newKeys">Makes keys for an auto-id collection on insert; null when the request must bring them.</param>
    public static List<FieldData> Read(CollectionDefinition definition, IReadOnlyList<FieldData> given, int rows, Func<int, FieldData>? newKeys)
    {
        if (rows <= 0)
        {
            throw Faults.Invalid("num_rows should be greater than 0");
        }

        if (rows > Limits.RowsPerRequest)
        {
            throw Faults.TooLarge($"num_rows {rows} is beyond the limit of {Limits.RowsPerRequest} rows per request; send smaller batches");
        }

        var byName = ByName(definition, StructColumns.Expanded(definition, given));
        var columns = new List<FieldData>(definition.Fields.Count);
        foreach (var field in definition.Fields)
        {
            byName.Remove(field.Name, out var column);
            if (field.Schema.IsFunctionOutput)
            {
                columns.Add(column is null ? Rows.Column.NewData(field) : throw Faults.Invalid($"field {field.Name} is the output of a function, no need to pass it"));
            }
            else if (field.Schema.IsPrimaryKey && newKeys is not null)
            {
                if (column is not null)
                {
                    throw Faults.Invalid($"the primary field {field.Name} is auto generated, no need to pass it");
                }

                columns.Add(newKeys(rows));
            }
            else
            {
                columns.Add(Column(field, column, rows));
            }
        }

        if (byName.Count > 0)
        {
            throw UnknownField(definition, byName.Keys.First());
        }

        StructColumns.CheckLengths(definition, columns, rows);
        FunctionRules.Fill(definition, columns, rows);
        return columns;
    }

    /// <summary>The columns of a stored segment, with those of fields that were added since it was written.</summary>
    public static IReadOnlyList<FieldData> Completed(CollectionDefinition definition, SegmentBody body) =>
        body.Columns.Count == definition.Fields.Count
            ? body.Columns
            : [.. body.Columns, .. definition.Fields.Skip(body.Columns.Count).Select(f => Absent(f, body.RowCount))];

    /// <summary>A column for rows that leave a field out.</summary>
    public static FieldData Absent(FieldDefinition field, int rows) => Filled(field, rows);

    private static Dictionary<string, FieldData> ByName(CollectionDefinition definition, IReadOnlyList<FieldData> given)
    {
        var byName = new Dictionary<string, FieldData>(StringComparer.Ordinal);
        foreach (var column in given)
        {
            var name = column.IsDynamic && column.FieldName.Length == 0 ? CollectionDefinition.DynamicFieldName : column.FieldName;
            if (!byName.TryAdd(name, column))
            {
                throw Faults.Invalid($"duplicated field {name} in the request");
            }
        }

        return definition.DynamicIndex < 0 && byName.ContainsKey(CollectionDefinition.DynamicFieldName)
            ? throw Faults.Invalid("without dynamic schema enabled, the field name cannot be set to $meta")
            : byName;
    }

    private static Fault UnknownField(CollectionDefinition definition, string name) =>
        Faults.Invalid($"field {name} does not exist in collection {definition.Name}; its fields are {string.Join(", ", definition.Fields.Select(f => f.Name))}");

    private static FieldData Column(FieldDefinition field, FieldData? given, int rows)
    {
        if (given is null)
        {
            return Filled(field, rows);
        }

        if (field.IsSearchable)
        {
            return field.IsVector ? VectorReader.Read(field, given, rows) : VectorReader.ReadArrays(field, given, rows);
        }

        if (given.FieldCase != FieldData.FieldOneofCase.Scalars)
        {
            throw Mismatch(field, given.FieldCase.ToString());
        }

        var marks = given.Scalars.ValidData.Count > 0 ? given.Scalars.ValidData : given.ValidData;
        if (marks.Count > 0 && marks.Count != rows)
        {
            throw Faults.Invalid($"the length of valid_data of field {field.Name} is wrong", rows, marks.Count);
        }

        var result = Rows.Column.NewData(field);
        var count = ValueCount(field, given.Scalars);
        var valid = marks.Count == 0 ? rows : marks.Count(m => m);
        if (count != rows && count != valid)
        {
            throw Faults.Invalid($"the num_rows ({count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, count);
        }

        // Clients send nulls either with a placeholder value or left out; both are read.
        var dense = count == rows;
        for (int row = 0, at = 0; row < rows; row++)
        {
            // A JSON value of no bytes at all is how clients write one that is undefined.
            var present = marks.Count == 0 || marks[row];
            if (present && field.Type == DataType.Json && !field.Schema.IsDynamic && given.Scalars.JsonData.Data[dense ? row : at].Length == 0)
            {
                at += dense ? 0 : 1;
                result.Scalars.JsonData.Data.Add(NullJson);
                present = !field.Nullable;
            }
            else if (present)
            {
                Copy(field, given.Scalars, dense ? row : at++, result.Scalars);
            }
            else
            {
                AddAbsent(field, result.Scalars);
            }

            if (field.Nullable)
            {
                result.ValidData.Add(present || field.Schema.DefaultValue is not null);
            }
        }

        return result;
    }

    private static FieldData Filled(FieldDefinition field, int rows)
    {
        if (!field.Nullable && field.Schema.DefaultValue is null && !field.Schema.IsDynamic)
        {
            throw Faults.Invalid($"fieldSchema({field.Name}) has no corresponding fieldData pass in");
        }

        if (field.IsVector)
        {
            return VectorReader.Nulls(field, rows);
        }

        var result = Rows.Column.NewData(field);
        for (var i = 0; i < rows; i++)
        {
            AddAbsent(field, result.Scalars);
            if (field.Nullable)
            {
                result.ValidData.Add(field.Schema.DefaultValue is not null);
            }
        }

        return result;
    }

    private static Fault Mismatch(FieldDefinition field, string got) =>
        Faults.Invalid($"the data of field {field.Name} does not match its type", field.Type, got);

    private static int ValueCount(FieldDefinition field, ScalarField scalars) => (field.Type, scalars.DataCase) switch
    {
        (DataType.Bool, ScalarField.DataOneofCase.BoolData) => scalars.BoolData.Data.Count,
        (DataType.Int8 or DataType.Int16 or DataType.Int32, ScalarField.DataOneofCase.IntData) => scalars.IntData.Data.Count,
        (DataType.Int64, ScalarField.DataOneofCase.LongData) => scalars.LongData.Data.Count,
        (DataType.Float, ScalarField.DataOneofCase.FloatData) => scalars.FloatData.Data.Count,
        (DataType.Double, ScalarField.DataOneofCase.DoubleData) => scalars.DoubleData.Data.Count,
        (DataType.VarChar, ScalarField.DataOneofCase.StringData) => scalars.StringData.Data.Count,
        (DataType.Json, ScalarField.DataOneofCase.JsonData) => scalars.JsonData.Data.Count,
        (DataType.Geometry, ScalarField.DataOneofCase.GeometryWktData) => scalars.GeometryWktData.Data.Count,
        (DataType.Geometry or DataType.Timestamptz, ScalarField.DataOneofCase.StringData) => scalars.StringData.Data.Count,
        (DataType.Timestamptz, ScalarField.DataOneofCase.TimestamptzData) => scalars.TimestamptzData.Data.Count,
        (DataType.Timestamptz, ScalarField.DataOneofCase.LongData) => scalars.LongData.Data.Count,
        (DataType.Array, ScalarField.DataOneofCase.ArrayData) => scalars.ArrayData.Data.Count,
        (_, ScalarField.DataOneofCase.None) => 0,
        _ => throw Mismatch(field, scalars.DataCase.ToString()),
    };

    private static void Copy(FieldDefinition field, ScalarField from, int at, ScalarField to)
    {
        switch (field.Type)
        {
            case DataType.Bool:
                to.BoolData.Data.Add(from.BoolData.Data[at]);
                break;
            case DataType.Int64:
                to.LongData.Data.Add(from.LongData.Data[at]);
                break;
            case DataType.Float:
                to.FloatData.Data.Add(Finite(field, from.FloatData.Data[at]));
                break;
            case DataType.Double:
                to.DoubleData.Data.Add(Finite(field, from.DoubleData.Data[at]));
                break;
            case DataType.VarChar:
                to.StringData.Data.Add(Text(field, from.StringData.Data[at]));
                break;
            case DataType.Json:
                to.JsonData.Data.Add(Json(field, from.JsonData.Data[at]));
                break;
            case DataType.Geometry:
                to.GeometryWktData.Data.Add(ElementReader.Geometry(field, (from.DataCase == ScalarField.DataOneofCase.StringData ? from.StringData.Data : from.GeometryWktData.Data)[at]));
                break;
            case DataType.Timestamptz:
                to.TimestamptzData.Data.Add(ElementReader.Time(field, from, at));
                break;
            case DataType.Array:
                to.ArrayData.Data.Add(ElementReader.Array(field, from.ArrayData.Data[at], at));
                break;
            default:
                to.IntData.Data.Add(Integer(field, from.IntData.Data[at]));
                break;
        }
    }

    /// <summary>The default if there is one, otherwise the placeholder of a null.</summary>
    private static void AddAbsent(FieldDefinition field, ScalarField to)
    {
        var value = field.Schema.DefaultValue;
        if (value is null && !field.Nullable && !field.Schema.IsDynamic)
        {
            throw Faults.Invalid($"the field {field.Name} is neither nullable nor has a default value, but a row leaves it out");
        }

        switch (field.Type)
        {
            case DataType.Bool:
                to.BoolData.Data.Add(value?.BoolData ?? false);
                break;
            case DataType.Int64:
                to.LongData.Data.Add(value?.LongData ?? 0);
                break;
            case DataType.Float:
                to.FloatData.Data.Add(value?.FloatData ?? 0);
                break;
            case DataType.Double:
                to.DoubleData.Data.Add(value?.DoubleData ?? 0);
                break;
            case DataType.VarChar:
                to.StringData.Data.Add(value?.StringData ?? "");
                break;
            case DataType.Json:
                to.JsonData.Data.Add(field.Schema.IsDynamic ? EmptyObject : NullJson);
                break;
            case DataType.Geometry:
                to.GeometryWktData.Data.Add("");
                break;
            case DataType.Timestamptz:
                to.TimestamptzData.Data.Add(value is null ? 0 : ElementReader.Default(value));
                break;
            case DataType.Array:
                to.ArrayData.Data.Add(new ScalarField());
                break;
            default:
                to.IntData.Data.Add(value?.IntData ?? 0);
                break;
        }
    }

    private static int Integer(FieldDefinition field, int value)
    {
        var (low, high) = field.Range;
        return value >= low && value <= high
            ? value
            : throw Faults.Invalid($"the {value} of field {field.Name} is out of range of {field.Type}", $"{low}..{high}", value);
    }

    private static float Finite(FieldDefinition field, float value) =>
        float.IsFinite(value) ? value : throw Faults.Invalid($"value '{value}' of field {field.Name} is not a number or infinity");

    private static double Finite(FieldDefinition field, double value) =>
        double.IsFinite(value) ? value : throw Faults.Invalid($"value '{value}' of field {field.Name} is not a number or infinity");

    private static string Text(FieldDefinition field, string value)
    {
        var bytes = Encoding.UTF8.GetByteCount(value);
        return bytes <= field.MaxLength
            ? value
            : throw Faults.Invalid($"length of varchar field {field.Name} exceeds max length, length: {bytes}, max length: {field.MaxLength}");
    }

    private static ByteString Json(FieldDefinition field, ByteString value)
    {
        if (value.Length > Limits.JsonBytes)
        {
            throw Faults.TooLarge($"the length ({value.Length}) of json field ({field.Name}) exceeds max length ({Limits.JsonBytes})");
        }

        var reader = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        try
        {
            var first = reader.Read() ? reader.TokenType : JsonTokenType.None;
            if (first == JsonTokenType.None || (field.Schema.IsDynamic && first != JsonTokenType.StartObject))
            {
                throw Faults.Invalid($"the value of json field {field.Name} is not a JSON {(field.Schema.IsDynamic ? "object" : "value")}");
            }

            while (reader.Read())
            {
                // Only walked to the end: a value that does not parse must not be stored.
            }
        }
        catch (JsonException e)
        {
            throw Faults.Invalid($"the value of json field {field.Name} is not valid JSON (byte {e.BytePositionInLine} of line {e.LineNumber})");
        }

        return value;
    }
}
