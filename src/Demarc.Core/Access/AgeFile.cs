using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>
/// Sealed files in the age v1 format (C2SP age), to X25519 recipients. This is how a minted credential reaches the customer through hands that
/// must not read it: sealed by the agent, stored and shown by anyone, opened with the customer's own key, by the <c>age</c> tool as well.
/// </summary>
public static class AgeFile
{
    private const int FileKeySize = 16;
    private const int NonceSize = 16;
    private const int KeySize = 32;

    private static ReadOnlySpan<byte> MacLabel => "header"u8;

    private static ReadOnlySpan<byte> PayloadLabel => "payload"u8;

    /// <summary>
    /// Seals the plaintext so that each recipient alone can open it. Every call draws a new file key, nonce and one ephemeral key per recipient
    /// from the source of randomness. Sizes are the caller's to keep within <see cref="AgeLimits"/>.
    /// </summary>
    public static byte[] Encrypt(ReadOnlySpan<byte> plaintext, IReadOnlyList<AgeRecipient> recipients, FillRandom fillRandom)
    {
        ArgumentNullException.ThrowIfNull(recipients);
        ArgumentNullException.ThrowIfNull(fillRandom);
        Must.Hold(plaintext.Length <= AgeLimits.PlaintextBytes && recipients.Count is > 0 and <= AgeLimits.Recipients);
        Span<byte> fileKey = stackalloc byte[FileKeySize];
        Span<byte> payloadKey = stackalloc byte[KeySize];
        try
        {
            fillRandom(fileKey);
            var header = new StringBuilder(AgeHeader.VersionLine);
            foreach (var recipient in recipients) AgeX25519.Wrap(fileKey, recipient, fillRandom).WriteTo(header);
            header.Append("---");
            var mac = HeaderMac(fileKey, Encoding.ASCII.GetBytes(header.ToString()));
            header.Append(' ').Append(Base64Text.EncodeUnpadded(mac)).Append('\n');

            Span<byte> nonce = stackalloc byte[NonceSize];
            fillRandom(nonce);
            HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, payloadKey, nonce, PayloadLabel);
            return [.. Encoding.ASCII.GetBytes(header.ToString()), .. nonce, .. AgeStream.Seal(payloadKey, plaintext)];
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fileKey);
            CryptographicOperations.ZeroMemory(payloadKey);
        }
    }

    /// <summary>Seals and puts the file into armor, for places that carry text.</summary>
    public static string EncryptArmored(ReadOnlySpan<byte> plaintext, IReadOnlyList<AgeRecipient> recipients, FillRandom fillRandom) =>
        AgeArmor.Write(Encrypt(plaintext, recipients, fillRandom));

    /// <summary>Opens a file, in armor or not. Either the whole plaintext comes back or none of it.</summary>
    public static AgeOpened TryDecrypt(ReadOnlySpan<byte> file, AgeIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (AgeArmor.LooksArmored(file))
        {
            return AgeArmor.Read(file) is { } binary
                ? DecryptBinary(binary, identity)
                : AgeOpened.Refused(AgeFailure.Armor, "the armor is not the strict form: begin line, base64 in lines of 64, end line");
        }

        return DecryptBinary(file, identity);
    }

    /// <summary>Opens a file in armor.</summary>
    public static AgeOpened TryDecrypt(string armored, AgeIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(armored);
        return armored.Length > AgeLimits.ArmoredChars
            ? AgeOpened.Refused(AgeFailure.TooLarge, $"the text is over the limit of {AgeLimits.ArmoredChars} characters")
            : TryDecrypt(Encoding.UTF8.GetBytes(armored), identity);
    }

    /// <summary>Whether a text has the form of a sealed file in armor, whoever it is sealed to: all of its header, and a payload that is a whole number of sealed chunks.</summary>
    public static bool IsSealed(string armored)
    {
        ArgumentNullException.ThrowIfNull(armored);
        if (armored.Length > AgeLimits.ArmoredChars || AgeArmor.Read(Encoding.UTF8.GetBytes(armored)) is not { } file) return false;
        return AgeHeader.Parse(file, out _) is { } header && file.Length - header.Length >= NonceSize + AgeStream.TagSize;
    }

    private static AgeOpened DecryptBinary(ReadOnlySpan<byte> file, AgeIdentity identity)
    {
        if (file.Length > AgeLimits.FileBytes)
            return AgeOpened.Refused(AgeFailure.TooLarge, $"{file.Length} bytes are over the limit of {AgeLimits.FileBytes}");
        if (AgeHeader.Parse(file, out var error) is not { } header) return AgeOpened.Refused(AgeFailure.Header, error);
        Span<byte> fileKey = stackalloc byte[FileKeySize];
        Span<byte> payloadKey = stackalloc byte[KeySize];
        try
        {
            var unwrapped = AgeX25519.Unwrap(header.Stanzas, identity, fileKey);
            if (unwrapped is { } failure) return failure;
            if (!CryptographicOperations.FixedTimeEquals(HeaderMac(fileKey, file[..header.MacedLength]), header.Mac))
                return AgeOpened.Refused(AgeFailure.Mac, "the header was changed after it was sealed");
            var payload = file[header.Length..];
            if (payload.Length < NonceSize) return AgeOpened.Refused(AgeFailure.Header, "the nonce after the header is cut off");
            HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, payloadKey, payload[..NonceSize], PayloadLabel);
            return AgeStream.Open(payloadKey, payload[NonceSize..]) is { } plaintext
                ? AgeOpened.Of(plaintext)
                : AgeOpened.Refused(AgeFailure.Payload, "the content was changed, cut off or added to after it was sealed");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fileKey);
            CryptographicOperations.ZeroMemory(payloadKey);
        }
    }

    private static byte[] HeaderMac(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> header)
    {
        Span<byte> key = stackalloc byte[KeySize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, key, [], MacLabel);
        return HMACSHA256.HashData(key, header);
    }
}

/// <summary>Why a sealed file was not opened.</summary>
public enum AgeFailure
{
    /// <summary>The text form is broken.</summary>
    Armor,

    /// <summary>The header is broken, or not of a version we know.</summary>
    Header,

    /// <summary>The file is not sealed to this identity.</summary>
    NoMatch,

    /// <summary>The header was tampered with.</summary>
    Mac,

    /// <summary>The content was tampered with.</summary>
    Payload,

    /// <summary>Over a limit of <see cref="AgeLimits"/>.</summary>
    TooLarge,
}

/// <summary>What came of opening a file: the plaintext as a secret, or why not.</summary>
public readonly record struct AgeOpened
{
    private AgeOpened(Secret? plaintext, AgeFailure? failure, string? error)
    {
        Plaintext = plaintext;
        Failure = failure;
        Error = error;
    }

    /// <summary>The content, when the file opened.</summary>
    public Secret? Plaintext { get; }

    /// <summary>The kind of refusal, when it did not.</summary>
    public AgeFailure? Failure { get; }

    /// <summary>One sentence on what was refused.</summary>
    public string? Error { get; }

    /// <summary>Whether there is a plaintext.</summary>
    [MemberNotNullWhen(true, nameof(Plaintext))]
    [MemberNotNullWhen(false, nameof(Failure), nameof(Error))]
    public bool IsOpen => Plaintext is not null;

    internal static AgeOpened Of(byte[] plaintext)
    {
        var secret = new Secret(plaintext);
        CryptographicOperations.ZeroMemory(plaintext);
        return new AgeOpened(secret, null, null);
    }

    internal static AgeOpened Refused(AgeFailure failure, string error) => new(null, failure, "age file: " + error);
}
