using System.Globalization;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>Which index a field that is no vector may have, and what an index on JSON has to say.</summary>
internal static class ScalarIndexRules
{
    private const string Hybrid = "HYBRID";

    private static readonly HashSet<string> Types = new(StringComparer.Ordinal)
    {
        "INVERTED", "STL_SORT", "Asceneding", "TRIE", "Trie", "marisa-trie", "BITMAP", "RTREE", "NGRAM",
    };

    private static readonly string[] InvertedCasts = ["BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON"];

    /// <summary>Whether a client may ask for it; HYBRID is what AUTOINDEX stands for and not to be asked for.</summary>
    public static bool IsKnown(string type) => Types.Contains(type);

    public static List<Pair> Complete(FieldDefinition field, string type, List<Pair> given, IReadOnlyDictionary<string, string> values)
    {
        if (field.Type == DataType.Text)
        {
            throw Faults.Invalid("TEXT field does not support user-created scalar index");
        }

        if (type == IndexRules.Auto)
        {
            type = Chosen(field, values);
        }

        CheckField(field, type);
        if (type == "NGRAM")
        {
            CheckNgram(field, values);
        }
        else if (field.Type == DataType.Json)
        {
            CheckCast(type, values);
        }

        return given;
    }

    /// <summary>What AUTOINDEX stands for.</summary>
    private static string Chosen(FieldDefinition field, IReadOnlyDictionary<string, string> values) => (field.IsArray ? field.ElementType : field.Type) switch
    {
        DataType.Bool => "BITMAP",
        DataType.Geometry => "RTREE",
        DataType.Timestamptz => "STL_SORT",
        DataType.Json when values.GetValueOrDefault(IndexRules.CastTypeKey) == "JSON" => "INVERTED",
        _ => Hybrid,
    };

    private static void CheckField(FieldDefinition field, string type)
    {
        var why = type switch
        {
            "INVERTED" when !(IsNumeric(field.Type) || field.Type is DataType.Bool or DataType.VarChar or DataType.Array or DataType.Json) => $"INVERTED are not supported on {FieldDefinition.TypeName(field.Type)} field",
            "STL_SORT" or "Asceneding" => Unsorted(field),
            "TRIE" or "Trie" or "marisa-trie" when field.Type != DataType.VarChar => "TRIE are only supported on varchar field",
            "BITMAP" => Unmapped(field),
            "RTREE" when field.Type != DataType.Geometry => $"RTREE index can only be built on geometry field, got {FieldDefinition.TypeName(field.Type)}",
            "NGRAM" when field.Type is not (DataType.VarChar or DataType.Json) => "ngram index can only be created on VARCHAR or JSON field",
            _ => IsKnown(type) || type == Hybrid ? null : $"index {type} only supports vector data type",
        };
        if (why is not null)
        {
            throw Faults.Invalid(why);
        }
    }

    private static string? Unsorted(FieldDefinition field)
    {
        const string Rule = "STL_SORT are only supported on numeric, varchar or timestamptz field, got ";
        if (field.IsArray && StructRules.IsPart(field.Name))
        {
            return IsSortable(field.ElementType) ? null : $"{Rule}struct sub-field of {field.ElementType}";
        }

        return field.Type == DataType.Json || IsSortable(field.Type) ? null : Rule + FieldDefinition.TypeName(field.Type);
    }

    private static string? Unmapped(FieldDefinition field)
    {
        if (field.Schema.IsPrimaryKey)
        {
            return "create bitmap index on primary key not supported";
        }

        if (field.IsArray)
        {
            return IsDiscrete(field.ElementType) ? null : "bitmap index are only supported on bool, int, string for array field";
        }

        return field.Type == DataType.Json || IsDiscrete(field.Type) ? null : "bitmap index are only supported on bool, int, string and array field";
    }

    private static bool IsNumeric(DataType type) => type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double;

    private static bool IsSortable(DataType type) => IsNumeric(type) || type is DataType.VarChar or DataType.Timestamptz;

    private static bool IsDiscrete(DataType type) => type is DataType.Bool or DataType.VarChar || (IsNumeric(type) && type is not (DataType.Float or DataType.Double));

    private static void CheckCast(string type, IReadOnlyDictionary<string, string> values)
    {
        if (!values.TryGetValue(IndexRules.CastTypeKey, out var cast))
        {
            throw new Fault(1101, $"json index must specify cast type: missing parameter[missing_param={IndexRules.CastTypeKey}]");
        }

        var (allowed, where) = type switch
        {
            "INVERTED" => (InvertedCasts.Contains(cast), ""),
            "BITMAP" => (cast is "BOOL" or "VARCHAR", " for BITMAP index"),
            Hybrid => (cast is "BOOL" or "DOUBLE" or "VARCHAR", " for HYBRID index"),
            _ => (cast is "DOUBLE" or "VARCHAR", " for STL_SORT index"),
        };
        if (!allowed)
        {
            throw Faults.Invalid($"json_cast_type {cast} is not supported{where}");
        }

        if (type == "INVERTED" && values.TryGetValue("json_cast_function", out var function))
        {
            throw function != "STRING_TO_DOUBLE" ? Faults.Invalid($"json_cast_function {function} is not supported")
                : cast != "DOUBLE" ? Faults.Invalid($"json_cast_function {function} is not supported for json_cast_type {cast}")
                : Faults.NotServed($"json_cast_function {function}");
        }
    }

    private static void CheckNgram(FieldDefinition field, IReadOnlyDictionary<string, string> values)
    {
        if (field.Type == DataType.Json)
        {
            if (!values.TryGetValue(IndexRules.CastTypeKey, out var cast))
            {
                throw new Fault(1101, "JSON field with ngram index must specify json_cast_type: missing parameter");
            }

            if (cast != "VARCHAR")
            {
                throw Faults.Invalid($"JSON field with ngram index only supports VARCHAR cast type, got: {cast}");
            }
        }

        if (!values.ContainsKey("min_gram") || !values.ContainsKey("max_gram"))
        {
            throw new Fault(1101, "Ngram index must specify both min_gram and max_gram: missing parameter");
        }

        var (least, most) = (Gram("min_gram", values), Gram("max_gram", values));
        if (least <= 0 || most <= 0 || least > most)
        {
            throw Faults.Invalid($"invalid min_gram or max_gram value for Ngram index, min_gram: {least}, max_gram: {most}");
        }
    }

    private static long Gram(string name, IReadOnlyDictionary<string, string> values) =>
        long.TryParse(values[name], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var length)
            ? length
            : throw Faults.Invalid($"{name} for Ngram index must be an integer, got: {values[name]}");
}
