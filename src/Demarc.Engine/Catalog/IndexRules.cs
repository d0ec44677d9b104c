using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Checks and completes index parameters in Milvus's order; they are kept and shown as given. Vector fields and fields of
/// scalars have their own rules.
/// </summary>
internal static class IndexRules
{
    public const string Auto = "AUTOINDEX";
    public const string TypeKey = "index_type";
    public const string MetricKey = "metric_type";
    public const string JsonPathKey = "json_path";
    public const string CastTypeKey = "json_cast_type";

    private const string CastFunctionKey = "json_cast_function";
    private const string MmapKey = "mmap.enabled";
    private const string OffsetCacheKey = "indexoffsetcache.enabled";

    // What may be changed on an index that stands; the rest is how it was built.
    private static readonly string[] Alterable = [MmapKey, OffsetCacheKey, "warmup"];

    private static readonly HashSet<string> NeverMapped = new(StringComparer.Ordinal) { "DISKANN", "STL_SORT", "TRIE", "marisa-trie", "RTREE" };

    public static bool IsAlterable(string key) => Array.IndexOf(Alterable, key) >= 0;

    /// <summary>The parameters ready to be stored, or a fault that names the parameter and the rule.</summary>
    public static List<Pair> Complete(FieldDefinition field, IEnumerable<Pair> given)
    {
        var pairs = given.ToList();
        var values = Expand(pairs);
        foreach (var key in new[] { CastTypeKey, CastFunctionKey })
        {
            if (values.TryGetValue(key, out var cast))
            {
                values[key] = cast.Trim().ToUpperInvariant();
            }
        }

        if (values.Sum(v => v.Key.Length + v.Value.Length) is var size && size > Limits.IndexParameterBytes)
        {
            throw Faults.Invalid($"index params size exceeds limit: {size} > {Limits.IndexParameterBytes}");
        }

        var type = values.TryGetValue(TypeKey, out var named) && named.Length > 0 ? named : Auto;
        CheckMmap(type, values, "invalid mmap type params");
        if (type != Auto && !ScalarIndexRules.IsKnown(type) && !Indexes.IndexParameters.IsKnown(type))
        {
            throw Faults.Invalid("valid index", $"invalid index type: {type}");
        }

        CheckWarmup(values);
        var completed = field.IsSearchable ? Indexes.IndexParameters.Complete(field, type, pairs, values) : ScalarIndexRules.Complete(field, type, pairs, values);
        CheckOffsetCache(type, values);
        return completed;
    }

    /// <summary>Checks what was changed on an index that stands.</summary>
    public static void CheckAltered(IEnumerable<Pair> pairs)
    {
        var values = pairs.ToDictionary(p => p.Key, p => p.Value);
        var type = values.GetValueOrDefault(TypeKey) ?? Auto;
        CheckMmap(type, values, "invalid mmap index params");
        CheckOffsetCache(type, values);
    }

    public static void CheckWarmup(IReadOnlyDictionary<string, string> values)
    {
        if (values.TryGetValue("warmup", out var policy) && policy is not ("disable" or "sync" or "async"))
        {
            throw Nested("invalid warmup params", $"invalid warmup policy: {policy}, must be 'disable', 'sync' or 'async'");
        }
    }

    /// <summary>One parameter of an index that is kept, also where a client put it with others into one JSON text.</summary>
    public static string? Parameter(this Durability.StoredIndex index, string name) =>
        index.Params.FirstOrDefault(p => p.Key == name)?.Value
            ?? (index.Params.Any(p => p.Key == "params") && Expand(index.Params).TryGetValue(name, out var nested) ? nested : null);

    public static string? Metric(this Durability.StoredIndex index) => index.Parameter(MetricKey);

    /// <summary>Whether a request asks for the index that stands: what may be altered on it is left out, and the metric where a client left it to Milvus.</summary>
    public static bool IsSame(Durability.StoredIndex stands, Durability.StoredIndex asked, bool metricGiven)
    {
        var kept = stands.Params.Where(p => !IsAlterable(p.Key)).ToList();
        var isAuto = kept.Any(p => p.Key == TypeKey && p.Value == Auto);
        return kept.Count == asked.Params.Count && kept.TrueForAll(p => asked.Params.Any(q => q.Key == p.Key && (q.Value == p.Value || (q.Key == MetricKey && isAuto && !metricGiven))));
    }

    /// <summary>All parameters by name, those that older clients put into one JSON text among them.</summary>
    private static SortedDictionary<string, string> Expand(IEnumerable<Pair> pairs)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pair in pairs)
        {
            if (!keys.Add(pair.Key))
            {
                throw Faults.Invalid($"duplicated index param (key={pair.Key}) (value={pair.Value}) found");
            }

            if (pair.Key != "params")
            {
                values[pair.Key] = pair.Value;
            }
            else if (pair.Value.Length > 0)
            {
                Unfold(pair.Value, values);
            }
        }

        return values;
    }

    private static void Unfold(string json, SortedDictionary<string, string> values)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Faults.Unexpected($"unmarshal params failed: they are {document.RootElement.ValueKind}, not an object");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                values[property.Name] = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText();
            }
        }
        catch (JsonException e)
        {
            throw Faults.Unexpected($"unmarshal params failed: {e.Message}");
        }
    }

    private static void CheckMmap(string type, IReadOnlyDictionary<string, string> values, string about)
    {
        if (values.TryGetValue(MmapKey, out var text) && Switch(MmapKey, text, about) && NeverMapped.Contains(type))
        {
            throw Nested(about, $"index type {type} does not support mmap");
        }
    }

    private static void CheckOffsetCache(string type, IReadOnlyDictionary<string, string> values)
    {
        const string About = "invalid offset cache index params";
        if (values.TryGetValue(OffsetCacheKey, out var text) && Switch(OffsetCacheKey, text, About) && type != "BITMAP")
        {
            throw Nested(About, $"only bitmap index support {OffsetCacheKey} now");
        }
    }

    private static bool Switch(string key, string text, string about) => text switch
    {
        "1" or "t" or "T" or "true" or "True" or "TRUE" => true,
        "0" or "f" or "F" or "false" or "False" or "FALSE" => false,
        _ => throw Nested(about, $"invalid {key} value: {text}, expected: true, false"),
    };

    /// <summary>A refusal within a refusal, each of which ends in the kind of error it is.</summary>
    private static Fault Nested(string about, string why) => Faults.Invalid($"{about}: {why}: invalid parameter");
}
