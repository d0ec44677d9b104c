using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rows;

/// <summary>
/// The values of one field in one segment. Only the writer appends, and only behind the last published row; an array is
/// replaced by a longer copy, never shortened. So a reader that took a published row count may read any row below it from
/// whichever array it sees, without a lock.
/// </summary>
internal abstract class Column(FieldDefinition field)
{
    private ulong[]? valid = field.Nullable ? [] : null;
    private Filters.SortedIndex? index;

    public FieldDefinition Field { get; } = field;

    public int Count { get; private set; }

    /// <summary>Bytes held, roughly; the base of the memory bound.</summary>
    public long Bytes { get; protected set; }

    /// <summary>The scalar index over the column's rows, once one is asked for and built; replaced whole.</summary>
    public Filters.SortedIndex? Index
    {
        get => Volatile.Read(ref index);
        set => Volatile.Write(ref index, value);
    }

    /// <summary>Appends rows [from, from + count) of a column in canonical form: every row present, null marks in valid_data.</summary>
    public void Append(FieldData source, int from, int count)
    {
        AppendValues(source, from, count);
        if (valid is not null)
        {
            GrowValid(count);
            for (var i = 0; i < count; i++)
            {
                if (source.ValidData.Count == 0 || source.ValidData[from + i])
                {
                    SetValid(Count + i);
                }
            }
        }

        Count += count;
    }

    /// <summary>Copies one row of another segment's column; compaction moves rows this way.</summary>
    public void AppendFrom(Column source, int row)
    {
        AppendValueFrom(source, row);
        if (valid is not null)
        {
            GrowValid(1);
            if (!source.IsNull(row))
            {
                SetValid(Count);
            }
        }

        Count++;
    }

    /// <summary>A bit per row that is not null; empty when the field cannot be null.</summary>
    public ReadOnlySpan<ulong> ValidWords => Volatile.Read(ref valid);

    public bool IsNull(int row)
    {
        var marks = Volatile.Read(ref valid);
        return marks is not null && (marks[row >> 6] >> (row & 63) & 1) == 0;
    }

    /// <summary>Clears the bits of rows that are null; the mask has a bit per row from 0.</summary>
    public void DropNulls(Span<ulong> mask)
    {
        if (Volatile.Read(ref valid) is { } marks)
        {
            for (var i = 0; i < mask.Length; i++)
            {
                mask[i] &= i < marks.Length ? marks[i] : 0;
            }
        }
    }

    /// <summary>Adds one row to an answer or a file.</summary>
    public void Write(FieldData target, int row)
    {
        WriteValue(target, row);
        if (valid is not null)
        {
            target.ValidData.Add(!IsNull(row));
        }
    }

    /// <summary>Writes rows [0, rows) as blocks of a segment's file.</summary>
    public void WriteTo(BlockWriter to, int field, int rows)
    {
        if (valid is not null)
        {
            // Bits behind the published rows may be changing, and are nobody's business.
            var words = ValidWords[..((rows + 63) >> 6)].ToArray();
            if ((rows & 63) != 0)
            {
                words[^1] &= (1UL << (rows & 63)) - 1;
            }

            to.Block<ulong>(BlockKind.Valid, field, words);
        }

        WriteValues(to, field, rows);
    }

    /// <summary>Takes all rows of a segment's file, in a column that has none yet.</summary>
    public void ReadFrom(BlockFile from, int field, int rows)
    {
        if (valid is not null)
        {
            valid = from.Read<ulong>(BlockKind.Valid, field, (rows + 63) >> 6);
        }

        ReadValues(from, field, rows);
        Count = rows;
    }

    /// <summary>An empty column of the wire's kind for this field.</summary>
    public static FieldData NewData(FieldDefinition field)
    {
        var data = new FieldData { Type = field.Type, FieldName = field.Name, FieldId = field.Schema.FieldID, IsDynamic = field.Schema.IsDynamic };
        if (field.IsVectorArray)
        {
            data.Vectors = new VectorField { Dim = field.Dimension, VectorArray = new VectorArray { Dim = field.Dimension, ElementType = field.ElementType } };
            return data;
        }

        if (field.IsVector)
        {
            data.Vectors = NewVectors(field);
            return data;
        }

        data.Scalars = field.Type switch
        {
            DataType.Bool => new ScalarField { BoolData = new BoolArray() },
            DataType.Int64 => new ScalarField { LongData = new LongArray() },
            DataType.Float => new ScalarField { FloatData = new FloatArray() },
            DataType.Double => new ScalarField { DoubleData = new DoubleArray() },
            DataType.VarChar or DataType.Text => new ScalarField { StringData = new StringArray() },
            DataType.Json => new ScalarField { JsonData = new JSONArray() },
            DataType.Geometry => new ScalarField { GeometryWktData = new GeometryWktArray() },
            DataType.Timestamptz => new ScalarField { TimestamptzData = new TimestamptzArray() },
            DataType.Array => new ScalarField { ArrayData = new ArrayArray { ElementType = field.ElementType } },
            _ => new ScalarField { IntData = new IntArray() },
        };
        return data;
    }

