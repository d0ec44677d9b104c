using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>A collection as of one moment: what one search or query works on from beginning to end.</summary>
internal sealed record CollectionView(CollectionDefinition Definition, SegmentView[] Segments, long LiveRows)
{
    /// <summary>Only the rows of some partitions; null for all.</summary>
    public CollectionView Within(IReadOnlySet<long>? partitions)
    {
        if (partitions is null)
        {
            return this;
        }

        var segments = Array.FindAll(Segments, s => partitions.Contains(s.Segment.PartitionId));
        return this with { Segments = segments, LiveRows = segments.Sum(s => (long)s.Live) };
    }
}

/// <summary>
/// One collection's rows. The writer applies changes and publishes a view behind one short gate; a reader takes the view
/// and never waits for a write, except to look keys up, which needs the key table and the view to agree.
/// </summary>
internal sealed partial class CollectionRows
{
    private readonly Lock gate = new();
    private readonly List<Segment> segments = [];

    // The segment that rows of a partition are appended to, if there is one with room.
    private readonly Dictionary<long, Segment> open = [];
    private readonly PrimaryKeys table;

    private readonly Func<long> nextId;
    private int nextOrdinal;
    private CollectionView view;

    public CollectionRows(CollectionDefinition definition, Func<long> nextId)
    {
        Definition = definition;
        this.nextId = nextId;
        table = new PrimaryKeys(definition.Primary.Type == DataType.VarChar);
        view = new CollectionView(definition, [], 0);
    }

    /// <summary>Owned by the writer; readers use the view's.</summary>
    public CollectionDefinition Definition { get; private set; }

    public CollectionView View => Volatile.Read(ref view);

    /// <summary>Memory of the process that rows and keys hold, roughly; what is mapped from files is not counted.</summary>
    public long Bytes => View.Segments.Sum(s => s.Segment.Bytes) + ((table.Count + Volatile.Read(ref unkeyedRows)) * (long)PrimaryKeys.RowBytes);

    public void Redefine(CollectionDefinition definition)
    {
        lock (gate)
        {
            Definition = definition;
            Publish();
        }
    }

    /// <summary>
    /// Another name, other properties, more fields or fewer. Rows that are there get what new fields hold without a value; those of a dropped
    /// field keep theirs, unseen, until they are moved to another segment.
    /// </summary>
    public void Alter(CollectionDefinition definition)
    {
        lock (gate)
        {
            foreach (var segment in segments)
            {
                segment.Extend(definition);
            }

            if (definition.Fields.Count(f => f.IsDropped) > Definition.Fields.Count(f => f.IsDropped))
            {
                CloseOpen();
            }

            Definition = definition;
            Publish();
        }
    }

    /// <summary>Takes all rows away and leaves everything else.</summary>
    public void Truncate()
    {
        lock (gate)
        {
            Withheld?.Pending.Add(new LogOp { Truncate = new TruncateOp { CollectionId = Definition.Id } });
            segments.Clear();
            open.Clear();
            unkeyed.Clear();
            unkeyedRows = 0;
            table.Clear();
            Publish();
        }
    }

    public void DropPartition(long partition)
    {
        lock (gate)
        {
            Withheld?.Pending.Add(new LogOp { DropPartition = new DropPartitionOp { CollectionId = Definition.Id, PartitionId = partition } });
            var keys = Keys;
            foreach (var segment in segments.Where(s => s.PartitionId == partition))
            {
                for (var row = 0; row < segment.Count; row++)
                {
                    if (!segment.IsDeleted(row))
                    {
                        keys.Remove(segment.Columns[Definition.PrimaryIndex], row);
                    }
                }
            }

            segments.RemoveAll(s => s.PartitionId == partition);
            open.Remove(partition);
            var loaded = Definition.LoadedPartitions.Where(p => p != partition).ToList();
            Definition = Definition with
            {
                Partitions = [.. Definition.Partitions.Where(p => p.Id != partition)],
                LoadedPartitions = loaded,
                Loaded = Definition.Loaded && (loaded.Count > 0 || Definition.LoadedPartitions.Count == 0),
            };
            Publish();
        }
    }

