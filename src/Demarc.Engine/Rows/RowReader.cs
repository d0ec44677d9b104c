using System.Numerics;
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
    /// <param name="newKeys">Makes keys for an auto-id collection; null when the request must bring them.</param>
    /// <param name="partial">Whether the rows were made whole from rows that are there: their struct arrays are taken apart, and dynamic values may have names that became fields since.</param>
    public static List<FieldData> Read(CollectionDefinition definition, IReadOnlyList<FieldData> given, int rows, Func<int, FieldData>? newKeys, bool partial = false)
    {
        if (rows <= 0)
        {
            throw Faults.Invalid("num_rows should be greater than 0", "invalid num_rows", rows);
        }

        if (rows > Limits.RowsPerRequest)
        {
            throw Faults.TooLarge($"num_rows {rows} is beyond the limit of {Limits.RowsPerRequest} rows per request; send smaller batches");
        }

        var zoned = ZonedTimes.Read(definition, given);
        var byName = ByName(definition, partial ? zoned : StructColumns.Expanded(definition, zoned, rows));
        var missing = definition.Standing.FirstOrDefault(f => !byName.ContainsKey(f.Name) && !IsMade(f, newKeys) && IsRequired(f));
        if (missing is not null)
        {
            throw Faults.Invalid($"fieldSchema({missing.Name}) has no corresponding fieldData pass in");
        }

        if (definition.Fields.Count(f => IsMade(f, newKeys) && byName.ContainsKey(f.Name)) is var beyond and > 0)
        {
            throw Faults.Invalid("more fieldData has pass in", definition.Standing.Count(), definition.Standing.Count() + beyond);
        }

        var columns = new List<FieldData>(definition.Fields.Count);
        foreach (var field in definition.Fields)
        {
            columns.Add(field.IsDropped ? new FieldData()
                : field.Schema.IsFunctionOutput ? Rows.Column.NewData(field)
                : IsMade(field, newKeys) ? newKeys!(rows)
                : byName.GetValueOrDefault(field.Name) is { } column ? Column(field, column, rows)
                : Filled(field, rows));
        }

        if (definition.DynamicIndex >= 0)
        {
            DynamicValues.Check(definition, columns[definition.DynamicIndex], partial);
        }

        FunctionRules.Fill(definition, columns, rows);
        return columns;
    }

    /// <summary>Gives rows the columns of fields that were added since they were written: the default, null, or what a function makes of the others.</summary>
    public static void Complete(CollectionDefinition definition, IList<FieldData> columns, int rows)
    {
        for (var i = columns.Count; i < definition.Fields.Count; i++)
        {
            var field = definition.Fields[i];
            columns.Add(field.Schema.IsFunctionOutput ? FunctionRules.Made(definition, field, columns, rows) : Absent(field, rows));
        }
    }

    /// <summary>A column for rows that leave a field out.</summary>
    public static FieldData Absent(FieldDefinition field, int rows) => field.IsDropped ? new FieldData() : Filled(field, rows);

    /// <summary>The columns of a request by the names of the fields they are for.</summary>
    public static Dictionary<string, FieldData> ByName(CollectionDefinition definition, IReadOnlyList<FieldData> given)
    {
        var byName = new Dictionary<string, FieldData>(StringComparer.Ordinal);
        foreach (var column in given)
        {
            var name = column.IsDynamic && definition.DynamicIndex >= 0 ? CollectionDefinition.DynamicFieldName : column.FieldName;
            if (definition.FieldIndex(name) < 0)
            {
                throw UnknownField(column);
            }

            if (!byName.TryAdd(name, column))
            {
                throw Faults.Invalid($"duplicated field {name} found");
            }
        }

        return byName;
    }

    /// <summary>The column of keys that an upsert has to bring.</summary>
    public static FieldData Keys(CollectionDefinition definition, IReadOnlyList<FieldData> given) =>
        given.FirstOrDefault(c => c.FieldName == definition.Primary.Name)
        ?? throw Faults.Invalid($"must assign pk when upsert, primary field: {definition.Primary.Name}");

    public static Fault UnknownField(FieldData column) =>
        Faults.Invalid($"fieldName {column.FieldName} not exist in collection schema, fieldType {FieldDefinition.TypeName(column.Type)}, fieldId {column.FieldId}");

    /// <summary>Whether the engine makes the field's values, and none may be given.</summary>
    private static bool IsMade(FieldDefinition field, Func<int, FieldData>? newKeys) =>
        field.Schema.IsFunctionOutput || (field.Schema.IsPrimaryKey && newKeys is not null);

    /// <summary>Whether every row must bring a value of the field.</summary>
    public static bool IsRequired(FieldDefinition field) => !field.Nullable && field.Schema.DefaultValue is null && !field.Schema.IsDynamic;

    private static FieldData Column(FieldDefinition field, FieldData given, int rows)
    {
        if (field.IsSearchable)
        {
            return field.IsVector ? VectorReader.Read(field, given, rows) : VectorReader.ReadArrays(field, given, rows);
        }

        var scalars = given.FieldCase == FieldData.FieldOneofCase.Scalars ? given.Scalars : new ScalarField();
        var marks = scalars.ValidData.Count > 0 ? scalars.ValidData : given.ValidData;
        CheckMarks(field, marks, rows);
        var result = Rows.Column.NewData(field);
        var count = ValueCount(field, scalars);
        var valid = marks.Count == 0 ? rows : marks.Count(m => m);
        if (count != rows && count != valid)
        {
            throw count > 0 && !IsRequired(field)
                ? Faults.Invalid("the length of field is wrong", valid, count)
                : Faults.Invalid($"the num_rows ({count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, count);
        }

        // Clients send nulls either with a placeholder value or left out; both are read.
        var dense = count == rows;
        for (int row = 0, at = 0; row < rows; row++)
        {
            // A JSON value of no bytes at all is how clients write one that is undefined.
            var present = marks.Count == 0 || marks[row];
            if (present && field.Type == DataType.Json && !field.Schema.IsDynamic && scalars.JsonData.Data[dense ? row : at].Length == 0)
            {
                at += dense ? 0 : 1;
                result.Scalars.JsonData.Data.Add(NullJson);
                present = !field.Nullable;
            }
            else if (present)
            {
                Copy(field, scalars, dense ? row : at++, result.Scalars);
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
        if (field.IsSearchable)
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

    /// <summary>Marks of nulls there are as many of as rows, and none says null where nothing may be.</summary>
    public static void CheckMarks(FieldDefinition field, IReadOnlyList<bool> marks, int rows)
    {
        var may = !IsRequired(field);
        if ((marks.Count > 0 && marks.Count != rows) || (!may && marks.Contains(false)))
        {
            throw Faults.Invalid($"the length of valid_data of field({field.Name}) is wrong", may ? rows : 0, marks.Count);
        }
    }

    private static int ValueCount(FieldDefinition field, ScalarField scalars) => (field.Type, scalars.DataCase) switch
    {
        (DataType.Bool, ScalarField.DataOneofCase.BoolData) => scalars.BoolData.Data.Count,
        (DataType.Int8 or DataType.Int16 or DataType.Int32, ScalarField.DataOneofCase.IntData) => scalars.IntData.Data.Count,
        (DataType.Int64, ScalarField.DataOneofCase.LongData) => scalars.LongData.Data.Count,
        (DataType.Float, ScalarField.DataOneofCase.FloatData) => scalars.FloatData.Data.Count,
        (DataType.Double, ScalarField.DataOneofCase.DoubleData) => scalars.DoubleData.Data.Count,
        (DataType.VarChar or DataType.Text, ScalarField.DataOneofCase.StringData) => scalars.StringData.Data.Count,
        (DataType.Json, ScalarField.DataOneofCase.JsonData) => scalars.JsonData.Data.Count,
        (DataType.Geometry, ScalarField.DataOneofCase.GeometryWktData) => scalars.GeometryWktData.Data.Count,
        (DataType.Geometry or DataType.Timestamptz, ScalarField.DataOneofCase.StringData) => scalars.StringData.Data.Count,
        (DataType.Timestamptz, ScalarField.DataOneofCase.TimestamptzData) => scalars.TimestamptzData.Data.Count,
        (DataType.Timestamptz, ScalarField.DataOneofCase.LongData) => scalars.LongData.Data.Count,
        (DataType.Array, ScalarField.DataOneofCase.ArrayData) => scalars.ArrayData.Data.Count,

        // What is not of the field's type counts as left out, which a field that must be given may not be.
        _ when IsRequired(field) || field.IsArray => throw Mismatch(field),
        _ => 0,
    };

    private static Fault Mismatch(FieldDefinition field)
    {
        var (kind, values) = field.Type switch
        {
            DataType.Int8 or DataType.Int16 or DataType.Int32 => ("", "int"),
            DataType.Int64 => ("", "long int"),
            DataType.Float => ("", "float32"),
            DataType.Double => ("", "float64(double)"),
            DataType.VarChar => ("varchar ", "string"),
            DataType.Text => ("text ", "text"),
            DataType.Geometry => ("geometry ", "geometry"),
            DataType.Json => ("json ", "json"),
            DataType.Array => ("array ", FieldDefinition.TypeName(field.ElementType)),
            _ => ("", FieldDefinition.TypeName(field.Type)),
        };
        return Faults.Invalid($"{kind}field '{field.Name}' is illegal, array type mismatch", $"need {values} array", "got nil");
    }

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
                to.FloatData.Data.Add(Finite(from.FloatData.Data[at]));
                break;
            case DataType.Double:
                to.DoubleData.Data.Add(Finite(from.DoubleData.Data[at]));
                break;
            case DataType.VarChar or DataType.Text:
                to.StringData.Data.Add(Text(field, from.StringData.Data[at], at));
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
                to.IntData.Data.Add(ElementReader.Integer(field, from.IntData.Data[at], at));
                break;
        }
    }

    /// <summary>The default if there is one, otherwise the placeholder of a null.</summary>
    private static void AddAbsent(FieldDefinition field, ScalarField to)
    {
        var value = field.Schema.DefaultValue;
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
            case DataType.VarChar or DataType.Text:
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

    /// <summary>The value, which is not to be infinite nor no number at all; as Milvus writes those.</summary>
    public static T Finite<T>(T value)
        where T : IFloatingPointIeee754<T> =>
        T.IsFinite(value) ? value : throw Faults.Invalid($"value '{(T.IsNaN(value) ? "NaN" : T.IsNegative(value) ? "-Inf" : "+Inf")}' is not a number or infinity");

    private static string Text(FieldDefinition field, string value, int row)
    {
        if (field.Type == DataType.Text)
        {
            return value; // As long as the request that it came in.
        }

        // A key is the engine's to make in a collection that makes keys, and Milvus asks no length of one that is given there.
        var bytes = Encoding.UTF8.GetByteCount(value);
        return bytes <= field.MaxLength || (field.Schema.AutoID && bytes <= Limits.VarCharBytes)
            ? value
            : throw Faults.Invalid($"length of varchar field {field.Name} exceeds max length, row number: {row}, length: {bytes}, max length: {field.MaxLength}");
    }

    private static ByteString Json(FieldDefinition field, ByteString value)
    {
        if (value.Length > Limits.JsonBytes)
        {
            throw field.Schema.IsDynamic
                ? Faults.Invalid($"the length ({value.Length}) of dynamic field exceeds max length ({Limits.JsonBytes})", "valid length dynamic field", "length exceeds max length")
                : Faults.Invalid($"the length ({value.Length}) of json field ({field.Name}) exceeds max length ({Limits.JsonBytes})", "valid length json string", "length exceeds max length");
        }

        if (field.Schema.IsDynamic)
        {
            return value; // Read once all columns are there, since its names are not to be those of other fields.
        }

        var reader = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        try
        {
            if (!reader.Read())
            {
                throw Faults.Invalid($"the value of json field {field.Name} is not a JSON value");
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
