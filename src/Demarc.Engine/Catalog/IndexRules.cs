using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Checks and completes index parameters; the type is kept and shown as given. Vector fields have their own rules.
/// </summary>
internal static class IndexRules
{
    private static readonly HashSet<string> ScalarTypes = new(StringComparer.OrdinalIgnoreCase)
    {
        "INVERTED", "STL_SORT", "Trie", "BITMAP", "AUTOINDEX", "marisa-trie", "HYBRID", "NGRAM",
    };

    public static List<Pair> Complete(FieldDefinition field, IEnumerable<Pair> given)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in given)
        {
            values[pair.Key] = pair.Value;
        }

        var type = values.TryGetValue("index_type", out var t) && t.Length > 0 ? t : "AUTOINDEX";
        values["index_type"] = type;
        if (field.IsSearchable)
        {
            Indexes.IndexParameters.Complete(field, values);
        }
        else if (type.Equals("RTREE", StringComparison.OrdinalIgnoreCase) ? field.Type != DataType.Geometry : !ScalarTypes.Contains(type))
        {
            throw Faults.Invalid($"invalid index type: {type} on {field.Type} field {field.Name}");
        }

        return [.. values.Select(v => new Pair { Key = v.Key, Value = v.Value })];
    }

    public static string? Metric(this Durability.StoredIndex index) => index.Params.FirstOrDefault(p => p.Key == "metric_type")?.Value;
}
