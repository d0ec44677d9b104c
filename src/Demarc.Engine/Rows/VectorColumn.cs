using System.Runtime.InteropServices;
using Demarc.Engine.Catalog;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// The vectors of one field in one segment. On the wire and in files a null takes no place among the vectors; in memory
/// it takes a row of zeros, so that a row's place follows from its number.
/// </summary>
internal abstract class VectorColumn(FieldDefinition field) : Column(field)
{
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
    private float[] values = [];
    private float[] norms = [];

    /// <summary>All rows published so far, and perhaps room behind them.</summary>
    public float[] Values => Volatile.Read(ref values);

    public float[] Norms => Volatile.Read(ref norms);

    public ReadOnlySpan<float> Row(int row) => Values.AsSpan(row * dimension, dimension);

    public override Scorer Scorer(QueryVector query, Metric metric) => new FloatScorer(Values, Norms, query.Floats, metric);

    public override QueryVector Query(int row) => QueryVector.Dense(Row(row).ToArray());

    public override int RowBytes(int row) => dimension * sizeof(float);

    public override void Widen(int row, Span<float> to) => Row(row).CopyTo(to);

    public override void Prefetch(int row) => Cache.Prefetch(ref Values[row * dimension], dimension * sizeof(float));

    protected override void AppendVectors(VectorField source, int from, int count)
    {
        Reserve(Count + count);
        var data = source.FloatVector.Data;
        var at = Count * dimension;
        var first = from * dimension;
        if (first == 0 && data.Count == count * dimension)
        {
            data.CopyTo(values, at);
        }
        else
        {
            for (var i = 0; i < count * dimension; i++)
            {
                values[at + i] = data[first + i];
            }
        }

        for (var i = 0; i < count; i++)
        {
            norms[Count + i] = Kernels.Norm(values.AsSpan((Count + i) * dimension, dimension));
        }
    }

    protected override void AppendVector(VectorField source, int at, int row)
    {
        for (var i = 0; i < dimension; i++)
        {
            values[(row * dimension) + i] = source.FloatVector.Data[(at * dimension) + i];
        }

        norms[row] = Kernels.Norm(values.AsSpan(row * dimension, dimension));
    }

    protected override void AppendNothing(int row)
    {
        // The room is zeros already.
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(Count + 1);
        var other = (FloatVectorColumn)source;
        other.Row(row).CopyTo(values.AsSpan(Count * dimension, dimension));
        norms[Count] = other.Norms[row];
    }

    protected override void WriteVector(VectorField target, int row) => target.FloatVector.Data.AddRange(Row(row).ToArray());

    protected override void Reserve(int rows)
    {
        if (norms.Length >= rows)
        {
            return;
        }

        var room = Room(norms.Length, rows);
        var longer = LargePages.Advise(new float[room * dimension]);
        values.AsSpan(0, Count * dimension).CopyTo(longer);
        var longerNorms = new float[room];
        norms.AsSpan(0, Count).CopyTo(longerNorms);
        Bytes += (long)(room - norms.Length) * (dimension + 1) * sizeof(float);
        Volatile.Write(ref values, longer);
        Volatile.Write(ref norms, longerNorms);
    }
}

/// <summary>Vectors that are bytes on the wire: float16, bfloat16, int8 and bits. They stay bytes in memory.</summary>
internal sealed class ByteVectorColumn(FieldDefinition field) : VectorColumn(field)
{
    private readonly int rowBytes = field.VectorBytes;
    private byte[] values = [];
    private float[] norms = [];

    public byte[] Values => Volatile.Read(ref values);

    public ReadOnlySpan<byte> Row(int row) => Values.AsSpan(row * rowBytes, rowBytes);

    public override Scorer Scorer(QueryVector query, Metric metric) => Field.Type switch
    {
        DataType.BinaryVector => new BinaryScorer(Values, query.Bytes, metric),
        DataType.Int8Vector => new Int8Scorer(Values, Volatile.Read(ref norms), query.Bytes, metric),
        _ => new HalfScorer(Values, Volatile.Read(ref norms), query.Floats, metric, Field.Type == DataType.Bfloat16Vector),
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

    public override void Prefetch(int row) => Cache.Prefetch(ref Values[row * rowBytes], rowBytes);

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
        BytesOf(source).Span.Slice(from * rowBytes, count * rowBytes).CopyTo(values.AsSpan(Count * rowBytes));
        for (var row = Count; row < Count + count; row++)
        {
            SetNorm(row);
        }
    }

    protected override void AppendVector(VectorField source, int at, int row)
    {
        BytesOf(source).Span.Slice(at * rowBytes, rowBytes).CopyTo(values.AsSpan(row * rowBytes));
        SetNorm(row);
    }

    protected override void AppendNothing(int row)
    {
        // The room is zeros already.
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(Count + 1);
        ((ByteVectorColumn)source).Row(row).CopyTo(values.AsSpan(Count * rowBytes));
        SetNorm(Count);
    }

    protected override void WriteVector(VectorField target, int row) => SetBytes(target, Field.Type, GrowingBytes.Append(BytesOf(target), Row(row)));

    private void SetNorm(int row)
    {
        if (Field.Type == DataType.BinaryVector)
        {
            return;
        }

        Span<float> wide = Field.Dimension <= 1024 ? stackalloc float[Field.Dimension] : new float[Field.Dimension];
        Widen(row, wide);
        norms[row] = Kernels.Norm(wide);
    }

    protected override void Reserve(int rows)
    {
        if (norms.Length >= rows)
        {
            return;
        }

        var room = Room(norms.Length, rows);
        var longer = LargePages.Advise(new byte[room * rowBytes]);
        values.AsSpan(0, Count * rowBytes).CopyTo(longer);
        var longerNorms = new float[room];
        norms.AsSpan(0, Count).CopyTo(longerNorms);
        Bytes += (long)(room - norms.Length) * (rowBytes + sizeof(float));
        Volatile.Write(ref values, longer);
        Volatile.Write(ref norms, longerNorms);
    }
}
