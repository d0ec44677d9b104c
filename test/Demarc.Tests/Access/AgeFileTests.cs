using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using Demarc.Core;
using Demarc.Core.Access;
using Xunit;

namespace Demarc.Tests.Access;

public class AgeFileTests
{
    // The key pair that the specification shows.
    private const string SpecIdentity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    private const string SpecRecipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    public static TheoryData<string> VectorNames => [.. AgeVectors.All.Select(v => v.Name)];

    [Theory]
    [MemberData(nameof(VectorNames))]
    public void Public_vectors_come_out_as_published(string name)
    {
        var vector = AgeVectors.All.Single(v => v.Name == name);
        Assert.True(AgeIdentity.TryParse(vector.Identity, out var identity));
        var opened = AgeFile.TryDecrypt(Unpack(vector.File, vector.Packed), identity);

        var result = opened.IsOpen ? "success" : opened.Failure switch
        {
            AgeFailure.Armor => "armor failure",
            AgeFailure.Header => "header failure",
            AgeFailure.NoMatch => "no match",
            AgeFailure.Mac => "HMAC failure",
            AgeFailure.Payload => "payload failure",
            AgeFailure.TooLarge or null => "too large",
        };
        Assert.Equal(vector.Expect, result);
        if (opened.IsOpen) Assert.Equal(vector.Sha256, Convert.ToHexStringLower(SHA256.HashData(opened.Plaintext.RevealBytes())));
    }

    [Fact]
    public void The_published_key_pair_belongs_together()
    {
        Assert.True(AgeIdentity.TryParse(SpecIdentity, out var identity));
        Assert.Equal(SpecRecipient, identity.Recipient.ToString());
        Assert.Equal(SpecIdentity, identity.Export().Reveal());
        Assert.True(AgeRecipient.TryParse(SpecRecipient, out var recipient));
        Assert.Equal(identity.Recipient, recipient);
        Assert.Equal("***", identity.ToString());
    }

    [Fact]
    public void A_mistyped_key_is_refused()
    {
        for (var i = 0; i < SpecRecipient.Length; i++)
        {
            foreach (var letter in "qp8x1b")
            {
                var typed = SpecRecipient[..i] + letter + SpecRecipient[(i + 1)..];
                Assert.Equal(typed == SpecRecipient, AgeRecipient.TryParse(typed, out _));
            }
        }

        string?[] bad = [null, "", "age1", SpecRecipient.ToUpperInvariant(), SpecRecipient + "q", SpecIdentity, "age" + new string('1', 300)];
        foreach (var text in bad) Assert.False(AgeRecipient.TryParse(text, out _), text);
        Assert.False(AgeIdentity.TryParse(SpecRecipient, out _));
        Assert.False(AgeIdentity.TryParse("AGE-secret" + SpecIdentity[10..], out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(131_072)]
    [InlineData(AgeLimits.PlaintextBytes)]
    public void What_is_sealed_opens_for_each_recipient_and_nobody_else(int length)
    {
        var random = Random(length);
        using var a = AgeIdentity.Generate(random);
        using var b = AgeIdentity.Generate(random);
        using var stranger = AgeIdentity.Generate(random);
        var plaintext = new byte[length];
        random(plaintext);
        var file = AgeFile.Encrypt(plaintext, [a.Recipient, b.Recipient], random);

        Assert.Equal(plaintext, AgeFile.TryDecrypt(file, a).Plaintext!.RevealBytes());
        Assert.Equal(plaintext, AgeFile.TryDecrypt(file, b).Plaintext!.RevealBytes());
        Assert.Equal(AgeFailure.NoMatch, AgeFile.TryDecrypt(file, stranger).Failure);
    }

    [Fact]
    public void Armor_is_text_that_opens_again()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        foreach (var length in (int[])[0, 1, 2, 3, 40, 41, 42, 1000])
        {
            var armored = AgeFile.EncryptArmored(new byte[length], [identity.Recipient], Random(2));
            Assert.StartsWith("-----BEGIN AGE ENCRYPTED FILE-----\n", armored, StringComparison.Ordinal);
            Assert.Equal(new byte[length], AgeFile.TryDecrypt(armored, identity).Plaintext!.RevealBytes());
        }
    }

    [Fact]
    public void The_same_randomness_gives_the_same_file_and_other_randomness_another()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        Assert.Equal(AgeFile.Encrypt("x"u8, [identity.Recipient], Random(2)), AgeFile.Encrypt("x"u8, [identity.Recipient], Random(2)));
        Assert.NotEqual(AgeFile.Encrypt("x"u8, [identity.Recipient], Random(2)), AgeFile.Encrypt("x"u8, [identity.Recipient], Random(3)));
    }

