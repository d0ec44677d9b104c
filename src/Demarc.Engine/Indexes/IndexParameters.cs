using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

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

    private const string MinHash = "MINHASH_LSH";

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
        ["HNSW"] = VectorStructure.None,
        ["BIN_FLAT"] = VectorStructure.None,
        [MinHash] = VectorStructure.None,
        ["BIN_IVF_FLAT"] = VectorStructure.BinaryLists,
    };

    private static readonly Dictionary<string, VectorStructure> Sparse = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AUTOINDEX"] = VectorStructure.Inverted,
        ["SPARSE_INVERTED_INDEX"] = VectorStructure.Inverted,
        ["SPARSE_WAND"] = VectorStructure.Inverted,
    };

    /// <summary>Whether any vector field may have it; letters' case counts, though older folders hold other spellings.</summary>
    public static bool IsKnown(string type) => new[] { Dense, Binary, Sparse }.Any(known => Spelt(known, type));

    /// <summary>Checks an index on a vector field and fills in its metric where the client leaves it out.</summary>
    public static List<Pair> Complete(FieldDefinition field, string type, List<Pair> given, IReadOnlyDictionary<string, string> values)
    {
        var metric = values.TryGetValue(IndexRules.MetricKey, out var named) && named.Length > 0 ? named : null;
        if (type == IndexRules.Auto)
        {
            if (values.Any(v => v.Key is not (IndexRules.TypeKey or IndexRules.MetricKey)))
            {
                throw Faults.Invalid("only metric type can be passed when use AutoIndex");
            }

            metric ??= DefaultMetric(field);
            given = [new Pair { Key = IndexRules.TypeKey, Value = IndexRules.Auto }, new Pair { Key = IndexRules.MetricKey, Value = metric }];
        }
        else if (metric is null && field.Schema.IsFunctionOutput && field.Type == DataType.SparseFloatVector)
        {
            metric = "BM25";
            given = [.. given, new Pair { Key = IndexRules.MetricKey, Value = metric }];
        }

        CheckMetric(field, metric ?? throw Unfit("metric type not set for vector index"));
        var kind = field.IsVectorArray && Vectors.Metrics.OfList(metric) is null ? field.Element : field;
        CheckType(field, kind.IsVectorArray ? field.ElementType : kind.Type, type);
        if (values.TryGetValue("dim", out var dimension) && dimension != FieldDefinition.Parameter(field.Schema, "dim"))
        {
            throw Faults.Invalid($"dimension mismatch, dimension in schema: {FieldDefinition.Parameter(field.Schema, "dim")}, dimension: {dimension}");
        }

        if (field.Type == DataType.SparseFloatVector)
        {
            IndexSettings.CheckSparse(values, metric);
        }

        // Signatures are of whole numbers; what is made for them compares nothing else.
        if ((type == MinHash) != (metric == "MHJACCARD") && !(type == IndexRules.Auto && field.Schema.IsFunctionOutput))
        {
            throw Unfit(type == MinHash ? "binary vector index does not support metric type: " + metric : $"index {type} does not support metric type: {metric}");
        }

        IndexSettings.CheckBuild(type, values, field.Dimension);
        return given;
    }

    public static VectorStructure Structure(FieldDefinition field, StoredIndex index) => Types(field.Type)[index.Parameter(IndexRules.TypeKey) ?? IndexRules.Auto];

    public static int Number(StoredIndex index, string name, int absent) =>
        int.TryParse(index.Parameter(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : absent;

    /// <summary>How hard a search asks an index to look.</summary>
    public static SearchHints Hints(FieldDefinition field, StoredIndex index, Func<string, SettingText?> given, int keep)
    {
        var type = index.Parameter(IndexRules.TypeKey) ?? IndexRules.Auto;
        return IndexSettings.CheckSearch(
            type != IndexRules.Auto ? type : (field.IsVectorArray ? field.ElementType : field.Type) switch
            {
                DataType.SparseFloatVector => "SPARSE_INVERTED_INDEX",
                DataType.BinaryVector => "BIN_IVF_FLAT",
                _ => "HNSW",
            },
            given,
            keep);
    }

    private static void CheckType(FieldDefinition field, DataType kind, string type)
    {
        // Of whole numbers Milvus makes graphs alone.
        if (!Spelt(Types(kind), type) || (kind == DataType.Int8Vector && type != IndexRules.Auto && !type.StartsWith("HNSW", StringComparison.Ordinal)))
        {
            throw Faults.Invalid($"data type {FieldDefinition.TypeName(field.Type)} can't build with this index {type}");
        }
    }

    private static bool Spelt(Dictionary<string, VectorStructure> types, string type) => types.Keys.Any(known => known == type);

    private static Dictionary<string, VectorStructure> Types(DataType type) => type switch
    {
        DataType.BinaryVector => Binary,
        DataType.SparseFloatVector => Sparse,
        _ => Dense,
    };

    private static string DefaultMetric(FieldDefinition field) => field.Type switch
    {
        DataType.ArrayOfVector => field.ElementType == DataType.BinaryVector ? "MAX_SIM_HAMMING" : "MAX_SIM_COSINE",
        DataType.BinaryVector => field.Schema.IsFunctionOutput ? "MHJACCARD" : "HAMMING",
        DataType.SparseFloatVector => "IP",
        _ => "COSINE",
    };

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
            DataType.BinaryVector => metric is "HAMMING" or "JACCARD" or "MHJACCARD" ? null : $"binary vector index does not support metric type: {metric}",
            DataType.SparseFloatVector when field.Schema.IsFunctionOutput && metric != "BM25" => throw Faults.Invalid($"index metric type of BM25 function output field must be BM25, got {metric}"),
            DataType.SparseFloatVector when metric is not ("IP" or "BM25") => "only IP&BM25 is the supported metric type for sparse index",
            DataType.SparseFloatVector => metric == "IP" || field.Schema.IsFunctionOutput ? null : "only BM25 Function output field support BM25 metric type",
            _ when metric is "L2" or "IP" or "COSINE" => null,
            DataType.Int8Vector => $"int vector index does not support metric type: {metric}",
            _ => $"float vector index does not support metric type: {metric}",
        };
        if (why is not null)
        {
            throw Unfit(why);
        }
    }

    private static Fault Unfit(string why) => Faults.Invalid(why, "valid index params", "invalid index params");
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
