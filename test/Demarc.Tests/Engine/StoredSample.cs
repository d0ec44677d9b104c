using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Tests.Engine;

/// <summary>Segments through files, and what is in them as the wire has it.</summary>
internal static class StoredSample
{
    /// <summary>The rows as a file has them: written, opened, put back.</summary>
    public static Segment ThroughFile(TemporaryFolder folder, CollectionDefinition definition, Segment segment, int rows)
    {
        var stored = new StoredSegment { SegmentId = segment.Id, RowCount = rows, File = $"segment-{segment.Id:x16}.seg" };
        SegmentFile.Write(new Disk(), folder[stored.File], segment.View() with { Count = rows }, definition);
        long next = 1;
        var collection = new CollectionRows(definition, () => next++);
        collection.Restore(SegmentFile.Open(folder[stored.File], definition, stored), stored);
        return collection.View.Segments[0].Segment;
    }

    public static List<FieldData> Columns(Segment segment, int rows) => [.. segment.Columns.Select(c => Column(c, 0, rows))];

    public static FieldData Column(Column column, int from, int count)
    {
        var data = Demarc.Engine.Rows.Column.NewData(column.Field);
        for (var row = from; row < from + count; row++)
        {
            column.Write(data, row);
        }

        return data;
    }
}
