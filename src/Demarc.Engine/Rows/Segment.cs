using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;

namespace Demarc.Engine.Rows;

/// <summary>
/// A bounded run of rows, one column per field. Rows are only appended; a deleted row is a bit in a bitmap that is copied
/// before it is changed, so that views already handed out stay as they were.
/// </summary>
internal sealed class Segment
{
    private ulong[]? deleted;
    private bool deletedShared;
    private VectorIndex?[] indexes;
    private ArrivedRows?[] arrived;
    private long[] notIndexable;
    private int namedRows;

    public Segment(CollectionDefinition definition, long id, int ordinal, long partition = 0)
    {
        Id = id;
        Ordinal = ordinal;
        PartitionId = partition;
        Columns = [.. definition.Fields.Select(Column.Create)];
        indexes = new VectorIndex?[Columns.Length];
        arrived = new ArrivedRows?[Columns.Length];
        notIndexable = new long[Columns.Length];
        MaxRows = CapacityOfBytes(definition.Fields.Sum(f => f.VectorBytes));
    }

    /// <summary>Known to clients and in the file's name.</summary>
    public long Id { get; }

    /// <summary>Position among the collection's segments, never reused within a run of the process.</summary>
    public int Ordinal { get; }

    /// <summary>All rows of a segment belong to one partition.</summary>
    public long PartitionId { get; }

    public RowTimes Times { get; } = new();

    public Column[] Columns { get; private set; }

    public int MaxRows { get; }

    public int Count { get; private set; }

    public int DeletedCount { get; private set; }

    public bool IsFull => Count >= MaxRows;

    public long Bytes => Columns.Sum(c => c.Bytes + (c.Index?.Bytes ?? 0) + ((c as TextColumn)?.Words?.Bytes ?? 0)) + (deleted?.Length * 8L ?? 0) + indexes.Sum(i => i?.Bytes ?? 0) + arrived.Sum(a => a?.Bytes ?? 0);

    /// <summary>The file that holds the first of these rows, if one has been written.</summary>
    public StoredRows? Stored { get; set; }

    /// <summary>Rows of this segment that the manifest on the disk names: what rests on them may be written beside them.</summary>
    public int NamedRows
    {
        get => Volatile.Read(ref namedRows);
        set => Volatile.Write(ref namedRows, value);
    }

    /// <summary>The mapped file that rows are read from, if any are.</summary>
    public BlockFile? File { get; private set; }

    /// <summary>Rows of a segment, from the bytes of one row's vectors.</summary>
    public static int CapacityOfBytes(int vectorBytes) =>
        Math.Clamp(Limits.SegmentVectorBytes / Math.Max(1, vectorBytes), 256, Limits.SegmentRows);

    /// <summary>How many rows somebody who stopped writing, flushed or defined an index wants indexed, though the segment is not full.</summary>
    public int AskedRows { get; set; }

    /// <summary>The index definition that these rows cannot be indexed for, so that it is not tried again; otherwise 0.</summary>
    public long NotIndexable(int field) => Volatile.Read(ref notIndexable[field]);

    public void SetNotIndexable(int field, long indexId) => Volatile.Write(ref notIndexable[field], indexId);

    /// <summary>The index over a field's first rows, once one is built.</summary>
    public VectorIndex? IndexOf(int field) => Volatile.Read(ref indexes[field]);

    /// <summary>Puts a built index in place of the one before, or takes it away. Only the index builder does.</summary>
    public void SetIndex(int field, VectorIndex? index) => Interlocked.Exchange(ref indexes[field], index);

    /// <summary>The rows behind the index's, in lists, once there are many.</summary>
    public ArrivedRows? ArrivedOf(int field) => Volatile.Read(ref arrived[field]);

    /// <summary>Reads a field's rows for longer than a request; null while they are only in the bucket.</summary>
    public VectorColumn.Widening? WidenerOf(int field)
    {
        var column = (VectorColumn)Columns[field];
        if (File is not { } file)
        {
            return column.Widener();
        }

        lock (file.Gate)
        {
            return file.IsPart ? null : column.Widener();
        }
    }

    /// <summary>A full fence, as with the index: whoever sets one looks at the other afterwards, and one of the two sees both.</summary>
    public void SetArrived(int field, ArrivedRows? rows) => Interlocked.Exchange(ref arrived[field], rows);

