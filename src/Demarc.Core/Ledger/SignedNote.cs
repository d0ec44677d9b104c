using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Demarc.Core.Ledger;

/// <summary>
/// A signed note (C2SP signed-note): text that ends in a newline, an empty line, and one line per signature. Checkpoints travel as notes. The text
/// means nothing until <see cref="Verify"/> has said yes for a key that the reader trusts.
/// </summary>
public sealed class SignedNote
{
    private const string LineStart = "— ";

    private SignedNote(string text, IReadOnlyList<NoteSignature> signatures)
    {
        Text = text;
        Signatures = signatures;
    }

    /// <summary>The signed text with its last newline.</summary>
    public string Text { get; }

    /// <summary>The signature lines, unverified.</summary>
    public IReadOnlyList<NoteSignature> Signatures { get; }

    /// <summary>Reads a note; what is wrong is said in the result.</summary>
    public static NoteParse Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LedgerLimits.NoteBytes) return NoteParse.Refused($"note: {bytes.Length} bytes are over the limit of {LedgerLimits.NoteBytes}");
        return Utf8.IsValid(bytes) ? ParseText(Encoding.UTF8.GetString(bytes)) : NoteParse.Refused("note: not valid UTF-8");
    }

    /// <summary>Reads a note; what is wrong is said in the result.</summary>
    public static NoteParse Parse(string? text)
    {
        // Going through bytes also refuses text with half a surrogate pair, which has no UTF-8 form to sign.
        if (text is null || text.Length > LedgerLimits.NoteBytes) return NoteParse.Refused($"note: missing, or over the limit of {LedgerLimits.NoteBytes} bytes");
        var bytes = Encoding.UTF8.GetBytes(text);
        if (!string.Equals(Encoding.UTF8.GetString(bytes), text, StringComparison.Ordinal)) return NoteParse.Refused("note: not valid Unicode");
        return Parse(bytes);
    }

    /// <summary>Signs a text, which ends in a newline and holds no other control character.</summary>
    public static SignedNote Sign(string text, params ReadOnlySpan<NoteSigner> signers)
    {
        Must.Hold(text.EndsWith('\n') && HasNoControls(text) && Encoding.UTF8.GetByteCount(text) <= LedgerLimits.NoteBytes / 2);
        Must.Hold(signers.Length is > 0 and <= LedgerLimits.NoteSignatures);
        var signatures = new List<NoteSignature>();
        foreach (var signer in signers) signatures.Add(signer.Sign(text));
        return new SignedNote(text, signatures);
    }

    /// <summary>
    /// The same text with a further signature. A signature of the same name and key is replaced: a cosigner restates its time. A note that is full
    /// (<see cref="LedgerLimits.NoteSignatures"/>) takes no further key.
    /// </summary>
    public SignedNote AddSignature(NoteSigner signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        var added = signer.Sign(Text);
        List<NoteSignature> signatures = [.. Signatures.Where(s => !s.IsBy(signer.Key)), added];
        Must.Hold(signatures.Count <= LedgerLimits.NoteSignatures);
        return new SignedNote(Text, signatures);
    }

    /// <summary>
    /// Looks for the key's signature. Lines of other keys are ignored; when several lines claim to be this key's, each of them has to hold.
    /// </summary>
    public NoteVerification Verify(NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var result = new NoteVerification(NoteVerdict.NotSigned, null);
        foreach (var signature in Signatures)
        {
            if (!signature.IsBy(key)) continue;
            if (!TryVerify(key, signature, out var time)) return new NoteVerification(NoteVerdict.Forged, null);
            result = new NoteVerification(NoteVerdict.Valid, time > result.Time || result.Time is null ? time : result.Time);
        }

        return result;
    }

    /// <summary>Whether the key's signature is there and holds.</summary>
    public bool IsSignedBy(NoteKey key) => Verify(key).Verdict == NoteVerdict.Valid;

    /// <summary>The exact note, as it is sent and stored in UTF-8.</summary>
    public override string ToString()
    {
        var note = new StringBuilder(Text).Append('\n');
        foreach (var signature in Signatures) note.Append(LineStart).Append(signature.Name).Append(' ').Append(signature.ToBase64()).Append('\n');
        return note.ToString();
    }

    private bool TryVerify(NoteKey key, NoteSignature signature, out DateTimeOffset? time)
    {
        time = null;
        var bytes = signature.Bytes.Span;
        if (key.Type == NoteKeyType.Ed25519) return key.Key.Verify(Encoding.UTF8.GetBytes(Text), bytes);
        if (bytes.Length != 8 + SigningKey.SignatureSize) return false;
        var seconds = BinaryPrimitives.ReadInt64BigEndian(bytes);
        // The base library's calendar ends in the year 9999; so do the times we accept.
        if (seconds < 0 || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return false;
        time = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return key.Key.Verify(NoteSigner.CosignedMessage(seconds, Text), bytes[8..]);
    }

    private static NoteParse ParseText(string note)
    {
        if (!HasNoControls(note)) return NoteParse.Refused("note: holds a control character");
        var split = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (split < 0) return NoteParse.Refused("note: no empty line between text and signatures");
        if (note[^1] != '\n' || split + 2 == note.Length) return NoteParse.Refused("note: no signature line, or the last one has no newline");
        var lines = note[(split + 2)..^1].Split('\n');
        if (lines.Length > LedgerLimits.NoteSignatures) return NoteParse.Refused($"note: more than {LedgerLimits.NoteSignatures} signatures");
        var signatures = new List<NoteSignature>(lines.Length);
        foreach (var line in lines)
        {
            if (ParseLine(line) is not { } signature)
                return NoteParse.Refused($"note: signature line {signatures.Count + 1} is not '— name base64'");
            signatures.Add(signature);
        }

        return NoteParse.Of(new SignedNote(note[..(split + 1)], signatures));
    }

    private static NoteSignature? ParseLine(string line)
    {
        if (!line.StartsWith(LineStart, StringComparison.Ordinal)) return null;
        var parts = line[LineStart.Length..].Split(' ');
        if (parts.Length != 2 || !NoteKey.IsName(parts[0])) return null;
        if (Base64Text.Decode(parts[1], Base64Form.Standard) is not { Length: > 4 } bytes) return null;
        return new NoteSignature(parts[0], BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsMemory(4));
    }

    private static bool HasNoControls(string text) => !text.Any(c => c < ' ' && c != '\n');
}

