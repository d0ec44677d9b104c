using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Demarc.Engine.Vectors;

/// <summary>Forms for 256-bit vectors (AVX2), with a scalar tail; and the readers of half-width floats, which need no wider form because memory sets their pace.</summary>
internal static class Kernels256
{
    /// <summary>Moves the exponent's bias from half precision's 15 to single precision's 127.</summary>
    private const float HalfBias = 5.192296858534828e+33f;

    public static float Dot(ref float a, ref float b, int length)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 32 <= end; i += 32)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i), Vector256.LoadUnsafe(ref b, i), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i + 8), Vector256.LoadUnsafe(ref b, i + 8), s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i + 16), Vector256.LoadUnsafe(ref b, i + 16), s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i + 24), Vector256.LoadUnsafe(ref b, i + 24), s3);
        }

        for (; i + 8 <= end; i += 8)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i), Vector256.LoadUnsafe(ref b, i), s0);
        }

        return Vector256.Sum(s0 + s1 + (s2 + s3)) + KernelsPortable.Dot(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    public static float SquaredDistance(ref float a, ref float b, int length)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 32 <= end; i += 32)
        {
            var d0 = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
            var d1 = Vector256.LoadUnsafe(ref a, i + 8) - Vector256.LoadUnsafe(ref b, i + 8);
            var d2 = Vector256.LoadUnsafe(ref a, i + 16) - Vector256.LoadUnsafe(ref b, i + 16);
            var d3 = Vector256.LoadUnsafe(ref a, i + 24) - Vector256.LoadUnsafe(ref b, i + 24);
            s0 = Vector256.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector256.FusedMultiplyAdd(d1, d1, s1);
            s2 = Vector256.FusedMultiplyAdd(d2, d2, s2);
            s3 = Vector256.FusedMultiplyAdd(d3, d3, s3);
        }

        for (; i + 8 <= end; i += 8)
        {
            var d = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
            s0 = Vector256.FusedMultiplyAdd(d, d, s0);
        }

        return Vector256.Sum(s0 + s1 + (s2 + s3)) + KernelsPortable.SquaredDistance(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    /// <summary>The same, left as soon as it is above the bound; the sum is added up in the same order.</summary>
    public static float SquaredDistance(ref float a, ref float b, int length, float bound)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        nuint i = 0;
        var end = (nuint)length;
        while (i + Kernels.Stretch <= end)
        {
            for (var stop = i + Kernels.Stretch; i < stop; i += 32)
            {
                var d0 = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
                var d1 = Vector256.LoadUnsafe(ref a, i + 8) - Vector256.LoadUnsafe(ref b, i + 8);
                var d2 = Vector256.LoadUnsafe(ref a, i + 16) - Vector256.LoadUnsafe(ref b, i + 16);
                var d3 = Vector256.LoadUnsafe(ref a, i + 24) - Vector256.LoadUnsafe(ref b, i + 24);
                s0 = Vector256.FusedMultiplyAdd(d0, d0, s0);
                s1 = Vector256.FusedMultiplyAdd(d1, d1, s1);
                s2 = Vector256.FusedMultiplyAdd(d2, d2, s2);
                s3 = Vector256.FusedMultiplyAdd(d3, d3, s3);
            }

            var sum = Vector256.Sum(s0 + s1 + (s2 + s3));
            if (sum > bound)
            {
                return sum;
            }
        }

        for (; i + 32 <= end; i += 32)
        {
            var d0 = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
            var d1 = Vector256.LoadUnsafe(ref a, i + 8) - Vector256.LoadUnsafe(ref b, i + 8);
            var d2 = Vector256.LoadUnsafe(ref a, i + 16) - Vector256.LoadUnsafe(ref b, i + 16);
            var d3 = Vector256.LoadUnsafe(ref a, i + 24) - Vector256.LoadUnsafe(ref b, i + 24);
            s0 = Vector256.FusedMultiplyAdd(d0, d0, s0);
            s1 = Vector256.FusedMultiplyAdd(d1, d1, s1);
            s2 = Vector256.FusedMultiplyAdd(d2, d2, s2);
            s3 = Vector256.FusedMultiplyAdd(d3, d3, s3);
        }

        for (; i + 8 <= end; i += 8)
        {
            var d = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
            s0 = Vector256.FusedMultiplyAdd(d, d, s0);
        }

        return Vector256.Sum(s0 + s1 + (s2 + s3)) + KernelsPortable.SquaredDistance(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    public static int Dot(ref sbyte a, ref sbyte b, int length)
    {
        Vector256<int> sum = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 16 <= end; i += 16)
        {
            sum += Pairs(Wide(ref a, i), Wide(ref b, i));
        }

        return Vector256.Sum(sum) + KernelsPortable.Dot(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    public static int SquaredDistance(ref sbyte a, ref sbyte b, int length)
    {
        Vector256<int> sum = default;
        nuint i = 0;
        var end = (nuint)length;
        for (; i + 16 <= end; i += 16)
        {
            var d = Wide(ref a, i) - Wide(ref b, i);
            sum += Pairs(d, d);
        }

        return Vector256.Sum(sum) + KernelsPortable.SquaredDistance(ref Unsafe.Add(ref a, i), ref Unsafe.Add(ref b, i), (int)(end - i));
    }

    /// <summary>Half precision to single, exactly, for finite values: the bits are shifted into place and the bias is multiplied in, which also makes subnormals right.</summary>
    public static void WidenHalf(ReadOnlySpan<ushort> from, Span<float> to)
    {
        var i = 0;
        for (; i + 8 <= from.Length; i += 8)
        {
            var bits = Vector256.WidenLower(Vector128.LoadUnsafe(ref Unsafe.AsRef(in from[i])).ToVector256Unsafe());
            var sign = (bits & Vector256.Create(0x8000u)) << 16;
            var magnitude = ((bits & Vector256.Create(0x7FFFu)) << 13).AsSingle() * Vector256.Create(HalfBias);
            (magnitude.AsUInt32() | sign).AsSingle().CopyTo(to[i..]);
        }

        for (; i < from.Length; i++)
        {
            to[i] = (float)BitConverter.UInt16BitsToHalf(from[i]);
        }
    }

    /// <summary>Bfloat16 is the upper half of a float32.</summary>
    public static void WidenBrain(ReadOnlySpan<ushort> from, Span<float> to)
    {
        var i = 0;
        for (; i + 8 <= from.Length; i += 8)
        {
            (Vector256.WidenLower(Vector128.LoadUnsafe(ref Unsafe.AsRef(in from[i])).ToVector256Unsafe()) << 16).AsSingle().CopyTo(to[i..]);
        }

        for (; i < from.Length; i++)
        {
            to[i] = BitConverter.UInt32BitsToSingle((uint)from[i] << 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Wide(ref sbyte values, nuint at) =>
        Avx2.IsSupported ? Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref values, at))
        : Vector256.Create(Vector128.WidenLower(Vector128.LoadUnsafe(ref values, at)), Vector128.WidenUpper(Vector128.LoadUnsafe(ref values, at)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Pairs(Vector256<short> a, Vector256<short> b) =>
        Avx2.IsSupported ? Avx2.MultiplyAddAdjacent(a, b)
        : (Vector256.WidenLower(a) * Vector256.WidenLower(b)) + (Vector256.WidenUpper(a) * Vector256.WidenUpper(b));
}
