using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Centres in two steps, over a sample of rows: the nearest is looked for among a few first and then among those below the nearest
/// of them, so that a row finds its list for a hundredth of what a place in a graph costs.
/// </summary>
internal sealed class ArrivedCentres
{
    /// <summary>Centres of the first step, and below each of them.</summary>
    private const int Fan = 32;

    private const int SamplePerCentre = 8;

    private readonly Metric metric;
    private readonly int dimension;
    private readonly float[] first;
    private readonly float[] second;

    private ArrivedCentres(Metric metric, int dimension, float[] first, float[] second) => (this.metric, this.dimension, this.first, this.second) = (metric, dimension, first, second);

    public int Count => second.Length / dimension;

    public long Bytes => (long)(first.Length + second.Length) * sizeof(float);

    /// <summary>Evenly spread rows, as many as centres are found from.</summary>
    public static float[] Sample(VectorColumn.Widening rows, int dimension, Metric metric, int from, int to)
    {
        var sampled = Math.Min(to - from, Fan * Fan * SamplePerCentre);
        var sample = new float[sampled * dimension];
        for (var i = 0; i < sampled; i++)
        {
            IvfIndex.Read(rows, from + (int)((long)i * (to - from) / sampled), metric, KMeans.Row(sample, i, dimension));
        }

        return sample;
    }

    public static ArrivedCentres Of(float[] sample, int dimension, Metric metric)
    {
        var sampled = sample.Length / dimension;
        var first = KMeans.Centres(sample, dimension, Fan, 1, CancellationToken.None);
        var nearTo = Enumerable.Range(0, sampled).GroupBy(i => KMeans.Nearest(first, dimension, KMeans.Row(sample, i, dimension))).ToDictionary(g => g.Key, g => g.ToList());
        var second = new float[Fan * Fan * dimension];
        for (var c = 0; c < Fan; c++)
        {
            // Where a few rows are near, some centres stand twice, and the first of them has the rows.
            var below = nearTo.GetValueOrDefault(c) ?? [];
            var near = new float[Math.Max(1, below.Count) * dimension];
            KMeans.Row(first, c, dimension).CopyTo(near);
            for (var i = 0; i < below.Count; i++)
            {
                KMeans.Row(sample, below[i], dimension).CopyTo(KMeans.Row(near, i, dimension));
            }

            var own = KMeans.Centres(near, dimension, Math.Min(Fan, near.Length / dimension), 1, CancellationToken.None);
            for (var i = 0; i < Fan; i++)
            {
                KMeans.Row(own, i % (own.Length / dimension), dimension).CopyTo(KMeans.Row(second, (c * Fan) + i, dimension));
            }
        }

        return new ArrivedCentres(metric, dimension, first, second);
    }

    /// <summary>Which centre a row, as <see cref="IvfIndex.Read"/> gives it, is near to.</summary>
    public int Nearest(ReadOnlySpan<float> row)
    {
        var above = KMeans.Nearest(first, dimension, row);
        return (above * Fan) + KMeans.Nearest(second.AsSpan(above * Fan * dimension, Fan * dimension), dimension, row);
    }

    public float[] Distances(float[] query) => IvfIndex.Distances(query, second, metric);
}
