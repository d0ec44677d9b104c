using Demarc.Engine.Durability;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Rows;

/// <summary>What a start puts back, what is read from files instead of memory, and what happens when a file is damaged.</summary>
internal sealed partial class CollectionRows
{
    // Segments whose keys are not in the table yet: a start does not wait for that.
    private readonly List<Segment> unkeyed = [];
    private int unkeyedRows;
    private string? damage;

    /// <summary>Why reads and writes are refused, once that is so: which stored file is damaged where.</summary>
    public string? Damage => Volatile.Read(ref damage);

    /// <summary>The rows that are not served because one of their segments could not be read at the start.</summary>
    public WithheldRows? Withheld { get; private set; }

    /// <summary>The keys of all rows; whoever uses them holds the gate.</summary>
    private PrimaryKeys Keys
    {
        get
        {
            if (unkeyed.Count > 0)
            {
                table.Reserve(unkeyedRows);
                foreach (var segment in unkeyed)
                {
                    AddKeys(segment);
                }

                unkeyed.Clear();
                unkeyedRows = 0;
            }

            return table;
        }
    }

    /// <summary>Refuses reads and writes from now on.</summary>
    public void Refuse(string place) => Volatile.Write(ref damage, place);

    /// <summary>Serves no rows, and keeps what is done to them for later.</summary>
    public void Withhold(WithheldRows rows, string place)
    {
        Withheld = rows;
        Refuse(place);
    }

    /// <summary>Throws the fault that reads and writes of damaged rows get.</summary>
    public void ThrowIfDamaged()
    {
        if (Damage is { } place)
        {
            throw Faults.Damaged($"collection {Definition.Name}", place);
        }
    }

    /// <summary>Fills the table of keys, if a start has left that for later.</summary>
    public void FillKeys()
    {
        lock (gate)
        {
            _ = Keys;
        }
    }

    /// <summary>Puts back a segment of a checkpoint from its file. Rows that may be followed by others are checked here, all others on their first use.</summary>
    public void Restore(BlockFile file, StoredSegment stored)
    {
        var segment = Restored(stored);
        segment.ReadFrom(file, stored.RowCount, Definition);
        segment.Stored = segment.Stored! with { Fields = SegmentFile.Fields(file) };
        if (!segment.IsFull)
        {
            file.CheckAll();
        }

        Restore(segment, stored);
    }

    /// <summary>Puts back a segment that an older checkpoint has written as a message.</summary>
    public void Restore(SegmentBody body, StoredSegment stored)
    {
        var segment = Restored(stored);
        RowReader.Complete(Definition, body.Columns, body.RowCount);
        segment.Append(body.Columns, 0, body.RowCount);
        Restore(segment, stored);
    }

    /// <summary>Has a segment that gets no more rows read its vectors from a file of them that was just written and checked; gives the bytes that are free now.</summary>
    public long MapFrom(Segment segment, BlockFile file)
    {
        lock (gate)
        {
            var appended = !segment.IsFull && open.GetValueOrDefault(segment.PartitionId) == segment;
            if (appended || !segments.Contains(segment) || segment.Count != file.Identity.Rows)
            {
                return 0;
            }

            var before = segment.Bytes;
            segment.MapFrom(file);
            Publish();
            return before - segment.Bytes;
        }
    }

    private Segment Restored(StoredSegment stored)
    {
        var partition = stored.PartitionId != 0 ? stored.PartitionId : Definition.DefaultPartitionId;
        return new Segment(Definition, stored.SegmentId, nextOrdinal++, partition) { Stored = new StoredRows(stored.File, SegmentFile.IdentityOf(Definition, stored), 0), NamedRows = stored.RowCount };
    }

    private void Restore(Segment segment, StoredSegment stored)
    {
        lock (gate)
        {
            segment.Times.ReadFrom(stored, Definition.CreatedTimestamp);
            segment.RestoreDeleted(stored.Deleted.Span);
            segments.Add(segment);
            unkeyed.Add(segment);
            unkeyedRows += segment.Count - segment.DeletedCount;
            open[segment.PartitionId] = segment;
            Publish();
        }
    }

    private void AddKeys(Segment segment)
    {
        var column = segment.Columns[Definition.PrimaryIndex];
        for (var row = 0; row < segment.Count; row++)
        {
            if (!segment.IsDeleted(row))
            {
                table.Move(column, row, new RowPlace(segment.Ordinal, row));
            }
        }
    }
}
