using System.CommandLine;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes list</c>.</summary>
internal static class ChangesListCommand
{
    public static Command Create()
    {
        var open = new Option<bool>("--open") { Description = "Only those that have not ended." };
        var whom = new Option<string?>("--waiting-for") { Description = "Only those that wait for this party's approval or resumption, for the agent, or for time to pass." }.OneOf("vendor", "customer", "agent", "time");
        return new Verb("list", "List the changes of the environment, newest first.", invocation => RunAsync(invocation, invocation.Get(open), invocation.Get(whom)), [open, whom]);
    }

    private static async Task<int> RunAsync(Invocation invocation, bool open, string? whom)
    {
        var query = whom is not null ? $"?waitingFor={whom}" : open ? "?open=true" : "";
        var changes = await invocation.Reader.GetAsync($"{invocation.Path}/changes{query}", ViewJson.Default.ImmutableArrayChangeView, invocation.Stop);
        invocation.Terminal.Result(changes, terminal =>
        {
            if (changes.IsEmpty && query.Length > 0) terminal.Line(whom is null ? "No change is open." : $"No change waits for {(whom is "time" ? whom : $"the {whom}")}.");
            else if (changes.IsEmpty) terminal.Line("There are no changes yet. 'demarc order NAME' makes one.");
            else terminal.Table(["change", "action", "instance", "status", "requested by", "at", "waits for"], changes.Select(Row));
        });
        return ExitCodes.Ok;
    }

    private static IReadOnlyList<string> Row(ChangeView change) =>
        [change.Id, change.Action, change.Instance, change.Status, change.RequestedBy, ChangePrinter.Moment(change.RequestedAt), WaitsFor(change)];

    // Until when, where only time moves it on; else who, and how many of them.
    private static string WaitsFor(ChangeView change) => change.WaitingFor is ["time"] && change.Waits is { } waits ? waits
        : change.Awaited.IsEmpty ? string.Join(", ", change.WaitingFor)
        : string.Join(" and ", change.Awaited.Select(awaited => awaited.Words));
}
