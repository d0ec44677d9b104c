using System.Runtime.InteropServices;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rows;

/// <summary>
/// The vectors of one field in one segment. On the wire and in files a null takes no place among the vectors; in memory
/// it takes a row of zeros, so that a row's place follows from its number. The rows of a segment that stands in a file are
/// read from the mapped file, and are checked before anybody sees the first of them.
/// </summary>
internal abstract class VectorColumn(FieldDefinition field) : Column(field)
{
    /// <summary>Gives the values of one dense row, widened.</summary>
    public delegate void Widening(int row, Span<float> to);

    private BlockFile? notChecked;
    private BlockFile? mapped;
    private int blockField;
    private int blockRows;

    /// <summary>Whether all rows are at hand and known to be what was written.</summary>
    public bool IsChecked => Volatile.Read(ref notChecked) is null;

    /// <summary>
    /// Checks what is mapped, if that has not been done. All access to the rows does it by itself; a search does it first, on its
    /// own thread, so that damage is told as what it is.
    /// </summary>
    public void Ready()
    {
        if (Volatile.Read(ref notChecked) is { } file)
        {
            Check(file);
        }
    }

    /// <summary>Lets go of the rows in memory and reads those of a file that has been checked; the column is full.</summary>
    public void MapFrom(BlockFile from, int field)
    {
        (mapped, blockField, blockRows) = (from, field, Count);
        Map(from, field, Count);
    }

    /// <summary>Lets go of the rows that were mapped, so that they are taken anew before the next use. The caller holds the gate of the file.</summary>
    public void LetGo()
    {
        Volatile.Write(ref notChecked, mapped);
        Unmap();
    }

    /// <summary>Whether there are no more vectors than a segment may have rows; of arrays of vectors there are.</summary>
    public bool SegmentBound { get; set; } = true;

    /// <summary>Binds a query; a scorer serves one thread.</summary>
    public abstract Scorer Scorer(QueryVector query, Metric metric);

    /// <summary>A stored row as a query.</summary>
    public abstract QueryVector Query(int row);

    /// <summary>Bytes of one row in an answer.</summary>
    public abstract int RowBytes(int row);

    /// <summary>The values of one dense row, widened.</summary>
    public abstract void Widen(int row, Span<float> to);

    /// <summary>The same for whoever reads many: they are held as they are now, also if the column lets go of them meanwhile.</summary>
    public abstract Widening Widener();

    /// <summary>Goes on with a checksum over one row's values.</summary>
    public abstract uint Checksum(int row, uint running);

    /// <summary>Asks for a row's memory before it is compared.</summary>
    public abstract void Prefetch(int row);

    protected sealed override void AppendValues(FieldData source, int from, int count)
    {
        var marks = source.ValidData;
        if (marks.Count == 0)
        {
            AppendVectors(source.Vectors, from, count);
            return;
        }

        Reserve(Count + count);
        var at = 0;
        for (var i = 0; i < from; i++)
        {
            at += marks[i] ? 1 : 0;
        }

        for (var i = 0; i < count; i++)
        {
            if (marks[from + i])
            {
                AppendVector(source.Vectors, at++, Count + i);
            }
            else
            {
                AppendNothing(Count + i);
            }
        }
    }

    protected override void ReadValues(BlockFile from, int field, int rows)
    {
        (mapped, blockField, blockRows, notChecked) = (from, field, rows, from);
        Map(from, field, rows);
    }

    /// <summary>Takes the rows where they stand in a file.</summary>
    protected abstract void Map(BlockFile from, int field, int rows);

    /// <summary>Forgets where they stood.</summary>
    protected abstract void Unmap();

    /// <summary>What is mapped, checked first; another thread may let go of it in between.</summary>
    private protected FlatMemory<T> Checked<T>(ref FlatMemory<T>? rows)
        where T : unmanaged
    {
        while (true)
        {
            Ready();
            if (Volatile.Read(ref rows) is { } there)
            {
                return there;
            }
        }
    }

    private void Check(BlockFile file)
    {
        try
        {
            lock (file.Gate)
            {
                file.CheckField(blockField);
                Map(file, blockField, blockRows); // What it was mapped from may have been a part.
                Volatile.Write(ref notChecked, null);
            }
        }
        catch (DamagedDataException e)
        {
            throw Faults.Damaged(Field.Name, e.Place);
        }
        catch (IOException e)
        {
            throw Faults.NotFetched(Field.Name, e.Message);
        }
    }

    protected sealed override void WriteValue(FieldData target, int row)
    {
        if (!IsNull(row))
        {
            WriteVector(target.Vectors, row);
        }
    }

    /// <summary>Room for this many rows; what is kept of a longer array is what has been counted.</summary>
    protected abstract void Reserve(int rows);

    protected abstract void AppendVectors(VectorField source, int from, int count);

    protected abstract void AppendVector(VectorField source, int at, int row);

    protected abstract void AppendNothing(int row);

    protected abstract void WriteVector(VectorField target, int row);

    /// <summary>Room to hold, growing by half but not beyond what a segment may hold: a full segment has no slack.</summary>
    private protected int Room(int now, int rows) => !SegmentBound ? Grown(now, rows) : Math.Max(rows, Math.Min(Grown(now, rows), Segment.CapacityOfBytes(Field.VectorBytes)));
}

