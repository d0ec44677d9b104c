using CsCheck;
using Demarc.Engine.Vectors;

namespace Demarc.Tests.Engine;

/// <summary>The inner loops and the heap against the plainest form of the same.</summary>
public class KernelTests
{
    private static readonly Gen<float> Value = Gen.Float[-100, 100];

    [Fact]
    public void Dot_and_distance_agree_with_plain_sums_at_every_length() =>
        Gen.Int[0, 300].SelectMany(n => Gen.Select(Value.Array[n], Value.Array[n])).Sample(
            (a, b) =>
            {
                double dot = 0, squared = 0, scale = 1;
                for (var i = 0; i < a.Length; i++)
                {
                    dot += (double)a[i] * b[i];
                    squared += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
                    scale += Math.Abs((double)a[i] * b[i]);
                }

                Assert.Equal(dot, Kernels.Dot(a, b), scale * 1e-5);
                Assert.Equal(squared, Kernels.SquaredDistance(a, b), (squared + 1) * 1e-5);
                Assert.Equal(Math.Sqrt(a.Sum(x => (double)x * x)), Kernels.Norm(a), scale * 1e-5 + 1e-3);
            },
            iter: 2_000);

    [Fact]
    public void The_wide_forms_agree_with_the_plain_ones_at_every_length()
    {
        var random = new Random(5);
        for (var n = 1; n <= 200; n++)
        {
            float[] a = [.. Enumerable.Range(0, n).Select(_ => (random.NextSingle() - 0.5f) * 20)], b = [.. Enumerable.Range(0, n).Select(_ => (random.NextSingle() - 0.5f) * 20)];
            sbyte[] x = [.. Enumerable.Range(0, n).Select(_ => (sbyte)random.Next(-128, 128))], y = [.. Enumerable.Range(0, n).Select(i => i % 3 == 0 ? (sbyte)-128 : (sbyte)random.Next(-128, 128))];
            var tolerance = 1e-5f * n * 100;
            var (dot, squared) = (KernelsPortable.Dot(ref a[0], ref b[0], n), KernelsPortable.SquaredDistance(ref a[0], ref b[0], n));
            var (wholeDot, wholeSquared) = (KernelsPortable.Dot(ref x[0], ref y[0], n), KernelsPortable.SquaredDistance(ref x[0], ref y[0], n));
            Assert.Equal(dot, Kernels256.Dot(ref a[0], ref b[0], n), tolerance);
            Assert.Equal(squared, Kernels256.SquaredDistance(ref a[0], ref b[0], n), tolerance);
            Assert.Equal(wholeDot, Kernels256.Dot(ref x[0], ref y[0], n));
            Assert.Equal(wholeSquared, Kernels256.SquaredDistance(ref x[0], ref y[0], n));
            Assert.Equal(wholeDot, Kernels512.Dot(ref x[0], ref y[0], n));
            Assert.Equal(wholeSquared, Kernels512.SquaredDistance(ref x[0], ref y[0], n));
            if (n >= 16)
            {
                Assert.Equal(dot, Kernels512.Dot(ref a[0], ref b[0], n), tolerance);
                Assert.Equal(squared, Kernels512.SquaredDistance(ref a[0], ref b[0], n), tolerance);
            }
        }
    }

    [Fact]
    public void A_bound_changes_no_distance_below_it_and_keeps_all_others_above_it()
    {
        var random = new Random(6);
        for (var n = 1; n <= 900; n += n < 300 ? 1 : 13)
        {
            float[] a = [.. Enumerable.Range(0, n).Select(_ => random.NextSingle())], b = [.. Enumerable.Range(0, n).Select(_ => random.NextSingle())];
            Check(Kernels.SquaredDistance(ref a[0], ref b[0], n), bound => Kernels.SquaredDistance(ref a[0], ref b[0], n, bound));
            Check(Kernels256.SquaredDistance(ref a[0], ref b[0], n), bound => Kernels256.SquaredDistance(ref a[0], ref b[0], n, bound));
            if (n >= 16)
            {
                Check(Kernels512.SquaredDistance(ref a[0], ref b[0], n), bound => Kernels512.SquaredDistance(ref a[0], ref b[0], n, bound));
            }
        }

        static void Check(float distance, Func<float, float> within)
        {
            Assert.Equal(distance, within(float.PositiveInfinity));
            Assert.Equal(distance, within(distance));
            Assert.True(within(distance * 0.9f) > distance * 0.9f);
            Assert.True(within(0) > 0);
        }
    }

    [Fact]
    public void Whole_number_sums_do_not_overflow_at_the_longest_vectors()
    {
        sbyte[] low = [.. Enumerable.Repeat((sbyte)-128, 32_768)], high = [.. Enumerable.Repeat((sbyte)127, 32_768)];
        Assert.Equal(255 * 255 * 32_768, Kernels.SquaredDistance(ref low[0], ref high[0], 32_768));
        Assert.Equal(128 * 128 * 32_768, Kernels.Dot(ref low[0], ref low[0], 32_768));
    }

    [Fact]
    public void Every_half_width_float_is_widened_exactly()
    {
        var half = Enumerable.Range(0, 65_536).Select(i => (ushort)i).Where(i => (i & 0x7C00) != 0x7C00).ToArray();
        var wide = new float[half.Length];
        Kernels256.WidenHalf(half, wide);
        Assert.Equal(half.Select(h => (float)BitConverter.UInt16BitsToHalf(h)), wide);
        Kernels256.WidenBrain(half, wide);
        Assert.Equal(half.Select(h => BitConverter.UInt32BitsToSingle((uint)h << 16)), wide);
    }

    [Fact]
    public void A_vector_is_its_own_nearest_and_a_zero_vector_has_no_direction()
    {
        float[] v = [.. Enumerable.Range(0, 137).Select(i => (i % 13) - 6f)];
        var norm = Kernels.Norm(v);
        Assert.Equal(1f, Kernels.Cosine(Kernels.Dot(v, v), norm, norm), 1e-6f);
        Assert.Equal(0f, Kernels.SquaredDistance(v, v));
        Assert.Equal(0f, Kernels.Cosine(0, 0, norm));
    }

    [Fact]
    public void The_heap_keeps_what_sorting_would_keep() =>
        Gen.Select(Gen.Int[0, 9].Array[0, 400], Gen.Int[1, 120]).Sample((scores, keep) =>
        {
            var hits = scores.Select((s, i) => new Hit(s, i / 50, i % 50)).ToArray();
            var heap = new NearestHeap(keep);
            foreach (var hit in hits.OrderBy(h => (h.Row * 7919) % 101))
            {
                heap.Offer(hit);
            }

            var expected = hits.OrderByDescending(h => h.Nearness).ThenBy(h => h.Segment).ThenBy(h => h.Row).Take(keep);
            Assert.Equal(expected, heap.Take());
        });
}
