using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>The rows of an index as int8 codes (<see cref="Int8Coder"/>): a quarter of the memory traffic, and whole numbers to compare.</summary>
internal sealed class Int8Codes
{
    /// <summary>Rows looked at to find the centre and the step.</summary>
    private const int SampleRows = 4096;

    private readonly Int8Coder coder;
    private readonly FlatMemory<sbyte> codes;

    private Int8Codes(Int8Coder coder, int rows, FlatMemory<sbyte> codes) => (this.coder, Rows, this.codes) = (coder, rows, codes);

    public int Rows { get; }

    public int Stride => coder.Stride;

    public long Bytes => codes.Bytes;

    public CodeSpace Space => new(codes, Stride, coder.ByDot);

    /// <summary>Steps of a code in a unit of the rows.</summary>
    public float Steps => coder.Steps;

    public ReadOnlySpan<sbyte> Row(int row) => codes.AsSpan(row * Stride, Stride);

    public static Int8Codes ReadFrom(BlockFile from, bool copied, Metric metric, int dimension, int rows, float steps) =>
        new(new Int8Coder(metric, from.Read<float>(BlockKind.Centre, 0, dimension), steps), rows, from.Take<sbyte>(BlockKind.Codes, 0, copied, (long)rows * Int8Coder.StrideOf(dimension)));

    public void WriteTo(BlockWriter to)
    {
        to.Block(BlockKind.Centre, 0, coder.Centre);
        to.Block<sbyte>(BlockKind.Codes, 0, codes.Span, page: true);
    }

    public static Int8Codes Encode(VectorColumn column, Metric metric, int rows)
    {
        var dimension = column.Field.Dimension;
        var every = Math.Max(1, rows / SampleRows);
        var sample = new float[(rows + every - 1) / every * dimension];
        for (var i = 0; i < sample.Length / dimension; i++)
        {
            column.Widen(i * every, KMeans.Row(sample, i, dimension));
            Int8Coder.Normalise(KMeans.Row(sample, i, dimension), metric);
        }

        var coder = Int8Coder.Of(sample, dimension, metric);
        var result = new Int8Codes(coder, rows, new FlatMemory<sbyte>(rows * coder.Stride));
        var wide = new float[dimension];
        for (var row = 0; row < rows; row++)
        {
            column.Widen(row, wide);
            coder.Encode(wide, result.codes.AsSpan(row * result.Stride, result.Stride));
        }

        return result;
    }

    /// <summary>Encodes in place of <paramref name="vector"/>, which is changed.</summary>
    public void Encode(Span<float> vector, Span<sbyte> to) => coder.Encode(vector, to);

    /// <summary>
    /// Whether the codes still tell near from nearer: do a few rows' nearest by code hold their nearest by value? Among all rows, because
    /// among some of them the nearest are further apart, and codes tell those apart that are too coarse for all. Data with a few
    /// very large dimensions or many near-duplicates fail, and are indexed by value.
    /// </summary>
    public bool Faithful(VectorColumn column)
    {
        const int probes = 32, near = 10;
        if (Rows <= 2 * near)
        {
            return true;
        }

        int found = 0, asked = 0;
        Parallel.For(0, probes, p =>
        {
            var probe = (int)((long)p * Rows / probes);
            var scorer = column.Scorer(column.Query(probe), coder.Metric);
            var point = Space.At(probe);
            var (byCode, byValue) = (new NearestHeap(3 * near), new NearestHeap(near + 1));
            for (var row = 0; row < Rows; row++)
            {
                byCode.Offer(new Hit(-point.To(row), 0, row));
                byValue.Offer(new Hit(scorer.Nearness(row), 0, row));
            }

            // Equal values may stand in any order, so what counts is the distance of the last one wanted.
            var bound = byValue.Take()[^1].Nearness;
            Interlocked.Add(ref found, Math.Min(near + 1, byCode.Take().Count(hit => scorer.Nearness(hit.Row) >= bound)));
            Interlocked.Add(ref asked, near + 1);
        });
        return found >= 0.95 * asked;
    }
}
