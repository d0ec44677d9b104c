using Demarc.Engine.Catalog;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>Makes collections of what a manifest says of them and of the files that it names.</summary>
internal static class StoredCollections
{
    /// <summary>A collection with all its rows, or with none of them and the reason why.</summary>
    public static CollectionRows ReadOrWithhold(DataDirectory directory, Disk disk, StoredCollection stored, HybridClock clock, ILogger log)
    {
        var collection = new CollectionRows(Definition(stored), clock.NextId);
        string? damage = null;
        foreach (var segment in stored.Segments)
        {
            try
            {
                ReadSegment(directory, collection, segment);
            }
            catch (DamagedDataException e)
            {
                var told = Quarantine.MoveAside(disk, e, log);
                log.Quarantined(collection.Definition.Name, told);
                damage ??= told;
            }
        }

        if (damage is not null)
        {
            collection = new CollectionRows(Definition(stored), clock.NextId);
            collection.Withhold(new WithheldRows(stored.Segments, stored.Pending), damage);
            return collection;
        }

        foreach (var op in stored.Pending)
        {
            Redo(collection, op);
        }

        return collection;
    }

    /// <summary>A collection with all its rows, every byte of their files checked, or an exception that names the file.</summary>
    /// <param name="directory">Where the files are.</param>
    /// <param name="stored">What the manifest says.</param>
    /// <param name="clock">Where the collection takes ids from.</param>
    /// <param name="progress">Told how many segments are read.</param>
    public static CollectionRows ReadWhole(DataDirectory directory, StoredCollection stored, HybridClock clock, Action<int> progress)
    {
        var collection = new CollectionRows(Definition(stored), clock.NextId);
        for (var i = 0; i < stored.Segments.Count; i++)
        {
            ReadSegment(directory, collection, stored.Segments[i]);
            collection.View.Segments[i].Segment.File?.CheckAll();
            progress(i + 1);
        }

        collection.FillKeys();
        return collection;
    }

    /// <summary>Whether what went wrong is in what was read, and not in the reading of it.</summary>
    public static bool IsOfTheContent(Exception e) => e is not DamagedDataException and not IOException and not UnauthorizedAccessException;

    public static DamagedDataException Unfit(string file, Exception e) => new(file, 0, $"the content matches its checksum but cannot be taken over ({e.Message})");

    private static void ReadSegment(DataDirectory directory, CollectionRows collection, StoredSegment segment)
    {
        var (file, definition) = (directory.PathOf(segment.File), collection.Definition);
        try
        {
            if (file.EndsWith(SegmentFile.Extension, StringComparison.Ordinal))
            {
                ReadSegmentFile(directory, collection, segment, file);
                return;
            }

            var body = StoredFile.Read(file, StoredFile.SegmentMagic, SegmentBody.Parser);
            if (body.CollectionId != definition.Id || body.SegmentId != segment.SegmentId || body.RowCount != segment.RowCount || body.RowCount < 0 || body.RowCount > body.CalculateSize() || body.Columns.Count > definition.Fields.Count)
            {
                throw new DamagedDataException(file, 0, "the segment is not the one its manifest names");
            }

            collection.Restore(body, segment);
        }
        catch (Exception e) when (IsOfTheContent(e))
        {
            throw Unfit(file, e);
        }
    }

    /// <summary>Reads a file of blocks; one that is missing or damaged is taken from the bucket, if that has it.</summary>
    private static void ReadSegmentFile(DataDirectory directory, CollectionRows collection, StoredSegment segment, string file)
    {
        var bucket = directory.Bucket;
        bucket?.Provide(file);
        try
        {
            collection.Restore(SegmentFile.Open(file, collection.Definition, segment, bucket), segment);
        }
        catch (DamagedDataException e) when (bucket?.Has(file) == true && (e.DamagedFile == file || e.DamagedFile == PartFile.NameOf(file)))
        {
            bucket.Replace(e);
            bucket.Provide(file);
            collection.Restore(SegmentFile.Open(file, collection.Definition, segment, bucket), segment);
        }
    }

    /// <summary>Does to rows that can be read again what was done while they could not.</summary>
    private static void Redo(CollectionRows collection, LogOp op)
    {
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.PutRows:
                RowReader.Complete(collection.Definition, op.PutRows.Columns, op.PutRows.RowCount);
                collection.Put(op.PutRows, op.Timestamp);
                break;
            case LogOp.ChangeOneofCase.DeleteRows:
                collection.Delete(op.DeleteRows.Ids);
                break;
            case LogOp.ChangeOneofCase.Truncate:
                collection.Truncate();
                break;
            case LogOp.ChangeOneofCase.DropPartition:
                collection.DropPartition(op.DropPartition.PartitionId);
                break;
            default:
                throw new InvalidDataException($"{op.ChangeCase} waits in the manifest, but is no change of rows; start the newer engine that wrote it");
        }
    }

    private static CollectionDefinition Definition(StoredCollection stored)
    {
        var read = SchemaRules.Read(stored.Definition, stored.CreatedTimestamp);
        return read with
        {
            Loaded = stored.Loaded,
            Indexes = [.. stored.Indexes],
            Partitions = stored.Partitions.Count > 0 ? [.. stored.Partitions] : read.Partitions,
            LoadedPartitions = [.. stored.LoadedPartitions],
            LoadFields = [.. stored.LoadFields],
            UpdatedTimestamp = Math.Max(stored.UpdatedTimestamp, stored.CreatedTimestamp),
        };
    }
}
