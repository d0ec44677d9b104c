using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Demarc.Core.Charter;

namespace Demarc.Core.Access;

/// <summary>An access review as lines of words: for tables, and as CSV (RFC 4180) for spreadsheets. One text, wherever it is asked for.</summary>
public static class AccessCsv
{
    /// <summary>The head of each column.</summary>
    public static ImmutableArray<string> Columns { get; } = ["party", "name", "role", "root", "key", "permissions", "may request", "may approve", "expires", "last signed", "last used", "remark", "signs in as"];

    /// <summary>A whole review.</summary>
    public static string Of(ImmutableArray<AccessLine> lines)
    {
        var text = new StringBuilder().AppendJoin(',', Columns.Select(Cell)).Append("\r\n");
        foreach (var line in lines) text.AppendJoin(',', Row(line, " ").Select(Cell)).Append("\r\n");
        return text.ToString();
    }

    /// <summary>One key, in the order of the columns; <paramref name="between"/> parts what a cell holds several of.</summary>
    public static ImmutableArray<string> Row(AccessLine line, string between)
    {
        ArgumentNullException.ThrowIfNull(line);
        return
        [
            line.Party.Word(), line.Name, line.Role, line.IsRoot ? "yes" : "no", line.Key, string.Join(between, line.Permissions), string.Join(between, line.MayRequest), string.Join(between, line.MayApprove),
            line.ExpiresAt?.ToString("u", CultureInfo.InvariantCulture) ?? "never", line.LastActedAt?.ToString("u", CultureInfo.InvariantCulture) ?? "never",
            line.LastUsedOn?.ToString("O", CultureInfo.InvariantCulture) ?? "never", line.Remark ?? "", string.Join(between, line.SignsInAs.IsDefault ? [] : line.SignsInAs),
        ];
    }

    /// <summary>One cell: quoted, and such that no spreadsheet takes it for a formula, the Japanese ones with their wide signs included.</summary>
    public static string Cell(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' or '＝' or '＋' or '－' or '＠') text = "'" + text;
        return $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
