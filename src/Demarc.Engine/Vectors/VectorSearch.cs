using System.Numerics;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Vectors;

/// <summary>
/// Nearest rows of a collection. Each segment is planned by itself: its index finds near rows among those it covers, and
/// every row behind them, or every matching row when they are few, is compared. Work is cut into pieces that are shared
/// out over the processors when there is enough of it.
/// </summary>
internal static class VectorSearch
{
    /// <summary>Rows of one piece of a scan, in whole words of the mask.</summary>
    private const int PieceRows = 16_384;

    /// <summary>Rows compared with all queries in turn before the next ones, so that they stay in the cache.</summary>
    private const int BlockRows = 256;

    /// <summary>Bytes to compare below which one thread is quicker than sharing.</summary>
    private const long WorthSharing = 16_000_000;

    /// <summary>Bytes that a walk through a graph is taken for, when pieces are weighed.</summary>
    private const long WalkBytes = 500_000;

    public static Hit[][] Run(CollectionView view, SearchPlan plan, CancellationToken cancel)
    {
        var heaps = NewHeaps(plan);
        var pieces = new List<Piece>();
        long work = 0;
        for (var i = 0; i < view.Segments.Length; i++)
        {
            work += Cut(view.Segments[i], i, plan, pieces);
        }

        if (work < WorthSharing || pieces.Count < 2 || Environment.ProcessorCount < 2)
        {
            foreach (var piece in pieces)
            {
                Search(piece, plan, heaps, cancel);
            }
        }
        else
        {
            Share(pieces, plan, heaps, cancel);
        }

        GC.KeepAlive(pieces); // And with it every column that was read by pointer.

        return [.. heaps.Select(h => h.Take())];
    }

    /// <summary>Compares every row that may be found with one query, on this thread.</summary>
    public static void ScanAll(VectorColumn column, QueryVector query, SearchPlan plan, ulong[]? mask, int rows, NearestHeap heap) =>
        Scan(new Piece(0, column, mask, null, 0, 0, rows), plan, [column.Scorer(query, plan.Metric)], [heap], CancellationToken.None);

    private static void Share(List<Piece> pieces, SearchPlan plan, NearestHeap[] heaps, CancellationToken cancel)
    {
        var gate = new Lock();
        Parallel.For(
            0,
            pieces.Count,
            new ParallelOptions { CancellationToken = cancel },
            () => NewHeaps(plan),
            (i, _, own) =>
            {
                Search(pieces[i], plan, own, cancel);
                return own;
            },
            own =>
            {
                lock (gate)
                {
                    for (var q = 0; q < heaps.Length; q++)
                    {
                        heaps[q].OfferAll(own[q]);
                    }
                }
            });
    }

    private static NearestHeap[] NewHeaps(SearchPlan plan) => [.. plan.Queries.Select(_ => new NearestHeap(plan.Keep))];

    /// <summary>Adds a segment's pieces and says how many bytes they are likely to compare.</summary>
    private static long Cut(SegmentView segment, int index, SearchPlan plan, List<Piece> pieces)
    {
        if (segment.Live == 0)
        {
            return 0;
        }

        var column = (VectorColumn)segment.Segment.Columns[plan.Field];
        column.Ready();
        segment.Segment.File?.Touch();
        var mask = Mask(segment, column, plan.Filter);
        var row = 0;
        long work = 0;
        if (Usable(segment, plan) is { } built)
        {
            for (var q = 0; q < plan.Queries.Length; q++)
            {
                pieces.Add(new Piece(index, column, mask, built, q, 0, built.Rows));
            }

            work = WalkBytes * plan.Queries.Length;
            row = built.Rows;
        }

        if (Arrived(segment, plan, row) is { } arrived)
        {
            for (var q = 0; q < plan.Queries.Length; q++)
            {
                pieces.Add(new Piece(index, column, mask, arrived, q, row, arrived.Rows));
            }

            work += WalkBytes * plan.Queries.Length;
            row = arrived.Rows;
        }

        work += (long)(segment.Count - row) * column.Field.VectorBytes * plan.Queries.Length;
        while (row < segment.Count)
        {
            var end = Math.Min(segment.Count, (row / PieceRows * PieceRows) + PieceRows);
            pieces.Add(new Piece(index, column, mask, null, 0, row, end));
            row = end;
        }

        return work;
    }

    /// <summary>The segment's index if it is the one asked for. A range's near end may cut off all that an index keeps, so such a search compares every row.</summary>
    private static VectorIndex? Usable(SegmentView segment, SearchPlan plan) =>
        plan.RangeFilter is null && plan.IndexId != 0 && segment.Segment.IndexOf(plan.Field) is { } built && built.IndexId == plan.IndexId && built.Rows <= segment.Count ? built : null;