/// <summary>One signature line: the signer's name, the short hash of its key, and the signature's bytes.</summary>
public sealed record NoteSignature(string Name, uint KeyHash, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Whether the line claims to be this key's.</summary>
    public bool IsBy(NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return KeyHash == key.KeyHash && string.Equals(Name, key.Name, StringComparison.Ordinal);
    }

    /// <summary>The time that a cosignature states, unverified; null for any other signature.</summary>
    public DateTimeOffset? StatedTime =>
        Bytes.Length == 8 + SigningKey.SignatureSize && BinaryPrimitives.ReadInt64BigEndian(Bytes.Span) is >= 0 and var seconds && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    internal string ToBase64()
    {
        var bytes = new byte[4 + Bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, KeyHash);
        Bytes.CopyTo(bytes.AsMemory(4));
        return Base64Text.Encode(bytes);
    }
}

/// <summary>What a note says about a key.</summary>
public enum NoteVerdict
{
    /// <summary>No line is this key's.</summary>
    NotSigned,

    /// <summary>A line claims to be this key's and is not: the whole note is to be refused.</summary>
    Forged,

    /// <summary>Signed by this key.</summary>
    Valid,
}

/// <summary>The verdict, and for a cosignature the latest time it states.</summary>
public readonly record struct NoteVerification(NoteVerdict Verdict, DateTimeOffset? Time);

/// <summary>What came of reading a note: the note, or one sentence that says what was refused.</summary>
public readonly record struct NoteParse
{
    private NoteParse(SignedNote? note, string? error)
    {
        Note = note;
        Error = error;
    }

    /// <summary>The note, when it could be read.</summary>
    public SignedNote? Note { get; }

    /// <summary>What was refused and why, when it could not.</summary>
    public string? Error { get; }

    /// <summary>Whether there is a note.</summary>
    [MemberNotNullWhen(true, nameof(Note))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsValid => Note is not null;

    internal static NoteParse Of(SignedNote note) => new(note, null);

    internal static NoteParse Refused(string error) => new(null, error);
}
