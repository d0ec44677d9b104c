using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Arrays of vectors: the vectors of all rows one after another in a column of their own, and where each row ends.</summary>
internal sealed class VectorArrayColumn(FieldDefinition field) : ArrayColumn(field)
{
    /// <summary>All vectors; their numbers are those that <see cref="ElementsOf"/> gives.</summary>
    public VectorColumn Vectors { get; } = Unbounded(field);

    /// <summary>The numbers of one row's vectors, from the first up to one before the second.</summary>
    public (int From, int To) ElementsOf(int row) => Bounds(row);

    /// <summary>The row that a vector belongs to.</summary>
    public int RowOf(int element)
    {
        var (low, high) = (0, Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Bounds(middle).To <= element ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    public override int RowBytes(int row) => (Length(row) * Field.Element.VectorBytes) + sizeof(long);

    /// <summary>How many vectors stand in one row's field of the wire.</summary>
    public static int CountOf(FieldDefinition element, VectorField vectors) => vectors.DataCase switch
    {
        VectorField.DataOneofCase.None => 0,
        VectorField.DataOneofCase.FloatVector => vectors.FloatVector.Data.Count / element.Dimension,
        _ => ByteVectorColumn.BytesOf(vectors).Length / element.VectorBytes,
    };

    /// <summary>Lets go of the vectors in memory and reads those of a file that has been checked; the column is full.</summary>
    public void MapFrom(BlockFile from, int field)
    {
        var before = Vectors.Bytes;
        Vectors.MapFrom(from, field);
        Bytes += Vectors.Bytes - before;
    }

    protected override void WriteElements(BlockWriter to, int field, int elements) => Vectors.WriteTo(to, field, elements);

    protected override void ReadElements(BlockFile from, int field, int elements)
    {
        from.CheckField(field);
        Vectors.ReadFrom(from, field, elements);
        Bytes += Vectors.Bytes;
    }

    protected override void AppendValues(FieldData source, int from, int count)
    {
        var before = Vectors.Bytes;
        for (var i = 0; i < count; i++)
        {
            var vectors = source.Vectors.VectorArray.Data[from + i];
            var given = CountOf(Field.Element, vectors);
            if (given > 0)
            {
                Vectors.Append(new FieldData { Type = Field.ElementType, Vectors = vectors }, 0, given);
            }

            EndRow(i, given);
        }

        Bytes += Vectors.Bytes - before;
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        var before = Vectors.Bytes;
        var other = (VectorArrayColumn)source;
        var (from, to) = other.Bounds(row);
        for (var i = from; i < to; i++)
        {
            Vectors.AppendFrom(other.Vectors, i);
        }

        EndRow(0, to - from);
        Bytes += Vectors.Bytes - before;
    }

    protected override void WriteValue(FieldData target, int row)
    {
        var data = NewData(Field.Element);
        var (from, to) = Bounds(row);
        for (var i = from; i < to; i++)
        {
            Vectors.Write(data, i);
        }

        target.Vectors.VectorArray.Data.Add(data.Vectors);
    }

    /// <summary>A segment bounds rows by their vectors, and these are several a row.</summary>
    private static VectorColumn Unbounded(FieldDefinition field)
    {
        var column = (VectorColumn)Create(field.Element);
        column.SegmentBound = false;
        return column;
    }
}