/// <summary>Float32 vectors, row after row in one array, with each row's length beside them so that cosine costs no more than the inner product.</summary>
internal sealed class FloatVectorColumn(FieldDefinition field) : VectorColumn(field)
{
    private readonly int dimension = field.Dimension;
    private FlatMemory<float>? values = FlatMemory<float>.Empty;
    private FlatMemory<float>? norms = FlatMemory<float>.Empty;

    /// <summary>All rows published so far, and perhaps room behind them.</summary>
    public FlatMemory<float> Values => Checked(ref values);

    public FlatMemory<float> Norms => Checked(ref norms);

    public ReadOnlySpan<float> Row(int row) => Values.AsSpan(row * dimension, dimension);

    public override Scorer Scorer(QueryVector query, Metric metric) => new FloatScorer(Values, Norms, query.Floats, metric);

    public override QueryVector Query(int row) => QueryVector.Dense(Row(row).ToArray());

    public override int RowBytes(int row) => dimension * sizeof(float);

    public override void Widen(int row, Span<float> to) => Row(row).CopyTo(to);

    public override Widening Widener()
    {
        var held = Values;
        return (row, to) => held.AsSpan(row * dimension, dimension).CopyTo(to);
    }

    public override uint Checksum(int row, uint running) => Crc32C.Append(running, MemoryMarshal.AsBytes(Row(row)));

    public override void Prefetch(int row) => Cache.Prefetch(ref Values.At((nint)row * dimension), dimension * sizeof(float));

    protected override void AppendVectors(VectorField source, int from, int count)
    {
        Reserve(Count + count);
        var data = source.FloatVector.Data;
        var at = Count * dimension;
        var first = from * dimension;
        UnsafeCollectionOperations.AsSpan(data).Slice(first, count * dimension).CopyTo(values!.AsSpan(at, count * dimension));
        for (var i = 0; i < count; i++)
        {
            norms![Count + i] = Kernels.Norm(values!.AsSpan((Count + i) * dimension, dimension));
        }
    }

    protected override void AppendVector(VectorField source, int at, int row)
    {
        var to = values!.AsSpan(row * dimension, dimension);
        for (var i = 0; i < dimension; i++)
        {
            to[i] = source.FloatVector.Data[(at * dimension) + i];
        }

        norms![row] = Kernels.Norm(to);
    }

    protected override void AppendNothing(int row)
    {
        // The room is zeros already.
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(Count + 1);
        var other = (FloatVectorColumn)source;
        other.Row(row).CopyTo(values!.AsSpan(Count * dimension, dimension));
        norms![Count] = other.Norms[row];
    }

    protected override void WriteValues(BlockWriter to, int field, int rows)
    {
        to.Block<float>(BlockKind.Values, field, Values.AsSpan(0, rows * dimension), page: true);
        to.Block<float>(BlockKind.Norms, field, Norms.AsSpan(0, rows));
    }

    protected override void Map(BlockFile from, int field, int rows)
    {
        Volatile.Write(ref values, from.Map<float>(BlockKind.Values, field, (long)rows * dimension));
        Volatile.Write(ref norms, from.Map<float>(BlockKind.Norms, field, rows));
        Bytes = 0;
    }

    protected override void Unmap() => (values, norms) = (null, null);

    protected override void WriteVector(VectorField target, int row) => target.FloatVector.Data.AddRange(Row(row).ToArray());

    protected override void Reserve(int rows)
    {
        if (norms!.Length >= rows)
        {
            return;
        }

        var room = Room(norms.Length, rows);
        var longer = new FlatMemory<float>(room * dimension);
        Values.AsSpan(0, Count * dimension).CopyTo(longer.Span);
        var longerNorms = new FlatMemory<float>(room);
        norms.AsSpan(0, Count).CopyTo(longerNorms.Span);
        Bytes = longer.Bytes + longerNorms.Bytes;
        Volatile.Write(ref values, longer);
        Volatile.Write(ref norms, longerNorms);
    }
}

/// <summary>Vectors that are bytes on the wire: float16, bfloat16, int8 and bits. They stay bytes in memory.</summary>
internal sealed class ByteVectorColumn(FieldDefinition field) : VectorColumn(field)
{
    private readonly int rowBytes = field.VectorBytes;
    private FlatMemory<byte>? values = FlatMemory<byte>.Empty;
    private FlatMemory<float>? norms = FlatMemory<float>.Empty;

    public FlatMemory<byte> Values => Checked(ref values);

    private FlatMemory<float> Norms => Checked(ref norms);

    public ReadOnlySpan<byte> Row(int row) => Values.AsSpan(row * rowBytes, rowBytes);

    public override Scorer Scorer(QueryVector query, Metric metric) => Field.Type switch
    {
        DataType.BinaryVector => new BinaryScorer(Values, query.Bytes, metric),
        DataType.Int8Vector => new Int8Scorer(Values, Norms, query.Bytes, metric),
        _ => new HalfScorer(Values, Norms, query.Floats, metric, Field.Type == DataType.Bfloat16Vector),
    };

