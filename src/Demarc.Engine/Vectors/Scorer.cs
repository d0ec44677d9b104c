using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;

namespace Demarc.Engine.Vectors;

/// <summary>One query bound to one column: how near each of its rows is, larger being nearer whatever the metric.</summary>
internal abstract class Scorer
{
    public abstract float Nearness(int row);
}

/// <summary>Float32 rows.</summary>
internal sealed class FloatScorer(FlatMemory<float> rows, FlatMemory<float> norms, float[] query, Metric metric) : Scorer
{
    private readonly float queryNorm = metric == Metric.Cosine ? Kernels.Norm(query) : 0;

    public override float Nearness(int row)
    {
        ref var vector = ref rows.At((nint)row * query.Length);
        ref var wanted = ref MemoryMarshal.GetArrayDataReference(query);
        var nearness = metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(ref wanted, ref vector, query.Length),
            Metric.IP => Kernels.Dot(ref wanted, ref vector, query.Length),
            _ => Kernels.Cosine(Kernels.Dot(ref wanted, ref vector, query.Length), queryNorm, norms.At(row)),
        };
        GC.KeepAlive(this);
        return nearness;
    }
}

/// <summary>Float16 and bfloat16 rows, widened one at a time; a scorer serves one thread.</summary>
internal sealed class HalfScorer(FlatMemory<byte> rows, FlatMemory<float> norms, float[] query, Metric metric, bool brain) : Scorer
{
    private readonly float queryNorm = metric == Metric.Cosine ? Kernels.Norm(query) : 0;
    private readonly float[] wide = new float[query.Length];

    public override float Nearness(int row)
    {
        var bits = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, ushort>(ref rows.At((nint)row * query.Length * sizeof(ushort))), query.Length);
        if (brain)
        {
            Kernels256.WidenBrain(bits, wide);
        }
        else
        {
            Kernels256.WidenHalf(bits, wide);
        }

        GC.KeepAlive(this);
        return metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(query, wide),
            Metric.IP => Kernels.Dot(query, wide),
            _ => Kernels.Cosine(Kernels.Dot(query, wide), queryNorm, norms.At(row)),
        };
    }
}

/// <summary>Int8 rows: whole numbers throughout, so that every machine gives the same score.</summary>
internal sealed class Int8Scorer(FlatMemory<byte> rows, FlatMemory<float> norms, byte[] query, Metric metric) : Scorer
{
    private readonly float queryNorm = MathF.Sqrt(Kernels.Dot(ref Value(query), ref Value(query), query.Length));

    public override float Nearness(int row)
    {
        ref var vector = ref Unsafe.As<byte, sbyte>(ref rows.At((nint)row * query.Length));
        ref var wanted = ref Value(query);
        var nearness = metric switch
        {
            Metric.L2 => -Kernels.SquaredDistance(ref wanted, ref vector, query.Length),
            Metric.IP => Kernels.Dot(ref wanted, ref vector, query.Length),
            _ => Kernels.Cosine(Kernels.Dot(ref wanted, ref vector, query.Length), queryNorm, norms.At(row)),
        };
        GC.KeepAlive(this);
        return nearness;
    }

    private static ref sbyte Value(byte[] bytes) => ref Unsafe.As<byte, sbyte>(ref MemoryMarshal.GetArrayDataReference(bytes));
}

/// <summary>Bit vectors.</summary>
internal sealed class BinaryScorer(FlatMemory<byte> rows, byte[] query, Metric metric) : Scorer
{
    public override float Nearness(int row)
    {
        var bits = MemoryMarshal.CreateReadOnlySpan(ref rows.At((nint)row * query.Length), query.Length);
        var nearness = metric switch
        {
            Metric.Jaccard => -Kernels.Jaccard(query, bits),
            Metric.MhJaccard => MinHash.Likeness(query, bits),
            _ => -Kernels.Hamming(query, bits),
        };
        GC.KeepAlive(this);
        return nearness;
    }
}

/// <summary>Sparse rows: all their indexes and values end to end, and where each row begins.</summary>
internal sealed class SparseScorer(FlatMemory<int> starts, FlatMemory<uint> indexes, FlatMemory<float> values, QueryVector query) : Scorer
{
    public override float Nearness(int row)
    {
        var (from, length) = (starts[row], starts[row + 1] - starts[row]);
        var nearness = Kernels.SparseDot(query.Indexes, query.Values, indexes.AsSpan(from, length), values.AsSpan(from, length));
        GC.KeepAlive(this);
        return nearness;
    }
}

/// <summary>Rows of word counts against weighed words: sparse vectors again, each count weighed by BM25.</summary>
internal sealed class Bm25Scorer(FlatMemory<int> starts, FlatMemory<uint> allTerms, FlatMemory<float> allCounts, float[] lengths, QueryVector query, Bm25Shape shape) : Scorer
{
    public override float Nearness(int row)
    {
        // A row without any of the words is no hit at all; not a number is above no bound.
        var sum = float.NaN;
        var (from, length) = (starts[row], starts[row + 1] - starts[row]);
        var terms = allTerms.AsSpan(from, length);
        var counts = allCounts.AsSpan(from, length);
        var (asked, at) = (0, 0);
        while (asked < query.Indexes.Length && at < length)
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

        GC.KeepAlive(this);
        return sum;
    }

    /// <summary>What one word adds to a row's score.</summary>
    public float Part(float weight, float count, int row) => weight * shape.Weigh(count, lengths[row]);
}