    /// <summary>Lists of the rows behind the index's, if they are so many that looking through some of them is quicker.</summary>
    private static ArrivedRows? Arrived(SegmentView segment, SearchPlan plan, int from) =>
        plan.RangeFilter is null && plan.IndexId != 0 && segment.Segment.ArrivedOf(plan.Field) is { } arrived && arrived.IndexId == plan.IndexId
        && arrived.From <= from && arrived.Rows <= segment.Count && arrived.Rows - from >= Arrivals.LeastRows ? arrived : null;

    /// <summary>A bit per row that may be found; null when every row may.</summary>
    private static ulong[]? Mask(SegmentView segment, VectorColumn column, ConditionNode filter)
    {
        var all = filter is ConstantNode { Value: true };
        var valid = column.ValidWords;
        if (all && valid.Length == 0)
        {
            return segment.DeletedCount == 0 ? null : segment.LiveWords;
        }

        var mask = all ? segment.LiveMask() : Evaluator.Matching(filter, segment);
        for (var i = 0; i < mask.Length && valid.Length > 0; i++)
        {
            mask[i] &= valid[i];
        }

        return mask;
    }

    private static void Search(in Piece piece, SearchPlan plan, NearestHeap[] heaps, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (piece.Index is null)
        {
            var scorers = new Scorer[plan.Queries.Length];
            for (var q = 0; q < scorers.Length; q++)
            {
                scorers[q] = piece.Column.Scorer(plan.Queries[q], plan.Metric);
            }

            Scan(piece, plan, scorers, heaps, cancel);
            return;
        }

        var query = plan.Queries[piece.Query];
        var scorer = piece.Column.Scorer(query, plan.Metric);
        var matches = piece.Mask is null ? piece.End - piece.From : Count(piece.Mask, piece.End);
        var search = new IndexSearch(query, scorer, piece.Column, piece.Mask, matches, plan.Keep, plan.Hints, piece.From);
        if (!piece.Index.Search(search, new HitCollector(heaps[piece.Query], plan, piece.Segment)))
        {
            Scan(piece, plan, [scorer], heaps.AsSpan(piece.Query, 1), cancel);
        }
    }

    private static void Scan(in Piece piece, SearchPlan plan, ReadOnlySpan<Scorer> scorers, ReadOnlySpan<NearestHeap> heaps, CancellationToken cancel)
    {
        for (var block = piece.From; block < piece.End; block = (block / BlockRows * BlockRows) + BlockRows)
        {
            cancel.ThrowIfCancellationRequested();
            var end = Math.Min(piece.End, (block / BlockRows * BlockRows) + BlockRows);
            for (var q = 0; q < scorers.Length; q++)
            {
                var found = new HitCollector(heaps[q], plan, piece.Segment);
                if (piece.Mask is null)
                {
                    for (var row = block; row < end; row++)
                    {
                        found.Offer(row, scorers[q].Nearness(row));
                    }
                }
                else
                {
                    ScanMasked(piece, block, end, scorers[q], found);
                }
            }
        }
    }

    private static void ScanMasked(in Piece piece, int from, int end, Scorer scorer, HitCollector found)
    {
        // All matching rows of the block are asked for first: far apart, each would be waited for by itself.
        Span<int> rows = stackalloc int[BlockRows];
        var count = 0;
        for (var word = from >> 6; word << 6 < end; word++)
        {
            for (var bits = Part(piece.Mask![word], word << 6, from, end); bits != 0; bits &= bits - 1)
            {
                rows[count++] = (word << 6) + BitOperations.TrailingZeroCount(bits);
            }
        }

        var sparse = count < (end - from) / 4;
        for (var i = 0; i < count && sparse; i++)
        {
            piece.Column.Prefetch(rows[i]);
        }

        for (var i = 0; i < count; i++)
        {
            found.Offer(rows[i], scorer.Nearness(rows[i]));
        }
    }

    /// <summary>Of a word's bits, those of rows in [from, end).</summary>
    private static ulong Part(ulong bits, int first, int from, int end)
    {
        if (first < from)
        {
            bits &= ulong.MaxValue << (from - first);
        }

        return end - first < 64 ? bits & ((1UL << (end - first)) - 1) : bits;
    }

    private static int Count(ulong[] mask, int rows)
    {
        var count = 0;
        for (var i = 0; i < rows >> 6; i++)
        {
            count += BitOperations.PopCount(mask[i]);
        }

        return (rows & 63) == 0 ? count : count + BitOperations.PopCount(mask[rows >> 6] & ((1UL << (rows & 63)) - 1));
    }

    /// <summary>Rows [From, End) of one segment: through its index for one query, or one by one for all.</summary>
    private readonly record struct Piece(int Segment, VectorColumn Column, ulong[]? Mask, VectorIndex? Index, int Query, int From, int End);
}
