using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>
/// The text form of an age file: strict PEM (RFC 7468 figure 3). One file has one armor, apart from the line ending (LF or CRLF) and white
/// space around it; anything looser would let somebody change a file without changing what it says.
/// </summary>
internal static class AgeArmor
{
    private const string Begin = "-----BEGIN AGE ENCRYPTED FILE-----";
    private const string End = "-----END AGE ENCRYPTED FILE-----";
    private const int Columns = 64;

    public static string Write(ReadOnlySpan<byte> file)
    {
        var text = new StringBuilder(Begin).Append('\n');
        var body = Base64Text.Encode(file);
        for (var at = 0; at < body.Length; at += Columns) text.Append(body.AsSpan(at, Math.Min(Columns, body.Length - at))).Append('\n');
        return text.Append(End).Append('\n').ToString();
    }

    public static bool LooksArmored(ReadOnlySpan<byte> file)
    {
        var start = TrimStart(file);
        return start.StartsWith("-----BEGIN"u8);
    }

    /// <summary>The binary file; null when the armor is not strict.</summary>
    public static byte[]? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length > AgeLimits.ArmoredChars) return null;
        var text = Encoding.Latin1.GetString(TrimStart(file)).TrimEnd(' ', '\t', '\r', '\n');
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length - 1; i++)
        {
            if (lines[i].EndsWith('\r')) lines[i] = lines[i][..^1];
        }

        if (lines.Length < 3 || lines[0] != Begin || lines[^1] != End) return null;
        var body = lines.AsSpan(1, lines.Length - 2);
        for (var i = 0; i < body.Length - 1; i++)
        {
            if (body[i].Length != Columns) return null;
        }

        if (body[^1].Length is 0 or > Columns) return null;
        return Base64Text.Decode(string.Concat(body), Base64Form.Standard);
    }

    private static ReadOnlySpan<byte> TrimStart(ReadOnlySpan<byte> file) => file.TrimStart(" \t\r\n"u8);
}
