using Demarc.Engine.Errors;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Checks and completes index parameters. Every vector index is answered by exact search, which is at least as precise as
/// the structure asked for; the type is kept and shown as given.
/// </summary>
internal static class IndexRules
{
    private static readonly HashSet<string> VectorTypes = new(StringComparer.OrdinalIgnoreCase)
    {
        "FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "IVF_RABITQ", "HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN", "SCANN", "AUTOINDEX",
    };

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
        if (!(field.IsVector ? VectorTypes : ScalarTypes).Contains(type))
        {
            throw Faults.Invalid($"invalid index type: {type} on {field.Type} field {field.Name}");
        }

        if (field.IsVector)
        {
            var metric = values.TryGetValue("metric_type", out var m) && m.Length > 0 ? m.ToUpperInvariant() : "COSINE";
            if (metric is not ("COSINE" or "L2" or "IP"))
            {
                throw Faults.Invalid($"float vector index does not support metric type: {metric}");
            }

            values["metric_type"] = metric;
        }

        return [.. values.Select(v => new Pair { Key = v.Key, Value = v.Value })];
    }

    public static string? Metric(this Durability.StoredIndex index) => index.Params.FirstOrDefault(p => p.Key == "metric_type")?.Value;
}
