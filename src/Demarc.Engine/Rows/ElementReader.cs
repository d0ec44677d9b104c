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
                foreach (var text in given.StringData?.Data ?? [])
                {
                    if (Encoding.UTF8.GetByteCount(text) is var bytes && bytes > field.MaxLength)
                    {
                        throw Faults.Invalid($"length of varchar array field \"{field.Name}\" exceeds max length, row number: {row}, length: {bytes}, max length: {field.MaxLength}");
                    }
                }

                break;
            case DataType.Int8 or DataType.Int16 or DataType.Int32:
                var (low, high) = field.Range;
                foreach (var value in given.IntData?.Data ?? [])
                {
                    if (value < low || value > high)
                    {
                        throw Faults.Invalid($"the {value} in array field {field.Name} is out of range of {field.ElementType}", $"{low}..{high}", value);
                    }
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

    public static long Time(FieldDefinition field, ScalarField from, int at)
    {
        if (from.DataCase == ScalarField.DataOneofCase.StringData)
        {
            var text = from.StringData.Data[at];
            return Timestamps.TryParse(text, out var read) ? read : throw Faults.Invalid($"got invalid timestamptz string '{text}' of field {field.Name}: it should be a time in ISO 8601");
        }

        var microseconds = from.DataCase == ScalarField.DataOneofCase.LongData ? from.LongData.Data[at] : from.TimestamptzData.Data[at];
        return Timestamps.InRange(microseconds) ? microseconds : throw Faults.Invalid($"the {microseconds} of timestamptz field {field.Name} is out of range");
    }

    /// <summary>The default of a time field, which the schema check has read before.</summary>
    public static long Default(ValueField value) =>
        value.DataCase == ValueField.DataOneofCase.StringData && Timestamps.TryParse(value.StringData, out var read) ? read : value.TimestamptzData;

    public static string Geometry(FieldDefinition field, string text) =>
        Encoding.UTF8.GetByteCount(text) > Limits.GeometryBytes ? throw Faults.TooLarge($"the length of geometry field ({field.Name}) exceeds max length ({Limits.GeometryBytes})")
        : WellKnownText.IsValid(text) ? text
        : throw Faults.Invalid($"invalid geometry data: the value of field {field.Name} is not well-known text");

    /// <summary>How many elements one row's array has; a fault when they are not of the field's type.</summary>
    public static int Count(FieldDefinition field, ScalarField given) => (field.ElementType, given.DataCase) switch
    {
        (_, ScalarField.DataOneofCase.None) => 0,
        (DataType.Bool, ScalarField.DataOneofCase.BoolData) => given.BoolData.Data.Count,
        (DataType.Int64, ScalarField.DataOneofCase.LongData) => given.LongData.Data.Count,
        (DataType.Float, ScalarField.DataOneofCase.FloatData) => given.FloatData.Data.Count,
        (DataType.Double, ScalarField.DataOneofCase.DoubleData) => given.DoubleData.Data.Count,
        (DataType.VarChar, ScalarField.DataOneofCase.StringData) => given.StringData.Data.Count,
        (DataType.Int8 or DataType.Int16 or DataType.Int32, ScalarField.DataOneofCase.IntData) => given.IntData.Data.Count,
        _ => throw Faults.Invalid($"insert data does not match element type of array field {field.Name}", field.ElementType, given.DataCase),
    };
}
