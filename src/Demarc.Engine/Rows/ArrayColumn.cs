using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rows;

/// <summary>
/// Arrays of one element type: the elements of all rows one after another, and where each row ends. A row's elements are
/// one span, so that a filter over them reads memory in order.
/// </summary>
internal abstract class ArrayColumn(FieldDefinition field) : Column(field)
{
    private int[] ends = [];

    /// <summary>Elements of all rows so far, for the writer.</summary>
    protected int Elements { get; private set; }

    public int Length(int row)
    {
        var (from, to) = Bounds(row);
        return to - from;
    }

    /// <summary>What one row takes in an answer, roughly.</summary>
    public abstract int RowBytes(int row);

    public static Column ForElements(FieldDefinition field) => field.ElementType switch
    {
        DataType.Bool => new ArrayColumn<bool>(field, f => (f.BoolData ??= new BoolArray()).Data, 1),
        DataType.Int64 => new ArrayColumn<long>(field, f => (f.LongData ??= new LongArray()).Data, sizeof(long)),
        DataType.Float => new ArrayColumn<float>(field, f => (f.FloatData ??= new FloatArray()).Data, sizeof(float)),
        DataType.Double => new ArrayColumn<double>(field, f => (f.DoubleData ??= new DoubleArray()).Data, sizeof(double)),
        DataType.VarChar => new ArrayColumn<string>(field, f => (f.StringData ??= new StringArray()).Data, 32),
        _ => new ArrayColumn<int>(field, f => (f.IntData ??= new IntArray()).Data, sizeof(int)),
    };

    protected sealed override void WriteValues(BlockWriter to, int field, int rows)
    {
        var seen = Volatile.Read(ref ends).AsSpan(0, rows);
        to.Block<int>(BlockKind.Offsets, field, seen);
        WriteElements(to, field, rows == 0 ? 0 : seen[^1]);
    }

    protected sealed override void ReadValues(BlockFile from, int field, int rows)
    {
        ends = from.Read<int>(BlockKind.Offsets, field, rows);
        for (var i = 0; i < rows; i++)
        {
            if (ends[i] < (i == 0 ? 0 : ends[i - 1]))
            {
                throw new DamagedDataException(from.Path, 0, $"arrays of field {field} match their checksum but do not end where they should");
            }
        }

        Elements = rows == 0 ? 0 : ends[^1];
        Bytes = (long)rows * sizeof(int);
        ReadElements(from, field, Elements);
    }

    protected abstract void WriteElements(BlockWriter to, int field, int elements);

    protected abstract void ReadElements(BlockFile from, int field, int elements);

    protected (int From, int To) Bounds(int row)
    {
        var seen = Volatile.Read(ref ends);
        return (row == 0 ? 0 : seen[row - 1], seen[row]);
    }

    /// <summary>Notes that the row <paramref name="offset"/> behind the published ones ends where the elements end now.</summary>
    protected void EndRow(int offset, int elements)
    {
        var row = Count + offset;
        if (ends.Length <= row)
        {
            var longer = new int[Grown(ends.Length, row + 1)];
            ends.CopyTo(longer, 0);
            Bytes += (longer.Length - ends.Length) * (long)sizeof(int);
            Volatile.Write(ref ends, longer);
        }

        Elements += elements;
        ends[row] = Elements;
    }
}

/// <param name="field">The field.</param>
/// <param name="elements">Where the wire keeps elements of this type.</param>
/// <param name="elementBytes">What one element costs in memory, for texts beside their characters.</param>
internal sealed class ArrayColumn<T>(FieldDefinition field, Func<ScalarField, RepeatedField<T>> elements, int elementBytes) : ArrayColumn(field)
{
    private T[] values = [];

    public ReadOnlySpan<T> Row(int row)
    {
        var (from, to) = Bounds(row);
        return Volatile.Read(ref values).AsSpan(from, to - from);
    }

    public override int RowBytes(int row)
    {
        var elements = Row(row);
        var bytes = (elements.Length * elementBytes) + sizeof(long);
        if (typeof(T) == typeof(string))
        {
            foreach (var text in elements)
            {
                bytes += ((string)(object)text!).Length;
            }
        }

        return bytes;
    }

    protected override void AppendValues(FieldData source, int from, int count)
    {
        var rows = source.Scalars.ArrayData.Data;
        for (var i = 0; i < count; i++)
        {
            var given = elements(rows[from + i]);
            Reserve(given.Count);
            given.CopyTo(values, Elements);
            Account(values.AsSpan(Elements, given.Count));
            EndRow(i, given.Count);
        }
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        var given = ((ArrayColumn<T>)source).Row(row);
        Reserve(given.Length);
        given.CopyTo(values.AsSpan(Elements));
        Account(given);
        EndRow(0, given.Length);
    }

    protected override void WriteValue(FieldData target, int row)
    {
        var one = new ScalarField();
        var data = elements(one);
        foreach (var value in Row(row))
        {
            data.Add(value);
        }

        target.Scalars.ArrayData.Data.Add(one);
    }

    protected override void WriteElements(BlockWriter to, int field, int elements)
    {
        object written = Volatile.Read(ref values);
        switch (written)
        {
            case string[] texts:
                TextBlocks.Write(to, BlockKind.TextOffsets, field, texts.AsSpan(0, elements));
                break;
            case bool[] bools:
                to.Block<bool>(BlockKind.Values, field, bools.AsSpan(0, elements));
                break;
            case int[] integers:
                to.Block<int>(BlockKind.Values, field, integers.AsSpan(0, elements));
                break;
            case long[] wide:
                to.Block<long>(BlockKind.Values, field, wide.AsSpan(0, elements));
                break;
            case float[] floats:
                to.Block<float>(BlockKind.Values, field, floats.AsSpan(0, elements));
                break;
            case double[] doubles:
                to.Block<double>(BlockKind.Values, field, doubles.AsSpan(0, elements));
                break;
            default:
                throw new InvalidOperationException($"No block for elements of {typeof(T)}.");
        }
    }

    protected override void ReadElements(BlockFile from, int field, int elements)
    {
        Array read = typeof(T) == typeof(string) ? TextBlocks.Open(from, BlockKind.TextOffsets, field, elements).ToStrings()
            : typeof(T) == typeof(bool) ? from.Read<bool>(BlockKind.Values, field, elements)
            : typeof(T) == typeof(int) ? from.Read<int>(BlockKind.Values, field, elements)
            : typeof(T) == typeof(long) ? from.Read<long>(BlockKind.Values, field, elements)
            : typeof(T) == typeof(float) ? from.Read<float>(BlockKind.Values, field, elements)
            : from.Read<double>(BlockKind.Values, field, elements);
        values = (T[])read;
        Bytes += (long)elements * elementBytes;
        Account(values);
    }

    private void Reserve(int count)
    {
        var needed = Elements + count;
        if (values.Length < needed)
        {
            var longer = new T[Grown(values.Length, needed)];
            values.AsSpan(0, Elements).CopyTo(longer);
            Bytes += (longer.Length - values.Length) * (long)elementBytes;
            Volatile.Write(ref values, longer);
        }
    }

    private void Account(ReadOnlySpan<T> added)
    {
        if (typeof(T) == typeof(string))
        {
            foreach (var text in added)
            {
                Bytes += 2L * ((string)(object)text!).Length;
            }
        }
    }
}
