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

    [ThreadStatic]
    private static AlignedArray<sbyte>? queryCode;

    [ThreadStatic]
    private static float[]? queryValues;

    private readonly HnswGraph graph;
    private readonly Int8Codes? codes;
    private readonly Metric metric;

    private HnswIndex(long indexId, int rows, HnswGraph graph, Int8Codes? codes, Metric metric)
        : base(indexId, rows) => (this.graph, this.codes, this.metric) = (graph, codes, metric);

    public override long Bytes => graph.Bytes + (codes?.Bytes ?? 0);

    /// <summary>Whether the walk goes by code.</summary>
    public bool Quantised => codes is not null;

    public HnswGraph Graph => graph;

    public static HnswIndex? Build(long indexId, VectorColumn column, Metric metric, int rows, bool quantised, HnswPlan plan, CancellationToken cancel)
    {
        var codes = Int8Codes.Encode(column, metric, rows);
        if (codes.Faithful(column))
        {
            var graph = HnswBuilder<CodeSpace, CodePoint>.Build(codes.Space, rows, plan, cancel);
            return new HnswIndex(indexId, rows, graph, quantised || column is not FloatVectorColumn ? codes : null, metric);
        }

        // Only float32 rows can be walked by value; for the others an exact scan of half or a quarter of the bytes remains.
        if (column is not FloatVectorColumn floats)
        {
            return null;
        }

        var dimension = floats.Field.Dimension;
        var byValue = metric == Metric.L2
            ? HnswBuilder<FloatL2Space, FloatL2Point>.Build(new FloatL2Space(floats.Values, dimension), rows, plan, cancel)
            : HnswBuilder<FloatDotSpace, FloatDotPoint>.Build(new FloatDotSpace(floats.Values, metric == Metric.Cosine ? floats.Norms : null, dimension), rows, plan, cancel);
        return new HnswIndex(indexId, rows, byValue, null, metric);
    }

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var ef = Math.Max(search.Hints.Ef ?? DefaultEf, search.Keep);
        var scan = search.Matches * Costs.Scanned(search.Column.Field);
        var walked = Costs.Walked(codes?.Stride ?? search.Column.Field.VectorBytes);
        var met = Math.Min(Rows, ef * MetPerKept * Rows / Math.Max(1, search.Matches));
        if (met * walked >= scan)
        {
            return false;
        }

        // What the estimate gets wrong is bounded by what the scan would cost.
        var budget = (int)Math.Min(int.MaxValue, scan / walked);
        var scratch = WalkScratch.Own;
        if (!Walk(search, ef, budget, scratch))
        {
            return false;
        }

        var pool = scratch.Pool.AsSpan(0, scratch.PoolCount);
        if (codes is null)
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
            var row = WalkScratch.Node(key);
            found.Offer(row, search.Exact.Nearness(row));
        }

        return true;
    }

    private bool Walk(in IndexSearch search, int ef, int budget, WalkScratch scratch)
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
            return Walk(codes.Space.At(queryCode), search.Mask, ef, budget, scratch);
        }

        var column = (FloatVectorColumn)search.Column;
        var dimension = column.Field.Dimension;
        return metric == Metric.L2
            ? Walk(new FloatL2Space(column.Values, dimension).At(search.Query.Floats), search.Mask, ef, budget, scratch)
            : Walk(new FloatDotSpace(column.Values, metric == Metric.Cosine ? column.Norms : null, dimension).At(search.Query.Floats), search.Mask, ef, budget, scratch);
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
