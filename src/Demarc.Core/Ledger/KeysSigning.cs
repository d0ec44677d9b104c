using System.Security.Cryptography;
using NSec.Cryptography;

namespace Demarc.Core.Ledger;

/// <summary>Whatever can sign: a key in memory, or one that something else keeps and never hands out.</summary>
public interface ISigner
{
    /// <summary>The key that its signatures are checked with.</summary>
    PublicKey Public { get; }

    /// <summary>Its signature over the message, in the form that <see cref="PublicKey.Verify"/> of the key reads.</summary>
    byte[] Sign(ReadOnlySpan<byte> message);
}

/// <summary>
/// An Ed25519 private key. The seed lives in memory that the cryptographic library guards and wipes; it leaves only through
/// <see cref="ExportSeed"/>, and the key prints as <c>***</c>.
/// </summary>
public sealed class SigningKey : ISigner, IDisposable
{
    /// <summary>Length of the seed (RFC 8032 §5.1.5) in bytes.</summary>
    public const int SeedSize = 32;

    /// <summary>Length of a signature in bytes.</summary>
    public const int SignatureSize = 64;

    private readonly Key key;

    private SigningKey(Key key, Ed25519Key publicKey)
    {
        this.key = key;
        Public = publicKey;
    }

    /// <summary>The public half.</summary>
    public Ed25519Key Public { get; }

    PublicKey ISigner.Public => Public;

    /// <summary>The key that belongs to a seed of 32 bytes; another length is a bug of the caller.</summary>
    public static SigningKey FromSeed(ReadOnlySpan<byte> seed)
    {
        Must.Hold(seed.Length == SeedSize);
        var policy = new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
        var key = Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, policy);
        var publicKey = Ed25519Key.FromBytes(key.PublicKey.Export(KeyBlobFormat.RawPublicKey));
        Must.Hold(publicKey is not null);
        return new SigningKey(key, publicKey);
    }

    /// <summary>A new key from the given source of randomness.</summary>
    public static SigningKey Generate(FillRandom fillRandom)
    {
        ArgumentNullException.ThrowIfNull(fillRandom);
        Span<byte> seed = stackalloc byte[SeedSize];
        fillRandom(seed);
        try
        {
            return FromSeed(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>Signs; the same message always gives the same 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message) => SignatureAlgorithm.Ed25519.Sign(key, message);

    /// <summary>The 32 bytes to keep in a key file. Whoever receives them can sign.</summary>
    public byte[] ExportSeed() => key.Export(KeyBlobFormat.RawPrivateKey);

    /// <summary>Wipes the key.</summary>
    public void Dispose() => key.Dispose();

    /// <inheritdoc/>
    public override string ToString() => "***";
}
