using System.CommandLine;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes pause|resume|stop CHANGE --reason TEXT</c>: either party holds a change up, lets go of its own hold, or ends it.</summary>
internal static class HoldCommand
{
    public static IEnumerable<Command> CreateAll() =>
    [
        Create("pause", "Let a change stand still at the next safe place, until the same party resumes it.", (change, reason) => new ChangePaused(change, reason)),
        Create("resume", "Lift the pause that your party has put on a change.", (change, reason) => new ChangeResumed(change, reason)),
        Create("stop", "End a change at the next safe place: undone, or as it stands where the charter says 'on-stop: leave'.", (change, reason) => new ChangeStopped(change, reason)),
    ];

    private static Verb Create(string verb, string description, Func<ChangeId, string, EntryData> entry)
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        var reason = Reason();
        return new Verb(verb, description, invocation => RunAsync(invocation, invocation.Get(id)!, invocation.Get(reason)!, entry), [id, reason]);
    }

    internal static Option<string> Reason() => new("--reason") { Description = "Why; it stands in the ledger and the other party reads it.", Required = true, HelpName = "TEXT" };

    internal static async Task<int> RunAsync(Invocation invocation, string id, string reason, Func<ChangeId, string, EntryData> entry, Party? acting = null)
    {
        var name = ChangeNames.Parsed(id);
        if (HaltLimits.Fault(reason) is { } fault) throw CommandFailedException.Usage($"--{fault}.");
        var party = invocation.Acting(acting ?? invocation.Looking);
        await invocation.AppendAsync(party, entry(name, reason));
        var change = await invocation.Client(party).GetAsync($"{invocation.Path}/changes/{name}", ViewJson.Default.ChangeView, invocation.Stop);
        invocation.Terminal.Result(change, terminal => terminal.Line($"Change {change.Id} is {Said(change)}."));
        return ExitCodes.Ok;
    }

    private static string Said(ChangeView change) => change.Status switch
    {
        "pausing" => "pausing: the agent finishes the step under way and then stands still",
        "stopping" => $"stopping: the agent finishes the step under way and then halts; 'demarc changes follow {change.Id}' shows it",
        _ when change.DeferredUntil is not null && change.Waits is { } waits => $"{change.Status} and {Terminal.Terminal.Printable(waits)}",
        _ => change.Status,
    };
}
