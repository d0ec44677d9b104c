using System.Runtime.InteropServices;
using Demarc.Engine.Durability;
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
    public const int DefaultEf = 64;

    /// <summary>Rows a walk meets for each candidate it keeps, measured; decides between a walk and a scan only.</summary>
    private const double MetPerKept = 12;

    /// <summary>Rows with one code may differ a little: so many more than wanted are scored.</summary>
    private const int ChainSlack = 64;

    [ThreadStatic]
    private static FlatMemory<sbyte>? queryCode;

    [ThreadStatic]
    private static FlatMemory<float>? queryValues;

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

    public override (IndexFileKind Kind, long[] Numbers) Description =>
    (
        IndexFileKind.Graph,
        [(long)metric, graph.Links, graph.Entry, repeats is null ? 0 : repeats.Chained ? 2 : 1, codes is null ? 0 : 1, codes is null ? 0 : BitConverter.SingleToInt32Bits(codes.Steps)]);

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
        var (values, norms) = (floats.Values, metric == Metric.Cosine ? floats.Norms : null);
        var byValue = metric == Metric.L2
            ? HnswBuilder<FloatL2Space, FloatL2Point>.Build(new FloatL2Space(values, dimension), rows, equal, plan, cancel)
            : HnswBuilder<FloatDotSpace, FloatDotPoint>.Build(new FloatDotSpace(values, norms, dimension), rows, equal, plan, cancel);
        GC.KeepAlive(values);
        GC.KeepAlive(norms);
        return new HnswIndex(indexId, rows, byValue, equal, null, metric);
    }

    /// <summary>Takes over a graph from its file.</summary>
    /// <param name="from">The file.</param>
    /// <param name="copied">Whether what a walk touches is copied to memory of the process.</param>
    /// <param name="description">What <see cref="Description"/> said.</param>
    /// <param name="column">The rows.</param>
    /// <param name="indexId">The definition it was built for.</param>
    public static HnswIndex? ReadFrom(BlockFile from, bool copied, ReadOnlySpan<long> description, VectorColumn column, long indexId)
    {
        if (description is not [var metricNumber, var links, var entry, var equal, var coded, var steps] || (coded == 0 && column is not FloatVectorColumn))
        {
            return null;
        }

        var (rows, metric) = ((int)from.Identity.Rows, (Metric)metricNumber);
        var graph = HnswGraph.ReadFrom(from, copied, rows, (int)links, (int)entry);
        var repeats = equal == 0 ? null : Repeats.ReadFrom(from, copied, rows, equal == 2);
        var codes = coded == 0 ? null : Int8Codes.ReadFrom(from, copied, metric, column.Field.Dimension, rows, BitConverter.Int32BitsToSingle((int)steps));
        return new HnswIndex(indexId, rows, graph, repeats, codes, metric);
    }

    public override void WriteTo(BlockWriter to)
    {
        graph.WriteTo(to);
        codes?.WriteTo(to);
        repeats?.WriteTo(to);
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
        var length = search.Query.Floats.Length;
        if (queryCode is null || queryValues is null || queryCode.Length < length + Int8Coder.Granularity)
        {
            (queryCode, queryValues) = (new FlatMemory<sbyte>(length + Int8Coder.Granularity), new FlatMemory<float>(length));
        }

        search.Query.Floats.CopyTo(queryValues.Span);
        if (codes is not null)
        {
            codes.Encode(queryValues.AsSpan(0, length), queryCode.AsSpan(0, codes.Stride));
            return Walk(codes.Space.At(queryCode), mask, ef, budget, scratch);
        }

        var column = (FloatVectorColumn)search.Column;
        var dimension = column.Field.Dimension;
        var (rows, norms) = (column.Values, metric == Metric.Cosine ? column.Norms : null);
        var walked = metric == Metric.L2
            ? Walk(new FloatL2Space(rows, dimension).At(queryValues), mask, ef, budget, scratch)
            : Walk(new FloatDotSpace(rows, norms, dimension).At(queryValues), mask, ef, budget, scratch);
        GC.KeepAlive(rows);
        GC.KeepAlive(norms);
        return walked;
    }

    private bool Walk<TPoint>(TPoint point, ulong[]? mask, int ef, int budget, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        var within = true;
        if (mask is not null)
        {
            within = HnswWalk.Filtered(graph, point, ef, mask, budget, scratch);
        }
        else
        {
            HnswWalk.Lowest(graph, point, ef, scratch);
        }

        GC.KeepAlive(this); // Graph and codes were walked by pointer.
        return within;
    }
}