    /// <summary>Appends rows [from, from + count) of canonical columns.</summary>
    public void Append(IReadOnlyList<FieldData> columns, int from, int count)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            Columns[i].Append(columns[i], from, count);
        }

        Count += count;
    }

    /// <summary>Gives the rows what they leave out of a schema that has more fields at its end.</summary>
    public void Extend(CollectionDefinition definition)
    {
        if (Columns.Length == definition.Fields.Count)
        {
            return;
        }

        Column[] extended = [.. Columns, .. definition.Fields.Skip(Columns.Length).Select(Column.Create)];
        for (var i = Columns.Length; i < extended.Length; i++)
        {
            Complete(extended, i, definition, Count);
        }

        Array.Resize(ref indexes, definition.Fields.Count);
        Array.Resize(ref arrived, definition.Fields.Count);
        Array.Resize(ref notIndexable, definition.Fields.Count);
        Columns = extended;
    }

    public void AppendFrom(Segment source, int row)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            Columns[i].AppendFrom(source.Columns[i], row);
        }

        Count++;
    }

    public bool IsDeleted(int row) => deleted is not null && row >> 6 < deleted.Length && (deleted[row >> 6] >> (row & 63) & 1) != 0;

    public void Delete(int row)
    {
        var words = (Count + 63) >> 6;
        if (deleted is null || deletedShared || deleted.Length < words)
        {
            var own = new ulong[Math.Max(words, deleted?.Length ?? 0)];
            deleted?.CopyTo(own, 0);
            deleted = own;
            deletedShared = false;
        }

        var bit = 1UL << (row & 63);
        if ((deleted[row >> 6] & bit) == 0)
        {
            deleted[row >> 6] |= bit;
            DeletedCount++;
        }
    }

    /// <summary>What readers get: the rows and deletions of this moment.</summary>
    public SegmentView View()
    {
        deletedShared = true;
        return new SegmentView(this, Count, DeletedCount, deleted);
    }

    public void RestoreDeleted(ReadOnlySpan<byte> bits)
    {
        if (bits.Length == 0)
        {
            return;
        }

        deleted = new ulong[(bits.Length + 7) / 8];
        for (var i = 0; i < bits.Length; i++)
        {
            deleted[i / 8] |= (ulong)bits[i] << (i % 8 * 8);
        }

        DeletedCount = deleted.Sum(w => System.Numerics.BitOperations.PopCount(w));
    }

    /// <summary>Whether nothing of it is left to be checked; to find out does not check it.</summary>
    public bool IsSound => Columns.All(c => c is not VectorColumn { IsChecked: false });

    /// <summary>Whether values of dropped fields are still held, in memory or in the file.</summary>
    public bool HoldsDropped(CollectionDefinition definition)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            if (definition.Fields[i].IsDropped && (Columns[i] is not DroppedColumn || (File is not null && SegmentFile.Holds(File, i))))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes all rows of a file; those of fields that were added since it was written get the default, null, or what a function makes of the others.</summary>
    public void ReadFrom(BlockFile file, int rows, CollectionDefinition definition)
    {
        var stored = SegmentFile.Fields(file);
        for (var i = 0; i < Columns.Length; i++)
        {
            if (i < stored)
            {
                Columns[i].ReadFrom(file, i, rows);
            }
            else
            {
                Complete(Columns, i, definition, rows);
            }
        }

        (Count, File) = (rows, file);
    }

    /// <summary>Keeps the part of its file that stands beside it, and lets go of all else.</summary>
    public void TurnToPart()
    {
        var dense = SegmentFile.IsDense(File!);
        lock (File!.Gate)
        {
            File.TurnToPart(dense);
            for (var i = 0; i < Math.Min(SegmentFile.Fields(File), Columns.Length); i++)
            {
                if (dense(i))
                {
                    (Columns[i] as VectorColumn)?.LetGo();
                }
                else
                {
                    Map(File, i);
                }
            }
        }
    }

    /// <summary>Reads vectors from a checked file of these rows instead of from memory.</summary>
    public void MapFrom(BlockFile file)
    {
        var stored = Math.Min(SegmentFile.Fields(file), Columns.Length);
        for (var i = 0; i < stored; i++)
        {
            Map(file, i);
        }

        File = file;
    }

    /// <summary>Fills the column of a field that was added when the rows were there already.</summary>
    private static void Complete(Column[] columns, int at, CollectionDefinition definition, int rows)
    {
        var field = definition.Fields[at];
        if (rows > 0)
        {
            columns[at].Append(field.Schema.IsFunctionOutput ? FunctionRules.Made(definition, field, columns, rows) : RowReader.Absent(field, rows), 0, rows);
        }
    }

    private void Map(BlockFile file, int field)
    {
        (Columns[field] as VectorColumn)?.MapFrom(file, field);
        (Columns[field] as VectorArrayColumn)?.MapFrom(file, field);
    }
}

/// <summary>A file that holds rows of a segment, and whose rows it says they are: another segment's, when it is shared with one that a snapshot was taken of.</summary>
/// <param name="File">Its name.</param>
/// <param name="Identity">Whose rows.</param>
/// <param name="Fields">How many fields are in it.</param>
internal sealed record StoredRows(string File, BlockFileIdentity Identity, int Fields);

/// <summary>One segment as of one moment.</summary>
internal sealed record SegmentView(Segment Segment, int Count, int DeletedCount, ulong[]? Deleted)
{
    private ulong[]? liveWords;

    public int Live => Count - DeletedCount;

    /// <summary>The live mask, made once for all readers; not to be changed.</summary>
    public ulong[] LiveWords => liveWords ??= LiveMask();

    public bool IsLive(int row) =>
        row < Count && (Deleted is null || row >> 6 >= Deleted.Length || (Deleted[row >> 6] >> (row & 63) & 1) == 0);

    /// <summary>A bit per live row, in whole words; bits at and beyond the count are clear.</summary>
    public ulong[] LiveMask()
    {
        var words = new ulong[(Count + 63) >> 6];
        Array.Fill(words, ulong.MaxValue);
        if ((Count & 63) != 0)
        {
            words[^1] = (1UL << (Count & 63)) - 1;
        }

        for (var i = 0; Deleted is not null && i < Math.Min(words.Length, Deleted.Length); i++)
        {
            words[i] &= ~Deleted[i];
        }

        return words;
    }

    public byte[] DeletedBytes()
    {
        if (Deleted is null)
        {
            return [];
        }

        var bytes = new byte[Deleted.Length * 8];
        for (var i = 0; i < Deleted.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), Deleted[i]);
        }

        return bytes;
    }
}
