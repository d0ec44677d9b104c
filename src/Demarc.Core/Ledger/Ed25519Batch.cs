using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Demarc.Core.Ledger;

/// <summary>One signature to check with others.</summary>
/// <param name="Key">Whose.</param>
/// <param name="Challenge">k: SHA-512 of R, the key and the message (RFC 8032, 5.1.7), so that the message itself need not be kept.</param>
/// <param name="Signature">64 bytes.</param>
internal readonly record struct Ed25519Claim(Ed25519Key Key, ReadOnlyMemory<byte> Challenge, ReadOnlyMemory<byte> Signature)
{
    /// <summary>Bytes that stand before the message where k is made: R and the key.</summary>
    public const int Before = 2 * Ed25519Point.Size;

    /// <summary>The claim that a signature is this key's over the message that stands in a buffer behind <see cref="Before"/> bytes of room.</summary>
    public static Ed25519Claim Of(Ed25519Key key, Span<byte> roomAndMessage, ReadOnlyMemory<byte> signature)
    {
        if (signature.Length != SigningKey.SignatureSize) return new Ed25519Claim(key, default, signature);
        signature.Span[..Ed25519Point.Size].CopyTo(roomAndMessage);
        key.CopyTo(roomAndMessage[Ed25519Point.Size..]);
        return new Ed25519Claim(key, SHA512.HashData(roomAndMessage), signature);
    }
}

/// <summary>
/// Checks many Ed25519 signatures by one equation, several times as fast as one by one. A ledger of a million entries is signed by a handful of keys,
/// which is what makes it quick: of each signature only its own point R costs anything.
/// <para>
/// With a random z for each signature, 8·(Σ z·S·B − Σ z·R − Σ z·k·A) is the neutral element if every signature holds, and otherwise with a chance below
/// 2⁻¹²⁰ (Bernstein, Duif, Lange, Schwabe, Yang, "High-speed high-security signatures", section 5; RFC 8032, 5.1.7 gives the equation with the
/// factor 8). The z come out of a hash of the whole batch, so that nobody can know them before the batch stands, and the answer is the same every time.
/// </para>
/// <para>
/// Whoever holds a key can make a signature of their own that passes here and not in the stricter check at the door (a component of small order in R), and
/// nobody else can: so this is for histories that were let in entry by entry, and never decides whether an entry is let in.
/// </para>
/// </summary>
internal static class Ed25519Batch
{
    /// <summary>Below this the library's own check, one by one, is as quick.</summary>
    public const int Least = 32;

    private const int WindowBits = 10;
    private const int Buckets = 1 << (WindowBits - 1);

    // An even number, since two go at once; what is left over has nothing but zeros.
    private const int Windows = ((128 / WindowBits) + 2) / 2 * 2;
    private const int HashSize = SHA512.HashSizeInBytes;

    /// <summary>The order of the base point.</summary>
    private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Whether all hold. False says that at least one does not, or that the batch is not of a kind that gains anything: look at each then.</summary>
    public static bool AllHold(IReadOnlyList<Ed25519Claim> claims)
    {
        var keys = new Dictionary<Ed25519Key, int>();
        foreach (var claim in claims)
        {
            if (claim.Signature.Length != SigningKey.SignatureSize || !IsReduced(claim.Signature.Span[Ed25519Point.Size..])) return false;
            keys.TryAdd(claim.Key, keys.Count);
        }

        if (claims.Count < Least || keys.Count * 16 > claims.Count) return false;
        if (Addends(claims) is not { } addends) return false;
        var factors = Factors(claims);
        var sumOfS = default(WideSum);
        var sumsOfK = new WideSum[keys.Count];
        for (var i = 0; i < claims.Count; i++)
        {
            sumOfS.Add(factors[i], claims[i].Signature.Span[Ed25519Point.Size..]);
            sumsOfK[keys[claims[i].Key]].Add(factors[i], claims[i].Challenge.Span);
        }

        var total = SumOfProducts(addends, factors);
        foreach (var (key, at) in keys)
        {
            if (Ed25519Point.Read(key.ToBytes()) is not { } a) return false;
            total += a.Times(sumsOfK[at].Value % L);
        }

        // −S·B, so that everything adds up to nothing.
        return (total + Ed25519Point.Base.Times(L - (sumOfS.Value % L))).Doubled(3).IsNeutral();
    }

    /// <summary>The R of each signature; null when one is no point, or one that a sound signature never has.</summary>
    private static Ed25519Addend[]? Addends(IReadOnlyList<Ed25519Claim> claims)
    {
        var encodings = new ReadOnlyMemory<byte>[claims.Count];
        for (var i = 0; i < encodings.Length; i++) encodings[i] = claims[i].Signature[..Ed25519Point.Size];
        var points = new Ed25519Point[claims.Count];
        if (!Ed25519Point.ReadAll(encodings, points)) return null;
        var addends = new Ed25519Addend[claims.Count];
        for (var i = 0; i < addends.Length; i++)
        {
            if (points[i].IsOfSmallOrder()) return null;
            addends[i] = points[i].Addend();
        }

        return addends;
    }

    // Almost every reduced scalar is below 2²⁵², which its last byte says.
    private static bool IsReduced(ReadOnlySpan<byte> scalar) => scalar[^1] < 0x10 || new BigInteger(scalar, isUnsigned: true) < L;

