using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Demarc.Core.Ledger;

/// <summary>
/// A DSSE envelope (v1.0.2): a payload, its type, and signatures over both. The exact bytes that arrived are kept and are what a ledger stores
/// and hashes; the payload that is verified is the payload that is handed out, nothing is parsed twice.
/// </summary>
public sealed class DsseEnvelope
{
    private static ReadOnlySpan<byte> Version => "DSSEv1"u8;

    internal DsseEnvelope(string payloadType, ReadOnlyMemory<byte> payload, IReadOnlyList<DsseSignature> signatures, ReadOnlyMemory<byte> bytes)
    {
        PayloadType = payloadType;
        Payload = payload;
        Signatures = signatures;
        Bytes = bytes;
    }

    /// <summary>How to read the payload, a media type or URI.</summary>
    public string PayloadType { get; }

    /// <summary>The signed bytes.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>The signatures as they stand, unverified.</summary>
    public IReadOnlyList<DsseSignature> Signatures { get; }

    /// <summary>The whole envelope, byte for byte.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Reads an envelope strictly; what is wrong is said in the result. The bytes are not copied and must not change afterwards.</summary>
    public static DsseParse Parse(ReadOnlyMemory<byte> bytes) => DsseReader.Parse(bytes);

    /// <summary>Signs a payload with one or several keys. Sizes and the type are the caller's to keep within <see cref="LedgerLimits"/>.</summary>
    public static DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload, params ReadOnlySpan<ISigner> keys)
    {
        Must.Hold(IsPayloadType(payloadType));
        Must.Hold(payload.Length <= LedgerLimits.PayloadBytes);
        Must.Hold(keys.Length is > 0 and <= LedgerLimits.EnvelopeSignatures);
        var message = PreAuthenticationEncoding(payloadType, payload);
        var signatures = new List<DsseSignature>();
        foreach (var key in keys) signatures.Add(new DsseSignature(key.Public.KeyId, key.Sign(message)));
        return Write(payloadType, payload.ToArray(), signatures);
    }

    /// <summary>An envelope of signatures that were made elsewhere, in a browser for one. They are not looked at here; sizes and the type are the caller's to keep.</summary>
    public static DsseEnvelope Of(string payloadType, ReadOnlyMemory<byte> payload, params IReadOnlyList<DsseSignature> signatures)
    {
        Must.Hold(IsPayloadType(payloadType));
        Must.Hold(signatures.Count is > 0 and <= LedgerLimits.EnvelopeSignatures);
        return Write(payloadType, payload, signatures);
    }

    /// <summary>
    /// The same payload with one signature more. The envelope is written anew in our own form, so this is for envelopes that are not in a ledger
    /// yet. A key that signed already changes nothing. A full envelope (<see cref="LedgerLimits.EnvelopeSignatures"/>) takes no further one: ask
    /// <see cref="CanCosign"/> first when it came from elsewhere.
    /// </summary>
    public DsseEnvelope Cosign(ISigner key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (IsSignedBy(key.Public)) return this;
        Must.Hold(CanCosign);
        var signature = new DsseSignature(key.Public.KeyId, key.Sign(PreAuthenticationEncoding(PayloadType, Payload.Span)));
        return Write(PayloadType, Payload, [.. Signatures, signature]);
    }

    /// <summary>Whether another of our signatures fits into the limits.</summary>
    public bool CanCosign
    {
        get
        {
            if (Signatures.Count >= LedgerLimits.EnvelopeSignatures) return false;
            var room = new DsseSignature(new string('x', LedgerLimits.KeyIdBytes), new byte[SigningKey.SignatureSize]);
            return Serialize(PayloadType, Payload.Span, [.. Signatures, room]).Length <= LedgerLimits.EnvelopeBytes;
        }
    }

    /// <summary>
    /// Whether one of the signatures is this key's. A key id narrows which ones are tried, and only narrows: a signature under another key's id
    /// is not looked at, one without an id is tried.
    /// </summary>
    public bool IsSignedBy(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[]? rented = null;
        var length = 0;
        try
        {
            foreach (var signature in Signatures)
            {
                if (signature.KeyId.Length != 0 && !string.Equals(signature.KeyId, key.KeyId, StringComparison.Ordinal)) continue;
                if (rented is null)
                {
                    rented = ArrayPool<byte>.Shared.Rent(EncodingLength(PayloadType, Payload.Length));
                    length = WriteEncoding(PayloadType, Payload.Span, rented);
                }

                if (key.Verify(rented.AsSpan(0, length), signature.Sig.Span)) return true;
            }
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }

        return false;
    }

    /// <summary>What is signed: the version, and type and payload each preceded by their length, so that neither can be moved into the other.</summary>
    public static byte[] PreAuthenticationEncoding(string type, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(type);
        var buffer = new byte[EncodingLength(type, payload.Length)];
        var length = WriteEncoding(type, payload, buffer);
        return buffer[..length];
    }

    internal byte[] SignedBytes() => PreAuthenticationEncoding(PayloadType, Payload.Span);

    /// <summary>The claim that one of the signatures is this key's, to be checked with others.</summary>
    internal Ed25519Claim ClaimOf(Ed25519Key key, DsseSignature signature)
    {
        var rented = ArrayPool<byte>.Shared.Rent(Ed25519Claim.Before + EncodingLength(PayloadType, Payload.Length));
        var length = WriteEncoding(PayloadType, Payload.Span, rented.AsSpan(Ed25519Claim.Before));
        var claim = Ed25519Claim.Of(key, rented.AsSpan(0, Ed25519Claim.Before + length), signature.Sig);
        ArrayPool<byte>.Shared.Return(rented);
        return claim;
    }

    internal static bool IsPayloadType([NotNullWhen(true)] string? type) =>
        !string.IsNullOrEmpty(type) && Encoding.UTF8.GetByteCount(type) <= LedgerLimits.PayloadTypeBytes && !type.Any(char.IsControl);

    private static int EncodingLength(string type, int payloadLength) =>
        Version.Length + 4 + 20 + Encoding.UTF8.GetByteCount(type) + payloadLength;

    private static int WriteEncoding(string type, ReadOnlySpan<byte> payload, Span<byte> buffer)
    {
        Version.CopyTo(buffer);
        var at = Version.Length;
        WriteLength(Encoding.UTF8.GetByteCount(type), buffer, ref at);
        at += Encoding.UTF8.GetBytes(type, buffer[at..]);
        WriteLength(payload.Length, buffer, ref at);
        payload.CopyTo(buffer[at..]);
        return at + payload.Length;
    }

    private static void WriteLength(int length, Span<byte> buffer, ref int at)
    {
        buffer[at++] = (byte)' ';
        Must.Hold(Utf8Formatter.TryFormat(length, buffer[at..], out var written));
        at += written;
        buffer[at++] = (byte)' ';
    }

    private static DsseEnvelope Write(string payloadType, ReadOnlyMemory<byte> payload, IReadOnlyList<DsseSignature> signatures)
    {
        var bytes = Serialize(payloadType, payload.Span, signatures);
        Must.Hold(bytes.Length <= LedgerLimits.EnvelopeBytes);
        return new DsseEnvelope(payloadType, payload, signatures, bytes);
    }

    private static byte[] Serialize(string payloadType, ReadOnlySpan<byte> payload, IReadOnlyList<DsseSignature> signatures)
    {
        var buffer = new ArrayBufferWriter<byte>(payload.Length * 2 + 512);
        // The default writer escapes '+' and the like; base64 and media types stay readable and a third shorter without.
        var options = new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(buffer, options))
        {
            writer.WriteStartObject();
            writer.WriteString("payload"u8, Base64Text.Encode(payload));
            writer.WriteString("payloadType"u8, payloadType);
            writer.WriteStartArray("signatures"u8);
            foreach (var signature in signatures)
            {
                writer.WriteStartObject();
                if (signature.KeyId.Length != 0) writer.WriteString("keyid"u8, signature.KeyId);
                writer.WriteString("sig"u8, Base64Text.Encode(signature.Sig.Span));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>One signature of an envelope: an unauthenticated hint at the key (empty when there was none), and the signature's bytes.</summary>
public sealed record DsseSignature(string KeyId, ReadOnlyMemory<byte> Sig);

/// <summary>What came of reading an envelope: the envelope, or one sentence that names the field that was refused.</summary>
public readonly record struct DsseParse
{
    private DsseParse(DsseEnvelope? envelope, string? error)
    {
        Envelope = envelope;
        Error = error;
    }

    /// <summary>The envelope, when it could be read.</summary>
    public DsseEnvelope? Envelope { get; }

    /// <summary>What was refused and why, when it could not.</summary>
    public string? Error { get; }

    /// <summary>Whether there is an envelope.</summary>
    [MemberNotNullWhen(true, nameof(Envelope))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsValid => Envelope is not null;

    internal static DsseParse Of(DsseEnvelope envelope) => new(envelope, null);

    internal static DsseParse Refused(string error) => new(null, error);
}
