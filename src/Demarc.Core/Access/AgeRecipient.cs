using System.Diagnostics.CodeAnalysis;
using NSec.Cryptography;

namespace Demarc.Core.Access;

/// <summary>Whom a file is sealed to: an X25519 public key, written <c>age1…</c>. Compared by its text.</summary>
public sealed class AgeRecipient : IEquatable<AgeRecipient>
{
    private const string Prefix = "age";
    private readonly byte[] bytes;

    internal AgeRecipient(PublicKey key)
    {
        Key = key;
        bytes = key.Export(KeyBlobFormat.RawPublicKey);
        Text = AgeBech32.Encode(Prefix, bytes);
    }

    internal PublicKey Key { get; }

    internal ReadOnlySpan<byte> Bytes => bytes;

    private string Text { get; }

    /// <summary>Reads <c>age1…</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AgeRecipient? recipient)
    {
        recipient = null;
        // Upper case is legal Bech32, yet age writes recipients in lower case only; one text per key is worth more.
        if (text is null || text.Any(char.IsAsciiLetterUpper) || AgeBech32.Decode(Prefix, text) is not { Length: 32 } raw) return false;
        if (!PublicKey.TryImport(KeyAgreementAlgorithm.X25519, raw, KeyBlobFormat.RawPublicKey, out var key) || key is null) return false;
        recipient = new AgeRecipient(key);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(AgeRecipient? other) => other is not null && string.Equals(Text, other.Text, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AgeRecipient other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
