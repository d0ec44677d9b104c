using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>A collection as of one moment: what one search or query works on from beginning to end.</summary>
internal sealed record CollectionView(CollectionDefinition Definition, SegmentView[] Segments, long LiveRows);

/// <summary>
/// One collection's rows. The writer applies changes and publishes a view behind one short gate; a reader takes the view
/// and never waits for a write, except to look keys up, which needs the key table and the view to agree.
/// </summary>
internal sealed class CollectionRows
{
    private readonly Lock gate = new();
    private readonly List<Segment> segments = [];
    private readonly PrimaryKeys keys;
    private readonly Func<long> nextId;
    private int nextOrdinal;
    private CollectionView view;

    public CollectionRows(CollectionDefinition definition, Func<long> nextId)
    {
        Definition = definition;
        this.nextId = nextId;
        keys = new PrimaryKeys(definition.Primary.Type == DataType.VarChar);
        view = new CollectionView(definition, [], 0);
    }

    /// <summary>Owned by the writer; readers use the view's.</summary>
    public CollectionDefinition Definition { get; private set; }

    public CollectionView View => Volatile.Read(ref view);

    public long Bytes { get; private set; }

    public void Redefine(CollectionDefinition definition)
    {
        Definition = definition;
        Publish();
    }

    /// <summary>Has the rows of the open segment indexed as they are now, if they are enough to be worth it.</summary>
    public void AskForIndex()
    {
        lock (gate)
        {
            if (segments.Count > 0)
            {
                segments[^1].AskedRows = segments[^1].Count;
            }
        }
    }

    /// <summary>Adds rows; a row whose key exists replaces it.</summary>
    public void Put(PutRowsOp op)
    {
        lock (gate)
        {
            var keyColumn = op.Columns[Definition.PrimaryIndex];
            for (var from = 0; from < op.RowCount;)
            {
                var segment = Open();
                var count = Math.Min(op.RowCount - from, segment.MaxRows - segment.Count);
                var first = segment.Count;
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

            Compact();
            Publish();
        }
    }

    /// <summary>The live rows of the given keys, in the order of the keys, with the view they belong to.</summary>
    public (CollectionView View, List<RowPlace> Places) Find(IReadOnlyCollection<long> integers, IReadOnlyCollection<string> strings)
    {
        lock (gate)
        {
            var places = new List<RowPlace>(integers.Count + strings.Count);
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

    /// <summary>Puts back a segment read from a checkpoint.</summary>
    public void Restore(SegmentBody body, StoredSegment stored)
    {
        lock (gate)
        {
            var segment = new Segment(Definition, stored.SegmentId, nextOrdinal++) { StoredFile = stored.File, StoredRows = stored.RowCount };
            segment.Append(body.Columns, 0, body.RowCount);
            segment.RestoreDeleted(stored.Deleted.Span);
            var keyColumn = body.Columns[Definition.PrimaryIndex];
            for (var row = 0; row < body.RowCount; row++)
            {
                if (!segment.IsDeleted(row))
                {
                    _ = keys.Put(keyColumn, row, new RowPlace(segment.Ordinal, row));
                }
            }

            segments.Add(segment);
            Publish();
        }
    }

    private Segment Open()
    {
        if (segments.Count > 0 && !segments[^1].IsFull)
        {
            return segments[^1];
        }

        Compact();
        var segment = new Segment(Definition, nextId(), nextOrdinal++);
        segments.Add(segment);
        return segment;
    }

    /// <summary>Rewrites segments that are no longer appended to and of which more than half is deleted, so that deletions give memory back.</summary>
    private void Compact()
    {
        for (var i = 0; i < segments.Count; i++)
        {
            var old = segments[i];
            var open = i == segments.Count - 1 && !old.IsFull;
            if (open || old.DeletedCount <= old.Count / 2)
            {
                continue;
            }

            var dense = new Segment(Definition, nextId(), nextOrdinal++);
            for (var row = 0; row < old.Count; row++)
            {
                if (!old.IsDeleted(row))
                {
                    keys.Move(old.Columns[Definition.PrimaryIndex], row, new RowPlace(dense.Ordinal, dense.Count));
                    dense.AppendFrom(old, row);
                }
            }

            segments[i] = dense;
        }

        // An emptied segment needs no place; the open one at the end stays.
        segments.RemoveAll(s => s.Count == 0);
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
        long live = 0, bytes = keys.Bytes;
        for (var i = 0; i < views.Length; i++)
        {
            views[i] = segments[i].View();
            live += views[i].Live;
            bytes += segments[i].Bytes;
        }

        Bytes = bytes;
        Volatile.Write(ref view, new CollectionView(Definition, views, live));
    }
}
