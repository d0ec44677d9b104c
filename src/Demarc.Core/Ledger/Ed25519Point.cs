using System.Numerics;
using System.Runtime.CompilerServices;

namespace Demarc.Core.Ledger;

/// <summary>
/// A point of the curve −x² + y² = 1 + d x² y² (RFC 8032, 5.1) in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z. The formulas are the unified ones for
/// a = −1 ("add-2008-hwcd-3" and "dbl-2008-hwcd" of the Explicit-Formulas Database); they hold for every pair of points.
/// </summary>
internal readonly struct Ed25519Point(Ed25519Field x, Ed25519Field y, Ed25519Field z, Ed25519Field t)
{
    /// <summary>Bytes of an encoded point.</summary>
    public const int Size = 32;

    private static readonly BigInteger DValue = -121665 * BigInteger.ModPow(121666, Ed25519Field.P - 2, Ed25519Field.P);
    private static readonly Ed25519Field D = Ed25519Field.Of(DValue);
    private static readonly Ed25519Field TwiceD = Ed25519Field.Of(2 * DValue);
    private static readonly Ed25519Field RootOfMinusOne = Ed25519Field.Of(BigInteger.ModPow(2, (Ed25519Field.P - 1) / 4, Ed25519Field.P));

    private readonly Ed25519Field x = x, y = y, z = z, t = t;

    /// <summary>The neutral element.</summary>
    public static Ed25519Point Neutral => new(Ed25519Field.Zero, Ed25519Field.One, Ed25519Field.One, Ed25519Field.Zero);

    /// <summary>The base point B.</summary>
    public static Ed25519Point Base { get; } = Read(Encoded(4 * BigInteger.ModPow(5, Ed25519Field.P - 2, Ed25519Field.P) % Ed25519Field.P)) ?? throw new BrokenBeliefException("The base point is a point.");

    /// <summary>Decodes a point (RFC 8032, 5.1.3). Null when the bytes are no point, or not the one encoding of it.</summary>
    public static Ed25519Point? Read(ReadOnlySpan<byte> bytes) => Half.Of(bytes) is { } half ? half.Whole(half.Radicand.PowerForRoot()) : null;

    /// <summary>Decodes many points, several at a time where the machine can. False when one of them cannot be decoded.</summary>
    public static bool ReadAll(ReadOnlySpan<ReadOnlyMemory<byte>> encodings, Span<Ed25519Point> points)
    {
        Must.Hold(encodings.Length == points.Length);
        var halves = new Half[Ed25519Lanes.Count];
        Span<Ed25519Field> powers = stackalloc Ed25519Field[Ed25519Lanes.Count];
        for (var from = 0; from < points.Length; from += Ed25519Lanes.Count)
        {
            var count = Math.Min(Ed25519Lanes.Count, points.Length - from);
            for (var i = 0; i < count; i++)
            {
                if (Half.Of(encodings[from + i].Span) is not { } half) return false;
                (halves[i], powers[i]) = (half, half.Radicand);
            }

            if (count == Ed25519Lanes.Count && Ed25519Lanes.IsSupported) Ed25519Lanes.Of(powers).PowersForRoot().CopyTo(powers);
            else for (var i = 0; i < count; i++) powers[i] = powers[i].PowerForRoot();
            for (var i = 0; i < count; i++)
            {
                if (halves[i].Whole(powers[i]) is not { } point) return false;
                points[from + i] = point;
            }
        }

        return true;
    }

    /// <summary>What adding this point needs, worked out once. Only for points as they were read (Z = 1).</summary>
    public Ed25519Addend Addend() => new(y + x, y - x, TwiceD * t);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Ed25519Point operator +(in Ed25519Point p, in Ed25519Point q)
    {
        var a = (p.y - p.x) * (q.y - q.x);
        var b = (p.y + p.x) * (q.y + q.x);
        var c = p.t * TwiceD * q.t;
        var zz = p.z * q.z;
        var d = zz + zz;
        return Of(b - a, d - c, d + c, b + a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Ed25519Point Plus(in Ed25519Addend q)
    {
        var a = (y - x) * q.YMinusX;
        var b = (y + x) * q.YPlusX;
        var c = t * q.TwiceDxy;
        var d = z + z;
        return Of(b - a, d - c, d + c, b + a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Ed25519Point Minus(in Ed25519Addend q)
    {
        var a = (y - x) * q.YPlusX;
        var b = (y + x) * q.YMinusX;
        var c = t * q.TwiceDxy;
        var d = z + z;
        return Of(b - a, d + c, d - c, b + a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Ed25519Point Doubled()
    {
        var a = x.Squared();
        var b = y.Squared();
        var zz = z.Squared();
        var h = a + b;
        var e = h - (x + y).Squared();
        var g = a - b;
        return Of(e, zz + zz + g, g, h);
    }

    /// <summary>Doubled so many times.</summary>
    public Ed25519Point Doubled(int times)
    {
        var p = this;
        for (var i = 0; i < times; i++) p = p.Doubled();
        return p;
    }

    /// <summary>Added up so many times; the scalar is public, and takes the time it takes.</summary>
    public Ed25519Point Times(BigInteger scalar)
    {
        var sum = Neutral;
        for (var bit = (int)scalar.GetBitLength() - 1; bit >= 0; bit--)
        {
            sum = sum.Doubled();
            if (!((scalar >> bit) & 1).IsZero) sum += this;
        }

        return sum;
    }

    /// <summary>
    /// Whether the order of this point divides 8. Only for points as they were read (Z = 1), of which y alone tells: it is 0, 1 or −1, or else
    /// d y⁴ + 2 y² = 1, which is where doubling gives a point with y = 0.
    /// </summary>
    public bool IsOfSmallOrder()
    {
        var ySquared = y.Squared();
        return (y * (ySquared - Ed25519Field.One) * ((D * ySquared.Squared()) + ySquared + ySquared - Ed25519Field.One)).IsZero();
    }

    /// <summary>Whether this is the neutral element.</summary>
    public bool IsNeutral() => x.IsZero() && (y - z).IsZero();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Ed25519Point Of(in Ed25519Field e, in Ed25519Field f, in Ed25519Field g, in Ed25519Field h) => new(e * f, g * h, f * g, e * h);

    private static byte[] Encoded(BigInteger y)
    {
        var bytes = new byte[Size];
        Must.Hold(y.TryWriteBytes(bytes, out _, isUnsigned: true));
        return bytes;
    }

    /// <summary>A point under way to being decoded: x² = u/v is known, and a square root stands between it and x.</summary>
    private readonly struct Half(Ed25519Field y, bool negative, Ed25519Field u, Ed25519Field v, Ed25519Field uv3, Ed25519Field radicand)
    {
        /// <summary>u v⁷, whose power (p − 5) / 8 is what <see cref="Whole"/> needs.</summary>
        public Ed25519Field Radicand { get; } = radicand;

        public static Half? Of(ReadOnlySpan<byte> bytes)
        {
            var y = Ed25519Field.FromBytes(bytes);
            Span<byte> canonical = stackalloc byte[Size];
            y.ToBytes(canonical);
            var negative = (bytes[31] & 0x80) != 0;
            if (negative) canonical[31] |= 0x80;
            if (!canonical.SequenceEqual(bytes)) return null;

            var ySquared = y.Squared();
            var u = ySquared - Ed25519Field.One;
            var v = D * ySquared + Ed25519Field.One;
            var v3 = v.Squared() * v;
            return new Half(y, negative, u, v, u * v3, u * (v3.Squared() * v));
        }

        public Ed25519Point? Whole(in Ed25519Field power)
        {
            var x = uv3 * power;
            var check = v * x.Squared();
            if (!(check - u).IsZero())
            {
                if (!(check + u).IsZero()) return null;
                x *= RootOfMinusOne;
            }

            if (x.IsOdd() != negative)
            {
                x = Ed25519Field.Zero - x;
                if (x.IsOdd() != negative) return null;
            }

            return new Ed25519Point(x, y, Ed25519Field.One, x * y);
        }
    }
}

/// <summary>A point made ready to be added many times.</summary>
internal readonly record struct Ed25519Addend(Ed25519Field YPlusX, Ed25519Field YMinusX, Ed25519Field TwiceDxy);