    public static Column Create(FieldDefinition field) => field.Type switch
    {
        DataType.Bool => new BoolColumn(field),
        DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Timestamptz => new IntegerColumn(field),
        DataType.Float => new FloatColumn(field),
        DataType.Double => new DoubleColumn(field),
        DataType.VarChar or DataType.Text or DataType.Geometry => new TextColumn(field),
        DataType.Json => new JsonColumn(field),
        DataType.Array => ArrayColumn.ForElements(field),
        DataType.ArrayOfVector => new VectorArrayColumn(field),
        DataType.FloatVector => new FloatVectorColumn(field),
        DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector => new ByteVectorColumn(field),
        DataType.SparseFloatVector => new SparseVectorColumn(field),
        DataType.None when field.IsDropped => new DroppedColumn(field),
        _ => throw new InvalidOperationException($"No column for {field.Type}; the schema check let it pass."),
    };

    private static VectorField NewVectors(FieldDefinition field)
    {
        var vectors = new VectorField { Dim = field.Dimension };
        switch (field.Type)
        {
            case DataType.FloatVector:
                vectors.FloatVector = new FloatArray();
                break;
            case DataType.SparseFloatVector:
                vectors.SparseFloatVector = new SparseFloatArray();
                break;
            default:
                ByteVectorColumn.SetBytes(vectors, field.Type, Google.Protobuf.ByteString.Empty);
                break;
        }

        return vectors;
    }

    protected abstract void AppendValues(FieldData source, int from, int count);

    protected abstract void AppendValueFrom(Column source, int row);

    protected abstract void WriteValue(FieldData target, int row);

    protected abstract void WriteValues(BlockWriter to, int field, int rows);

    protected abstract void ReadValues(BlockFile from, int field, int rows);

    private protected static int Grown(int length, int needed) => Math.Max(needed, length < 256 ? 256 : length + (length / 2));

    private void GrowValid(int count)
    {
        var words = (Count + count + 63) >> 6;
        if (valid!.Length < words)
        {
            var longer = new ulong[Grown(valid.Length, words)];
            valid.CopyTo(longer, 0);
            Volatile.Write(ref valid, longer);
        }
    }

    private void SetValid(int row) => valid![row >> 6] |= 1UL << (row & 63);
}

/// <summary>A column over one array of values.</summary>
internal abstract class ValueColumn<T>(FieldDefinition field, int valueBytes) : Column(field)
{
    private readonly Lock gate = new();
    private T[] values = [];
    private Func<T[]>? later;

    public ReadOnlySpan<T> Values => Volatile.Read(ref later) is null ? Volatile.Read(ref values) : Made();

    /// <summary>Takes values that were read from a file.</summary>
    protected void Take(T[] read)
    {
        values = read;
        Bytes = (long)read.Length * valueBytes;
    }

    /// <summary>Takes values that are made of a file's bytes when somebody asks for them; until then they are counted as if they were there.</summary>
    protected void TakeLater(Func<T[]> make, long bytes) => (later, Bytes) = (make, bytes);

    protected void Add(T value)
    {
        Reserve(1);
        values[Count] = value;
    }

    /// <summary>Room for more values behind the published ones.</summary>
    protected Span<T> Room(int count)
    {
        Reserve(count);
        return values.AsSpan(Count, count);
    }

    protected override void AppendValueFrom(Column source, int row) => Add(((ValueColumn<T>)source).Values[row]);

    private T[] Made()
    {
        lock (gate)
        {
            if (later is not null)
            {
                values = later();
                Volatile.Write(ref later, null);
            }

            return values;
        }
    }

    private void Reserve(int count)
    {
        if (later is not null)
        {
            _ = Made();
        }

        if (values.Length < Count + count)
        {
            var longer = new T[Grown(values.Length, Count + count)];
            values.AsSpan(0, Count).CopyTo(longer);
            Bytes += (long)(longer.Length - values.Length) * valueBytes;
            Volatile.Write(ref values, longer);
        }
    }
}

