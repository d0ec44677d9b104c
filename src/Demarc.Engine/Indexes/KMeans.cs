using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>Centres of a set of rows (Lloyd's algorithm) over an evenly spread sample. The same rows give the same centres.</summary>
internal static class KMeans
{
    private const int Rounds = 8;

    /// <summary>Sampled rows for each centre: more hardly move the centres.</summary>
    public const int SamplePerCentre = 64;

    /// <param name="sample">The sampled rows, end to end.</param>
    /// <param name="dimension">Values of a row.</param>
    /// <param name="count">Centres wanted, at most the number of sampled rows.</param>
    /// <param name="threads">At most so many at work.</param>
    /// <param name="cancel">Stops it.</param>
    public static float[] Centres(float[] sample, int dimension, int count, int threads, CancellationToken cancel)
    {
        var rows = sample.Length / dimension;
        var centres = new float[count * dimension];
        for (var c = 0; c < count; c++)
        {
            Row(sample, (int)((long)c * rows / count), dimension).CopyTo(Row(centres, c, dimension));
        }

        var nearest = new int[rows];
        for (var round = 0; round < Rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            Parallel.For(0, rows, new ParallelOptions { MaxDegreeOfParallelism = threads }, row => nearest[row] = Nearest(centres, dimension, Row(sample, row, dimension)));
            Move(sample, dimension, nearest, centres);
        }

        return centres;
    }

    public static int Nearest(ReadOnlySpan<float> centres, int dimension, ReadOnlySpan<float> row)
    {
        var (best, distance) = (0, float.PositiveInfinity);
        for (var c = 0; c < centres.Length / dimension; c++)
        {
            var candidate = Kernels.SquaredDistance(row, centres.Slice(c * dimension, dimension));
            if (candidate < distance)
            {
                (best, distance) = (c, candidate);
            }
        }

        return best;
    }

    public static Span<float> Row(float[] rows, int row, int dimension) => rows.AsSpan(row * dimension, dimension);

    private static void Move(float[] sample, int dimension, int[] nearest, float[] centres)
    {
        var sums = new double[centres.Length];
        var counts = new int[centres.Length / dimension];
        for (var row = 0; row < nearest.Length; row++)
        {
            counts[nearest[row]]++;
            for (var d = 0; d < dimension; d++)
            {
                sums[(nearest[row] * dimension) + d] += sample[(row * dimension) + d];
            }
        }

        for (var c = 0; c < counts.Length; c++)
        {
            if (counts[c] == 0)
            {
                // A centre that nothing is nearest to starts again at a row of the fullest list.
                var fullest = Array.IndexOf(counts, counts.Max());
                Row(sample, Array.IndexOf(nearest, fullest, (c * 31) % nearest.Length) is >= 0 and var row ? row : Array.IndexOf(nearest, fullest), dimension)
                    .CopyTo(Row(centres, c, dimension));
                continue;
            }

            for (var d = 0; d < dimension; d++)
            {
                centres[(c * dimension) + d] = (float)(sums[(c * dimension) + d] / counts[c]);
            }
        }
    }
}
