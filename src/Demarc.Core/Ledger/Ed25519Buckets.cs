using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Demarc.Core.Ledger;

/// <summary>
/// Sums of points by digit, for two windows of bits at once: the four coordinates of a bucket of the one and of a bucket of the other fill the eight lanes
/// (<see cref="Ed25519Lanes"/>), so that adding a point to both takes two multiplications (the parallel form of "add-2008-hwcd-3" in section 4.2 of Hisil, Wong, Carter,
/// Dawson, "Twisted Edwards Curves Revisited"). Digit 0 has a bucket too, which nobody reads.
/// </summary>
internal sealed class Ed25519Buckets(int largest)
{
    private const int Limbs = Ed25519Lanes.Limbs;
    private readonly Vector256<ulong>[] low = new Vector256<ulong>[(largest + 1) * Limbs];
    private readonly Vector256<ulong>[] high = new Vector256<ulong>[(largest + 1) * Limbs];

    /// <summary>Numbers of a prepared point, as <see cref="Prepare"/> writes them.</summary>
    public const int Prepared = Limbs * 4;

    /// <summary>Writes a point as it is added: limb by limb Y−X, Y+X, 2 and 2dXY.</summary>
    public static void Prepare(in Ed25519Addend addend, Span<uint> prepared)
    {
        for (var limb = 0; limb < Limbs; limb++)
        {
            prepared[4 * limb] = Ed25519Lanes.LimbOf(addend.YMinusX, limb);
            prepared[(4 * limb) + 1] = Ed25519Lanes.LimbOf(addend.YPlusX, limb);
            prepared[(4 * limb) + 2] = limb == 0 ? 2U : 0;
            prepared[(4 * limb) + 3] = Ed25519Lanes.LimbOf(addend.TwiceDxy, limb);
        }
    }

    /// <summary>Empties all buckets.</summary>
    public void Clear()
    {
        var one = Vector256.Create(0UL, 1, 1, 0);
        foreach (var buckets in new[] { low, high })
        {
            buckets.AsSpan().Clear();
            for (var at = 0; at < buckets.Length; at += Limbs) buckets[at] = one;
        }
    }

    /// <summary>Adds a prepared point to the bucket of each window's digit; takes it away where the digit is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(ReadOnlySpan<uint> prepared, int lowDigit, int highDigit)
    {
        var a = low.AsSpan(Math.Abs(lowDigit) * Limbs, Limbs);
        var b = high.AsSpan(Math.Abs(highDigit) * Limbs, Limbs);
        var turned = Halves(lowDigit < 0 ? Vector256.Create(1UL, 0, 2, 3) : Vector256.Create(0UL, 1, 2, 3), highDigit < 0 ? Vector256.Create(5UL, 4, 6, 7) : Vector256.Create(4UL, 5, 6, 7));
        var taken = Halves(lowDigit < 0 ? Vector256.Create(0, 0, 0, ulong.MaxValue) : default, highDigit < 0 ? Vector256.Create(0, 0, 0, ulong.MaxValue) : default);
        Ed25519Lanes bucket = default, point = default;
        for (var limb = 0; limb < Limbs; limb++)
        {
            // Y−X, Y+X, Z, T
            var old = Vector512.Create(a[limb], b[limb]);
            var x = Avx512F.PermuteVar8x64(old, Lanes(0, 0, 0, 0));
            bucket[limb] = Avx512F.PermuteVar8x64(old, Lanes(1, 1, 2, 3)) + Vector512.ConditionalSelect(First, Ed25519Lanes.TwiceP(limb) - x, x & Second);

            // Taking away is adding what has Y−X and Y+X the other way round, and 2dXY below zero.
            var wide = Avx2.ConvertToVector256Int64(Vector128.Create(prepared.Slice(4 * limb, 4))).AsUInt64();
            point[limb] = Avx512F.PermuteVar8x64(Vector512.Create(wide, wide), turned);
        }

        // A, B, D, C
        var product = bucket * point;
        Ed25519Lanes left = default, right = default;
        for (var limb = 0; limb < Limbs; limb++)
        {
            var m = product[limb];
            m = Vector512.ConditionalSelect(taken, Ed25519Lanes.TwiceP(limb) - m, m);
            var w = Avx512F.PermuteVar8x64(m, Lanes(0, 3, 3, 0));

            // E = B−A, F = D−C, G = D+C, H = B+A
            var sums = Avx512F.PermuteVar8x64(m, Lanes(1, 2, 2, 1)) + Vector512.ConditionalSelect(First | Second, Ed25519Lanes.TwiceP(limb) - w, w);
            left[limb] = Avx512F.PermuteVar8x64(sums, Lanes(0, 2, 1, 0));
            right[limb] = Avx512F.PermuteVar8x64(sums, Lanes(1, 3, 2, 3));
        }

        // X = E·F, Y = G·H, Z = F·G, T = E·H
        var sum = left * right;
        for (var limb = 0; limb < Limbs; limb++)
        {
            a[limb] = sum[limb].GetLower();
            b[limb] = sum[limb].GetUpper();
        }
    }

    /// <summary>The sum of the points of a digit, in the lower or the upper window.</summary>
    public Ed25519Point Of(int digit, bool upper)
    {
        var bucket = (upper ? high : low).AsSpan(digit * Limbs, Limbs);
        return new Ed25519Point(Coordinate(bucket, 0), Coordinate(bucket, 1), Coordinate(bucket, 2), Coordinate(bucket, 3));
    }

    private static Vector512<ulong> First => Lanes(ulong.MaxValue, 0, 0, 0, 0);

    private static Vector512<ulong> Second => Lanes(0, ulong.MaxValue, 0, 0, 0);

    private static Ed25519Field Coordinate(ReadOnlySpan<Vector256<ulong>> bucket, int lane) =>
        new(Wide(bucket, 0, lane), Wide(bucket, 1, lane), Wide(bucket, 2, lane), Wide(bucket, 3, lane), Wide(bucket, 4, lane));

    private static ulong Wide(ReadOnlySpan<Vector256<ulong>> bucket, int limb, int lane) =>
        Ed25519Lanes.Wide(bucket[2 * limb][lane], bucket[(2 * limb) + 1][lane]);

    // The same four lanes for both buckets.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Lanes(ulong x, ulong y, ulong z, ulong t, ulong upper = 4) =>
        Vector512.Create(x, y, z, t, x + upper, y + upper, z + upper, t + upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Halves(Vector256<ulong> lower, Vector256<ulong> upper) => Vector512.Create(lower, upper);
}
