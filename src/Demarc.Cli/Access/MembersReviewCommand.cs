using System.CommandLine;
using Demarc.Core.Access;
using Demarc.Core.Environments;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members review</c>: who can do what, until when, and when they last did; as a table, JSON or CSV.</summary>
internal static class MembersReviewCommand
{
    public static Command Create()
    {
        var csv = new Option<string?>("--csv") { Description = "Write it to this file as CSV (RFC 4180).", HelpName = "FILE" };
        return new Verb("review", "Review who can do what, and when they last did.", invocation => RunAsync(invocation, invocation.Get(csv)), [csv]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string? csv)
    {
        var lines = await invocation.Reader.GetAsync($"{invocation.Path}/members/review", ViewJson.Default.ImmutableArrayAccessLine, invocation.Stop);
        if (csv is not null)
        {
            await File.WriteAllTextAsync(csv, AccessCsv.Of(lines), invocation.Stop);
            invocation.Terminal.Say($"Wrote {lines.Length} lines to {csv}");
        }

        invocation.Terminal.Result(lines, terminal => terminal.Table(
            ["party", "name", "role", "may request", "may approve", "expires", "last signed", "last used", "remark", "signs in as"],
            lines.Select(line => AccessCsv.Row(line, "\n")).Select(row => (IReadOnlyList<string>)[row[0], row[1], row[3] == "yes" ? $"{row[2]}, root" : row[2], row[6], row[7], row[8], row[9], row[10], row[11], row[12]])));
        return ExitCodes.Ok;
    }
}
