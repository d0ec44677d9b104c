using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Rows that wait for their index, in lists by a centre that is near: a search looks through the lists of the nearest
/// centres. Centres are found by two steps, first among a few and then among those below the nearest of them, so that a row is
/// in its list for a hundredth of what a place in a graph costs. It never changes; the next one goes on from it.
/// </summary>
internal sealed class ArrivedRows : VectorIndex
{
    /// <summary>Centres of the first step, and below each of them.</summary>
    private const int Fan = 32;

    /// <summary>
    /// Lists looked through at least; a search that wants more candidates looks through as many lists. Over 200,000 clustered rows of 128 values the
    /// ten nearest are found with a recall of 0.95 in 48 lists, and in a tenth of the time that comparing all rows takes.
    /// </summary>
    private const int LeastLists = 48;

    private readonly ArrivedCentres centres;
    private readonly int[] listOfRow;
    private readonly InvertedLists lists;

    private ArrivedRows(long indexId, int from, int to, ArrivedCentres centres, int[] listOfRow)
        : base(indexId, to)
    {
        (From, this.centres, this.listOfRow) = (from, centres, listOfRow);
        lists = InvertedLists.Group(listOfRow.AsSpan(0, to - from), centres.Count);
    }

    /// <summary>It has rows [From, Rows).</summary>
    public int From { get; }

    public override long Bytes => lists.Bytes + ((long)listOfRow.Length * sizeof(int)) + centres.Bytes;

    public override (IndexFileKind Kind, long[] Numbers) Description => throw new InvalidOperationException("Rows that wait for their index are never stored in lists.");

    public static ArrivedRows Begin(long indexId, VectorColumn.Widening rows, int dimension, Metric metric, int from, int to) =>
        new ArrivedRows(indexId, from, from, ArrivedCentres.Of(rows, dimension, metric, from, to, Fan), []).With(rows, to);

    /// <summary>The same with more rows.</summary>
    public ArrivedRows With(VectorColumn.Widening rows, int to)
    {
        // The array is shared with those before, which look at no more of it than they had.
        var count = to - From;
        var (list, done) = (listOfRow, Rows - From);
        if (list.Length < count)
        {
            list = new int[Math.Max(count, 2 * list.Length)];
            listOfRow.AsSpan(0, done).CopyTo(list);
        }

        var wide = centres.Room();
        for (var row = done; row < count; row++)
        {
            list[row] = centres.Nearest(rows, From + row, wide);
        }

        return new ArrivedRows(IndexId, From, to, centres, list);
    }

    public override void WriteTo(BlockWriter to) => throw new InvalidOperationException("Rows that wait for their index are never stored in lists.");

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var probes = Math.Min(lists.Count, Math.Max(LeastLists, Math.Max(search.Hints.Ef ?? HnswIndex.DefaultEf, search.Keep)));
        if (search.Mask is not null && (long)search.Matches * lists.Count <= (long)(Rows - From) * probes)
        {
            return false; // Fewer rows match than the lists to look through have.
        }

        var order = InvertedLists.Nearest(centres.Distances(search.Query.Floats));
        Span<int> near = stackalloc int[64];
        var seen = 0;
        for (var i = 0; i < order.Length && (i < probes || seen < search.Keep); i++)
        {
            var list = lists[order[i]];
            while (list.Length > 0)
            {
                // All of a stretch are asked for first: they stand far apart.
                var count = 0;
                for (; list.Length > 0 && count < near.Length; list = list[1..])
                {
                    var row = From + list[0];
                    if (row >= search.From && InvertedLists.May(search.Mask, row))
                    {
                        search.Column.Prefetch(row);
                        near[count++] = row;
                    }
                }

                seen += count;
                foreach (var row in near[..count])
                {
                    found.Offer(row, search.Exact.Nearness(row));
                }
            }
        }

        return true;
    }
}

/// <summary>Centres in two steps, over a sample of rows.</summary>
internal sealed class ArrivedCentres
{
    private const int SamplePerCentre = 8;

    private readonly Metric metric;
    private readonly int dimension;
    private readonly float[] first;
    private readonly float[] second;

    private ArrivedCentres(Metric metric, int dimension, float[] first, float[] second) => (this.metric, this.dimension, this.first, this.second) = (metric, dimension, first, second);

    public int Count => second.Length / dimension;

    public long Bytes => (long)(first.Length + second.Length) * sizeof(float);

    private int Fan => first.Length / dimension;

    public static ArrivedCentres Of(VectorColumn.Widening rows, int dimension, Metric metric, int from, int to, int fan)
    {
        var sampled = Math.Min(to - from, fan * fan * SamplePerCentre);
        var sample = new float[sampled * dimension];
        for (var i = 0; i < sampled; i++)
        {
            IvfIndex.Read(rows, from + (int)((long)i * (to - from) / sampled), metric, KMeans.Row(sample, i, dimension));
        }

        var first = KMeans.Centres(sample, dimension, fan, CancellationToken.None);
        var nearTo = Enumerable.Range(0, sampled).GroupBy(i => KMeans.Nearest(first, dimension, KMeans.Row(sample, i, dimension))).ToDictionary(g => g.Key, g => g.ToList());
        var second = new float[fan * fan * dimension];
        for (var c = 0; c < fan; c++)
        {
            // Where a few rows are near, some centres stand twice, and the first of them has the rows.
            var below = nearTo.GetValueOrDefault(c) ?? [];
            var near = new float[Math.Max(1, below.Count) * dimension];
            KMeans.Row(first, c, dimension).CopyTo(near);
            for (var i = 0; i < below.Count; i++)
            {
                KMeans.Row(sample, below[i], dimension).CopyTo(KMeans.Row(near, i, dimension));
            }

            var own = KMeans.Centres(near, dimension, Math.Min(fan, near.Length / dimension), CancellationToken.None);
            for (var i = 0; i < fan; i++)
            {
                KMeans.Row(own, i % (own.Length / dimension), dimension).CopyTo(KMeans.Row(second, (c * fan) + i, dimension));
            }
        }

        return new ArrivedCentres(metric, dimension, first, second);
    }

    /// <summary>Room for one row, which <see cref="Nearest"/> widens.</summary>
    public float[] Room() => new float[dimension];

    /// <summary>Which centre a row is near to.</summary>
    public int Nearest(VectorColumn.Widening rows, int row, float[] wide)
    {
        IvfIndex.Read(rows, row, metric, wide);
        var above = KMeans.Nearest(first, dimension, wide);
        return (above * Fan) + KMeans.Nearest(second.AsSpan(above * Fan * dimension, Fan * dimension), dimension, wide);
    }

    public float[] Distances(float[] query) => IvfIndex.Distances(query, second, metric);
}
