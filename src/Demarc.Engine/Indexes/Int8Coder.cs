using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Vectors as int8 codes. One step size for all dimensions, so that distances between codes are proportional to distances between
/// vectors; for distances each dimension is centred first, which changes none of them and makes the steps finer. For the cosine
/// vectors are brought to length 1.
/// </summary>
internal sealed class Int8Coder
{
    /// <summary>Codes end at multiples of what one step of the widest kernel reads; what is added is zero in all rows.</summary>
    public const int Granularity = 32;

    private const int Largest = 127;

    /// <summary>Share of values that fit; the few beyond are cut off, which costs less than a coarser step for all.</summary>
    private const double Fitting = 0.9998;

    /// <summary>Values of a sample that are looked at to find the step.</summary>
    private const int SampleValues = 1_000_000;

    private readonly float[] centre;

    public Int8Coder(Metric metric, float[] centre, float steps) => (Metric, this.centre, Steps) = (metric, centre, steps);

    public Metric Metric { get; }

    public ReadOnlySpan<float> Centre => centre;

    /// <summary>Steps of a code in a unit of the vectors.</summary>
    public float Steps { get; }

    public int Stride => StrideOf(centre.Length);

    /// <summary>Largest first when dots are compared; the cosine's vectors have one length, so distances order them as well.</summary>
    public bool ByDot => Metric == Metric.IP;

    public static int StrideOf(int dimension) => (dimension + Granularity - 1) / Granularity * Granularity;

    /// <summary>Finds centre and step.</summary>
    /// <param name="sample">Vectors end to end, those of the cosine brought to length 1 (<see cref="Normalise"/>).</param>
    /// <param name="dimension">Values of a vector.</param>
    /// <param name="metric">What they are compared by.</param>
    public static Int8Coder Of(ReadOnlySpan<float> sample, int dimension, Metric metric)
    {
        var centre = new float[dimension];
        if (metric != Metric.IP)
        {
            var sums = new double[dimension];
            for (var i = 0; i < sample.Length; i++)
            {
                sums[i % dimension] += sample[i];
            }

            for (var d = 0; d < dimension; d++)
            {
                centre[d] = (float)(sums[d] / (sample.Length / dimension));
            }
        }

        return new Int8Coder(metric, centre, 1 / Step(sample, centre));
    }

    /// <summary>Brings a vector to what is coded.</summary>
    public static void Normalise(Span<float> vector, Metric metric)
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

    /// <summary>Encodes in place of <paramref name="vector"/>, which is changed.</summary>
    public void Encode(Span<float> vector, Span<sbyte> to)
    {
        Normalise(vector, Metric);
        for (var d = 0; d < centre.Length; d++)
        {
            to[d] = (sbyte)Math.Clamp(MathF.Round((vector[d] - centre[d]) * Steps), -Largest, Largest);
        }

        to[centre.Length..].Clear();
    }

    /// <summary>Encodes a normalised vector, at a step of its own if one is given.</summary>
    /// <returns>How far the code is from what it stands for, in steps.</returns>
    public float EncodeAtDistance(ReadOnlySpan<float> vector, Span<sbyte> to, float? steps = null)
    {
        var (scale, error) = (steps ?? Steps, 0f);
        for (var d = 0; d < centre.Length; d++)
        {
            var value = (vector[d] - centre[d]) * scale;
            var code = Math.Clamp(MathF.Round(value), -Largest, Largest);
            to[d] = (sbyte)code;
            error += (value - code) * (value - code);
        }

        to[centre.Length..].Clear();
        return MathF.Sqrt(error);
    }

    /// <summary>The step at which a vector's largest value just fits.</summary>
    public static float StepsOf(ReadOnlySpan<float> vector)
    {
        var largest = 0f;
        foreach (var value in vector)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        return largest > 0 ? Largest / largest : 1;
    }

    private static float Step(ReadOnlySpan<float> sample, float[] centre)
    {
        // Every value of a small sample, evenly spread ones of a large one.
        var every = Math.Max(1, sample.Length / SampleValues);
        var sizes = new List<float>((sample.Length / every) + 1);
        for (var i = 0; i < sample.Length; i += every)
        {
            sizes.Add(Math.Abs(sample[i] - centre[i % centre.Length]));
        }

        sizes.Sort();
        var largest = sizes[(int)Math.Min(sizes.Count - 1, sizes.Count * Fitting)];
        return largest > 0 ? largest / Largest : 1;
    }
}