    /// <summary>Has the rows of open segments indexed as they are now, if they are enough to be worth it.</summary>
    public void AskForIndex()
    {
        lock (gate)
        {
            foreach (var segment in open.Values)
            {
                segment.AskedRows = segment.Count;
            }
        }
    }

    /// <summary>Adds rows; a row whose key exists replaces it.</summary>
    public void Put(PutRowsOp op, ulong timestamp = 0)
    {
        lock (gate)
        {
            if (Withheld is not null)
            {
                Withheld.Pending.Add(new LogOp { Timestamp = timestamp, PutRows = op });
                return;
            }

            var keys = Keys;
            var keyColumn = op.Columns[Definition.PrimaryIndex];
            for (var from = 0; from < op.RowCount;)
            {
                var (partition, run) = PartitionRun(op, from);
                var segment = Open(partition);
                var count = Math.Min(run, segment.MaxRows - segment.Count);
                var first = segment.Count;
                segment.Times.Add(first, timestamp);
                segment.Append(op.Columns, from, count);
                for (var i = 0; i < count; i++)
                {
                    if (keys.Put(keyColumn, from + i, new RowPlace(segment.Ordinal, first + i)) is { } before)
                    {
                        ByOrdinal(before.Ordinal).Delete(before.Row);
                    }
                }

                from += count;
            }

            Publish();
        }
    }

    public void Delete(IDs ids)
    {
        lock (gate)
        {
            if (Withheld is not null)
            {
                Withheld.Pending.Add(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = Definition.Id, Ids = ids } });
                return;
            }

            var keys = Keys;
            foreach (var id in ids.IntId?.Data ?? [])
            {
                if (keys.Remove(id, out var place))
                {
                    ByOrdinal(place.Ordinal).Delete(place.Row);
                }
            }

            foreach (var id in ids.StrId?.Data ?? [])
            {
                if (keys.Remove(id, out var place))
                {
                    ByOrdinal(place.Ordinal).Delete(place.Row);
                }
            }