internal sealed class BoolColumn(FieldDefinition field) : ValueColumn<bool>(field, 1)
{
    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        for (var i = 0; i < count; i++)
        {
            room[i] = source.Scalars.BoolData.Data[from + i];
        }
    }

    protected override void WriteValue(FieldData target, int row) => target.Scalars.BoolData.Data.Add(Values[row]);

    protected override void WriteValues(BlockWriter to, int field, int rows) => to.Block(BlockKind.Values, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows) => Take(from.Read<bool>(BlockKind.Values, field, rows));
}

/// <summary>
/// Int8 to Int64, and times as microseconds: one width in memory keeps the filter's loops few; the wire's width is
/// restored on the way out.
/// </summary>
internal sealed class IntegerColumn(FieldDefinition field) : ValueColumn<long>(field, sizeof(long))
{
    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        var wide = Wide(source.Scalars);
        for (var i = 0; i < count; i++)
        {
            room[i] = wide is null ? source.Scalars.IntData.Data[from + i] : wide[from + i];
        }
    }

    protected override void WriteValue(FieldData target, int row)
    {
        if (Wide(target.Scalars) is { } wide)
        {
            wide.Add(Values[row]);
        }
        else
        {
            target.Scalars.IntData.Data.Add((int)Values[row]);
        }
    }

    protected override void WriteValues(BlockWriter to, int field, int rows) => to.Block(BlockKind.Values, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows) => Take(from.Read<long>(BlockKind.Values, field, rows));

    private RepeatedField<long>? Wide(ScalarField field) => Field.Type switch
    {
        DataType.Int64 => field.LongData.Data,
        DataType.Timestamptz => field.TimestamptzData.Data,
        _ => null,
    };
}

internal sealed class FloatColumn(FieldDefinition field) : ValueColumn<float>(field, sizeof(float))
{
    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        for (var i = 0; i < count; i++)
        {
            room[i] = source.Scalars.FloatData.Data[from + i];
        }
    }

    protected override void WriteValue(FieldData target, int row) => target.Scalars.FloatData.Data.Add(Values[row]);

    protected override void WriteValues(BlockWriter to, int field, int rows) => to.Block(BlockKind.Values, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows) => Take(from.Read<float>(BlockKind.Values, field, rows));
}

internal sealed class DoubleColumn(FieldDefinition field) : ValueColumn<double>(field, sizeof(double))
{
    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        for (var i = 0; i < count; i++)
        {
            room[i] = source.Scalars.DoubleData.Data[from + i];
        }
    }

    protected override void WriteValue(FieldData target, int row) => target.Scalars.DoubleData.Data.Add(Values[row]);

    protected override void WriteValues(BlockWriter to, int field, int rows) => to.Block(BlockKind.Values, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows) => Take(from.Read<double>(BlockKind.Values, field, rows));
}

/// <summary>VarChar, texts without a bound, and geometries as the well-known text they came in.</summary>
internal sealed class TextColumn(FieldDefinition field) : ValueColumn<string>(field, sizeof(long))
{
    /// <summary>What a string object costs beside its characters.</summary>
    private const int ObjectBytes = 22;

    /// <summary>The index of words, of fields that text_match may ask; it grows when it is asked.</summary>
    public TextIndex? Words { get; } = field.MatchesText ? new TextIndex(field.Analyzer) : null;

    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        for (var i = 0; i < count; i++)
        {
            room[i] = Texts(source.Scalars)[from + i];
            Bytes += ObjectBytes + (2L * room[i].Length);
        }
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        base.AppendValueFrom(source, row);
        Bytes += ObjectBytes + (2L * ((TextColumn)source).Values[row].Length);
    }

    protected override void WriteValue(FieldData target, int row) => Texts(target.Scalars).Add(Values[row]);

    protected override void WriteValues(BlockWriter to, int field, int rows) => TextBlocks.Write(to, BlockKind.Offsets, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows)
    {
        var texts = TextBlocks.Open(from, BlockKind.Offsets, field, rows);
        TakeLater(texts.ToStrings, (rows * (long)(sizeof(long) + ObjectBytes)) + (2 * texts.Bytes));
    }

    private RepeatedField<string> Texts(ScalarField field) => Field.Type == DataType.Geometry ? field.GeometryWktData.Data : field.StringData.Data;
}
