using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>What a search says about how hard to look; null is left to the index.</summary>
internal sealed record SearchHints(int? Ef, int? Probes, double DropRatio)
{
    public static readonly SearchHints None = new(null, null, 0);
}

/// <summary>One query against one segment's index.</summary>
/// <param name="Query">The query.</param>
/// <param name="Exact">The same query bound to the segment's column: what an index finds is scored by it, so that scores do not depend on the index.</param>
/// <param name="Column">The column, for asking the memory of its rows.</param>
/// <param name="Mask">A bit per row that may be found, or null when all may.</param>
/// <param name="Matches">How many of the index's rows may be found.</param>
/// <param name="Keep">How many are wanted.</param>
/// <param name="Hints">How hard to look.</param>
/// <param name="From">Rows before this one are not to be found, though it may have them.</param>
internal readonly record struct IndexSearch(QueryVector Query, Scorer Exact, VectorColumn Column, ulong[]? Mask, int Matches, int Keep, SearchHints Hints, int From = 0);

/// <summary>
/// A structure over the first rows of one field in one segment that finds near rows without looking at all of them. It
/// never changes; a later one replaces it whole.
/// </summary>
internal abstract class VectorIndex(long indexId, int rows)
{
    /// <summary>The definition it was built for.</summary>
    public long IndexId { get; } = indexId;

    /// <summary>It covers rows [0, Rows); those behind are for the exact scan.</summary>
    public int Rows { get; } = rows;

    /// <summary>Memory of the process that it holds; what is mapped from a file is not counted.</summary>
    public abstract long Bytes { get; }

    /// <summary>Whether a file holds it.</summary>
    public bool Stored { get; set; }

    /// <summary>Which structure it is and the few numbers of its own, as they stand in a file.</summary>
    public abstract (IndexFileKind Kind, long[] Numbers) Description { get; }

    /// <summary>Writes everything else as blocks of its file.</summary>
    public abstract void WriteTo(BlockWriter to);

    /// <summary>
    /// Gives near rows to <paramref name="found"/>, scored by the exact scorer, or returns false when scanning all that may
    /// be found is the cheaper way to the same answer.
    /// </summary>
    public abstract bool Search(in IndexSearch search, HitCollector found);
}

/// <summary>Takes hits of one segment, drops those out of the wanted range, keeps the nearest.</summary>
internal readonly struct HitCollector(NearestHeap heap, SearchPlan plan, int segment)
{
    public float Bound => heap.Bound;

    public void Offer(int row, float nearness)
    {
        if (nearness >= heap.Bound && plan.InRange(nearness))
        {
            heap.Offer(new Hit(nearness, segment, row));
        }
    }
}

/// <summary>What comparing costs, in nanoseconds of a machine of 2024; only ratios matter, to choose between a walk and a scan.</summary>
internal static class Costs
{
    /// <summary>A row met by a scan that asks for its bytes ahead.</summary>
    public static double Scanned(FieldDefinition field) => 4 + (0.05 * field.VectorBytes);

    /// <summary>How much cheaper a walk must look: its estimate is the less certain one, and a scan of few rows finds them in the cache.</summary>
    public const double WalkMargin = 1.5;

    /// <summary>A row met by a walk: its bytes are asked for early, but the walk's own work comes on top.</summary>
    public static double Walked(int bytes) => 22 + (0.08 * bytes);
}
