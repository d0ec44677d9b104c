using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Rows;

/// <summary>
/// Float vectors, row after row in one array, with each row's length beside them so that cosine costs no more than the
/// inner product.
/// </summary>
internal sealed class VectorColumn(FieldDefinition field) : Column(field)
{
    private readonly int dimension = field.Dimension;
    private float[] values = [];
    private float[] norms = [];

    public ReadOnlySpan<float> Values => Volatile.Read(ref values);

    public ReadOnlySpan<float> Norms => Volatile.Read(ref norms);

    public ReadOnlySpan<float> Row(int row) => Values.Slice(row * dimension, dimension);

    protected override void AppendValues(FieldData source, int from, int count)
    {
        Reserve(count);
        var data = source.Vectors.FloatVector.Data;
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

    protected override void AppendValueFrom(Column source, int row)
    {
        Reserve(1);
        var other = (VectorColumn)source;
        other.Row(row).CopyTo(values.AsSpan(Count * dimension, dimension));
        norms[Count] = other.Norms[row];
    }

    protected override void WriteValue(FieldData target, int row)
    {
        var data = target.Vectors.FloatVector.Data;
        foreach (var value in Row(row))
        {
            data.Add(value);
        }
    }

    private void Reserve(int count)
    {
        var rows = Count + count;
        if (norms.Length >= rows)
        {
            return;
        }

        // Growth by half, but not beyond what a segment may hold: a full segment has no slack.
        var room = Math.Max(rows, Math.Min(Grown(norms.Length, rows), Segment.Capacity(dimension)));
        var longer = new float[room * dimension];
        values.AsSpan(0, Count * dimension).CopyTo(longer);
        var longerNorms = new float[room];
        norms.AsSpan(0, Count).CopyTo(longerNorms);
        Bytes += (long)(room - norms.Length) * (dimension + 1) * sizeof(float);
        Volatile.Write(ref values, longer);
        Volatile.Write(ref norms, longerNorms);
    }
}
