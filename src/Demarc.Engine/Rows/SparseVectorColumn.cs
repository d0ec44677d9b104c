using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using Demarc.Engine.Vectors;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// Sparse vectors: the indexes and values of all rows end to end, and where each row begins. An entry of starts is
/// written before the row is published, so a reader of published rows always finds both ends of a row.
/// </summary>
internal sealed class SparseVectorColumn(FieldDefinition field) : VectorColumn(field)
{
    public const int EntryBytes = sizeof(uint) + sizeof(float);

    private FlatMemory<int> starts = new(1);
    private FlatMemory<uint> indexes = FlatMemory<uint>.Empty;
    private FlatMemory<float> values = FlatMemory<float>.Empty;

    /// <summary>What BM25 asks of the column, when it holds the word counts of a text field.</summary>
    public TermStatistics? Statistics { get; } = field.Schema.IsFunctionOutput ? new TermStatistics() : null;

    public FlatMemory<int> Starts => Volatile.Read(ref starts);

    public FlatMemory<uint> Indexes => Volatile.Read(ref indexes);

    public FlatMemory<float> Values => Volatile.Read(ref values);

    public override Scorer Scorer(QueryVector query, Metric metric) =>
        query.Shape is { } shape ? new Bm25Scorer(Starts, Indexes, Values, Statistics!.Lengths, query, shape) : new SparseScorer(Starts, Indexes, Values, query);

    public override QueryVector Query(int row)
    {
        var (from, to) = (Starts[row], Starts[row + 1]);
        return QueryVector.Sparse(Indexes.Span[from..to].ToArray(), Values.Span[from..to].ToArray());
    }

    public override int RowBytes(int row) => (Starts[row + 1] - Starts[row]) * EntryBytes;

    public override void Widen(int row, Span<float> to) => throw new InvalidOperationException("A sparse vector has no dense form.");

    public override Widening Widener() => Widen;

    public override uint Checksum(int row, uint running)
    {
        var (from, length) = (Starts[row], Starts[row + 1] - Starts[row]);
        running = Crc32C.Append(running, MemoryMarshal.AsBytes(Indexes.AsSpan(from, length)));
        return Crc32C.Append(running, MemoryMarshal.AsBytes(Values.AsSpan(from, length)));
    }

    public override void Prefetch(int row)
    {
        // Rows lie end to end and are short: the processor's own prefetcher is ahead already.
    }

    /// <summary>Reads the wire's pairs into two arrays of the same length.</summary>
    public static void Read(ReadOnlySpan<byte> row, Span<uint> indexes, Span<float> values)
    {
        for (var i = 0; i < indexes.Length; i++)
        {
            indexes[i] = BinaryPrimitives.ReadUInt32LittleEndian(row[(i * EntryBytes)..]);
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(row[((i * EntryBytes) + sizeof(uint))..]);
        }
    }

    protected override void Reserve(int rows)
    {
        if (starts.Length < rows + 1 || starts.IsMapped)
        {
            var longer = new FlatMemory<int>(Grown(starts.Length, rows + 1));
            starts.AsSpan(0, Count + 1).CopyTo(longer.Span);
            Bytes += longer.Bytes - starts.Bytes;
            Volatile.Write(ref starts, longer);
        }
    }

    protected override void AppendVectors(VectorField source, int from, int count)
    {
        Reserve(Count + count);
        for (var i = 0; i < count; i++)
        {
            AppendVector(source, from + i, Count + i);
        }
    }

    protected override void AppendVector(VectorField source, int at, int row)
    {
        var bytes = source.SparseFloatVector.Contents[at].Span;
        var (from, length) = Begin(row, bytes.Length / EntryBytes);
        Read(bytes, indexes.AsSpan(from, length), values.AsSpan(from, length));
        Statistics?.Add(row, indexes.AsSpan(from, length), values.AsSpan(from, length));
    }

    protected override void AppendNothing(int row) => Begin(row, 0);

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(Count + 1);
        var other = (SparseVectorColumn)source;
        var (first, length) = (other.Starts[row], other.Starts[row + 1] - other.Starts[row]);
        var (from, _) = Begin(Count, length);
        other.Indexes.AsSpan(first, length).CopyTo(indexes.Span[from..]);
        other.Values.AsSpan(first, length).CopyTo(values.Span[from..]);
        Statistics?.Add(Count, indexes.AsSpan(from, length), values.AsSpan(from, length));
    }

    protected override void WriteValues(BlockWriter to, int field, int rows)
    {
        var entries = Starts[rows];
        to.Block<int>(BlockKind.Offsets, field, Starts.AsSpan(0, rows + 1));
        to.Block<uint>(BlockKind.Indexes, field, Indexes.AsSpan(0, entries), page: true);
        to.Block<float>(BlockKind.Values, field, Values.AsSpan(0, entries), page: true);
    }

    protected override void ReadValues(BlockFile from, int field, int rows)
    {
        // Where rows begin is trusted by every loop over them, and the statistics need all of it anyway.
        from.CheckField(field);
        Map(from, field, rows);
        for (var row = 0; row < rows; row++)
        {
            if (starts[row] > starts[row + 1])
            {
                throw new DamagedDataException(from.Path, 0, $"sparse rows of field {field} match their checksum but do not begin where they should");
            }
        }

        for (var row = 0; row < rows && Statistics is not null; row++)
        {
            var (first, length) = (starts[row], starts[row + 1] - starts[row]);
            Statistics.Add(row, indexes.AsSpan(first, length), values.AsSpan(first, length));
        }
    }

    protected override void Map(BlockFile from, int field, int rows)
    {
        Volatile.Write(ref starts, from.Map<int>(BlockKind.Offsets, field, rows + 1L));
        var entries = starts[0] == 0 ? starts[rows] : -1;
        Volatile.Write(ref indexes, from.Map<uint>(BlockKind.Indexes, field, entries));
        Volatile.Write(ref values, from.Map<float>(BlockKind.Values, field, entries));
        Bytes = 0;
    }

    protected override void Unmap() => throw new InvalidOperationException("Sparse rows stand in the part of a file too, and are never let go.");

    protected override void WriteVector(VectorField target, int row)
    {
        var (from, to) = (Starts[row], Starts[row + 1]);
        var bytes = new byte[(to - from) * EntryBytes];
        for (var i = from; i < to; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((i - from) * EntryBytes), Indexes[i]);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(((i - from) * EntryBytes) + sizeof(uint)), Values[i]);
        }

        target.SparseFloatVector.Contents.Add(UnsafeByteOperations.UnsafeWrap(bytes));

        // The wire's dim of sparse rows is one more than the largest index among them.
        if (to > from)
        {
            target.SparseFloatVector.Dim = Math.Max(target.SparseFloatVector.Dim, Indexes[to - 1] + 1L);
            target.Dim = target.SparseFloatVector.Dim;
        }
    }

    /// <summary>Makes room for one row's entries and marks where the row ends.</summary>
    private (int From, int Length) Begin(int row, int length)
    {
        var from = starts[row];
        if (indexes.Length < from + length)
        {
            var room = Grown(indexes.Length, from + length);
            var (longer, wider) = (new FlatMemory<uint>(room), new FlatMemory<float>(room));
            indexes.AsSpan(0, from).CopyTo(longer.Span);
            values.AsSpan(0, from).CopyTo(wider.Span);
            Bytes += longer.Bytes + wider.Bytes - indexes.Bytes - values.Bytes;
            Volatile.Write(ref indexes, longer);
            Volatile.Write(ref values, wider);
        }

        starts[row + 1] = from + length;
        return (from, length);
    }
}
