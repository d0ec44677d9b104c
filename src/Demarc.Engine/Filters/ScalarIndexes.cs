using Demarc.Engine.Catalog;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>
/// Keeps the scalar indexes of closed segments in step with what is defined: builds what is missing, drops what is no longer
/// asked for. An open segment is scanned. Indexes live in memory only and are built again after a start.
/// </summary>
internal static class ScalarIndexes
{
    /// <summary>Rows that are scanned sooner than looked up.</summary>
    public const int LeastRows = 4096;

    public static void Refresh(CollectionView view, CancellationToken cancel)
    {
        for (var i = 0; i < view.Segments.Length; i++)
        {
            var segment = view.Segments[i];
            var closed = i < view.Segments.Length - 1 || segment.Segment.IsFull;
            foreach (var column in segment.Segment.Columns)
            {
                cancel.ThrowIfCancellationRequested();
                var wanted = closed && segment.Count >= LeastRows && SortedIndex.CanIndex(column.Field) && view.Definition.IndexOn(column.Field.Name) is not null;
                if (!wanted)
                {
                    column.Index = null;
                }
                else if (column.Index is null || column.Index.Covered < segment.Count)
                {
                    column.Index = SortedIndex.Build(column, segment.Count);
                }
            }
        }
    }
}