    [Fact]
    public void Any_damage_is_refused()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        var good = AgeFile.Encrypt("the first password"u8, [identity.Recipient], Random(2));
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 3]).Sample((at, value, how) =>
        {
            var damaged = Ledger.DsseTests.Mutate(good, at, value, how);
            Assert.Equal(damaged.AsSpan().SequenceEqual(good), AgeFile.TryDecrypt(damaged, identity).IsOpen);
        }, iter: 5_000);
    }

    [Fact]
    public void Damaged_armor_opens_only_where_nothing_but_white_space_changed()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        var good = Encoding.ASCII.GetBytes(AgeFile.EncryptArmored("the first password"u8, [identity.Recipient], Random(2)));
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 3]).Sample((at, value, how) =>
        {
            var damaged = Ledger.DsseTests.Mutate(good, at, value, how);
            if (!AgeFile.TryDecrypt(damaged, identity).IsOpen) return;
            string Bare(byte[] bytes) => Encoding.Latin1.GetString(bytes).Trim().Replace("\r\n", "\n", StringComparison.Ordinal);
            Assert.Equal(Bare(good), Bare(damaged));
        }, iter: 5_000);
    }

    [Fact]
    public void Random_bytes_never_throw()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        Gen.Byte.Array[0, 300].Sample(bytes => Assert.False(AgeFile.TryDecrypt(bytes, identity).IsOpen), iter: 10_000);
        Gen.Byte.Array[0, 300].Sample(
            bytes => Assert.False(AgeFile.TryDecrypt([.. "age-encryption.org/v1\n-> X25519 "u8, .. bytes], identity).IsOpen), iter: 10_000);
    }

    [Fact]
    public void Limits_hold()
    {
        using var identity = AgeIdentity.Generate(Random(1));
        var most = AgeFile.Encrypt(new byte[AgeLimits.PlaintextBytes], [.. Enumerable.Repeat(identity.Recipient, AgeLimits.Recipients)], Random(2));
        Assert.InRange(most.Length, AgeLimits.PlaintextBytes, AgeLimits.FileBytes);
        Assert.True(AgeFile.TryDecrypt(most, identity).IsOpen);
        var armored = AgeFile.EncryptArmored(new byte[AgeLimits.PlaintextBytes], [identity.Recipient], Random(2));
        Assert.True(AgeFile.TryDecrypt(armored.Replace("\n", "\r\n", StringComparison.Ordinal), identity).IsOpen);
        Assert.Equal(AgeFailure.TooLarge, AgeFile.TryDecrypt(new byte[AgeLimits.FileBytes + 1], identity).Failure);
        Assert.Equal(AgeFailure.TooLarge, AgeFile.TryDecrypt(new string('a', AgeLimits.ArmoredChars + 1), identity).Failure);
        var stanzas = string.Concat(Enumerable.Repeat("-> x\n\n", AgeLimits.Recipients + 1));
        Assert.Contains("more than 32", AgeFile.TryDecrypt(Encoding.ASCII.GetBytes("age-encryption.org/v1\n" + stanzas), identity).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_does_not_show_itself()
    {
        var secret = new Secret("hunter2");
        Assert.Equal("***", secret.ToString());
        Assert.Equal("""{"Password":"***"}""", JsonSerializer.Serialize(new { Password = secret }));
        Assert.Equal("hunter2", JsonSerializer.Deserialize<Secret>("\"hunter2\"")!.Reveal());
        Assert.Equal(new Secret("hunter2"), secret);
        Assert.NotEqual(new Secret("hunter3"), secret);
        Assert.DoesNotContain("hunter2", AgeFile.TryDecrypt("x"u8, AgeIdentity.Generate(Random(1))) + $"{secret}", StringComparison.Ordinal);
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Secret>("7"));
    }

    private static FillRandom Random(int seed)
    {
        var random = new Random(seed);
        return random.NextBytes;
    }

    private static byte[] Unpack(string file, bool packed)
    {
        var bytes = Convert.FromBase64String(file);
        if (!packed) return bytes;
        using var stream = new ZLibStream(new MemoryStream(bytes), CompressionMode.Decompress);
        var result = new MemoryStream();
        stream.CopyTo(result);
        return result.ToArray();
    }
}
