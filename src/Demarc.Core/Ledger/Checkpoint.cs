using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Demarc.Core.Ledger;

/// <summary>
/// The head of a ledger (C2SP tlog-checkpoint): whose it is, how many entries it has, and the root over them. Its <see cref="Body"/> is the text
/// that a <see cref="SignedNote"/> signs. Compared by that text.
/// </summary>
public sealed record Checkpoint(string Origin, long Size, byte[] Root)
{
    /// <summary>Lines a log may add; carried along and covered by its signature, without meaning for us.</summary>
    public IReadOnlyList<string> Extensions { get; init; } = [];

    /// <summary>The note text: origin, size and base64 root, one line each, ending in a newline.</summary>
    public string Body
    {
        get
        {
            Must.Hold(IsLine(Origin) && Size is >= 0 and <= LedgerLimits.TreeSize && Root.Length == MerkleHash.Size);
            var body = new StringBuilder().Append(Origin).Append('\n').Append(Size.ToString(CultureInfo.InvariantCulture)).Append('\n')
                .Append(Base64Text.Encode(Root)).Append('\n');
            foreach (var line in Extensions)
            {
                Must.Hold(IsLine(line));
                body.Append(line).Append('\n');
            }

            return body.ToString();
        }
    }

    /// <summary>Reads a note's text; on failure the error names the line.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Checkpoint? checkpoint, [NotNullWhen(false)] out string? error)
    {
        checkpoint = null;
        error = Parse(text, ref checkpoint);
        return checkpoint is not null && error is null;
    }

    /// <inheritdoc/>
    public bool Equals(Checkpoint? other) => other is not null && string.Equals(Body, other.Body, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => Body.GetHashCode(StringComparison.Ordinal);

    private static string? Parse(string? text, ref Checkpoint? checkpoint)
    {
        if (string.IsNullOrEmpty(text) || text[^1] != '\n') return "checkpoint: does not end in a newline";
        if (text.Length > LedgerLimits.NoteBytes) return $"checkpoint: longer than {LedgerLimits.NoteBytes} characters";
        var lines = text[..^1].Split('\n');
        if (lines.Length < 3) return "checkpoint: fewer than three lines";
        if (lines.Length > 3 + LedgerLimits.CheckpointExtensions)
            return $"checkpoint: more than {LedgerLimits.CheckpointExtensions} extension lines";
        if (!IsLine(lines[0])) return "checkpoint line 1 (origin): empty or with control characters";
        if (!TryParseSize(lines[1], out var size)) return "checkpoint line 2 (size): not a decimal number without leading zeroes, or too large";
        if (Base64Text.Decode(lines[2], Base64Form.Standard) is not { Length: MerkleHash.Size } root)
            return "checkpoint line 3 (root): not the base64 of 32 bytes";
        for (var i = 3; i < lines.Length; i++)
        {
            if (!IsLine(lines[i])) return $"checkpoint line {i + 1} (extension): empty or with control characters";
        }

        checkpoint = new Checkpoint(lines[0], size, root) { Extensions = lines[3..] };
        return null;
    }

    private static bool TryParseSize(string line, out long size)
    {
        size = 0;
        if (line.Length is 0 or > 19 || (line.Length > 1 && line[0] == '0')) return false;
        foreach (var c in line)
        {
            if (!char.IsAsciiDigit(c)) return false;
        }

        return long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out size) && size <= LedgerLimits.TreeSize;
    }

    private static bool IsLine(string line) => line.Length != 0 && !line.Any(c => c < ' ');
}
