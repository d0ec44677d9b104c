using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Core.Agents;
using Demarc.Core.Changes;

namespace Demarc.Cli.Agents;

/// <summary><c>demarc agent hold --reason TEXT</c> and <c>demarc agent release</c>: the customer's own brake, at the agent, whether or not a plane can be reached.</summary>
internal static class AgentHoldCommand
{
    public static Command CreateHold()
    {
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger and the other party reads it.", Required = true, HelpName = "TEXT" };
        return new Verb("hold", "Let the agent begin nothing, and what runs stand still at the next safe place. Needs no plane.", invocation => HoldAsync(invocation, invocation.Get(reason)!), [reason, AgentDoorClient.Data]);
    }

    public static Command CreateRelease() => new Verb("release", "Let changes go on at an agent that was told to hold them.", ReleaseAsync, AgentDoorClient.Data);

    private static async Task<int> HoldAsync(Invocation invocation, string reason)
    {
        if (HaltLimits.Fault(reason) is { } fault) throw CommandFailedException.Usage($"--{fault}.");
        var ask = AgentDoorClient.Ask("changes.hold");
        ask["reason"] = reason;
        return await SayAsync(invocation, ask, running => running.IsEmpty
            ? "The agent begins nothing, neither for anybody nor by itself, until 'demarc agent release'. Instances run on."
            : $"The agent finishes the step under way of {string.Join(", ", running)} and then stands still, until 'demarc agent release'. Instances run on.");
    }

    private static Task<int> ReleaseAsync(Invocation invocation) => SayAsync(invocation, AgentDoorClient.Ask("changes.release"), running => running.IsEmpty
        ? "The agent works again."
        : $"The agent works again, and goes on with {string.Join(", ", running)}.");

    private static async Task<int> SayAsync(Invocation invocation, JsonObject ask, Func<ImmutableArray<string>, string> words)
    {
        var answer = (await AgentDoorClient.Of(invocation).OneAsync(ask, invocation.Stop)).Deserialize(AgentDoorJson.Default.AgentHoldView)!;
        invocation.Terminal.Result(answer, terminal => terminal.Line(words([.. answer.Running.Select(Terminal.Terminal.Printable)])));
        return ExitCodes.Ok;
    }
}
