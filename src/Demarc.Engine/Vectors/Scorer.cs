using System.Runtime.InteropServices;
using Demarc.Engine.Text;

namespace Demarc.Engine.Vectors;

/// <summary>One query bound to one column: how near each of its rows is, larger being nearer whatever the metric.</summary>
internal abstract class Scorer
{
    public abstract float Nearness(int row);
}

/// <summary>Float32 rows.</summary>
internal sealed class FloatScorer(float[] rows, float[] norms, float[] query, Metric metric) : Scorer
{
    private readonly float queryNorm = metric == Metric.Cosine ? Kernels.Norm(query) : 0;

    public override float Nearness(int row)
    {
        var vector = rows.AsSpan(row * query.Length, query.Length);
        return metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(query, vector),
            Metric.IP => Kernels.Dot(query, vector),
            _ => Kernels.Cosine(Kernels.Dot(query, vector), queryNorm, norms[row]),
        };
    }
}

/// <summary>Float16 and bfloat16 rows, widened one at a time; a scorer serves one thread.</summary>
internal sealed class HalfScorer(byte[] rows, float[] norms, float[] query, Metric metric, bool brain) : Scorer
{
    private readonly float queryNorm = metric == Metric.Cosine ? Kernels.Norm(query) : 0;
    private readonly float[] wide = new float[query.Length];

    public override float Nearness(int row)
    {
        var bits = MemoryMarshal.Cast<byte, ushort>(rows.AsSpan(row * query.Length * sizeof(ushort), query.Length * sizeof(ushort)));
        if (brain)
        {
            Kernels256.WidenBrain(bits, wide);
        }
        else
        {
            Kernels256.WidenHalf(bits, wide);
        }

        return metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(query, wide),
            Metric.IP => Kernels.Dot(query, wide),
            _ => Kernels.Cosine(Kernels.Dot(query, wide), queryNorm, norms[row]),
        };
    }
}

/// <summary>Int8 rows: whole numbers throughout, so that every machine gives the same score.</summary>
internal sealed class Int8Scorer(byte[] rows, float[] norms, byte[] query, Metric metric) : Scorer
{
    private readonly float queryNorm = MathF.Sqrt(Kernels.Dot(ref Value(query, 0), ref Value(query, 0), query.Length));

    public override float Nearness(int row)
    {
        ref var vector = ref Value(rows, row * query.Length);
        ref var wanted = ref Value(query, 0);
        return metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(ref wanted, ref vector, query.Length),
            Metric.IP => Kernels.Dot(ref wanted, ref vector, query.Length),
            _ => Kernels.Cosine(Kernels.Dot(ref wanted, ref vector, query.Length), queryNorm, norms[row]),
        };
    }

    private static ref sbyte Value(byte[] bytes, int at) => ref MemoryMarshal.AsRef<sbyte>(bytes.AsSpan(at));
}

/// <summary>Bit vectors.</summary>
internal sealed class BinaryScorer(byte[] rows, byte[] query, Metric metric) : Scorer
{
    public override float Nearness(int row)
    {
        var bits = rows.AsSpan(row * query.Length, query.Length);
        return metric == Metric.Jaccard ? -Kernels.Jaccard(query, bits) : -Kernels.Hamming(query, bits);
    }
}

/// <summary>Sparse rows: all their indexes and values end to end, and where each row begins.</summary>
internal sealed class SparseScorer(int[] starts, uint[] indexes, float[] values, QueryVector query) : Scorer
{
    public override float Nearness(int row)
    {
        var (from, length) = (starts[row], starts[row + 1] - starts[row]);
        return Kernels.SparseDot(query.Indexes, query.Values, indexes.AsSpan(from, length), values.AsSpan(from, length));
    }
}

/// <summary>Rows of word counts against weighed words: sparse vectors again, each count weighed by BM25.</summary>
internal sealed class Bm25Scorer(int[] starts, uint[] terms, float[] counts, float[] lengths, QueryVector query, Bm25Shape shape) : Scorer
{
    public override float Nearness(int row)
    {
        // A row without any of the words is no hit at all; not a number is above no bound.
        var sum = float.NaN;
        var (asked, at, end) = (0, starts[row], starts[row + 1]);
        while (asked < query.Indexes.Length && at < end)
        {
            if (query.Indexes[asked] == terms[at])
            {
                sum = (float.IsNaN(sum) ? 0 : sum) + (query.Values[asked++] * shape.Weigh(counts[at++], lengths[row]));
            }
            else if (query.Indexes[asked] < terms[at])
            {
                asked++;
            }
            else
            {
                at++;
            }
        }

        return sum;
    }

    /// <summary>What one word adds to a row's score.</summary>
    public float Part(float weight, float count, int row) => weight * shape.Weigh(count, lengths[row]);
}
