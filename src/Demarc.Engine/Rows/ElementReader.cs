using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Checks one array, time or geometry of a request and gives it in canonical form.</summary>
internal static class ElementReader
{
    public static ScalarField Array(FieldDefinition field, ScalarField given, int row)
    {
        var count = Count(field, given);
        if (count > field.MaxCapacity)
        {
            throw Faults.Invalid($"the length ({count}) of {row}th array exceeds max capacity ({field.MaxCapacity})", "valid length array", "array length exceeds max capacity");
        }

        switch (field.ElementType)
        {
            case DataType.VarChar:
                var texts = given.StringData?.Data ?? [];
                for (var i = 0; i < texts.Count; i++)
                {
                    if (Encoding.UTF8.GetByteCount(texts[i]) is var bytes && bytes > field.MaxLength)
                    {
                        throw Faults.Invalid($"length of Array array field \"{field.Name}\" exceeds max length, row number: {row}, array index: {i}, length: {bytes}, max length: {field.MaxLength}");
                    }
                }

                break;
            case DataType.Int8 or DataType.Int16 or DataType.Int32:
                var integers = given.IntData?.Data ?? [];
                for (var i = 0; i < integers.Count; i++)
                {
                    _ = Integer(field, integers[i], i);
                }

                break;
            case DataType.Float when (given.FloatData?.Data ?? []).Any(v => !float.IsFinite(v)):
            case DataType.Double when (given.DoubleData?.Data ?? []).Any(v => !double.IsFinite(v)):
                throw Faults.Invalid($"a value in row {row} of array field {field.Name} is not a number or infinity");
            default:
                break;
        }

        // Null marks of elements have no meaning here, so the canonical form leaves them out.
        if (given.ValidData.Count > 0)
        {
            given = given.Clone();
            given.ValidData.Clear();
        }

        return given;
    }

    /// <summary>An integer within the bounds of the field's type, or of its elements'.</summary>
    public static int Integer(FieldDefinition field, int value, int at)
    {
        var (low, high) = field.Range;
        return value >= low && value <= high ? value
            : throw Faults.Invalid($"the {at}th element ({value}) out of range: [{low}, {high}]", "integer doesn't overflow", "out of range");
    }

    public static long Time(FieldDefinition field, ScalarField from, int at)
    {
        if (from.DataCase == ScalarField.DataOneofCase.StringData)
        {
            var text = from.StringData.Data[at];
            return Timestamps.TryParse(text, TimeZoneInfo.Utc, out var read) ? read : throw Faults.Invalid($"got invalid timestamptz string '{text}' of field {field.Name}: it should be a time in ISO 8601");
        }

        var microseconds = from.DataCase == ScalarField.DataOneofCase.LongData ? from.LongData.Data[at] : from.TimestamptzData.Data[at];
        return Timestamps.InRange(microseconds) ? microseconds : throw Faults.Invalid($"the {microseconds} of timestamptz field {field.Name} is out of range");
    }

    /// <summary>The default of a time field, which the schema check has read before.</summary>
    public static long Default(ValueField value) =>
        value.DataCase == ValueField.DataOneofCase.StringData && Timestamps.TryParse(value.StringData, TimeZoneInfo.Utc, out var read) ? read : value.TimestamptzData;

    public static string Geometry(FieldDefinition field, string text) =>
        Encoding.UTF8.GetByteCount(text) > Limits.GeometryBytes ? throw Faults.TooLarge($"the length of geometry field ({field.Name}) exceeds max length ({Limits.GeometryBytes})")
        : WellKnownText.IsValid(text) ? text
        : throw Faults.Invalid($"invalid geometry data: the value of field {field.Name} is not well-known text");

    /// <summary>How many elements one row's array has; a fault when they are not of the field's type.</summary>
    public static int Count(FieldDefinition field, ScalarField given) => Fits(field, given)
        ? given.BoolData?.Data.Count ?? given.IntData?.Data.Count ?? given.LongData?.Data.Count ?? given.FloatData?.Data.Count ?? given.DoubleData?.Data.Count ?? given.StringData?.Data.Count ?? 0
        : throw Faults.Invalid("insert data does not match", $"{Kind(field.ElementType)} array", $"*schemapb.ScalarField_{given.DataCase} array");

    /// <summary>Whether one row's array has elements of the field's type, or none at all.</summary>
    public static bool Fits(FieldDefinition field, ScalarField given) => (field.ElementType, given.DataCase) switch
    {
        (_, ScalarField.DataOneofCase.None) => true,
        (DataType.Bool, ScalarField.DataOneofCase.BoolData) => true,
        (DataType.Int64, ScalarField.DataOneofCase.LongData) => true,
        (DataType.Float, ScalarField.DataOneofCase.FloatData) => true,
        (DataType.Double, ScalarField.DataOneofCase.DoubleData) => true,
        (DataType.VarChar, ScalarField.DataOneofCase.StringData) => true,
        (DataType.Int8 or DataType.Int16 or DataType.Int32, ScalarField.DataOneofCase.IntData) => true,
        _ => false,
    };

    /// <summary>How long a request's dense vectors are together, and how long one of them is: in floats or in bytes, as they come.</summary>
    public static (int Length, int Width) VectorLength(FieldDefinition field, VectorField vectors) => vectors.DataCase switch
    {
        VectorField.DataOneofCase.None => (0, 1),
        VectorField.DataOneofCase.FloatVector => (vectors.FloatVector.Data.Count, field.Dimension),
        _ => (ByteVectorColumn.BytesOf(vectors).Length, field.VectorBytes),
    };

    private static string Kind(DataType element) => element switch
    {
        DataType.Bool => "bool",
        DataType.Int64 => "int64",
        DataType.Float => "float",
        DataType.Double => "double",
        DataType.VarChar => "string",
        _ => "int",
    };
}
