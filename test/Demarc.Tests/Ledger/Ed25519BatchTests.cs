using System.Numerics;
using System.Text.Json;
using CsCheck;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Ledger;

/// <summary>
/// Many signatures in one equation give the answer that libsodium gives one by one. The arithmetic is ours, so it is held against big integers of the base
/// library, and every kind of damage has to be found at its place.
/// </summary>
public sealed class Ed25519BatchTests
{
    private const string Type = "text/plain";
    private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public void Batches_of_any_size_and_several_keys_hold()
    {
        var keys = Enumerable.Range(1, 5).Select(i => Sample.Key((byte)i)).ToList();
        foreach (var size in (int[])[1, 31, 32, 33, 100, 2048, 2049])
        {
            var batch = Enumerable.Range(0, size).Select(i => Signed(i, keys[i * i % keys.Count])).ToList();
            Assert.Null(DsseBatch.FirstUnsigned(batch, 1));

            // Not by falling back to the check one by one: the equation itself holds.
            var worthwhile = size >= Ed25519Batch.Least && size >= 16 * Math.Min(size, 3);
            Assert.Equal(worthwhile, Ed25519Batch.AllHold([.. batch.Select(b => b.Envelope.ClaimOf((Ed25519Key)b.Key, b.Envelope.Signatures[0]))]));
        }
    }

    [Fact]
    public void One_changed_bit_anywhere_in_a_signature_is_found()
    {
        using var key = Sample.Key(1);
        var good = Enumerable.Range(0, 64).Select(i => Signed(i, key)).ToList();
        Gen.Select(Gen.Int[0, 63], Gen.Int[0, 511]).Sample((at, bit) =>
        {
            var batch = good.ToList();
            batch[at] = (Changed(batch[at].Envelope, signature => signature[bit / 8] ^= (byte)(1 << (bit % 8))), key.Public);
            Assert.Equal(at, DsseBatch.FirstUnsigned(batch, 1));
        }, iter: 600);
    }

    /// <summary>Two wrong signatures whose errors cancel each other must not pass together: that is what the random factors are for.</summary>
    [Fact]
    public void Two_errors_that_cancel_out_are_found()
    {
        using var key = Sample.Key(1);
        var batch = Enumerable.Range(0, 64).Select(i => Signed(i, key)).ToList();
        batch[10] = (Changed(batch[10].Envelope, signature => AddToS(signature, 1)), key.Public);
        batch[20] = (Changed(batch[20].Envelope, signature => AddToS(signature, -1)), key.Public);
        Assert.Equal(10, DsseBatch.FirstUnsigned(batch, 1));
        (batch[10], batch[20]) = (Signed(10, key), Signed(20, key));
        var (first, second) = (batch[10].Envelope.Signatures[0].Sig, batch[20].Envelope.Signatures[0].Sig);
        batch[10] = (Changed(batch[10].Envelope, signature => second.Span.CopyTo(signature)), key.Public);
        batch[20] = (Changed(batch[20].Envelope, signature => first.Span.CopyTo(signature)), key.Public);
        Assert.Equal(10, DsseBatch.FirstUnsigned(batch, 1));
    }

    [Fact]
    public void A_scalar_that_is_not_reduced_is_refused_as_libsodium_does()
    {
        using var key = Sample.Key(1);
        var batch = Enumerable.Range(0, 64).Select(i => Signed(i, key)).ToList();
        var malleated = Changed(batch[33].Envelope, signature => AddToS(signature, L, reduce: false));
        Assert.False(malleated.IsSignedBy(key.Public));
        batch[33] = (malleated, key.Public);
        Assert.Equal(33, DsseBatch.FirstUnsigned(batch, 1));
    }

    [Fact]
    public void Points_of_small_order_and_other_encodings_of_a_point_are_refused()
    {
        using var key = Sample.Key(1);
        string[] points =
        [
            "0100000000000000000000000000000000000000000000000000000000000000", // the neutral element
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
            "0000000000000000000000000000000000000000000000000000000000000000", // order 4
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
            "0100000000000000000000000000000000000000000000000000000000000080", // neutral, with a sign that zero has not
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p + 1
            "0200000000000000000000000000000000000000000000000000000000000000", // on no point
        ];
        foreach (var point in points)
        {
            var batch = Enumerable.Range(0, 64).Select(i => Signed(i, key)).ToList();
            batch[5] = (Changed(batch[5].Envelope, signature => Convert.FromHexString(point).CopyTo(signature, 0)), key.Public);
            Assert.Equal(5, DsseBatch.FirstUnsigned(batch, 1));
        }
    }

    [Fact]
    public void A_signature_of_another_key_or_length_is_found()
    {
        using var key = Sample.Key(1);
        using var other = Sample.Key(2);
        var batch = Enumerable.Range(0, 64).Select(i => Signed(i, key)).ToList();
        batch[40] = (batch[40].Envelope, other.Public);
        Assert.Equal(40, DsseBatch.FirstUnsigned(batch, 1));
        batch[39] = (WithSignature(batch[39].Envelope, new byte[63]), key.Public);
        Assert.Equal(39, DsseBatch.FirstUnsigned(batch, 1));
    }

    private static (DsseEnvelope Envelope, PublicKey Key) Signed(int number, SigningKey key) => (DsseEnvelope.Sign(Type, Sample.Entry(number), key), key.Public);

    private static DsseEnvelope Changed(DsseEnvelope envelope, Action<byte[]> change)
    {
        var signature = envelope.Signatures[0].Sig.ToArray();
        change(signature);
        return WithSignature(envelope, signature);
    }

    private static DsseEnvelope WithSignature(DsseEnvelope envelope, byte[] signature) => DsseEnvelope.Parse(JsonSerializer.SerializeToUtf8Bytes(new
    {
        payload = Convert.ToBase64String(envelope.Payload.Span),
        payloadType = envelope.PayloadType,
        signatures = new[] { new { keyid = envelope.Signatures[0].KeyId, sig = Convert.ToBase64String(signature) } },
    })).Envelope!;

    private static void AddToS(byte[] signature, BigInteger more, bool reduce = true)
    {
        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true) + more;
        if (reduce) s = (s + L) % L;
        signature.AsSpan(32).Clear();
        Assert.True(s.TryWriteBytes(signature.AsSpan(32), out _, isUnsigned: true));
    }
}
