using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Demarc.Engine.Vectors;

/// <summary>
/// The inner loops of all searches. Each picks the widest form that this machine runs and the length is worth; the
/// forms are tested against each other. Sums of float32 differ between forms by the order of addition only (relative
/// 1e-5 of the sum of magnitudes); sums of integers are equal.
/// </summary>
internal static class Kernels
{
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        Dot(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);

    public static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        SquaredDistance(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);

    /// <summary>The length of a vector; the square is summed as the dot product is, so equal vectors have cosine 1.</summary>
    public static float Norm(ReadOnlySpan<float> a) => MathF.Sqrt(Dot(a, a));

    /// <summary>A zero vector has no direction: its cosine with anything is 0, not NaN.</summary>
    public static float Cosine(float dot, float normA, float normB)
    {
        var scale = normA * normB;
        return scale > 0 ? Math.Clamp(dot / scale, -1f, 1f) : 0f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(ref float a, ref float b, int length) =>
        Vector512.IsHardwareAccelerated && length >= Vector512<float>.Count ? Kernels512.Dot(ref a, ref b, length)
        : Vector256.IsHardwareAccelerated && length >= Vector256<float>.Count ? Kernels256.Dot(ref a, ref b, length)
        : KernelsPortable.Dot(ref a, ref b, length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SquaredDistance(ref float a, ref float b, int length) =>
        Vector512.IsHardwareAccelerated && length >= Vector512<float>.Count ? Kernels512.SquaredDistance(ref a, ref b, length)
        : Vector256.IsHardwareAccelerated && length >= Vector256<float>.Count ? Kernels256.SquaredDistance(ref a, ref b, length)
        : KernelsPortable.SquaredDistance(ref a, ref b, length);

    /// <summary>
    /// The squared distance, or any number above the bound when it is above it: a sum of squares only grows, so the rest of a
    /// long vector that is too far already need not be read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SquaredDistance(ref float a, ref float b, int length, float bound) =>
        length < 2 * Stretch ? SquaredDistance(ref a, ref b, length)
        : Vector512.IsHardwareAccelerated ? Kernels512.SquaredDistance(ref a, ref b, length, bound)
        : Vector256.IsHardwareAccelerated ? Kernels256.SquaredDistance(ref a, ref b, length, bound)
        : KernelsPortable.SquaredDistance(ref a, ref b, length);

    /// <summary>Values after which a sum is held against its bound: long enough that the look costs nothing beside reading them.</summary>
    public const int Stretch = 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Dot(ref sbyte a, ref sbyte b, int length) =>
        Vector512.IsHardwareAccelerated && length >= 32 ? Kernels512.Dot(ref a, ref b, length)
        : Vector256.IsHardwareAccelerated && length >= 16 ? Kernels256.Dot(ref a, ref b, length)
        : KernelsPortable.Dot(ref a, ref b, length);

    /// <summary>Exact up to 32,768 dimensions: 255² times that many still fits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SquaredDistance(ref sbyte a, ref sbyte b, int length) =>
        Vector512.IsHardwareAccelerated && length >= 32 ? Kernels512.SquaredDistance(ref a, ref b, length)
        : Vector256.IsHardwareAccelerated && length >= 16 ? Kernels256.SquaredDistance(ref a, ref b, length)
        : KernelsPortable.SquaredDistance(ref a, ref b, length);

    /// <summary>Bits that differ.</summary>
    public static int Hamming(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var x = MemoryMarshal.Cast<byte, ulong>(a);
        var y = MemoryMarshal.Cast<byte, ulong>(b);
        var count = 0;
        for (var i = 0; i < x.Length; i++)
        {
            count += BitOperations.PopCount(x[i] ^ y[i]);
        }

        for (var i = x.Length * sizeof(ulong); i < a.Length; i++)
        {
            count += BitOperations.PopCount((uint)(a[i] ^ b[i]));
        }

        return count;
    }

    /// <summary>Two vectors without a set bit are equal: their distance is 0.</summary>
    public static float Jaccard(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var x = MemoryMarshal.Cast<byte, ulong>(a);
        var y = MemoryMarshal.Cast<byte, ulong>(b);
        int common = 0, any = 0;
        for (var i = 0; i < x.Length; i++)
        {
            common += BitOperations.PopCount(x[i] & y[i]);
            any += BitOperations.PopCount(x[i] | y[i]);
        }

        for (var i = x.Length * sizeof(ulong); i < a.Length; i++)
        {
            common += BitOperations.PopCount((uint)(a[i] & b[i]));
            any += BitOperations.PopCount((uint)(a[i] | b[i]));
        }

        return any == 0 ? 0 : 1 - ((float)common / any);
    }

    /// <summary>Inner product of two sparse vectors with ascending indexes; not a number when they share none, since such rows are no hits.</summary>
    public static float SparseDot(ReadOnlySpan<uint> aIndexes, ReadOnlySpan<float> aValues, ReadOnlySpan<uint> bIndexes, ReadOnlySpan<float> bValues)
    {
        double sum = 0;
        for (int i = 0, j = 0; i < aIndexes.Length && j < bIndexes.Length;)
        {
            var (a, b) = (aIndexes[i], bIndexes[j]);
            if (a == b)
            {
                sum += (double)aValues[i++] * bValues[j++];
            }
            else if (a < b)
            {
                i++;
            }
            else
            {
                j++;
            }
        }

        return sum == 0 ? float.NaN : (float)sum;
    }
}
