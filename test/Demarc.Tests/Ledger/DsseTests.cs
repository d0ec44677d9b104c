using System.Text;
using CsCheck;
using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class DsseTests
{
    private const string Type = "application/vnd.demarc.entry+json";

    [Fact]
    public void The_encoding_that_is_signed_is_the_published_one() =>
        Assert.Equal(
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
            Encoding.UTF8.GetString(DsseEnvelope.PreAuthenticationEncoding("http://example.com/HelloWorld", "hello world"u8)));

    [Fact]
    public void Lengths_are_counted_in_bytes() =>
        Assert.Equal("DSSEv1 3 é1 2 ß", Encoding.UTF8.GetString(DsseEnvelope.PreAuthenticationEncoding("é1", "ß"u8)));

    [Fact]
    public void The_published_envelope_reads()
    {
        var parse = Parse("""
            {"payload": "aGVsbG8gd29ybGQ=",
             "payloadType": "http://example.com/HelloWorld",
             "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
            """);

        Assert.True(parse.IsValid, parse.Error);
        Assert.Equal("hello world", Encoding.UTF8.GetString(parse.Envelope.Payload.Span));
        Assert.Equal("http://example.com/HelloWorld", parse.Envelope.PayloadType);
        Assert.Equal("", Assert.Single(parse.Envelope.Signatures).KeyId);
        using var other = Sample.Key(1);
        Assert.False(parse.Envelope.IsSignedBy(other.Public));
    }

    [Fact]
    public void An_envelope_comes_back_byte_for_byte_and_is_signed_by_its_keys_alone()
    {
        using var a = Sample.Key(1);
        using var b = Sample.Key(2);
        using var c = Sample.Key(3);
        var signed = DsseEnvelope.Sign(Type, "{}"u8, a, b);
        var parse = DsseEnvelope.Parse(signed.Bytes);

        Assert.True(parse.IsValid, parse.Error);
        Assert.True(parse.Envelope.Bytes.Span.SequenceEqual(signed.Bytes.Span));
        Assert.True(parse.Envelope.IsSignedBy(a.Public) && parse.Envelope.IsSignedBy(b.Public));
        Assert.False(parse.Envelope.IsSignedBy(c.Public));
        Assert.DoesNotContain("\\u002B", Encoding.UTF8.GetString(signed.Bytes.Span), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_cosigned_envelope_keeps_its_payload_and_its_signatures()
    {
        using var a = Sample.Key(1);
        using var b = Sample.Key(2);
        var signed = DsseEnvelope.Sign(Type, "{}"u8, a);
        var cosigned = signed.Cosign(b);

        Assert.True(cosigned.IsSignedBy(a.Public) && cosigned.IsSignedBy(b.Public));
        Assert.True(DsseEnvelope.Parse(cosigned.Bytes).Envelope!.IsSignedBy(b.Public));
        Assert.Same(cosigned, cosigned.Cosign(b));
        Assert.True(signed.CanCosign);
    }

    [Fact]
    public void A_payload_at_its_limit_fits_with_all_signatures()
    {
        SigningKey[] keys = [.. Enumerable.Range(1, LedgerLimits.EnvelopeSignatures).Select(i => Sample.Key((byte)i))];
        var full = DsseEnvelope.Sign(new string('t', LedgerLimits.PayloadTypeBytes), new byte[LedgerLimits.PayloadBytes], keys);

        Assert.InRange(full.Bytes.Length, LedgerLimits.PayloadBytes, LedgerLimits.EnvelopeBytes);
        Assert.True(DsseEnvelope.Parse(full.Bytes).IsValid);
        Assert.False(full.CanCosign);
        foreach (var key in keys) key.Dispose();
    }

    [Fact]
    public void Type_and_payload_are_both_under_the_signature()
    {
        using var key = Sample.Key(1);
        var text = Encoding.UTF8.GetString(DsseEnvelope.Sign(Type, "{}"u8, key).Bytes.Span);

        Assert.False(Parse(text.Replace("demarc.entry", "demarc.other", StringComparison.Ordinal)).Envelope!.IsSignedBy(key.Public));
        Assert.False(Parse(text.Replace("e30=", "e32=", StringComparison.Ordinal)).IsValid);
        Assert.False(Parse(text.Replace("e30=", "W10=", StringComparison.Ordinal)).Envelope!.IsSignedBy(key.Public));
    }

    [Fact]
    public void The_key_id_is_a_hint_that_cannot_make_a_signature_of_another_key()
    {
        using var a = Sample.Key(1);
        using var b = Sample.Key(2);
        var text = Encoding.UTF8.GetString(DsseEnvelope.Sign(Type, "{}"u8, a).Bytes.Span);

        Assert.False(Parse(text.Replace(a.Public.KeyId, b.Public.KeyId, StringComparison.Ordinal)).Envelope!.IsSignedBy(b.Public));
        Assert.True(Parse(text.Replace(a.Public.KeyId, "", StringComparison.Ordinal)).Envelope!.IsSignedBy(a.Public));
    }

    [Theory]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ"}]}""")]
    [InlineData("""{"payload":"-_8","payloadType":"t","signatures":[{"sig":"-_8="}]}""")]
    [InlineData("""{"payload":"+\/8=","payloadType":"t","signatures":[{"sig":"\u0059Q=="}]}""")]
    [InlineData("""{"extra":{"deep":[1,2,{"a":null}]},"payload":"","payloadType":"t","signatures":[{"sig":"","note":[]}]}""")]
    public void Both_alphabets_escapes_and_unknown_fields_are_read(string json) => Assert.True(Parse(json).IsValid, Parse(json).Error);

    [Theory]
    [InlineData("", "envelope")]
    [InlineData("[]", "envelope")]
    [InlineData("null", "envelope")]
    [InlineData("{", "envelope")]
    [InlineData("{}", "payload: missing")]
    [InlineData("""{"payload":"YQ=="}""", "payloadType: missing")]
    [InlineData("""{"payload":"YQ==","payloadType":"t"}""", "signatures: missing")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[]}""", "signatures: empty")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{}]}""", "signatures[0].sig: missing")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="},1]}""", "signatures[1]: expected an object")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":{"sig":"YQ=="}}""", "signatures: expected a list")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"Y Q="}]}""", "signatures[0].sig: not base64")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ==","sig":"YQ=="}]}""", "signatures[0].sig: stands there twice")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"keyid":7,"sig":"YQ=="}]}""", "signatures[0].keyid: expected text")]
    [InlineData("""{"payload":"YR==","payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "payload: not base64")]
    [InlineData("""{"payload":null,"payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "payload: expected base64")]
    [InlineData("""{"payload":"YQ==","payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "payload: stands there twice")]
    [InlineData("""{"payload":"YQ==","p\u0061yload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "payload: stands there twice")]
    [InlineData("""{"payload":"YQ==","payloadType":"","signatures":[{"sig":"YQ=="}]}""", "payloadType: empty")]
    [InlineData("""{"payload":"YQ==","payloadType":"a\nb","signatures":[{"sig":"YQ=="}]}""", "payloadType: empty or with control")]
    [InlineData("""{"payload":"YQ==","payloadType":"\ud800","signatures":[{"sig":"YQ=="}]}""", "surrogate")]
    [InlineData("""{"x":1,"x":2,"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "unknown field 'x': stands there twice")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}]} {}""", "envelope")]
    [InlineData("""{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}],}""", "envelope")]
    [InlineData("""{"payload":"YQ==","payloadType":"t",/* c */"signatures":[{"sig":"YQ=="}]}""", "envelope")]
    [InlineData("""{"x":[[[[[[[[[[1]]]]]]]]]],"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YQ=="}]}""", "envelope")]
    public void What_is_wrong_is_named(string json, string expected)
    {
        var parse = Parse(json);
        Assert.False(parse.IsValid);
        Assert.Contains(expected, parse.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_hold()
    {
        string Envelope(string type, string keyId, int signatures, int extra) => "{" + string.Concat(Enumerable.Range(0, extra).Select(i => $"\"x{i}\":0,")) +
            $$"""
            "payload":"","payloadType":"{{type}}","signatures":[{{string.Join(',', Enumerable.Repeat($$"""{"keyid":"{{keyId}}","sig":"YQ=="}""", signatures))}}]}
            """;
        Assert.True(Parse(Envelope(new string('t', 128), new string('k', 128), 16, 16)).IsValid);
        Assert.Contains("payloadType: longer", Parse(Envelope(new string('t', 129), "k", 1, 0)).Error, StringComparison.Ordinal);
        Assert.Contains("keyid: longer", Parse(Envelope("t", new string('k', 129), 1, 0)).Error, StringComparison.Ordinal);
        Assert.Contains("signatures: more than 16", Parse(Envelope("t", "k", 17, 0)).Error, StringComparison.Ordinal);
        Assert.Contains("more than 16 unknown", Parse(Envelope("t", "k", 1, 17)).Error, StringComparison.Ordinal);
        Assert.Contains("over the limit", DsseEnvelope.Parse(new byte[LedgerLimits.EnvelopeBytes + 1]).Error, StringComparison.Ordinal);
        Assert.Contains("UTF-8", DsseEnvelope.Parse(new byte[] { 0x7b, 0xff }).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_batch_names_its_first_unsigned_envelope(int threads)
    {
        using var key = Sample.Key(1);
        using var other = Sample.Key(2);
        var batch = Enumerable.Range(0, 5000).Select(i => (DsseEnvelope.Sign(Type, Sample.Entry(i), key), (PublicKey)key.Public)).ToList();
        Assert.Null(DsseBatch.FirstUnsigned(batch, threads));
        Assert.Null(DsseBatch.FirstUnsigned([], threads));
        foreach (var bad in (int[])[4999, 3000, 2047, 180, 7, 0])
        {
            batch[bad] = (DsseEnvelope.Sign(Type, Sample.Entry(bad), other), key.Public);
            Assert.Equal(bad, DsseBatch.FirstUnsigned(batch, threads));
        }
    }

    [Fact]
    public void Random_bytes_never_throw() =>
        Gen.Byte.Array[0, 300].Sample(bytes => Assert.False(DsseEnvelope.Parse(bytes).IsValid), iter: 20_000);

    [Fact]
    public void A_damaged_envelope_is_refused_or_no_longer_signed_or_means_the_same()
    {
        using var key = Sample.Key(1);
        var good = DsseEnvelope.Sign(Type, "{\"a\":1}"u8, key);
        Gen.Select(Gen.Int[0, good.Bytes.Length - 1], Gen.Byte, Gen.Int[0, 3]).Sample((at, value, how) =>
        {
            var parse = DsseEnvelope.Parse(Mutate(good.Bytes.Span, at, value, how));
            if (!parse.IsValid || !parse.Envelope.IsSignedBy(key.Public)) return;
            Assert.Equal(good.PayloadType, parse.Envelope.PayloadType);
            Assert.True(good.Payload.Span.SequenceEqual(parse.Envelope.Payload.Span));
        }, iter: 20_000);
    }

    internal static byte[] Mutate(ReadOnlySpan<byte> bytes, int at, byte value, int how) => how switch
    {
        0 => [.. bytes[..at], value, .. bytes[(at + 1)..]],
        1 => [.. bytes[..at], value, .. bytes[at..]],
        2 => [.. bytes[..at], .. bytes[(at + 1)..]],
        _ => [.. bytes[..at]],
    };

    private static DsseParse Parse(string json) => DsseEnvelope.Parse(Encoding.UTF8.GetBytes(json));
}
