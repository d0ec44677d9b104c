using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;

namespace Demarc.Engine.Vectors;

/// <summary>What to look for. Bounds are on the score as clients see it, both optional.</summary>
/// <param name="Field">The field's place in the schema.</param>
/// <param name="IndexId">The index that may answer; 0 when rows are compared one by one.</param>
/// <param name="Metric">How rows are compared.</param>
/// <param name="Queries">The vectors to search by.</param>
/// <param name="Keep">Hits wanted for each.</param>
/// <param name="Filter">Which rows may be found.</param>
/// <param name="Radius">The far end of a range search.</param>
/// <param name="RangeFilter">The near end of a range search.</param>
/// <param name="Hints">How hard an index is to look.</param>
internal sealed record SearchPlan(
    int Field, long IndexId, Metric Metric, QueryVector[] Queries, int Keep, ConditionNode Filter, double? Radius, double? RangeFilter, SearchHints Hints)
{
    /// <summary>Milvus's range search: for distances range_filter ≤ d &lt; radius, for similarities radius &lt; s ≤ range_filter.</summary>
    public bool InRange(float nearness)
    {
        if (Radius is null && RangeFilter is null)
        {
            return true;
        }

        var score = Metric.Score(nearness);
        return Metric.IsDistance()
            ? (Radius is not { } outer || score < outer) && (RangeFilter is not { } inner || score >= inner)
            : (Radius is not { } low || score > low) && (RangeFilter is not { } high || score <= high);
    }
}
