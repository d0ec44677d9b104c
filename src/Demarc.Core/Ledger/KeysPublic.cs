using System.Diagnostics.CodeAnalysis;
using NSec.Cryptography;

namespace Demarc.Core.Ledger;

/// <summary>
/// An Ed25519 public key (RFC 8032), compared by its 32 bytes. Its text form, <c>ed25519:</c> and the URL-safe base64 of the bytes, is also
/// its key id: whoever reads the id holds the key, there is no directory to ask.
/// </summary>
public sealed class PublicKey : IEquatable<PublicKey>
{
    /// <summary>Length of the raw key in bytes.</summary>
    public const int Size = 32;

    private const string Prefix = "ed25519:";
    private const int TextLength = 8 + 43;

    private readonly byte[] bytes;
    private readonly NSec.Cryptography.PublicKey key;

    private PublicKey(byte[] bytes, NSec.Cryptography.PublicKey key)
    {
        this.bytes = bytes;
        this.key = key;
        KeyId = Prefix + Base64Text.EncodeUrl(bytes);
    }

    /// <summary>The text form, the same as <see cref="ToString"/>.</summary>
    public string KeyId { get; }

    /// <summary>The key of these 32 bytes; null when there are not 32 of them or they are not a key.</summary>
    public static PublicKey? FromBytes(ReadOnlySpan<byte> raw)
    {
        if (raw.Length != Size) return null;
        return NSec.Cryptography.PublicKey.TryImport(SignatureAlgorithm.Ed25519, raw, KeyBlobFormat.RawPublicKey, out var key) && key is not null
            ? new PublicKey(raw.ToArray(), key)
            : null;
    }

    /// <summary>Reads the text form. Exactly one text belongs to a key.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        if (text is null || text.Length != TextLength || !text.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        var raw = Base64Text.Decode(text.AsSpan(Prefix.Length), Base64Form.UrlUnpadded);
        key = raw is null ? null : FromBytes(raw);
        return key is not null;
    }

    /// <summary>A copy of the 32 bytes.</summary>
    public byte[] ToBytes() => [.. bytes];

    /// <summary>Whether the signature (64 bytes) is this key's over the message. Never throws: a wrong length is a wrong signature.</summary>
    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        signature.Length == SigningKey.SignatureSize && SignatureAlgorithm.Ed25519.Verify(key, message, signature);

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && bytes.AsSpan().SequenceEqual(other.bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PublicKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(bytes, 0);

    /// <inheritdoc/>
    public override string ToString() => KeyId;

    /// <summary>Whether both are the same 32 bytes.</summary>
    public static bool operator ==(PublicKey? left, PublicKey? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(PublicKey? left, PublicKey? right) => !(left == right);
}
