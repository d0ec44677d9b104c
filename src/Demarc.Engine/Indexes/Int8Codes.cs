using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Rows as int8 codes: a quarter of the memory traffic, and whole numbers to compare. One step size for all dimensions,
/// so that distances between codes are proportional to distances between rows; for distances each dimension is centred
/// first, which changes none of them and makes the steps finer. For the cosine the rows are brought to length 1.
/// </summary>
internal sealed class Int8Codes
{
    /// <summary>Rows looked at to find the centre and the step.</summary>
    private const int SampleRows = 4096;

    /// <summary>Share of values that fit; the few beyond are cut off, which costs less than a coarser step for all.</summary>
    private const double Fitting = 0.9998;

    /// <summary>Codes end at multiples of what one step of the widest kernel reads; what is added is zero in all rows.</summary>
    public const int Granularity = 32;

    private readonly Metric metric;
    private readonly float[] centre;
    private readonly float steps;
    private readonly FlatMemory<sbyte> codes;

    private Int8Codes(Metric metric, float[] centre, float steps, int rows, FlatMemory<sbyte> codes)
    {
        (this.metric, this.centre, this.steps, Rows, this.codes) = (metric, centre, steps, rows, codes);
        Stride = StrideOf(centre.Length);
    }

    public int Rows { get; }

    public int Stride { get; }

    public long Bytes => codes.Bytes;

    /// <summary>Largest first when dots are compared; the cosine's rows have one length, so distances order them as well.</summary>
    public bool ByDot => metric == Metric.IP;

    public CodeSpace Space => new(codes, Stride, ByDot);

    /// <summary>Steps of a code in a unit of the rows.</summary>
    public float Steps => steps;

    public ReadOnlySpan<sbyte> Row(int row) => codes.AsSpan(row * Stride, Stride);

    public static Int8Codes ReadFrom(BlockFile from, bool copied, Metric metric, int dimension, int rows, float steps) =>
        new(metric, from.Read<float>(BlockKind.Centre, 0, dimension), steps, rows, from.Take<sbyte>(BlockKind.Codes, 0, copied, (long)rows * StrideOf(dimension)));

    public void WriteTo(BlockWriter to)
    {
        to.Block<float>(BlockKind.Centre, 0, centre);
        to.Block<sbyte>(BlockKind.Codes, 0, codes.Span, page: true);
    }

    public static Int8Codes Encode(VectorColumn column, Metric metric, int rows)
    {
        var dimension = column.Field.Dimension;
        var every = Math.Max(1, rows / SampleRows);
        var sample = new float[(rows + every - 1) / every][];
        for (var i = 0; i < sample.Length; i++)
        {
            sample[i] = new float[dimension];
            column.Widen(i * every, sample[i]);
            Normalise(sample[i], metric);
        }

        var centre = new float[dimension];
        if (metric != Metric.IP)
        {
            for (var d = 0; d < dimension; d++)
            {
                centre[d] = (float)sample.Average(s => (double)s[d]);
            }
        }

        var result = new Int8Codes(metric, centre, 1 / Step(sample, centre), rows, new FlatMemory<sbyte>(rows * StrideOf(dimension)));
        var wide = new float[dimension];
        for (var row = 0; row < rows; row++)
        {
            column.Widen(row, wide);
            result.Encode(wide, result.codes.AsSpan(row * result.Stride, result.Stride));
        }

        return result;
    }

    /// <summary>Encodes in place of <paramref name="vector"/>, which is changed.</summary>
    public void Encode(Span<float> vector, Span<sbyte> to)
    {
        Normalise(vector, metric);
        for (var d = 0; d < centre.Length; d++)
        {
            to[d] = (sbyte)Math.Clamp(MathF.Round((vector[d] - centre[d]) * steps), -127, 127);
        }

        to[centre.Length..].Clear();
    }

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
            var scorer = column.Scorer(column.Query(probe), metric);
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

    private static int StrideOf(int dimension) => (dimension + Granularity - 1) / Granularity * Granularity;

    private static void Normalise(Span<float> vector, Metric metric)
    {
        if (metric != Metric.Cosine)
        {
            return;
        }

        var norm = Kernels.Norm(vector);
        var scale = norm > 0 ? 1 / norm : 0;
        for (var d = 0; d < vector.Length; d++)
        {
            vector[d] *= scale;
        }
    }

    private static float Step(float[][] sample, float[] centre)
    {
        // Every value of a small sample, evenly spread ones of a large one.
        var all = (long)sample.Length * centre.Length;
        var every = (int)Math.Max(1, all / 1_000_000);
        var sizes = new List<float>((int)(all / every) + 1);
        for (long i = 0; i < all; i += every)
        {
            sizes.Add(Math.Abs(sample[i / centre.Length][i % centre.Length] - centre[i % centre.Length]));
        }

        sizes.Sort();
        var largest = sizes[(int)Math.Min(sizes.Count - 1, sizes.Count * Fitting)];
        return largest > 0 ? largest / 127 : 1;
    }
}
