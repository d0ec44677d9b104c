using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Which index types, metrics and numbers a vector field may have, in Milvus's words, and which structure answers each
/// type. What compresses harder than this engine does is answered by the nearest structure that is more precise.
/// </summary>
internal static class IndexParameters
{
    public const int DefaultLinks = 16;
    public const int DefaultConstruction = 200;
    public const int DefaultLists = 128;

    private const int MostLinks = 2048;
    private const int MostLists = 65536;

    private static readonly Dictionary<string, VectorStructure> Dense = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AUTOINDEX"] = VectorStructure.QuantisedGraph,
        ["FLAT"] = VectorStructure.None,
        ["IVF_FLAT"] = VectorStructure.Lists,
        ["IVF_SQ8"] = VectorStructure.QuantisedLists,
        ["IVF_PQ"] = VectorStructure.QuantisedLists,
        ["IVF_RABITQ"] = VectorStructure.QuantisedLists,
        ["SCANN"] = VectorStructure.QuantisedLists,
        ["HNSW"] = VectorStructure.Graph,
        ["HNSW_SQ"] = VectorStructure.QuantisedGraph,
        ["HNSW_PQ"] = VectorStructure.QuantisedGraph,
        ["HNSW_PRQ"] = VectorStructure.QuantisedGraph,
        ["DISKANN"] = VectorStructure.QuantisedGraph,
    };

    private static readonly Dictionary<string, VectorStructure> Binary = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AUTOINDEX"] = VectorStructure.None,
        ["BIN_FLAT"] = VectorStructure.None,
        ["BIN_IVF_FLAT"] = VectorStructure.BinaryLists,
    };

    private static readonly Dictionary<string, VectorStructure> Sparse = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AUTOINDEX"] = VectorStructure.Inverted,
        ["SPARSE_INVERTED_INDEX"] = VectorStructure.Inverted,
        ["SPARSE_WAND"] = VectorStructure.Inverted,
    };

    /// <summary>Checks an index on a vector field and fills in its metric.</summary>
    public static void Complete(FieldDefinition field, IDictionary<string, string> values)
    {
        var type = values["index_type"];
        var kind = field.IsVectorArray ? field.ElementType : field.Type;
        if (!Types(kind).ContainsKey(type))
        {
            throw Dense.ContainsKey(type) || Binary.ContainsKey(type) || Sparse.ContainsKey(type)
                ? Faults.Invalid($"data type {kind} can't build with this index {type}", "valid index params", "invalid index params")
                : Faults.Invalid($"invalid index type: {type}");
        }

        var metric = values.TryGetValue("metric_type", out var given) && given.Length > 0 ? given.ToUpperInvariant() : DefaultMetric(field);
        CheckMetric(field, metric);
        CheckShare(values, "bm25_k1", 3);
        CheckShare(values, "bm25_b", 1);
        values["metric_type"] = metric;
        _ = Whole(values, "M", DefaultLinks, 2, MostLinks);
        _ = Whole(values, "efConstruction", DefaultConstruction, 1, int.MaxValue);
        _ = Whole(values, "nlist", DefaultLists, 1, MostLists);
    }

    public static VectorStructure Structure(FieldDefinition field, StoredIndex index) => Types(field.Type)[Text(index, "index_type") ?? "AUTOINDEX"];

    public static int Number(StoredIndex index, string name, int absent) =>
        int.TryParse(Text(index, name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : absent;

    /// <summary>How hard a search asks an index to look.</summary>
    public static SearchHints Hints(Func<string, string?> text, int keep)
    {
        var ef = Whole(text("ef"), "ef", 1, int.MaxValue);
        if (ef < keep)
        {
            throw Faults.Invalid($"ef({ef}) should be larger than k({keep})");
        }

        var drop = 0.0;
        if (text("drop_ratio_search") is { } ratio
            && (!double.TryParse(ratio, NumberStyles.Float, CultureInfo.InvariantCulture, out drop) || drop is not (>= 0 and < 1)))
        {
            throw Faults.Invalid($"Out of range in json: param 'drop_ratio_search' ({ratio}) should be in range [0.000000, 1.000000)");
        }

        return new SearchHints(ef, Whole(text("nprobe"), "nprobe", 1, MostLists), drop);
    }

    private static Dictionary<string, VectorStructure> Types(DataType type) => type switch
    {
        DataType.BinaryVector => Binary,
        DataType.SparseFloatVector => Sparse,
        _ => Dense,
    };

    private static string DefaultMetric(FieldDefinition field) => field.Type switch
    {
        DataType.ArrayOfVector => field.ElementType == DataType.BinaryVector ? "MAX_SIM_HAMMING" : "MAX_SIM_COSINE",
        DataType.SparseFloatVector when field.Schema.IsFunctionOutput => "BM25",
        DataType.BinaryVector => "HAMMING",
        DataType.SparseFloatVector => "IP",
        _ => "COSINE",
    };

    private static void CheckShare(IDictionary<string, string> values, string name, int most)
    {
        if (values.TryGetValue(name, out var text)
            && (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || value < 0 || value > most))
        {
            throw Faults.Invalid($"Out of range in json: param '{name}' ({text}) should be in range [0.000000, {most}.000000]");
        }
    }

    private static void CheckMetric(FieldDefinition field, string metric)
    {
        if (field.IsVectorArray)
        {
            // One vector is compared with one, or a list of them with a list.
            CheckMetric(field.Element, Vectors.Metrics.OfList(metric) is { } single ? single.ToString().ToUpperInvariant() : metric);
            return;
        }

        var why = field.Type switch
        {
            DataType.SparseFloatVector when field.Schema.IsFunctionOutput => metric == "BM25" ? null : $"index metric type of BM25 function output field must be BM25, got {metric}",
            _ when metric == "BM25" => "only BM25 Function output field support BM25 metric type",
            DataType.BinaryVector when metric is not ("HAMMING" or "JACCARD") => $"binary vector index does not support metric type: {metric}",
            DataType.SparseFloatVector when metric != "IP" => "only IP is the supported metric type for sparse index",
            DataType.BinaryVector or DataType.SparseFloatVector => null,
            _ => metric is "L2" or "IP" or "COSINE" ? null : $"float vector index does not support metric type: {metric}",
        };
        if (why is not null)
        {
            throw Unfit(why);
        }
    }

    private static Fault Unfit(string why) => Faults.Invalid(why, "valid index params", "invalid index params");

    private static string? Text(StoredIndex index, string name) => index.Params.FirstOrDefault(p => p.Key == name)?.Value;

    private static int Whole(IDictionary<string, string> values, string name, int absent, int least, int most) =>
        Whole(values.TryGetValue(name, out var text) ? text : null, name, least, most) ?? absent;

    private static int? Whole(string? text, string name, int least, int most) =>
        text is null ? null
        : !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? throw Faults.Invalid($"param '{name}' ({text}) should be integer")
        : value >= least && value <= most ? (int)value
        : throw Faults.Invalid($"Out of range in json: param '{name}' ({text}) should be in range [{least}, {most}]");
}

/// <summary>What answers searches on a field.</summary>
internal enum VectorStructure
{
    /// <summary>Every row is compared.</summary>
    None,

    /// <summary>A graph walked by value.</summary>
    Graph,

    /// <summary>A graph walked by int8 code, what it keeps being scored by value.</summary>
    QuantisedGraph,

    /// <summary>Rows in lists by the nearest of some centres, compared by value.</summary>
    Lists,

    /// <summary>The same, compared by int8 code and the best of them by value.</summary>
    QuantisedLists,

    /// <summary>Bit vectors in lists.</summary>
    BinaryLists,

    /// <summary>For each index of sparse vectors, the rows that have it.</summary>
    Inverted,
}
