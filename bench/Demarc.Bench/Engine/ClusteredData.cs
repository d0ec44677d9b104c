using Demarc.Engine.Vectors;

namespace Demarc.Bench.Engine;

/// <summary>
/// Clustered synthetic vectors: points around cluster centres in a space of few dimensions, turned into the full space by
/// a fixed random matrix, with a little noise in every dimension. That is roughly how embeddings lie: many numbers, few
/// degrees of freedom. The same seed gives the same data.
/// </summary>
internal sealed class ClusteredData
{
    private const int Latent = 64;
    private const int Clusters = 200;
    private const float Spread = 1f;
    private const float Noise = 0.3f;

    private readonly Random random;
    private readonly float[][] matrix;
    private readonly float[][] centres;
    private readonly bool unit;

    /// <param name="dimension">Values of a vector.</param>
    /// <param name="unit">Bring every vector to length 1.</param>
    /// <param name="seed">Draws everything.</param>
    public ClusteredData(int dimension, bool unit, int seed)
    {
        random = new Random(seed);
        this.unit = unit;
        matrix = [.. Enumerable.Range(0, dimension).Select(_ => Gaussian(Latent, 1 / MathF.Sqrt(Latent)))];
        centres = [.. Enumerable.Range(0, Clusters).Select(_ => Gaussian(Latent, 1))];
    }

    public float[] Take(int rows)
    {
        var values = new float[rows * matrix.Length];
        var point = new float[Latent];
        for (var row = 0; row < rows; row++)
        {
            var centre = centres[random.Next(Clusters)];
            for (var i = 0; i < Latent; i++)
            {
                point[i] = centre[i] + (Spread * Next());
            }

            var vector = values.AsSpan(row * matrix.Length, matrix.Length);
            for (var d = 0; d < vector.Length; d++)
            {
                vector[d] = Kernels.Dot(matrix[d], point) + (Noise * Next());
            }

            if (unit)
            {
                var length = Kernels.Norm(vector);
                foreach (ref var value in vector)
                {
                    value /= length;
                }
            }
        }

        return values;
    }

    private float[] Gaussian(int count, float scale)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = Next() * scale;
        }

        return values;
    }

    private float Next() => MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
}
