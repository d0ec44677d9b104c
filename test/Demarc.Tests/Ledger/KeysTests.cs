using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class KeysTests
{
    // RFC 8032 §7.1, tests 1 to 3.
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Signs_and_verifies_as_published(string seed, string publicKey, string message, string signature)
    {
        using var key = SigningKey.FromSeed(Convert.FromHexString(seed));
        var (text, sig) = (Convert.FromHexString(message), Convert.FromHexString(signature));

        Assert.Equal(publicKey, Convert.ToHexStringLower(key.Public.ToBytes()));
        Assert.Equal(sig, key.Sign(text));
        Assert.True(key.Public.Verify(text, sig));
        Assert.Equal(seed, Convert.ToHexStringLower(key.ExportSeed()));
        for (var bit = 0; bit < 512; bit++)
        {
            var flipped = (byte[])sig.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(key.Public.Verify(text, flipped));
        }
    }

    [Fact]
    public void Equal_bytes_are_equal_keys_with_one_text()
    {
        using var one = Sample.Key(1);
        using var two = Sample.Key(2);
        var copy = Ed25519Key.FromBytes(one.Public.ToBytes())!;

        Assert.Equal(one.Public, copy);
        Assert.True(one.Public == copy && one.Public != two.Public);
        Assert.Equal(one.Public.GetHashCode(), copy.GetHashCode());
        Assert.StartsWith("ed25519:", copy.KeyId, StringComparison.Ordinal);
        Assert.Equal(copy.KeyId, copy.ToString());
        Assert.True(PublicKey.TryParse(copy.KeyId, out var parsed));
        Assert.Equal(one.Public, parsed);
    }

    [Fact]
    public void A_text_that_is_not_exactly_a_key_is_refused()
    {
        using var key = Sample.Key(1);
        var good = key.Public.KeyId;
        string?[] bad = [null, "", "ed25519:", good + "=", good[..^1], good + "A", good.ToUpperInvariant(), " " + good, "ed25519:" + new string('é', 43)];
        foreach (var text in bad) Assert.False(PublicKey.TryParse(text, out _), text);

        // 43 letters carry 258 bits; the two spare ones have to be zero, or a key had four names.
        var last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var names = last.Count(c => PublicKey.TryParse(good[..^1] + c, out _));
        Assert.Equal(16, names);
        Assert.Null(Ed25519Key.FromBytes(new byte[31]));
        Assert.Null(Ed25519Key.FromBytes(new byte[33]));
    }

    [Fact]
    public void Weak_keys_verify_nothing()
    {
        // Points of low order "verify" forged signatures in careless implementations.
        foreach (var weak in (string[])["00", "01"])
        {
            var key = Ed25519Key.FromBytes(Convert.FromHexString(weak.PadRight(64, '0')));
            var signature = new byte[64];
            signature[0] = 1;
            Assert.False(key is not null && key.Verify("anything"u8, signature));
        }
    }

    [Fact]
    public void A_private_key_does_not_print()
    {
        using var key = Sample.Key(7);
        Assert.Equal("***", key.ToString());
        Assert.Equal("***", $"{key}");
    }

    [Fact]
    public void A_signature_of_another_length_is_wrong_and_not_an_exception()
    {
        using var key = Sample.Key(1);
        for (var length = 0; length < 200; length++) Assert.False(key.Public.Verify("x"u8, new byte[length]));
    }
}
