using System.Collections.Immutable;
using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter history</c>: every version, who signed it when, and what it changed, in sentences.</summary>
internal static class CharterHistoryCommand
{
    public static Command Create() => new Verb("history", "Show every version of the charter: who signed it when, and what it changed.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var versions = await invocation.Reader.GetAsync($"{invocation.Path}/charter/history", ViewJson.Default.ImmutableArrayCharterVersionView, invocation.Stop);
        invocation.Terminal.Result(versions, terminal => Print(terminal, versions));
        return ExitCodes.Ok;
    }

    private static void Print(Terminal.Terminal terminal, ImmutableArray<CharterVersionView> versions)
    {
        if (versions.IsEmpty) terminal.Line("No charter was ever proposed.");
        foreach (var version in versions)
        {
            terminal.Line($"Version {version.Version}, {Status(version)}{(version.BySeverance ? "; the severed form of the version before, by the customer's owner alone" : "")}");
            if (!version.BySeverance) terminal.Line($"  proposed by the {Act(version.Proposed)}");
            foreach (var act in version.Signatures) terminal.Line($"  signed by the {Act(act)}");
            terminal.Line($"  sha256 {version.Sha256}");
            foreach (var difference in version.Differences) terminal.Line($"  - {Terminal.Terminal.Printable(difference.Means)}   ({Terminal.Terminal.Printable(difference.Field)})");
        }
    }

    private static string Status(CharterVersionView version) => version switch
    {
        { Since: null } => "proposed, not in force",
        { Until: null } => $"in force since {ChangePrinter.Moment(version.Since.Value)}",
        _ => $"in force from {ChangePrinter.Moment(version.Since.Value)} to {ChangePrinter.Moment(version.Until.Value)}",
    };

    private static string Act(CharterActView act) => Terminal.Terminal.Printable($"{act.Party.Word()}{(act.Name is { } name ? $" ({name})" : "")}, {act.Key}, {ChangePrinter.Moment(act.At)}, entry {act.Entry}");
}
