namespace Demarc.Engine.Vectors;

/// <summary>How two vectors are compared, and which way is nearer.</summary>
internal enum Metric
{
    /// <summary>Squared Euclidean distance, as Milvus reports it: smaller is nearer.</summary>
    L2,

    /// <summary>Inner product: larger is nearer.</summary>
    IP,

    /// <summary>Cosine similarity: larger is nearer.</summary>
    Cosine,

    /// <summary>Bits that differ: smaller is nearer.</summary>
    Hamming,

    /// <summary>One less the share of common bits among all set bits: smaller is nearer.</summary>
    Jaccard,

    /// <summary>The share of 32-bit numbers that two MinHash signatures have in common: larger is nearer.</summary>
    MhJaccard,

    /// <summary>How well the words of a text fit those of a query: larger is nearer.</summary>
    Bm25,
}

/// <summary>What follows from a metric alone.</summary>
internal static class Metrics
{
    /// <summary>Distances shrink towards the nearest row, similarities grow.</summary>
    public static bool IsDistance(this Metric metric) => metric is Metric.L2 or Metric.Hamming or Metric.Jaccard;

    /// <summary>The score clients see, from a hit's nearness.</summary>
    public static float Score(this Metric metric, float nearness) => metric.IsDistance() ? -nearness : nearness;

    /// <summary>The metric that compares two vectors where lists of them are compared: for each of one list the nearest of the other counts. Null for other metrics.</summary>
    public static Metric? OfList(string name) => name.ToUpperInvariant() switch
    {
        "MAX_SIM" or "MAX_SIM_COSINE" => Metric.Cosine,
        "MAX_SIM_IP" => Metric.IP,
        "MAX_SIM_L2" => Metric.L2,
        "MAX_SIM_HAMMING" => Metric.Hamming,
        "MAX_SIM_JACCARD" => Metric.Jaccard,
        _ => null,
    };

    public static Metric Parse(string name) => name.ToUpperInvariant() switch
    {
        "L2" => Metric.L2,
        "IP" => Metric.IP,
        "COSINE" => Metric.Cosine,
        "HAMMING" => Metric.Hamming,
        "JACCARD" => Metric.Jaccard,
        "MHJACCARD" => Metric.MhJaccard,
        "BM25" => Metric.Bm25,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "The index rules let a metric pass that no search knows."),
    };
}
