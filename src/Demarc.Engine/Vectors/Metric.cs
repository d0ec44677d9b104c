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
}
