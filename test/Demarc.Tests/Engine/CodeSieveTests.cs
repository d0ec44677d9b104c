using System.Runtime.Versioning;
using Demarc.Engine.Indexes;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Tests.Engine;

/// <summary>Codes say which rows need not be read; they may say so only of rows that are not near enough.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class CodeSieveTests
{
    private const int Dimension = 40;
    private const int Rows = ArrivedBlocks.BlockRows;

    [Theory]
    [InlineData(nameof(Metric.L2), 1, 1)]
    [InlineData(nameof(Metric.IP), 1, 1)]
    [InlineData(nameof(Metric.Cosine), 1, 1)]
    [InlineData(nameof(Metric.L2), 30, 1)] // Rows beyond what the codes were made for.
    [InlineData(nameof(Metric.IP), 30, 1)]
    [InlineData(nameof(Metric.L2), 1, 50)] // Queries beyond them.
    [InlineData(nameof(Metric.IP), 1, 50)]
    [InlineData(nameof(Metric.IP), 1, 0)]
    [InlineData(nameof(Metric.Cosine), 0, 1)]
    [InlineData(nameof(Metric.Cosine), 1, 0)]
    public void No_row_that_is_near_enough_is_held_back(string metricName, float rowScale, float queryScale)
    {
        var metric = Enum.Parse<Metric>(metricName);
        var random = new Random(5);
        var coder = Int8Coder.Of(Many(random, 500, 1, metric), Dimension, metric);
        int held = 0, let = 0;
        for (var round = 0; round < 200; round++)
        {
            var blocks = new ArrivedBlocks(coder.Stride);
            var block = blocks.Next();
            var rows = Many(random, Rows, round % 2 == 0 ? rowScale : 1, Metric.L2);
            for (var row = 0; row < Rows; row++)
            {
                var wide = KMeans.Row(rows, row, Dimension).ToArray();
                Int8Coder.Normalise(wide, metric);
                blocks.Write(block, row, row, coder, wide);
            }

            var query = Many(random, 1, queryScale, Metric.L2);
            var nearness = Enumerable.Range(0, Rows).Select(row => Nearness(query, KMeans.Row(rows, row, Dimension), metric)).ToArray();
            var bound = nearness.Order().ElementAt(random.Next(Rows));
            var sieve = new CodeSieve(coder, query, new FlatMemory<sbyte>(coder.Stride), blocks.LongestCode);
            sieve.Hold(bound);
            for (var row = 0; row < Rows; row++)
            {
                var lets = sieve.Lets(blocks[block], row);
                Assert.True(lets || nearness[row] < bound, $"row {row} with {nearness[row]} against {bound}");
                _ = lets ? let++ : held++;
            }
        }

        Assert.True(let > 0);
        Assert.True(held > let / 4 || rowScale != 1 || queryScale != 1, $"{held} held back, {let} let through"); // It is worth something.
    }

    private static float Nearness(ReadOnlySpan<float> query, ReadOnlySpan<float> row, Metric metric) => metric switch
    {
        Metric.L2 => -Kernels.SquaredDistance(query, row),
        Metric.IP => Kernels.Dot(query, row),
        _ => Kernels.Cosine(Kernels.Dot(query, row), Kernels.Norm(query), Kernels.Norm(row)),
    };

    private static float[] Many(Random random, int count, float scale, Metric metric)
    {
        var values = new float[count * Dimension];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = scale * (float)((random.NextDouble() * 2) - 1);
        }

        for (var row = 0; row < count; row++)
        {
            Int8Coder.Normalise(KMeans.Row(values, row, Dimension), metric);
        }

        return values;
    }
}