    /// <summary>The z of each signature, 128 bits out of everything that is in the batch: k covers R, A and the message, S comes beside it.</summary>
    private static UInt128[] Factors(IReadOnlyList<Ed25519Claim> claims)
    {
        var all = new byte[claims.Count * (HashSize + SigningKey.SignatureSize)];
        for (var i = 0; i < claims.Count; i++)
        {
            claims[i].Challenge.Span.CopyTo(all.AsSpan(i * HashSize));
            claims[i].Signature.Span.CopyTo(all.AsSpan((claims.Count * HashSize) + (i * SigningKey.SignatureSize)));
        }

        Span<byte> seed = stackalloc byte[HashSize + sizeof(int)];
        SHA512.HashData(all, seed);
        Span<byte> block = stackalloc byte[HashSize];
        var factors = new UInt128[claims.Count];
        for (var i = 0; i < factors.Length; i++)
        {
            if (i % 4 == 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(seed[HashSize..], i);
                SHA512.HashData(seed, block);
            }

            factors[i] = BinaryPrimitives.ReadUInt128LittleEndian(block[(i % 4 * 16)..]);
        }

        return factors;
    }

    /// <summary>Σ factor · point by buckets (Pippenger): for each window of bits, points of the same digit are added up first, then weighed all at once.</summary>
    private static Ed25519Point SumOfProducts(Ed25519Addend[] addends, UInt128[] factors)
    {
        var digits = Digits(factors);
        return Ed25519Lanes.IsSupported ? SumSideBySide(addends, digits) : SumOneByOne(addends, digits);
    }

    private static Ed25519Point SumSideBySide(Ed25519Addend[] addends, short[] digits)
    {
        var prepared = new uint[addends.Length * Ed25519Buckets.Prepared];
        for (var i = 0; i < addends.Length; i++) Ed25519Buckets.Prepare(addends[i], prepared.AsSpan(i * Ed25519Buckets.Prepared, Ed25519Buckets.Prepared));
        var buckets = new Ed25519Buckets(Buckets);
        var total = Ed25519Point.Neutral;
        for (var window = Windows - 2; window >= 0; window -= 2)
        {
            buckets.Clear();
            for (var i = 0; i < addends.Length; i++)
                buckets.Add(prepared.AsSpan(i * Ed25519Buckets.Prepared, Ed25519Buckets.Prepared), digits[(i * Windows) + window], digits[(i * Windows) + window + 1]);
            total = total.Doubled(WindowBits) + Weighed(digit => buckets.Of(digit, upper: true));
            total = total.Doubled(WindowBits) + Weighed(digit => buckets.Of(digit, upper: false));
        }

        return total;
    }

    private static Ed25519Point SumOneByOne(Ed25519Addend[] addends, short[] digits)
    {
        var buckets = new Ed25519Point[Buckets + 1];
        var total = Ed25519Point.Neutral;
        for (var window = Windows - 1; window >= 0; window--)
        {
            Array.Fill(buckets, Ed25519Point.Neutral);
            for (var i = 0; i < addends.Length; i++)
            {
                var digit = digits[(i * Windows) + window];
                if (digit > 0) buckets[digit] = buckets[digit].Plus(addends[i]);
                else if (digit < 0) buckets[-digit] = buckets[-digit].Minus(addends[i]);
            }

            total = total.Doubled(WindowBits) + Weighed(digit => buckets[digit]);
        }

        return total;
    }

    /// <summary>Σ digit · bucket.</summary>
    private static Ed25519Point Weighed(Func<int, Ed25519Point> bucket)
    {
        var (running, weighed) = (Ed25519Point.Neutral, Ed25519Point.Neutral);
        for (var digit = Buckets; digit > 0; digit--)
        {
            running += bucket(digit);
            weighed += running;
        }

        return weighed;
    }

    /// <summary>Digits from −2^(w−1) to 2^(w−1), lowest window first: half the buckets, since taking away is as cheap as adding.</summary>
    private static short[] Digits(UInt128[] factors)
    {
        var digits = new short[factors.Length * Windows];
        for (var i = 0; i < factors.Length; i++)
        {
            var left = factors[i];
            var carry = 0;
            for (var window = 0; window < Windows; window++)
            {
                var digit = (int)((ulong)left & ((1UL << WindowBits) - 1)) + carry;
                carry = digit > Buckets ? 1 : 0;
                digits[(i * Windows) + window] = (short)(digit - (carry << WindowBits));
                left >>= WindowBits;
            }

            Must.Hold(carry == 0 && left == 0);
        }

        return digits;
    }

    /// <summary>A sum of products of 128 and up to 512 bits, taken modulo nothing until it is read.</summary>
    private struct WideSum
    {
        private Limbs limbs;

        public readonly BigInteger Value => new(MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)limbs), isUnsigned: true);

        public void Add(UInt128 factor, ReadOnlySpan<byte> number)
        {
            var (low, high) = ((ulong)factor, (ulong)(factor >> 64));
            for (var at = 0; at < number.Length / sizeof(ulong); at++)
            {
                var limb = BinaryPrimitives.ReadUInt64LittleEndian(number[(at * sizeof(ulong))..]);
                Add(at, low, limb);
                Add(at + 1, high, limb);
            }
        }

        private void Add(int at, ulong x, ulong y)
        {
            var top = Math.BigMul(x, y, out var low);
            limbs[at] += low;
            var carry = top + (limbs[at] < low ? 1UL : 0UL);
            for (at++; carry != 0; at++)
            {
                limbs[at] += carry;
                carry = limbs[at] < carry ? 1UL : 0UL;
            }
        }

        [InlineArray(Size)]
        private struct Limbs
        {
            public const int Size = 11;
            private ulong first;
        }
    }
}
