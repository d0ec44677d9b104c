using System.Text;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Catalog;

/// <summary>Which fields may have a default value or none at all, and whether a default value is of its field's type.</summary>
internal static class DefaultRules
{
    public static void Check(FieldSchema field)
    {
        if (field.Nullable && field.IsPrimaryKey)
        {
            throw Faults.Invalid($"primary field not support null, type:{FieldDefinition.TypeName(field.DataType)}, name:{field.Name}");
        }

        if (field.DefaultValue is null)
        {
            return;
        }

        if (field.IsPrimaryKey)
        {
            throw Faults.Invalid($"primary field not support default_value, type:{FieldDefinition.TypeName(field.DataType)}, name:{field.Name}");
        }

        if (field.DataType is DataType.Array or DataType.Json or DataType.Geometry or DataType.Text || FieldDefinition.IsVectorType(field.DataType))
        {
            throw Faults.Invalid($"type not support default_value, type:{FieldDefinition.TypeName(field.DataType)}, name:{field.Name}");
        }

        CheckType(field);
        CheckValue(field);
    }

    private static void CheckType(FieldSchema field)
    {
        var (fits, given) = (field.DataType, field.DefaultValue.DataCase) switch
        {
            (var t, ValueField.DataOneofCase.BoolData) => (t == DataType.Bool, "DataType_Bool"),
            (var t, ValueField.DataOneofCase.IntData) => (t is DataType.Int8 or DataType.Int16 or DataType.Int32, "DataType_Int"),
            (var t, ValueField.DataOneofCase.LongData) => (t == DataType.Int64, "DataType_Int64"),
            (var t, ValueField.DataOneofCase.FloatData) => (t == DataType.Float, "DataType_Float"),
            (var t, ValueField.DataOneofCase.DoubleData) => (t == DataType.Double, "DataType_Double"),
            (var t, ValueField.DataOneofCase.TimestamptzData) => (t == DataType.Timestamptz, "DataType_Timestamptz"),
            (var t, ValueField.DataOneofCase.StringData) => (t is DataType.VarChar or DataType.Timestamptz, "DataType_VarChar"),
            _ => (false, "DataType_SJON"),
        };
        if (!fits)
        {
            throw Faults.Invalid($"type ({FieldDefinition.TypeName(field.DataType)}) of field ({field.Name}) is not equal to the type({given}) of default_value");
        }
    }

    private static void CheckValue(FieldSchema field)
    {
        var value = field.DefaultValue;
        if (field.DataType is DataType.Int8 or DataType.Int16)
        {
            var (low, high) = field.DataType == DataType.Int8 ? (sbyte.MinValue, sbyte.MaxValue) : (short.MinValue, short.MaxValue);
            if (value.IntData < low || value.IntData > high)
            {
                throw Faults.OutOfRange("default value out of range", low, high, value.IntData);
            }
        }

        if (field.DataType == DataType.VarChar && Encoding.UTF8.GetByteCount(value.StringData) is var length && length > SchemaRules.MaxLength(field, ""))
        {
            throw Faults.Invalid($"the length ({length}) of string exceeds max length ({SchemaRules.MaxLength(field, "")})", "valid length string", "string length exceeds max length");
        }

        if (field.DataType == DataType.Timestamptz && value.DataCase == ValueField.DataOneofCase.StringData && !Timestamps.TryParse(value.StringData, TimeZoneInfo.Utc, out _))
        {
            throw Faults.Invalid($"invalid timestamp string: '{value.StringData}'. Does not match any known format");
        }
    }
}
