using System.Numerics;
using Demarc.Engine.Filters;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Vectors;

/// <summary>What to look for. Bounds are on the score as clients see it, both optional.</summary>
internal sealed record SearchPlan(int Field, Metric Metric, float[][] Queries, int Keep, ConditionNode Filter, double? Radius, double? RangeFilter);

/// <summary>
/// Compares every live, matching row with every query vector. Segments are shared out over the processors when there is
/// enough work; a block of rows stays in cache while all queries pass over it.
/// </summary>
internal static class ExactSearch
{
    private const int BlockRows = 256;

    /// <summary>Multiply-adds below which one thread is quicker than sharing.</summary>
    private const long WorthSharing = 4_000_000;

    public static Hit[][] Run(CollectionView view, SearchPlan plan, CancellationToken cancel)
    {
        var heaps = NewHeaps(plan);
        var work = view.LiveRows * plan.Queries.Length * plan.Queries[0].Length;
        if (work < WorthSharing || view.Segments.Length < 2 || Environment.ProcessorCount < 2)
        {
            for (var i = 0; i < view.Segments.Length; i++)
            {
                Scan(view.Segments[i], i, plan, heaps, cancel);
            }
        }
        else
        {
            var gate = new Lock();
            Parallel.For(
                0,
                view.Segments.Length,
                new ParallelOptions { CancellationToken = cancel },
                () => NewHeaps(plan),
                (i, _, own) =>
                {
                    Scan(view.Segments[i], i, plan, own, cancel);
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

        return [.. heaps.Select(h => h.Take())];
    }

    /// <summary>The score clients see, from the heap's nearness.</summary>
    public static float Score(Metric metric, float nearness) => metric == Metric.L2 ? -nearness : nearness;

    private static NearestHeap[] NewHeaps(SearchPlan plan) => [.. plan.Queries.Select(_ => new NearestHeap(plan.Keep))];

    private static void Scan(SegmentView segment, int index, SearchPlan plan, NearestHeap[] heaps, CancellationToken cancel)
    {
        var mask = Evaluator.Matching(plan.Filter, segment);
        var column = (VectorColumn)segment.Segment.Columns[plan.Field];
        var values = column.Values;
        var norms = column.Norms;
        var dimension = plan.Queries[0].Length;
        for (var block = 0; block < segment.Count; block += BlockRows)
        {
            cancel.ThrowIfCancellationRequested();
            var words = mask.AsSpan(block >> 6, Math.Min(BlockRows >> 6, mask.Length - (block >> 6)));
            for (var q = 0; q < plan.Queries.Length; q++)
            {
                var query = plan.Queries[q].AsSpan();
                var queryNorm = plan.Metric == Metric.Cosine ? Kernels.Norm(query) : 0;
                var heap = heaps[q];
                for (var word = 0; word < words.Length; word++)
                {
                    for (var bits = words[word]; bits != 0; bits &= bits - 1)
                    {
                        var row = block + (word << 6) + BitOperations.TrailingZeroCount(bits);
                        var vector = values.Slice(row * dimension, dimension);
                        var nearness = plan.Metric switch
                        {
                            Metric.L2 => -Kernels.SquaredDistance(query, vector),
                            Metric.IP => Kernels.Dot(query, vector),
                            _ => Kernels.Cosine(Kernels.Dot(query, vector), queryNorm, norms[row]),
                        };
                        if (nearness >= heap.Bound && InRange(plan, nearness))
                        {
                            heap.Offer(new Hit(nearness, index, row));
                        }
                    }
                }
            }
        }
    }

    /// <summary>Milvus's range search: for L2 range_filter ≤ d &lt; radius, for the others radius &lt; s ≤ range_filter.</summary>
    private static bool InRange(SearchPlan plan, float nearness)
    {
        if (plan.Radius is null && plan.RangeFilter is null)
        {
            return true;
        }

        var score = Score(plan.Metric, nearness);
        return plan.Metric == Metric.L2
            ? (plan.Radius is not { } outer || score < outer) && (plan.RangeFilter is not { } inner || score >= inner)
            : (plan.Radius is not { } low || score > low) && (plan.RangeFilter is not { } high || score <= high);
    }
}