            Compact(worthwhile: true);
            Publish();
        }
    }

    /// <summary>Rewrites every full segment that has deleted rows; gives the ids of what was rewritten and of what came of it.</summary>
    public List<(long Source, long Target)> CompactAll()
    {
        lock (gate)
        {
            var done = Compact(worthwhile: false);
            Publish();
            return done;
        }
    }

    /// <summary>The keys of rows written before a moment that are still there; null for none.</summary>
    public FieldData? WrittenBefore(ulong timestamp)
    {
        FieldData? found = null;
        foreach (var segment in View.Segments.Where(s => s.Segment.Times.Oldest < timestamp))
        {
            var before = found?.CalculateSize();
            found = KeysOf(segment, row => segment.Segment.Times.Of(row) < timestamp, found);
            if (found?.CalculateSize() == before)
            {
                segment.Segment.Times.Forget(timestamp);
            }
        }

        return found;
    }

    /// <summary>The keys of rows whose time, in microseconds, is over; null for none.</summary>
    public FieldData? PastBefore(int field, long microseconds)
    {
        FieldData? found = null;
        foreach (var segment in View.Segments)
        {
            var column = (IntegerColumn)segment.Segment.Columns[field];
            found = KeysOf(segment, row => column.Values[row] <= microseconds && !column.IsNull(row), found);
        }

        return found;
    }

    private FieldData? KeysOf(SegmentView segment, Predicate<int> wanted, FieldData? found)
    {
        for (var row = 0; row < segment.Count; row++)
        {
            if (segment.IsLive(row) && wanted(row))
            {
                segment.Segment.Columns[Definition.PrimaryIndex].Write(found ??= Column.NewData(Definition.Primary), row);
            }
        }

        return found;
    }

    /// <summary>The live rows of the given keys, in the order of the keys, with the view they belong to.</summary>
    public (CollectionView View, List<RowPlace> Places) Find(IReadOnlyCollection<long> integers, IReadOnlyCollection<string> strings)
    {
        lock (gate)
        {
            var places = new List<RowPlace>(integers.Count + strings.Count);
            var keys = Keys;
            foreach (var key in integers)
            {
                if (keys.Find(key, out var place))
                {
                    places.Add(place);
                }
            }

            foreach (var key in strings)
            {
                if (keys.Find(key, out var place))
                {
                    places.Add(place);
                }
            }

            return (view, places);
        }
    }

    /// <summary>How many rows from one on go to the same partition, and to which.</summary>
    private (long Partition, int Count) PartitionRun(PutRowsOp op, int from)
    {
        var ids = op.PartitionIds;
        if (ids.Count <= 1)
        {
            return (ids.Count == 0 ? Definition.DefaultPartitionId : ids[0], op.RowCount - from);
        }

        var end = from + 1;
        while (end < op.RowCount && ids[end] == ids[from])
        {
            end++;
        }

        return (ids[from], end - from);
    }

    /// <summary>Has later rows go to segments of their own, whose columns are those of the definition from now on.</summary>
    private void CloseOpen()
    {
        foreach (var segment in open.Values)
        {
            segment.AskedRows = segment.Count;
        }

        open.Clear();
    }

    private Segment Open(long partition)
    {
        if (open.TryGetValue(partition, out var segment) && !segment.IsFull)
        {
            return segment;
        }

        open.Remove(partition);
        Compact(worthwhile: true);
        segment = new Segment(Definition, nextId(), nextOrdinal++, partition);
        segments.Add(segment);
        open[partition] = segment;
        return segment;
    }

    /// <summary>
    /// Rewrites segments that are no longer appended to, so that deletions give memory back: those of which more than half is
    /// deleted, or when that is not asked for, all that have deletions or values of dropped fields.
    /// </summary>
    private List<(long Source, long Target)> Compact(bool worthwhile)
    {
        var done = new List<(long, long)>();
        for (var i = 0; i < segments.Count; i++)
        {
            var old = segments[i];
            var appended = !old.IsFull && open.GetValueOrDefault(old.PartitionId) == old;
            var wanted = worthwhile ? old.DeletedCount > old.Count / 2 : old.DeletedCount > 0 || old.HoldsDropped(Definition);
            if (appended || !wanted || !old.IsSound)
            {
                continue;
            }

            var dense = new Segment(Definition, nextId(), nextOrdinal++, old.PartitionId);
            done.Add((old.Id, dense.Id));
            for (var row = 0; row < old.Count; row++)
            {
                if (!old.IsDeleted(row))
                {
                    Keys.Move(old.Columns[Definition.PrimaryIndex], row, new RowPlace(dense.Ordinal, dense.Count));
                    dense.Times.Add(dense.Count, old.Times.Of(row));
                    dense.AppendFrom(old, row);
                }
            }

            segments[i] = dense;
        }

        // An emptied segment needs no place.
        segments.RemoveAll(s => s.Count == 0);
        return done;
    }

    private Segment ByOrdinal(int ordinal)
    {
        // The newest segment is asked for most.
        for (var i = segments.Count - 1; i >= 0; i--)
        {
            if (segments[i].Ordinal == ordinal)
            {
                return segments[i];
            }
        }

        throw new InvalidOperationException($"Segment {ordinal} of collection {Definition.Name} is gone but its keys are not.");
    }

    private void Publish()
    {
        var views = new SegmentView[segments.Count];
        long live = 0;
        for (var i = 0; i < views.Length; i++)
        {
            views[i] = segments[i].View();
            live += views[i].Live;
        }

        Volatile.Write(ref view, new CollectionView(Definition, views, live));
    }
}
