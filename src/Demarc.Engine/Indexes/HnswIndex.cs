using System.Runtime.InteropServices;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// A graph over int8 codes with the kept candidates scored again from the rows themselves (HNSW_SQ, AUTOINDEX, and every
/// type of row but float32), or a graph over the float32 rows (HNSW). Both are built by code when the codes are faithful:
/// the links come out alike at a fraction of the work.
/// </summary>
internal sealed class HnswIndex : VectorIndex
{
    /// <summary>Candidates kept when a search does not say.</summary>
    private const int DefaultEf = 64;

    /// <summary>Rows a walk meets for each candidate it keeps, measured; decides between a walk and a scan only.</summary>
    private const double MetPerKept = 12;

    /// <summary>Rows with one code may differ a little: so many more than wanted are scored.</summary>
    private const int ChainSlack = 64;

    [ThreadStatic]
    private static AlignedArray<sbyte>? queryCode;

    [ThreadStatic]
    private static float[]? queryValues;

    private readonly HnswGraph graph;
    private readonly Int8Codes? codes;
    private readonly Repeats? repeats;
    private readonly Metric metric;

    private HnswIndex(long indexId, int rows, HnswGraph graph, Repeats? repeats, Int8Codes? codes, Metric metric)
        : base(indexId, rows) => (this.graph, this.repeats, this.codes, this.metric) = (graph, repeats, codes, metric);

    public override long Bytes => graph.Bytes + (codes?.Bytes ?? 0) + (repeats?.Bytes ?? 0);

    /// <summary>Whether the walk goes by code.</summary>
    public bool Quantised => codes is not null;

    public HnswGraph Graph => graph;

    public static HnswIndex? Build(long indexId, VectorColumn column, Metric metric, int rows, bool quantised, HnswPlan plan, CancellationToken cancel)
    {
        var codes = Int8Codes.Encode(column, metric, rows);
        if (codes.Faithful(column))
        {
            var repeats = Repeats.Find(rows, column.ValidWords, row => MemoryMarshal.AsBytes(codes.Row(row)));
            var graph = HnswBuilder<CodeSpace, CodePoint>.Build(codes.Space, rows, repeats, plan, cancel);
            return new HnswIndex(indexId, rows, graph, repeats, quantised || column is not FloatVectorColumn ? codes : null, metric);
        }

        // Only float32 rows can be walked by value; for the others an exact scan of half or a quarter of the bytes remains.
        if (column is not FloatVectorColumn floats)
        {
            return null;
        }

        var equal = Repeats.Find(rows, column.ValidWords, row => MemoryMarshal.AsBytes(floats.Row(row)));
        var dimension = floats.Field.Dimension;
        var byValue = metric == Metric.L2
            ? HnswBuilder<FloatL2Space, FloatL2Point>.Build(new FloatL2Space(floats.Values, dimension), rows, equal, plan, cancel)
            : HnswBuilder<FloatDotSpace, FloatDotPoint>.Build(new FloatDotSpace(floats.Values, metric == Metric.Cosine ? floats.Norms : null, dimension), rows, equal, plan, cancel);
        return new HnswIndex(indexId, rows, byValue, equal, null, metric);
    }

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var ef = Math.Max(search.Hints.Ef ?? DefaultEf, search.Keep);
        var scan = search.Matches * Costs.Scanned(search.Column.Field);
        var walked = Costs.Walked(codes?.Stride ?? search.Column.Field.VectorBytes);
        var met = Math.Min(Rows, ef * MetPerKept * Rows / Math.Max(1, search.Matches));
        if (met * walked * Costs.WalkMargin >= scan)
        {
            return false;
        }

        // What the estimate gets wrong is bounded by what the scan would cost.
        var budget = (int)Math.Min(int.MaxValue, scan / walked);
        var scratch = WalkScratch.Own;
        var mask = search.Mask is not null && repeats is { Chained: true } ? repeats.WithHeads(search.Mask) : search.Mask;
        if (!Walk(search, mask, ef, budget, scratch))
        {
            return false;
        }

        var pool = scratch.Pool.AsSpan(0, scratch.PoolCount);
        if (!Enough(pool, search))
        {
            return false; // The walk ended on an island, or the filter has left one: a scan finds the rest.
        }

        if (codes is null && repeats is not { Chained: true })
        {
            // Found by value already; scored once more only to give the very score that a scan gives.
            pool = pool[..Math.Min(pool.Length, search.Keep)];
        }
        else
        {
            foreach (var key in pool)
            {
                search.Column.Prefetch(WalkScratch.Node(key));
            }
        }

        foreach (var key in pool)
        {
            Offer(WalkScratch.Node(key), search, found);
        }

        return true;
    }

    /// <summary>Whether the walk found as many as there are to be had.</summary>
    private bool Enough(ReadOnlySpan<ulong> pool, in IndexSearch search)
    {
        var missing = Math.Min(search.Keep, search.Matches) - pool.Length;
        if (repeats is { Chained: true })
        {
            missing += pool.Length;
            for (var i = 0; i < pool.Length && missing > 0; i++)
            {
                for (var row = WalkScratch.Node(pool[i]); row >= 0 && missing > 0; row = repeats.After(row))
                {
                    missing -= InvertedLists.May(search.Mask, row) ? 1 : 0;
                }
            }
        }

        return missing <= 0;
    }

    /// <summary>Gives one node, and as many of the rows that hang on it as could be wanted.</summary>
    private void Offer(int node, in IndexSearch search, HitCollector found)
    {
        if (repeats is not { Chained: true })
        {
            found.Offer(node, search.Exact.Nearness(node));
            return;
        }

        var wanted = search.Keep + ChainSlack;
        for (var row = node; row >= 0 && wanted > 0; row = repeats.After(row))
        {
            if (InvertedLists.May(search.Mask, row))
            {
                found.Offer(row, search.Exact.Nearness(row));
                wanted--;
            }
        }
    }

    private bool Walk(in IndexSearch search, ulong[]? mask, int ef, int budget, WalkScratch scratch)
    {
        if (codes is not null)
        {
            if (queryCode is null || queryCode.Length < codes.Stride)
            {
                (queryCode, queryValues) = (new AlignedArray<sbyte>(codes.Stride), new float[codes.Stride]);
            }

            var values = queryValues.AsSpan(0, search.Query.Floats.Length);
            search.Query.Floats.CopyTo(values);
            codes.Encode(values, queryCode.Span[..codes.Stride]);
            return Walk(codes.Space.At(queryCode), mask, ef, budget, scratch);
        }

        var column = (FloatVectorColumn)search.Column;
        var dimension = column.Field.Dimension;
        return metric == Metric.L2
            ? Walk(new FloatL2Space(column.Values, dimension).At(search.Query.Floats), mask, ef, budget, scratch)
            : Walk(new FloatDotSpace(column.Values, metric == Metric.Cosine ? column.Norms : null, dimension).At(search.Query.Floats), mask, ef, budget, scratch);
    }

    private bool Walk<TPoint>(TPoint point, ulong[]? mask, int ef, int budget, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        if (mask is not null)
        {
            return HnswWalk.Filtered(graph, point, ef, mask, budget, scratch);
        }

        HnswWalk.Lowest(graph, point, ef, scratch);
        return true;
    }
}
