using System.Security.Cryptography;
using Demarc.Core.Ledger;
using NSec.Cryptography;
using PublicKey = NSec.Cryptography.PublicKey;

namespace Demarc.Core.Access;

/// <summary>Wraps a file key for one recipient: an ephemeral X25519 agreement, HKDF over it, and ChaCha20-Poly1305 with a nonce of zeroes.</summary>
internal static class AgeX25519
{
    private const string Kind = "X25519";
    private const int KeySize = 32;
    private const int WrappedSize = 32;
    private const int NonceSize = 12;

    private static ReadOnlySpan<byte> Label => "age-encryption.org/v1/X25519"u8;

    public static AgeStanza Wrap(ReadOnlySpan<byte> fileKey, AgeRecipient recipient, FillRandom fillRandom)
    {
        using var ephemeral = AgeIdentity.Generate(fillRandom);
        var share = ephemeral.Recipient.Bytes.ToArray();
        using var wrapKey = DeriveKey(ephemeral.Key, recipient.Key, share, recipient.Bytes);
        // Only a recipient that was made to leak, a point of low order, gives no agreement; nothing sane prints one.
        Must.Hold(wrapKey is not null);
        var body = AeadAlgorithm.ChaCha20Poly1305.Encrypt(wrapKey, stackalloc byte[NonceSize], [], fileKey);
        return new AgeStanza([Kind, Base64Text.EncodeUnpadded(share)], body);
    }

    /// <summary>Finds the stanza that the identity opens and writes the file key; null when it did, otherwise why not.</summary>
    public static AgeOpened? Unwrap(IReadOnlyList<AgeStanza> stanzas, AgeIdentity identity, Span<byte> fileKey)
    {
        ReadOnlySpan<byte> nonce = stackalloc byte[NonceSize];
        foreach (var stanza in stanzas)
        {
            if (!string.Equals(stanza.Arguments[0], Kind, StringComparison.Ordinal)) continue;
            if (stanza.Arguments.Count != 2 || stanza.Body.Length != WrappedSize) return Malformed();
            if (Base64Text.Decode(stanza.Arguments[1], Base64Form.StandardUnpadded) is not { Length: KeySize } share) return Malformed();
            if (!PublicKey.TryImport(KeyAgreementAlgorithm.X25519, share, KeyBlobFormat.RawPublicKey, out var key) || key is null) return Malformed();
            using var wrapKey = DeriveKey(identity.Key, key, share, identity.Recipient.Bytes);
            if (wrapKey is null) return Malformed();
            if (AeadAlgorithm.ChaCha20Poly1305.Decrypt(wrapKey, nonce, [], stanza.Body, fileKey)) return null;
        }

        return AgeOpened.Refused(AgeFailure.NoMatch, $"it is not sealed to {identity.Recipient}");
    }

    private static AgeOpened Malformed() => AgeOpened.Refused(AgeFailure.Header, "an X25519 recipient is not well formed");

    private static Key? DeriveKey(Key own, PublicKey other, ReadOnlySpan<byte> share, ReadOnlySpan<byte> recipient)
    {
        var policy = new SharedSecretCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
        using var secret = KeyAgreementAlgorithm.X25519.Agree(own, other, policy);
        if (secret is null) return null;
        var input = secret.Export(SharedSecretBlobFormat.RawSharedSecret);
        Span<byte> output = stackalloc byte[KeySize];
        Span<byte> salt = stackalloc byte[2 * KeySize];
        share.CopyTo(salt);
        recipient.CopyTo(salt[KeySize..]);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, input, output, salt, Label);
        var key = Key.Import(AeadAlgorithm.ChaCha20Poly1305, output, KeyBlobFormat.RawSymmetricKey);
        CryptographicOperations.ZeroMemory(input);
        CryptographicOperations.ZeroMemory(output);
        return key;
    }
}
