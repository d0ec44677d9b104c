using NSec.Cryptography;

namespace Demarc.Core.Ledger;

/// <summary>
/// An Ed25519 public key (RFC 8032), compared by its 32 bytes. Its text form is <c>ed25519:</c> and the URL-safe base64 of the bytes. Files, SSH agents and
/// browsers (WebCrypto) sign with keys of this form; the agent and the plane have no other.
/// </summary>
public sealed class Ed25519Key : PublicKey, IEquatable<Ed25519Key>
{
    /// <summary>Length of the raw key in bytes.</summary>
    public const int Size = 32;

    internal const string Prefix = "ed25519:";
    private const int TextLength = 8 + 43;

    private readonly byte[] bytes;
    private readonly NSec.Cryptography.PublicKey key;

    private Ed25519Key(byte[] bytes, NSec.Cryptography.PublicKey key) : base(Prefix + Base64Text.EncodeUrl(bytes))
    {
        this.bytes = bytes;
        this.key = key;
    }

    /// <summary>The key of these 32 bytes; null when there are not 32 of them or they are not a key.</summary>
    public static Ed25519Key? FromBytes(ReadOnlySpan<byte> raw)
    {
        if (raw.Length != Size) return null;
        return NSec.Cryptography.PublicKey.TryImport(SignatureAlgorithm.Ed25519, raw, KeyBlobFormat.RawPublicKey, out var key) && key is not null
            ? new Ed25519Key(raw.ToArray(), key)
            : null;
    }

    /// <summary>The key of a text form; null when it is not one.</summary>
    public static Ed25519Key? Parse(string? text)
    {
        if (text is null || text.Length != TextLength || !text.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        return Base64Text.Decode(text.AsSpan(Prefix.Length), Base64Form.UrlUnpadded) is { } raw ? FromBytes(raw) : null;
    }

    /// <summary>A copy of the 32 bytes.</summary>
    public byte[] ToBytes() => [.. bytes];

    /// <summary>Writes the 32 bytes.</summary>
    internal void CopyTo(Span<byte> target) => bytes.CopyTo(target);

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        signature.Length == SigningKey.SignatureSize && SignatureAlgorithm.Ed25519.Verify(key, message, signature);

    /// <inheritdoc/>
    public bool Equals(Ed25519Key? other) => other is not null && bytes.AsSpan().SequenceEqual(other.bytes);

    /// <inheritdoc/>
    public override bool Equals(PublicKey? other) => Equals(other as Ed25519Key);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Ed25519Key);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(bytes, 0);
}
