using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Demarc.Core.Ledger;

/// <summary>
/// A number modulo p = 2^255 − 19, in five limbs of 51 bits. Only public values pass through here (signatures and keys that are being checked), so
/// that nothing needs to take the same time for every value. Limbs may stand a few bits above 51 between reductions; products accept up to 54.
/// </summary>
internal readonly struct Ed25519Field(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4)
{
    /// <summary>How many limbs a number has.</summary>
    public const int Limbs = 5;

    private const ulong Mask = (1UL << 51) - 1;
    private readonly ulong l0 = l0, l1 = l1, l2 = l2, l3 = l3, l4 = l4;

    /// <summary>p itself.</summary>
    public static BigInteger P { get; } = BigInteger.Pow(2, 255) - 19;

    public static Ed25519Field Zero => default;

    /// <summary>A limb, lowest first.</summary>
    public ulong this[int limb] => limb switch { 0 => l0, 1 => l1, 2 => l2, 3 => l3, _ => l4 };

    public static Ed25519Field One => new(1, 0, 0, 0, 0);

    /// <summary>A constant; for values that are worked out once.</summary>
    public static Ed25519Field Of(BigInteger value)
    {
        Span<byte> bytes = stackalloc byte[32];
        bytes.Clear();
        Must.Hold(((value % P + P) % P).TryWriteBytes(bytes, out _, isUnsigned: true));
        return FromBytes(bytes);
    }

    /// <summary>The low 255 bits of 32 little-endian bytes.</summary>
    public static Ed25519Field FromBytes(ReadOnlySpan<byte> bytes)
    {
        var a = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        var b = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        var c = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        var d = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
        return new Ed25519Field(a & Mask, ((a >> 51) | (b << 13)) & Mask, ((b >> 38) | (c << 26)) & Mask, ((c >> 25) | (d << 39)) & Mask, (d >> 12) & Mask);
    }

    /// <summary>The one canonical form, 32 little-endian bytes.</summary>
    public void ToBytes(Span<byte> bytes)
    {
        var (a, b, c, d, e) = (l0, l1, l2, l3, l4);
        for (var pass = 0; pass < 2; pass++)
        {
            b += a >> 51;
            a &= Mask;
            c += b >> 51;
            b &= Mask;
            d += c >> 51;
            c &= Mask;
            e += d >> 51;
            d &= Mask;
            a += 19 * (e >> 51);
            e &= Mask;
        }

        // Below 2^255 now, give or take the last carry; p is taken off when the number is not below it.
        var over = (((((a + 19) >> 51) + b >> 51) + c >> 51) + d >> 51) + e >> 51;
        a += 19 * over;
        b += a >> 51;
        a &= Mask;
        c += b >> 51;
        b &= Mask;
        d += c >> 51;
        c &= Mask;
        e += d >> 51;
        d &= Mask;
        e &= Mask;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, a | (b << 51));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], (b >> 13) | (c << 38));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], (c >> 26) | (d << 25));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], (d >> 39) | (e << 12));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Ed25519Field operator +(in Ed25519Field x, in Ed25519Field y) =>
        new(x.l0 + y.l0, x.l1 + y.l1, x.l2 + y.l2, x.l3 + y.l3, x.l4 + y.l4);

    // Four times p is added first, so that no limb goes below zero; then the limbs are brought back to 51 bits and a little.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Ed25519Field operator -(in Ed25519Field x, in Ed25519Field y) => Carried(
        x.l0 + 0x1FFFFFFFFFFFB4 - y.l0, x.l1 + 0x1FFFFFFFFFFFFC - y.l1, x.l2 + 0x1FFFFFFFFFFFFC - y.l2, x.l3 + 0x1FFFFFFFFFFFFC - y.l3, x.l4 + 0x1FFFFFFFFFFFFC - y.l4);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Ed25519Field operator *(in Ed25519Field x, in Ed25519Field y)
    {
        var (x0, x1, x2, x3, x4) = (x.l0, x.l1, x.l2, x.l3, x.l4);
        var (y0, y1, y2, y3, y4) = (y.l0, y.l1, y.l2, y.l3, y.l4);
        var (z1, z2, z3, z4) = (19 * y1, 19 * y2, 19 * y3, 19 * y4);
        Wide r0 = default, r1 = default, r2 = default, r3 = default, r4 = default;
        r0.Add(x0, y0);
        r0.Add(x1, z4);
        r0.Add(x2, z3);
        r0.Add(x3, z2);
        r0.Add(x4, z1);
        r1.Add(x0, y1);
        r1.Add(x1, y0);
        r1.Add(x2, z4);
        r1.Add(x3, z3);
        r1.Add(x4, z2);
        r2.Add(x0, y2);
        r2.Add(x1, y1);
        r2.Add(x2, y0);
        r2.Add(x3, z4);
        r2.Add(x4, z3);
        r3.Add(x0, y3);
        r3.Add(x1, y2);
        r3.Add(x2, y1);
        r3.Add(x3, y0);
        r3.Add(x4, z4);
        r4.Add(x0, y4);
        r4.Add(x1, y3);
        r4.Add(x2, y2);
        r4.Add(x3, y1);
        r4.Add(x4, y0);
        return Reduced(ref r0, ref r1, ref r2, ref r3, ref r4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Ed25519Field Squared()
    {
        var (x0, x1, x2, x3, x4) = (l0, l1, l2, l3, l4);
        var (d0, d1, t3, t4) = (2 * x0, 2 * x1, 19 * x3, 19 * x4);
        Wide r0 = default, r1 = default, r2 = default, r3 = default, r4 = default;
        r0.Add(x0, x0);
        r0.Add(d1, t4);
        r0.Add(2 * x2, t3);
        r1.Add(d0, x1);
        r1.Add(2 * x2, t4);
        r1.Add(x3, t3);
        r2.Add(d0, x2);
        r2.Add(x1, x1);
        r2.Add(2 * x3, t4);
        r3.Add(d0, x3);
        r3.Add(d1, x2);
        r3.Add(x4, t4);
        r4.Add(d0, x4);
        r4.Add(d1, x3);
        r4.Add(x2, x2);
        return Reduced(ref r0, ref r1, ref r2, ref r3, ref r4);
    }

    /// <summary>Squared so many times.</summary>
    public Ed25519Field Squared(int times)
    {
        var x = this;
        for (var i = 0; i < times; i++) x = x.Squared();
        return x;
    }

    /// <summary>To the power of 2^252 − 3 = (p − 5) / 8, the heart of a square root.</summary>
    public Ed25519Field PowerForRoot()
    {
        var x9 = Squared(3) * this;
        var x31 = x9 * (x9 * Squared(1)).Squared();
        var b10 = x31.Squared(5) * x31;
        var b20 = b10.Squared(10) * b10;
        var b40 = b20.Squared(20) * b20;
        var b50 = b40.Squared(10) * b10;
        var b100 = b50.Squared(50) * b50;
        var b200 = b100.Squared(100) * b100;
        var b250 = b200.Squared(50) * b50;
        return b250.Squared(2) * this;
    }

    public bool IsZero()
    {
        Span<byte> bytes = stackalloc byte[32];
        ToBytes(bytes);
        return bytes.IndexOfAnyExcept((byte)0) < 0;
    }

    /// <summary>The lowest bit of the canonical form: what encodings call the sign.</summary>
    public bool IsOdd()
    {
        Span<byte> bytes = stackalloc byte[32];
        ToBytes(bytes);
        return (bytes[0] & 1) != 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Ed25519Field Reduced(ref Wide r0, ref Wide r1, ref Wide r2, ref Wide r3, ref Wide r4)
    {
        r1.Add(r0.Above51());
        r2.Add(r1.Above51());
        r3.Add(r2.Above51());
        r4.Add(r3.Above51());
        var a = (r0.Low & Mask) + 19 * r4.Above51();
        var b = (r1.Low & Mask) + (a >> 51);
        return new Ed25519Field(a & Mask, b, r2.Low & Mask, r3.Low & Mask, r4.Low & Mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Ed25519Field Carried(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        var over = e >> 51;
        return new Ed25519Field((a & Mask) + 19 * over, (b & Mask) + (a >> 51), (c & Mask) + (b >> 51), (d & Mask) + (c >> 51), (e & Mask) + (d >> 51));
    }

    /// <summary>A sum of products, 128 bits.</summary>
    private struct Wide
    {
        private ulong high;

        public ulong Low { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong x, ulong y)
        {
            var top = Math.BigMul(x, y, out var low);
            Low += low;
            high += top + (Low < low ? 1UL : 0UL);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong x)
        {
            Low += x;
            high += Low < x ? 1UL : 0UL;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly ulong Above51() => (high << 13) | (Low >> 51);
    }
}
