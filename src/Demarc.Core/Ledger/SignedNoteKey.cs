using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Demarc.Core.Ledger;

/// <summary>What a key signs in a note; the values are the signature type bytes that C2SP assigns.</summary>
public enum NoteKeyType : byte
{
    /// <summary>The note's text itself.</summary>
    Ed25519 = 0x01,

    /// <summary>A time and the text: the statement that, as of then, this is the largest consistent tree the signer has seen.</summary>
    CosignatureV1 = 0x04,
}

/// <summary>
/// A named key that verifies notes (C2SP signed-note). Its text form, name, key hash and key joined by plus signs, is what people put into the
/// configuration of a verifier. Name and hash together tell which signature line is this key's.
/// </summary>
public sealed record NoteKey(string Name, Ed25519Key Key, NoteKeyType Type = NoteKeyType.Ed25519)
{
    /// <summary>The short identifier in a signature line: the first four bytes of a hash over name, type and key.</summary>
    public uint KeyHash
    {
        get
        {
            var name = Encoding.UTF8.GetBytes(Name);
            byte[] input = [.. name, (byte)'\n', (byte)Type, .. Key.ToBytes()];
            return BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(input));
        }
    }

    /// <summary>Reads the text form. Unknown types, and a hash that is not this key's, are refused.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out NoteKey? key)
    {
        key = null;
        if (text is null || text.Length > 512) return false;
        // Only the base64 may hold further plus signs, so that the first two separate.
        var parts = text.Split('+', 3);
        if (parts.Length != 3 || !IsName(parts[0]) || parts[1].Length != 8 || parts[1].Any(c => !char.IsAsciiHexDigitLower(c))) return false;
        if (Base64Text.Decode(parts[2], Base64Form.Standard) is not { Length: 1 + Ed25519Key.Size } raw) return false;
        if ((NoteKeyType)raw[0] is not (NoteKeyType.Ed25519 or NoteKeyType.CosignatureV1)) return false;
        if (Ed25519Key.FromBytes(raw.AsSpan(1)) is not { } publicKey) return false;
        var read = new NoteKey(parts[0], publicKey, (NoteKeyType)raw[0]);
        if (read.KeyHash != uint.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)) return false;
        key = read;
        return true;
    }

    /// <summary>Whether the text can name a key: not empty, no white space, plus sign or control character.</summary>
    public static bool IsName([NotNullWhen(true)] string? name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > LedgerLimits.NoteNameBytes) return false;
        foreach (var rune in name.EnumerateRunes())
        {
            // A lone surrogate enumerates as the replacement character, which no sensible name holds either.
            if (rune == Rune.ReplacementChar || rune.Value == '+' || Rune.IsWhiteSpace(rune) || Rune.IsControl(rune)) return false;
        }

        return Encoding.UTF8.GetByteCount(name) <= LedgerLimits.NoteNameBytes;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        byte[] raw = [(byte)Type, .. Key.ToBytes()];
        return $"{Name}+{KeyHash:x8}+{Base64Text.Encode(raw)}";
    }
}

/// <summary>Adds a signature to notes under a name: a plain one, or a cosignature that also states a time.</summary>
public sealed class NoteSigner
{
    private readonly SigningKey key;
    private readonly long? unixSeconds;

    private NoteSigner(NoteKey noteKey, SigningKey key, long? unixSeconds)
    {
        Must.Hold(NoteKey.IsName(noteKey.Name) && unixSeconds is null or >= 0);
        Key = noteKey;
        this.key = key;
        this.unixSeconds = unixSeconds;
    }

    /// <summary>Signs the text.</summary>
    public NoteSigner(string name, SigningKey key) : this(new NoteKey(name, key.Public), key, null)
    {
    }

    /// <summary>The key that verifies what this signs.</summary>
    public NoteKey Key { get; }

    /// <summary>Signs the text together with the time, to the second, at which the signer found it consistent.</summary>
    public static NoteSigner Cosigner(string name, SigningKey key, DateTimeOffset seenAt)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new NoteSigner(new NoteKey(name, key.Public, NoteKeyType.CosignatureV1), key, seenAt.ToUnixTimeSeconds());
    }

    internal NoteSignature Sign(string text)
    {
        if (unixSeconds is not { } seconds) return new NoteSignature(Key.Name, Key.KeyHash, key.Sign(Encoding.UTF8.GetBytes(text)));
        var bytes = new byte[8 + SigningKey.SignatureSize];
        BinaryPrimitives.WriteInt64BigEndian(bytes, seconds);
        key.Sign(CosignedMessage(seconds, text)).CopyTo(bytes, 8);
        return new NoteSignature(Key.Name, Key.KeyHash, bytes);
    }

    internal static byte[] CosignedMessage(long unixSeconds, string text) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"cosignature/v1\ntime {unixSeconds}\n{text}"));
}
