using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Demarc.Core.Ledger;

/// <summary>
/// Eight numbers modulo p = 2^255 − 19 side by side, one in each lane of a vector register. The registers multiply 32 bits by 32 at most, so a number has ten
/// limbs here, of 26 and 25 bits by turns (limb i stands for 2^⌈25.5·i⌉; the radix of Bernstein's Curve25519 paper). A product of two odd limbs counts twice,
/// and what goes beyond 2^255 comes in again nineteen times.
/// </summary>
internal struct Ed25519Lanes
{
    /// <summary>How many numbers go side by side.</summary>
    public const int Count = 8;

    /// <summary>How many limbs a number has here.</summary>
    public const int Limbs = 10;

    private const int Bits = 26;
    private Registers limbs;

    /// <summary>Whether this machine's registers are as wide; where they are not, one number at a time is quicker.</summary>
    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>A limb of all the numbers.</summary>
    public Vector512<ulong> this[int limb]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly get => limbs[limb];
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set => limbs[limb] = value;
    }

    /// <summary>A limb of one number.</summary>
    public static uint LimbOf(in Ed25519Field number, int limb) =>
        (uint)((limb & 1) == 0 ? number[limb / 2] & ((1UL << Bits) - 1) : number[limb / 2] >> Bits);

    /// <summary>A limb of one number again, out of the two that stand for it here.</summary>
    public static ulong Wide(ulong even, ulong odd) => even + (odd << Bits);

    /// <summary>A limb of 2p: what is taken from it stays above zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> TwiceP(int limb) => Vector512.Create(limb == 0 ? (1UL << 27) - 38 : (1UL << (Width(limb) + 1)) - 2);

    /// <summary>Takes <see cref="Count"/> numbers side by side.</summary>
    public static Ed25519Lanes Of(ReadOnlySpan<Ed25519Field> numbers)
    {
        Must.Hold(numbers.Length == Count);
        var lanes = default(Ed25519Lanes);
        Span<ulong> row = stackalloc ulong[Count];
        for (var limb = 0; limb < Ed25519Field.Limbs; limb++)
        {
            for (var lane = 0; lane < Count; lane++) row[lane] = numbers[lane][limb];
            var wide = Vector512.Create<ulong>(row);
            lanes.limbs[2 * limb] = wide & Mask(0);
            lanes.limbs[(2 * limb) + 1] = wide >> Bits;
        }

        return lanes;
    }

    /// <summary>The numbers one by one again.</summary>
    public readonly void CopyTo(Span<Ed25519Field> numbers)
    {
        Must.Hold(numbers.Length == Count);
        for (var lane = 0; lane < Count; lane++)
        {
            numbers[lane] = new Ed25519Field(Wide(0, lane), Wide(1, lane), Wide(2, lane), Wide(3, lane), Wide(4, lane));
        }
    }

    /// <summary>Each to the power of (p − 5) / 8; the chain of <see cref="Ed25519Field.PowerForRoot"/>.</summary>
    public readonly Ed25519Lanes PowersForRoot()
    {
        var x9 = Squared(3) * this;
        var x31 = x9 * (x9 * Squared(1)).Squared(1);
        var b10 = x31.Squared(5) * x31;
        var b20 = b10.Squared(10) * b10;
        var b40 = b20.Squared(20) * b20;
        var b50 = b40.Squared(10) * b10;
        var b100 = b50.Squared(50) * b50;
        var b200 = b100.Squared(100) * b100;
        var b250 = b200.Squared(50) * b50;
        return b250.Squared(2) * this;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Ed25519Lanes operator *(in Ed25519Lanes x, in Ed25519Lanes y)
    {
        var (x0, x1, x2, x3, x4) = (x.limbs[0], x.limbs[1], x.limbs[2], x.limbs[3], x.limbs[4]);
        var (x5, x6, x7, x8, x9) = (x.limbs[5], x.limbs[6], x.limbs[7], x.limbs[8], x.limbs[9]);
        var (y0, y1, y2, y3, y4) = (y.limbs[0], y.limbs[1], y.limbs[2], y.limbs[3], y.limbs[4]);
        var (y5, y6, y7, y8, y9) = (y.limbs[5], y.limbs[6], y.limbs[7], y.limbs[8], y.limbs[9]);
        var (d1, d3, d5, d7, d9) = (x1 + x1, x3 + x3, x5 + x5, x7 + x7, x9 + x9);
        var (z1, z2, z3, z4, z5) = (Times19(y1), Times19(y2), Times19(y3), Times19(y4), Times19(y5));
        var (z6, z7, z8, z9) = (Times19(y6), Times19(y7), Times19(y8), Times19(y9));
        var r0 = Product(x0, y0) + Product(d1, z9) + Product(x2, z8) + Product(d3, z7) + Product(x4, z6) + Product(d5, z5) + Product(x6, z4) + Product(d7, z3) + Product(x8, z2) + Product(d9, z1);
        var r1 = Product(x0, y1) + Product(x1, y0) + Product(x2, z9) + Product(x3, z8) + Product(x4, z7) + Product(x5, z6) + Product(x6, z5) + Product(x7, z4) + Product(x8, z3) + Product(x9, z2);
        var r2 = Product(x0, y2) + Product(d1, y1) + Product(x2, y0) + Product(d3, z9) + Product(x4, z8) + Product(d5, z7) + Product(x6, z6) + Product(d7, z5) + Product(x8, z4) + Product(d9, z3);
        var r3 = Product(x0, y3) + Product(x1, y2) + Product(x2, y1) + Product(x3, y0) + Product(x4, z9) + Product(x5, z8) + Product(x6, z7) + Product(x7, z6) + Product(x8, z5) + Product(x9, z4);
        var r4 = Product(x0, y4) + Product(d1, y3) + Product(x2, y2) + Product(d3, y1) + Product(x4, y0) + Product(d5, z9) + Product(x6, z8) + Product(d7, z7) + Product(x8, z6) + Product(d9, z5);
        var r5 = Product(x0, y5) + Product(x1, y4) + Product(x2, y3) + Product(x3, y2) + Product(x4, y1) + Product(x5, y0) + Product(x6, z9) + Product(x7, z8) + Product(x8, z7) + Product(x9, z6);
        var r6 = Product(x0, y6) + Product(d1, y5) + Product(x2, y4) + Product(d3, y3) + Product(x4, y2) + Product(d5, y1) + Product(x6, y0) + Product(d7, z9) + Product(x8, z8) + Product(d9, z7);
        var r7 = Product(x0, y7) + Product(x1, y6) + Product(x2, y5) + Product(x3, y4) + Product(x4, y3) + Product(x5, y2) + Product(x6, y1) + Product(x7, y0) + Product(x8, z9) + Product(x9, z8);
        var r8 = Product(x0, y8) + Product(d1, y7) + Product(x2, y6) + Product(d3, y5) + Product(x4, y4) + Product(d5, y3) + Product(x6, y2) + Product(d7, y1) + Product(x8, y0) + Product(d9, z9);
        var r9 = Product(x0, y9) + Product(x1, y8) + Product(x2, y7) + Product(x3, y6) + Product(x4, y5) + Product(x5, y4) + Product(x6, y3) + Product(x7, y2) + Product(x8, y1) + Product(x9, y0);
        return Reduced(r0, r1, r2, r3, r4, r5, r6, r7, r8, r9);
    }

    /// <summary>Squared so many times.</summary>
    public readonly Ed25519Lanes Squared(int times)
    {
        var x = this;
        for (var i = 0; i < times; i++) x.Square();
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Square()
    {
        var (x0, x1, x2, x3, x4) = (limbs[0], limbs[1], limbs[2], limbs[3], limbs[4]);
        var (x5, x6, x7, x8, x9) = (limbs[5], limbs[6], limbs[7], limbs[8], limbs[9]);
        var (d0, d1, d2, d3, d4) = (x0 + x0, x1 + x1, x2 + x2, x3 + x3, x4 + x4);
        var (d5, d6, d7, d8, d9) = (x5 + x5, x6 + x6, x7 + x7, x8 + x8, x9 + x9);
        var (q1, q3, q5, q7) = (d1 + d1, d3 + d3, d5 + d5, d7 + d7);
        var (z5, z6, z7, z8, z9) = (Times19(x5), Times19(x6), Times19(x7), Times19(x8), Times19(x9));
        var r0 = Product(x0, x0) + Product(q1, z9) + Product(d2, z8) + Product(q3, z7) + Product(d4, z6) + Product(d5, z5);
        var r1 = Product(d0, x1) + Product(d2, z9) + Product(d3, z8) + Product(d4, z7) + Product(d5, z6);
        var r2 = Product(d0, x2) + Product(d1, x1) + Product(q3, z9) + Product(d4, z8) + Product(q5, z7) + Product(x6, z6);
        var r3 = Product(d0, x3) + Product(d1, x2) + Product(d4, z9) + Product(d5, z8) + Product(d6, z7);
        var r4 = Product(d0, x4) + Product(q1, x3) + Product(x2, x2) + Product(q5, z9) + Product(d6, z8) + Product(d7, z7);
        var r5 = Product(d0, x5) + Product(d1, x4) + Product(d2, x3) + Product(d6, z9) + Product(d7, z8);
        var r6 = Product(d0, x6) + Product(q1, x5) + Product(d2, x4) + Product(d3, x3) + Product(q7, z9) + Product(x8, z8);
        var r7 = Product(d0, x7) + Product(d1, x6) + Product(d2, x5) + Product(d3, x4) + Product(d8, z9);
        var r8 = Product(d0, x8) + Product(q1, x7) + Product(d2, x6) + Product(q3, x5) + Product(x4, x4) + Product(d9, z9);
        var r9 = Product(d0, x9) + Product(d1, x8) + Product(d2, x7) + Product(d3, x6) + Product(d4, x5);
        this = Reduced(r0, r1, r2, r3, r4, r5, r6, r7, r8, r9);
    }

    // The upper halves of the lanes take no part: limbs stay below 2^27, and nineteen of them below 2^32.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Product(Vector512<ulong> x, Vector512<ulong> y) => Avx512F.Multiply(x.AsUInt32(), y.AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Times19(Vector512<ulong> x) => (x << 4) + (x + x) + x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Mask(int limb) => Vector512.Create((1UL << Width(limb)) - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Width(int limb) => Bits - (limb & 1);

    // What stands above a limb goes into the next, in two chains that do not wait for each other; the last carries are small enough to stay where they land.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Ed25519Lanes Reduced(
        Vector512<ulong> r0, Vector512<ulong> r1, Vector512<ulong> r2, Vector512<ulong> r3, Vector512<ulong> r4,
        Vector512<ulong> r5, Vector512<ulong> r6, Vector512<ulong> r7, Vector512<ulong> r8, Vector512<ulong> r9)
    {
        Carry(ref r0, ref r1, 0);
        Carry(ref r4, ref r5, 4);
        Carry(ref r1, ref r2, 1);
        Carry(ref r5, ref r6, 5);
        Carry(ref r2, ref r3, 2);
        Carry(ref r6, ref r7, 6);
        Carry(ref r3, ref r4, 3);
        Carry(ref r7, ref r8, 7);
        Carry(ref r4, ref r5, 4);
        Carry(ref r8, ref r9, 8);
        r0 += Times19(r9 >> Width(9));
        r9 &= Mask(9);
        Carry(ref r0, ref r1, 0);
        var reduced = default(Ed25519Lanes);
        reduced.limbs[0] = r0;
        reduced.limbs[1] = r1;
        reduced.limbs[2] = r2;
        reduced.limbs[3] = r3;
        reduced.limbs[4] = r4;
        reduced.limbs[5] = r5;
        reduced.limbs[6] = r6;
        reduced.limbs[7] = r7;
        reduced.limbs[8] = r8;
        reduced.limbs[9] = r9;
        return reduced;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Carry(ref Vector512<ulong> from, ref Vector512<ulong> to, int limb)
    {
        to += from >> Width(limb);
        from &= Mask(limb);
    }

    private readonly ulong Wide(int limb, int lane) => Wide(limbs[2 * limb][lane], limbs[(2 * limb) + 1][lane]);

    [InlineArray(Limbs)]
    private struct Registers
    {
        private Vector512<ulong> first;
    }
}
