using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Demarc.Core.Ledger;

/// <summary>
/// What a passkey gives when it signs (Web Authentication Level 3, section 6.3.3): the authenticator's data, the client data that the browser wrote, and a
/// signature over the first and the hash of the second. As the signature of an envelope the three stand one behind the other, each after its length in two
/// bytes, big end first. Checked as in section 7.2, with everything that can be chosen there chosen strictly; the counter is not looked at, because
/// passkeys that are kept on several devices do not count.
/// </summary>
public sealed class PasskeyAssertion
{
    // Relying party's hash, flags, counter. Nothing follows: no credential stands in an assertion, and we ask for no extensions.
    private const int AuthenticatorDataSize = SHA256.HashSizeInBytes + 1 + 4;
    private const byte UserPresent = 0x01;
    private const byte UserVerified = 0x04;
    private const int Depth = 4;

    private readonly ReadOnlyMemory<byte> authenticatorData;
    private readonly ReadOnlyMemory<byte> clientData;
    private readonly ReadOnlyMemory<byte> signature;

    private PasskeyAssertion(ReadOnlyMemory<byte> authenticatorData, ReadOnlyMemory<byte> clientData, ReadOnlyMemory<byte> signature)
    {
        this.authenticatorData = authenticatorData;
        this.clientData = clientData;
        this.signature = signature;
    }

    /// <summary>The three parts in one, as they stand in an envelope. Null when one is too long for it.</summary>
    public static byte[]? Write(ReadOnlySpan<byte> authenticatorData, ReadOnlySpan<byte> clientDataJson, ReadOnlySpan<byte> signature)
    {
        if (6 + authenticatorData.Length + clientDataJson.Length + signature.Length > LedgerLimits.SignatureBytes) return null;
        return [.. Length(authenticatorData), .. authenticatorData, .. Length(clientDataJson), .. clientDataJson, .. Length(signature), .. signature];
    }

    internal static bool TryRead(ReadOnlySpan<byte> bytes, out PasskeyAssertion assertion)
    {
        assertion = null!;
        if (Take(ref bytes) is not { } authenticatorData || Take(ref bytes) is not { } clientData || Take(ref bytes) is not { } signature || !bytes.IsEmpty) return false;
        assertion = new PasskeyAssertion(authenticatorData, clientData, signature);
        return true;
    }

    /// <summary>Why this is not the passkey's assertion for the challenge; null when it is.</summary>
    internal string? Refusal(Passkey key, ReadOnlySpan<byte> challenge)
    {
        var data = authenticatorData.Span;
        if (data.Length != AuthenticatorDataSize) return $"authenticatorData has {data.Length} bytes instead of {AuthenticatorDataSize}";
        if (!data[..SHA256.HashSizeInBytes].SequenceEqual(key.RpIdHash)) return "authenticatorData is of another relying party";
        var flags = data[SHA256.HashSizeInBytes];
        if ((flags & UserPresent) == 0) return "nobody was present";
        if ((flags & UserVerified) == 0) return "who was present was not verified (PIN, finger, face)";
        if (ClientDataRefusal(key, challenge) is { } refusal) return refusal;
        return key.HasSigned([.. data, .. SHA256.HashData(clientData.Span)], signature.Span) ? null : "the signature does not hold";
    }

    private string? ClientDataRefusal(Passkey key, ReadOnlySpan<byte> challenge)
    {
        try
        {
            using var document = JsonDocument.Parse(clientData, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = Depth });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return "clientDataJSON is no object";
            if (Text(root, "type") != "webauthn.get") return "clientDataJSON is not of an assertion (type 'webauthn.get')";
            if (Text(root, "challenge") != Base64Text.EncodeUrl(challenge)) return "the challenge is of other bytes";
            // A page inside somebody else's page: what was on the screen around it is not ours.
            if (root.TryGetProperty("topOrigin", out _) || (root.TryGetProperty("crossOrigin", out var cross) && cross.ValueKind != JsonValueKind.False)) return "it was made inside a page of another origin";
            return IsOf(Text(root, "origin"), key.RpIdHash) ? null : "its origin does not belong to the relying party";
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return "clientDataJSON cannot be read";
        }
    }

    // The relying party's id is the origin's host or a domain above it. Browsers let other origins be named as related; we name none.
    private static bool IsOf(string? origin, ReadOnlySpan<byte> rpIdHash)
    {
        if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && !uri.IsLoopback)) return false;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        for (var host = uri.IdnHost; host.Length > 0;)
        {
            SHA256.HashData(Encoding.UTF8.GetBytes(host), hash);
            if (hash.SequenceEqual(rpIdHash)) return true;
            var dot = host.IndexOf('.', StringComparison.Ordinal);
            host = dot < 0 ? "" : host[(dot + 1)..];
        }

        return false;
    }

    private static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Take(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2) return null;
        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        if (bytes.Length < 2 + length) return null;
        var part = bytes.Slice(2, length).ToArray();
        bytes = bytes[(2 + length)..];
        return part;
    }

    private static byte[] Length(ReadOnlySpan<byte> part) => [(byte)(part.Length >> 8), (byte)part.Length];
}