    public override QueryVector Query(int row)
    {
        if (Field.Type == DataType.BinaryVector)
        {
            return QueryVector.Binary(Row(row).ToArray());
        }

        var floats = new float[Field.Dimension];
        Widen(row, floats);
        return new QueryVector(floats, Row(row).ToArray(), [], []);
    }

    public override int RowBytes(int row) => rowBytes;

    public override void Widen(int row, Span<float> to) => Widen(Field.Type, Row(row), to);

    public override Widening Widener()
    {
        var held = Values;
        return (row, to) => Widen(Field.Type, held.AsSpan(row * rowBytes, rowBytes), to);
    }

    public override uint Checksum(int row, uint running) => Crc32C.Append(running, Row(row));

    public override void Prefetch(int row) => Cache.Prefetch(ref Values.At((nint)row * rowBytes), rowBytes);

    public static void Widen(DataType type, ReadOnlySpan<byte> bytes, Span<float> to)
    {
        switch (type)
        {
            case DataType.Float16Vector:
                Kernels256.WidenHalf(MemoryMarshal.Cast<byte, ushort>(bytes), to);
                break;
            case DataType.Bfloat16Vector:
                Kernels256.WidenBrain(MemoryMarshal.Cast<byte, ushort>(bytes), to);
                break;
            case DataType.Int8Vector:
                for (var i = 0; i < bytes.Length; i++)
                {
                    to[i] = (sbyte)bytes[i];
                }

                break;
            default:
                throw new InvalidOperationException($"A {type} has no float values.");
        }
    }

    public static ByteString BytesOf(VectorField data) => data.DataCase switch
    {
        VectorField.DataOneofCase.BinaryVector => data.BinaryVector,
        VectorField.DataOneofCase.Float16Vector => data.Float16Vector,
        VectorField.DataOneofCase.Bfloat16Vector => data.Bfloat16Vector,
        VectorField.DataOneofCase.Int8Vector => data.Int8Vector,
        _ => throw new InvalidOperationException($"{data.DataCase} is not kept as bytes."),
    };

    public static void SetBytes(VectorField data, DataType type, ByteString bytes)
    {
        switch (type)
        {
            case DataType.BinaryVector:
                data.BinaryVector = bytes;
                break;
            case DataType.Float16Vector:
                data.Float16Vector = bytes;
                break;
            case DataType.Bfloat16Vector:
                data.Bfloat16Vector = bytes;
                break;
            default:
                data.Int8Vector = bytes;
                break;
        }
    }

    protected override void AppendVectors(VectorField source, int from, int count)
    {
        Reserve(Count + count);
        BytesOf(source).Span.Slice(from * rowBytes, count * rowBytes).CopyTo(values!.Span[(Count * rowBytes)..]);
        for (var row = Count; row < Count + count; row++)
        {
            SetNorm(row);
        }
    }

    protected override void AppendVector(VectorField source, int at, int row)
    {
        BytesOf(source).Span.Slice(at * rowBytes, rowBytes).CopyTo(values!.Span[(row * rowBytes)..]);
        SetNorm(row);
    }

    protected override void AppendNothing(int row)
    {
        // The room is zeros already.
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(Count + 1);
        ((ByteVectorColumn)source).Row(row).CopyTo(values!.Span[(Count * rowBytes)..]);
        SetNorm(Count);
    }

    protected override void WriteValues(BlockWriter to, int field, int rows)
    {
        to.Block<byte>(BlockKind.Values, field, Values.AsSpan(0, rows * rowBytes), page: true);
        to.Block<float>(BlockKind.Norms, field, Norms.AsSpan(0, rows));
    }

    protected override void Map(BlockFile from, int field, int rows)
    {
        Volatile.Write(ref values, from.Map<byte>(BlockKind.Values, field, (long)rows * rowBytes));
        Volatile.Write(ref norms, from.Map<float>(BlockKind.Norms, field, rows));
        Bytes = 0;
    }

    protected override void Unmap() => (values, norms) = (null, null);

    protected override void WriteVector(VectorField target, int row) => SetBytes(target, Field.Type, GrowingBytes.Append(BytesOf(target), Row(row)));

    private void SetNorm(int row)
    {
        if (Field.Type == DataType.BinaryVector)
        {
            return;
        }

        Span<float> wide = Field.Dimension <= 1024 ? stackalloc float[Field.Dimension] : new float[Field.Dimension];
        Widen(row, wide);
        norms![row] = Kernels.Norm(wide);
    }

    protected override void Reserve(int rows)
    {
        if (norms!.Length >= rows)
        {
            return;
        }

        var room = Room(norms.Length, rows);
        var longer = new FlatMemory<byte>(room * rowBytes);
        Values.AsSpan(0, Count * rowBytes).CopyTo(longer.Span);
        var longerNorms = new FlatMemory<float>(room);
        norms.AsSpan(0, Count).CopyTo(longerNorms.Span);
        Bytes = longer.Bytes + longerNorms.Bytes;
        Volatile.Write(ref values, longer);
        Volatile.Write(ref norms, longerNorms);
    }
}
