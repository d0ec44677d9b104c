using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes list</c>.</summary>
internal static class ChangesListCommand
{
    public static Command Create() => new Verb("list", "List the changes of the environment, newest first.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var changes = await invocation.Reader.GetAsync($"{invocation.Path}/changes", ViewJson.Default.ImmutableArrayChangeView, invocation.Stop);
        invocation.Terminal.Result(changes, terminal =>
        {
            if (changes.IsEmpty) terminal.Line("There are no changes yet. 'demarc order NAME' makes one.");
            else terminal.Table(["change", "action", "instance", "status", "requested by", "at", "waits for"], changes.Select(Row));
        });
        return ExitCodes.Ok;
    }

    private static IReadOnlyList<string> Row(ChangeView change) =>
        [change.Id, change.Action, change.Instance, change.Status, change.RequestedBy, ChangePrinter.Moment(change.RequestedAt), string.Join(", ", change.Awaits.Select(a => a.Word()))];
}
