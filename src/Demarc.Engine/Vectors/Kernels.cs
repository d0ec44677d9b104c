using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Demarc.Engine.Vectors;

/// <summary>
/// The inner loops of exact search over contiguous float32: four independent accumulators of the widest vector this
/// machine runs, so that the multiply-add latency is hidden, and one scalar tail.
/// </summary>
internal static class Kernels
{
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (Vector512.IsHardwareAccelerated && a.Length >= 4 * Vector512<float>.Count)
        {
            return Dot512(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);
        }

        return DotPortable(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);
    }

    public static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (Vector512.IsHardwareAccelerated && a.Length >= 4 * Vector512<float>.Count)
        {
            return SquaredDistance512(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);
        }

        return SquaredDistancePortable(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);
    }

    /// <summary>The length of a vector; the square is summed as the dot product is, so equal vectors have cosine 1.</summary>
    public static float Norm(ReadOnlySpan<float> a) => MathF.Sqrt(Dot(a, a));

    /// <summary>A zero vector has no direction: its cosine with anything is 0, not NaN.</summary>
    public static float Cosine(float dot, float normA, float normB)
    {
        var scale = normA * normB;
        return scale > 0 ? Math.Clamp(dot / scale, -1f, 1f) : 0f;
    }

    private static float Dot512(ref float a, ref float b, int length)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var width = (nuint)Vector512<float>.Count;
        var end = (nuint)length;
        for (; i + (4 * width) <= end; i += 4 * width)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i), s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + width), Vector512.LoadUnsafe(ref b, i + width), s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + (2 * width)), Vector512.LoadUnsafe(ref b, i + (2 * width)), s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + (3 * width)), Vector512.LoadUnsafe(ref b, i + (3 * width)), s3);
        }

        for (; i + width <= end; i += width)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i), s0);
        }

        var sum = Vector512.Sum(s0 + s1 + (s2 + s3));
        for (; i < end; i++)
        {
            sum += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        }

        return sum;
    }

    private static float SquaredDistance512(ref float a, ref float b, int length)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var width = (nuint)Vector512<float>.Count;
        var end = (nuint)length;
        for (; i + (4 * width) <= end; i += 4 * width)
        {
            var d0 = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            var d1 = Vector512.LoadUnsafe(ref a, i + width) - Vector512.LoadUnsafe(ref b, i + width);
            var d2 = Vector512.LoadUnsafe(ref a, i + (2 * width)) - Vector512.LoadUnsafe(ref b, i + (2 * width));
            var d3 = Vector512.LoadUnsafe(ref a, i + (3 * width)) - Vector512.LoadUnsafe(ref b, i + (3 * width));
            s0 = Vector512.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector512.FusedMultiplyAdd(d1, d1, s1);
            s2 = Vector512.FusedMultiplyAdd(d2, d2, s2);
            s3 = Vector512.FusedMultiplyAdd(d3, d3, s3);
        }

        for (; i + width <= end; i += width)
        {
            var d = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            s0 = Vector512.FusedMultiplyAdd(d, d, s0);
        }

        var sum = Vector512.Sum(s0 + s1 + (s2 + s3));
        for (; i < end; i++)
        {
            var d = Unsafe.Add(ref a, i) - Unsafe.Add(ref b, i);
            sum += d * d;
        }

        return sum;
    }

    private static float DotPortable(ref float a, ref float b, int length)
    {
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var width = (nuint)Vector<float>.Count;
        var end = (nuint)length;
        for (; i + (4 * width) <= end; i += 4 * width)
        {
            s0 = Vector.FusedMultiplyAdd(Vector.LoadUnsafe(ref a, i), Vector.LoadUnsafe(ref b, i), s0);
            s1 = Vector.FusedMultiplyAdd(Vector.LoadUnsafe(ref a, i + width), Vector.LoadUnsafe(ref b, i + width), s1);
            s2 = Vector.FusedMultiplyAdd(Vector.LoadUnsafe(ref a, i + (2 * width)), Vector.LoadUnsafe(ref b, i + (2 * width)), s2);
            s3 = Vector.FusedMultiplyAdd(Vector.LoadUnsafe(ref a, i + (3 * width)), Vector.LoadUnsafe(ref b, i + (3 * width)), s3);
        }

        for (; i + width <= end; i += width)
        {
            s0 = Vector.FusedMultiplyAdd(Vector.LoadUnsafe(ref a, i), Vector.LoadUnsafe(ref b, i), s0);
        }

        var sum = Vector.Sum(s0 + s1 + (s2 + s3));
        for (; i < end; i++)
        {
            sum += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        }

        return sum;
    }

    private static float SquaredDistancePortable(ref float a, ref float b, int length)
    {
        Vector<float> s0 = default, s1 = default;
        nuint i = 0;
        var width = (nuint)Vector<float>.Count;
        var end = (nuint)length;
        for (; i + (2 * width) <= end; i += 2 * width)
        {
            var d0 = Vector.LoadUnsafe(ref a, i) - Vector.LoadUnsafe(ref b, i);
            var d1 = Vector.LoadUnsafe(ref a, i + width) - Vector.LoadUnsafe(ref b, i + width);
            s0 = Vector.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector.FusedMultiplyAdd(d1, d1, s1);
        }

        for (; i + width <= end; i += width)
        {
            var d = Vector.LoadUnsafe(ref a, i) - Vector.LoadUnsafe(ref b, i);
            s0 = Vector.FusedMultiplyAdd(d, d, s0);
        }

        var sum = Vector.Sum(s0 + s1);
        for (; i < end; i++)
        {
            var d = Unsafe.Add(ref a, i) - Unsafe.Add(ref b, i);
            sum += d * d;
        }

        return sum;
    }
}
