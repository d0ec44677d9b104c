using System.Diagnostics.CodeAnalysis;

namespace Demarc.Core.Ledger;

/// <summary>
/// A public key that may stand behind a signature. Its text form is also its key id and holds the whole key: whoever reads the id can check the
/// signature, there is no directory to ask. There are two forms: <see cref="Ed25519Key"/> and <see cref="Passkey"/>.
/// </summary>
public abstract class PublicKey : IEquatable<PublicKey>
{
    /// <summary>The beginnings of all text forms, for messages about a text that is none.</summary>
    public const string Forms = "an 'ed25519:' or 'webauthn:' key";

    private protected PublicKey(string keyId) => KeyId = keyId;

    /// <summary>The text form, the same as <see cref="ToString"/>.</summary>
    public string KeyId { get; }

    /// <summary>Reads a text form. Exactly one text belongs to a key.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PublicKey? key)
    {
        key = text switch
        {
            null => null,
            _ when text.StartsWith(Ed25519Key.Prefix, StringComparison.Ordinal) => Ed25519Key.Parse(text),
            _ when text.StartsWith(Passkey.Prefix, StringComparison.Ordinal) => Passkey.Parse(text),
            _ => null,
        };
        return key is not null;
    }

    /// <summary>Whether the signature is this key's over the message. Never throws: a signature of another shape is a wrong signature.</summary>
    public abstract bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    /// <inheritdoc/>
    public abstract bool Equals(PublicKey? other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PublicKey other && Equals(other);

    /// <inheritdoc/>
    public abstract override int GetHashCode();

    /// <inheritdoc/>
    public sealed override string ToString() => KeyId;

    /// <summary>Whether both are the same key.</summary>
    public static bool operator ==(PublicKey? left, PublicKey? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(PublicKey? left, PublicKey? right) => !(left == right);
}
