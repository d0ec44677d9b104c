using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Demarc.Core.Access;

/// <summary>
/// Who can open a sealed file: an X25519 private key, written <c>AGE-SECRET-KEY-1…</c>. It prints as <c>***</c>; its text comes out as a
/// <see cref="Secret"/>.
/// </summary>
public sealed class AgeIdentity : IDisposable
{
    private const string Prefix = "age-secret-key-";

    private AgeIdentity(Key key)
    {
        Key = key;
        Recipient = new AgeRecipient(key.PublicKey);
    }

    /// <summary>The public half.</summary>
    public AgeRecipient Recipient { get; }

    internal Key Key { get; }

    /// <summary>A new identity from the given source of randomness.</summary>
    public static AgeIdentity Generate(FillRandom fillRandom)
    {
        ArgumentNullException.ThrowIfNull(fillRandom);
        Span<byte> seed = stackalloc byte[32];
        fillRandom(seed);
        try
        {
            return FromBytes(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>Reads <c>AGE-SECRET-KEY-1…</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AgeIdentity? identity)
    {
        identity = null;
        if (text is null || AgeBech32.Decode(Prefix, text) is not { Length: 32 } raw) return false;
        identity = FromBytes(raw);
        CryptographicOperations.ZeroMemory(raw);
        return true;
    }

    /// <summary>The text form, to be kept where only its owner reads.</summary>
    public Secret Export()
    {
        var raw = Key.Export(KeyBlobFormat.RawPrivateKey);
        var text = AgeBech32.Encode(Prefix, raw).ToUpperInvariant();
        CryptographicOperations.ZeroMemory(raw);
        return new Secret(text);
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose() => Key.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Secret.Mask;

    internal static AgeIdentity FromBytes(ReadOnlySpan<byte> raw)
    {
        var policy = new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
        return new AgeIdentity(Key.Import(KeyAgreementAlgorithm.X25519, raw, KeyBlobFormat.RawPrivateKey, policy));
    }
}
