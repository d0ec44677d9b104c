using Demarc.Engine.Catalog;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Vectors;

/// <summary>
/// Searches by arrays of vectors. With one vector to search by, each element is found for itself; with a list, rows are found
/// by the sum of what the nearest of their vectors has of each vector of the list. Everything is compared, there is no index.
/// </summary>
internal static class ArraySearch
{
    /// <param name="view">The rows.</param>
    /// <param name="plan">What to look for; its queries are not read.</param>
    /// <param name="queries">The vectors of each query.</param>
    /// <param name="lists">Whether rows are found, or elements: then a hit's row is the element's number in its segment.</param>
    /// <param name="cancel">Ends the search.</param>
    public static Hit[][] Run(CollectionView view, SearchPlan plan, QueryVector[][] queries, bool lists, CancellationToken cancel)
    {
        var heaps = queries.Select(_ => new NearestHeap(plan.Keep)).ToArray();
        var field = view.Definition.Fields[plan.Field];
        var elements = lists ? null : Evaluator.ElementFilter(plan.Filter, StructRules.Split(field.Name).Array);
        for (var i = 0; i < view.Segments.Length; i++)
        {
            var segment = view.Segments[i];
            if (segment.Live == 0)
            {
                continue;
            }

            var rows = plan.Filter is ConstantNode { Value: true } ? segment.LiveMask() : Evaluator.Matching(plan.Filter, segment);
            var column = (VectorArrayColumn)segment.Segment.Columns[plan.Field];
            var test = elements is null ? null : new Evaluator(segment);
            for (var q = 0; q < queries.Length; q++)
            {
                var scorers = queries[q].Select(v => column.Vectors.Scorer(v, plan.Metric)).ToArray();
                var found = new HitCollector(heaps[q], plan, i);
                for (var walk = new RowWalk(rows); walk.Next();)
                {
                    cancel.ThrowIfCancellationRequested();
                    var (from, to) = column.ElementsOf(walk.Row);
                    if (lists)
                    {
                        if (to > from)
                        {
                            found.Offer(walk.Row, Sum(scorers, from, to));
                        }

                        continue;
                    }

                    for (var at = from; at < to; at++)
                    {
                        if (test is null || test.Meets(elements!, walk.Row, at - from))
                        {
                            found.Offer(at, scorers[0].Nearness(at));
                        }
                    }
                }
            }
        }

        return [.. heaps.Select(h => h.Take())];
    }

    private static float Sum(Scorer[] scorers, int from, int to)
    {
        var sum = 0f;
        foreach (var scorer in scorers)
        {
            var nearest = float.NegativeInfinity;
            for (var at = from; at < to; at++)
            {
                nearest = Math.Max(nearest, scorer.Nearness(at));
            }

            sum += nearest;
        }

        return sum;
    }
}
