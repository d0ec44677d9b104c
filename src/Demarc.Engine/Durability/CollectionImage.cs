using Demarc.Engine.Catalog;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Durability;

/// <summary>
/// A collection as of one moment and how a manifest names it: taken in an instant because views are immutable, written to
/// files in the background. Checkpoints and snapshots are made of these.
/// </summary>
/// <param name="Stored">What stands in the manifest.</param>
/// <param name="Segments">Its segments, in the same order.</param>
internal sealed record CollectionImage(StoredCollection Stored, IReadOnlyList<SegmentImage> Segments)
{
    public static CollectionImage Of(CollectionRows collection)
    {
        var view = collection.View;
        var definition = view.Definition;
        var stored = new StoredCollection
        {
            Definition = definition.Op,
            CreatedTimestamp = definition.CreatedTimestamp,
            UpdatedTimestamp = definition.UpdatedTimestamp,
            Loaded = definition.Loaded,
        };
        stored.Indexes.Add(definition.Indexes);
        stored.Partitions.Add(definition.Partitions);
        stored.LoadedPartitions.Add(definition.LoadedPartitions);
        stored.LoadFields.Add(definition.LoadFields);
        if (collection.Withheld is { } withheld)
        {
            // What could not be read stays named as it was, and waits.
            stored.Segments.Add(withheld.Segments);
            stored.Pending.Add(withheld.Pending);
            return new CollectionImage(stored, []);
        }

        var segments = new List<SegmentImage>(view.Segments.Length);
        for (var i = 0; i < view.Segments.Length; i++)
        {
            var image = SegmentImage.Of(collection, definition, view.Segments[i], isLast: i == view.Segments.Length - 1);
            segments.Add(image);
            stored.Segments.Add(image.Stored);
        }

        return new CollectionImage(stored, segments);
    }
}

/// <summary>One segment as of one moment, and the file that a manifest names for it.</summary>
internal sealed record SegmentImage(CollectionRows Collection, CollectionDefinition Definition, SegmentView View, StoredSegment Stored)
{
    public static SegmentImage Of(CollectionRows collection, CollectionDefinition definition, SegmentView view, bool isLast)
    {
        var stored = new StoredSegment
        {
            SegmentId = view.Segment.Id,
            RowCount = view.Count,
            Sealed = !isLast,
            Deleted = UnsafeByteOperations.UnsafeWrap(view.DeletedBytes()),
            PartitionId = view.Segment.PartitionId,
        };
        view.Segment.Times.WriteTo(stored);
        if (view.Segment.Stored is { } file && file.Identity.Rows == view.Count && file.File.EndsWith(SegmentFile.Extension, StringComparison.Ordinal) && !Lacks(file, definition))
        {
            stored.File = file.File;
            if (file.Identity.Id != view.Segment.Id)
            {
                (stored.OriginCollectionId, stored.OriginSegmentId) = (file.Identity.Owner, file.Identity.Id);
            }
        }
        else
        {
            stored.File = SegmentFile.Name(view.Segment.Id, view.Count, definition.Op.Schema.Version);
        }

        return new SegmentImage(collection, definition, view, stored);
    }

    /// <summary>Whether the file is without what a function has made since: that is not made again at each start.</summary>
    private static bool Lacks(StoredRows file, CollectionDefinition definition) => definition.Fields.Skip(file.Fields).Any(f => f.Schema.IsFunctionOutput);

    /// <summary>Writes the file unless it is there; whether it was written now. Whoever calls this is the only one to write or remove files of segments.</summary>
    public bool Write(DataDirectory directory, Disk disk)
    {
        if (View.Segment.Stored?.File == Stored.File)
        {
            return false;
        }

        // The file that was meant may be gone, and if it was shared it is not this segment's to write.
        (Stored.File, Stored.OriginCollectionId, Stored.OriginSegmentId) = (SegmentFile.Name(View.Segment.Id, View.Count, Definition.Op.Schema.Version), 0, 0);
        SegmentFile.Write(disk, directory.PathOf(Stored.File), View, Definition);
        View.Segment.Stored = new StoredRows(Stored.File, SegmentFile.IdentityOf(Definition, Stored), Definition.Fields.Count);
        return true;
    }
}
