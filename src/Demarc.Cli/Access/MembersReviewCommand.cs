using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text;
using Demarc.Cli.Changes;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members review</c>: who can do what, until when, and when they last did; as a table, JSON or CSV.</summary>
internal static class MembersReviewCommand
{
    private static readonly string[] Columns = ["party", "name", "role", "root", "key", "permissions", "may request", "may approve", "expires", "last signed", "last used", "remark", "signs in as"];

    public static Command Create()
    {
        var csv = new Option<string?>("--csv") { Description = "Write it to this file as CSV (RFC 4180).", HelpName = "FILE" };
        return new Verb("review", "Review who can do what, and when they last did.", invocation => RunAsync(invocation, invocation.Get(csv)), [csv]);
    }

    /// <summary>One cell: quoted, and such that no spreadsheet takes it for a formula, the Japanese ones with their wide signs included.</summary>
    internal static string Cell(string text)
    {
        if (text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' or '＝' or '＋' or '－' or '＠') text = "'" + text;
        return $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static async Task<int> RunAsync(Invocation invocation, string? csv)
    {
        var lines = await invocation.Reader.GetAsync($"{invocation.Path}/members/review", ViewJson.Default.ImmutableArrayAccessLine, invocation.Stop);
        if (csv is not null)
        {
            var text = new StringBuilder().AppendJoin(',', Columns.Select(Cell)).Append("\r\n");
            foreach (var line in lines) text.AppendJoin(',', Row(line, " ").Select(Cell)).Append("\r\n");
            await File.WriteAllTextAsync(csv, text.ToString(), invocation.Stop);
            invocation.Terminal.Say($"Wrote {lines.Length} lines to {csv}");
        }

        invocation.Terminal.Result(lines, terminal => terminal.Table(
            ["party", "name", "role", "may request", "may approve", "expires", "last signed", "last used", "remark", "signs in as"],
            lines.Select(line => Row(line, "\n")).Select(row => (IReadOnlyList<string>)[row[0], row[1], row[3] == "yes" ? $"{row[2]}, root" : row[2], row[6], row[7], row[8], row[9], row[10], row[11], row[12]])));
        return ExitCodes.Ok;
    }

    private static ImmutableArray<string> Row(AccessLine line, string between) =>
    [
        line.Party.Word(), line.Name, line.Role, line.IsRoot ? "yes" : "no", line.Key, string.Join(between, line.Permissions), string.Join(between, line.MayRequest), string.Join(between, line.MayApprove),
        line.ExpiresAt?.ToString("u", CultureInfo.InvariantCulture) ?? "never", line.LastActedAt is { } at ? ChangePrinter.Moment(at) : "never",
        line.LastUsedOn?.ToString("O", CultureInfo.InvariantCulture) ?? "never", line.Remark ?? "", string.Join(between, line.SignsInAs.IsDefault ? [] : line.SignsInAs),
    ];
}
