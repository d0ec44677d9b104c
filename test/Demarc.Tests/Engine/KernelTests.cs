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
