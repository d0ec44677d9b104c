using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>One recipient's part of a header: its arguments, the first of which is the kind, and a body.</summary>
internal sealed record AgeStanza(IReadOnlyList<string> Arguments, byte[] Body)
{
    public void WriteTo(StringBuilder header)
    {
        header.Append("-> ").AppendJoin(' ', Arguments).Append('\n');
        var body = Base64Text.EncodeUnpadded(Body);
        // The body ends with the first line shorter than 64, so a full last line is followed by an empty one.
        for (var at = 0; at <= body.Length; at += AgeHeader.Columns) header.Append(body.AsSpan(at, Math.Min(AgeHeader.Columns, body.Length - at))).Append('\n');
    }
}

/// <summary>
/// The textual header of an age file, read by its strict grammar: line feeds only, printable arguments, canonical base64 without padding.
/// <see cref="MacedLength"/> bytes of the file are covered by the MAC, the payload starts at <see cref="Length"/>.
/// </summary>
internal sealed record AgeHeader(IReadOnlyList<AgeStanza> Stanzas, byte[] Mac, int MacedLength, int Length)
{
    public const string VersionLine = "age-encryption.org/v1\n";
    public const int Columns = 64;
    private const int MacSize = 32;

    public static AgeHeader? Parse(ReadOnlySpan<byte> file, out string error)
    {
        error = "";
        var lines = new Lines(file);
        if (!lines.TryNext(out var line) || !line.SequenceEqual(Encoding.ASCII.GetBytes(VersionLine).AsSpan(0, VersionLine.Length - 1)))
            return Refuse("it does not start with age-encryption.org/v1", out error);
        var stanzas = new List<AgeStanza>();
        while (true)
        {
            var start = lines.At;
            if (!lines.TryNext(out line)) return Refuse($"the header ends early, or is over {AgeLimits.HeaderBytes} bytes", out error);
            if (line.StartsWith("---"u8)) return ParseEnd(line, stanzas, start, lines.At, out error);
            if (stanzas.Count == AgeLimits.Recipients) return Refuse($"more than {AgeLimits.Recipients} recipients", out error);
            if (ParseStanza(line, ref lines) is not { } stanza) return Refuse($"recipient {stanzas.Count + 1} is not well formed", out error);
            stanzas.Add(stanza);
        }
    }

    private static AgeHeader? ParseEnd(ReadOnlySpan<byte> line, List<AgeStanza> stanzas, int start, int end, out string error)
    {
        error = "";
        if (stanzas.Count == 0) return Refuse("no recipient", out error);
        if (line.Length < 4 || line[3] != ' ' || Base64Text.Decode(line[4..], Base64Form.StandardUnpadded) is not { Length: MacSize } mac)
            return Refuse("the last header line is not '--- ' and a MAC", out error);
        return new AgeHeader(stanzas, mac, start + 3, end);
    }

    private static AgeStanza? ParseStanza(ReadOnlySpan<byte> line, ref Lines lines)
    {
        if (!line.StartsWith("-> "u8)) return null;
        foreach (var c in line)
        {
            if (c is < 0x20 or > 0x7e) return null;
        }

        var arguments = Encoding.ASCII.GetString(line[3..]).Split(' ');
        if (arguments.Any(a => a.Length == 0)) return null;
        var body = new List<byte>();
        while (true)
        {
            if (!lines.TryNext(out var part) || part.Length > Columns) return null;
            if (Base64Text.Decode(part, Base64Form.StandardUnpadded) is not { } bytes) return null;
            body.AddRange(bytes);
            if (part.Length < Columns) return new AgeStanza(arguments, [.. body]);
        }
    }

    private static AgeHeader? Refuse(string why, out string error)
    {
        error = why;
        return null;
    }

    private ref struct Lines(ReadOnlySpan<byte> file)
    {
        private readonly ReadOnlySpan<byte> bytes = file[..Math.Min(file.Length, AgeLimits.HeaderBytes)];

        public int At { get; private set; }

        public bool TryNext(out ReadOnlySpan<byte> line)
        {
            var length = bytes[At..].IndexOf((byte)'\n');
            line = length < 0 ? default : bytes.Slice(At, length);
            if (length >= 0) At += length + 1;
            return length >= 0;
        }
    }
}
