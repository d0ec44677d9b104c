using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Demarc.Engine.Vectors;

/// <summary>
/// Forms for 512-bit vectors. Four independent accumulators hide the latency of the multiply-add; what is left over is
/// one last, overlapping vector with the part already counted masked out, so that odd lengths need no scalar loop.
/// </summary>
internal static class Kernels512
{
    private static ReadOnlySpan<int> TailMask => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1];

    /// <summary>Needs at least 16 values.</summary>
    public static float Dot(ref float a, ref float b, int length)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 64 <= end; i += 64)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i), s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + 16), Vector512.LoadUnsafe(ref b, i + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + 32), Vector512.LoadUnsafe(ref b, i + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i + 48), Vector512.LoadUnsafe(ref b, i + 48), s3);
        }

        for (; i + 16 <= end; i += 16)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i), s0);
        }

        if (i < end)
        {
            s1 = Vector512.FusedMultiplyAdd(Tail(ref a, end - 16, end - i), Vector512.LoadUnsafe(ref b, end - 16), s1);
        }

        return Vector512.Sum(s0 + s1 + (s2 + s3));
    }

    /// <summary>Needs at least 16 values.</summary>
    public static float SquaredDistance(ref float a, ref float b, int length)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 64 <= end; i += 64)
        {
            var d0 = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            var d1 = Vector512.LoadUnsafe(ref a, i + 16) - Vector512.LoadUnsafe(ref b, i + 16);
            var d2 = Vector512.LoadUnsafe(ref a, i + 32) - Vector512.LoadUnsafe(ref b, i + 32);
            var d3 = Vector512.LoadUnsafe(ref a, i + 48) - Vector512.LoadUnsafe(ref b, i + 48);
            s0 = Vector512.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector512.FusedMultiplyAdd(d1, d1, s1);
            s2 = Vector512.FusedMultiplyAdd(d2, d2, s2);
            s3 = Vector512.FusedMultiplyAdd(d3, d3, s3);
        }

        for (; i + 16 <= end; i += 16)
        {
            var d = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            s0 = Vector512.FusedMultiplyAdd(d, d, s0);
        }

        if (i < end)
        {
            var d = Tail(ref a, end - 16, end - i) - Tail(ref b, end - 16, end - i);
            s1 = Vector512.FusedMultiplyAdd(d, d, s1);
        }

        return Vector512.Sum(s0 + s1 + (s2 + s3));
    }

    /// <summary>The same, left as soon as it is above the bound; the sum is added up in the same order.</summary>
    public static float SquaredDistance(ref float a, ref float b, int length, float bound)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        while (i + Kernels.Stretch <= end)
        {
            for (var stop = i + Kernels.Stretch; i < stop; i += 64)
            {
                var d0 = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
                var d1 = Vector512.LoadUnsafe(ref a, i + 16) - Vector512.LoadUnsafe(ref b, i + 16);
                var d2 = Vector512.LoadUnsafe(ref a, i + 32) - Vector512.LoadUnsafe(ref b, i + 32);
                var d3 = Vector512.LoadUnsafe(ref a, i + 48) - Vector512.LoadUnsafe(ref b, i + 48);
                s0 = Vector512.FusedMultiplyAdd(d0, d0, s0);
                s1 = Vector512.FusedMultiplyAdd(d1, d1, s1);
                s2 = Vector512.FusedMultiplyAdd(d2, d2, s2);
                s3 = Vector512.FusedMultiplyAdd(d3, d3, s3);
            }

            var sum = Vector512.Sum(s0 + s1 + (s2 + s3));
            if (sum > bound)
            {
                return sum;
            }
        }

        for (; i + 64 <= end; i += 64)
        {
            var d0 = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            var d1 = Vector512.LoadUnsafe(ref a, i + 16) - Vector512.LoadUnsafe(ref b, i + 16);
            var d2 = Vector512.LoadUnsafe(ref a, i + 32) - Vector512.LoadUnsafe(ref b, i + 32);
            var d3 = Vector512.LoadUnsafe(ref a, i + 48) - Vector512.LoadUnsafe(ref b, i + 48);
            s0 = Vector512.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector512.FusedMultiplyAdd(d1, d1, s1);
            s2 = Vector512.FusedMultiplyAdd(d2, d2, s2);
            s3 = Vector512.FusedMultiplyAdd(d3, d3, s3);
        }

        for (; i + 16 <= end; i += 16)
        {
            var d = Vector512.LoadUnsafe(ref a, i) - Vector512.LoadUnsafe(ref b, i);
            s0 = Vector512.FusedMultiplyAdd(d, d, s0);
        }

        if (i < end)
        {
            var d = Tail(ref a, end - 16, end - i) - Tail(ref b, end - 16, end - i);
            s1 = Vector512.FusedMultiplyAdd(d, d, s1);
        }

        return Vector512.Sum(s0 + s1 + (s2 + s3));
    }

    public static int Dot(ref sbyte a, ref sbyte b, int length)
    {
        Vector512<int> s0 = default, s1 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 64 <= end; i += 64)
        {
            s0 += Pairs(Wide(ref a, i), Wide(ref b, i));
            s1 += Pairs(Wide(ref a, i + 32), Wide(ref b, i + 32));
        }

        for (; i + 32 <= end; i += 32)
        {
            s0 += Pairs(Wide(ref a, i), Wide(ref b, i));
        }

        var sum = Vector512.Sum(s0 + s1);
        return i == end ? sum : sum + KernelsPortable.Dot(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    public static int SquaredDistance(ref sbyte a, ref sbyte b, int length)
    {
        Vector512<int> s0 = default, s1 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 64 <= end; i += 64)
        {
            var d0 = Wide(ref a, i) - Wide(ref b, i);
            var d1 = Wide(ref a, i + 32) - Wide(ref b, i + 32);
            s0 += Pairs(d0, d0);
            s1 += Pairs(d1, d1);
        }

        for (; i + 32 <= end; i += 32)
        {
            var d = Wide(ref a, i) - Wide(ref b, i);
            s0 += Pairs(d, d);
        }

        var sum = Vector512.Sum(s0 + s1);
        return i == end ? sum : sum + KernelsPortable.SquaredDistance(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Tail(ref float values, nuint at, nuint left) =>
        (Vector512.LoadUnsafe(ref values, at).AsInt32() & Vector512.LoadUnsafe(ref Unsafe.AsRef(in TailMask[0]), left)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Wide(ref sbyte values, nuint at) =>
        Avx512BW.IsSupported ? Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref values, at))
        : Vector512.Create(Vector256.WidenLower(Vector256.LoadUnsafe(ref values, at)), Vector256.WidenUpper(Vector256.LoadUnsafe(ref values, at)));

    /// <summary>Products of 16-bit lanes, neighbours added: no intermediate overflows, since lanes hold at most 9 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Pairs(Vector512<short> a, Vector512<short> b)
    {
        if (Avx512BW.IsSupported)
        {
            return Avx512BW.MultiplyAddAdjacent(a, b);
        }

        var (low, high) = (Vector512.WidenLower(a) * Vector512.WidenLower(b), Vector512.WidenUpper(a) * Vector512.WidenUpper(b));
        return low + high;
    }
}
