using System.CommandLine;
using Demarc.Cli.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Emergency;

/// <summary><c>demarc emergency revoke SESSION</c>: ends an approved or open session, by a signed entry, or at the agent itself when no plane is to be had.</summary>
internal static class RevokeCommand
{
    public static Command Create()
    {
        var id = SessionNames.Argument();
        var reason = EmergencyCommand.Reason(required: false);
        var atAgent = new Option<bool>("--at-agent") { Description = "Cut it at the agent on this machine, with no plane in between; whoever may open the agent's socket may do that." };
        return new Verb("revoke", "End a session at once: what runs in it is killed, its credentials are gone.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            if (invocation.Get(atAgent))
            {
                var ask = AgentDoorClient.Ask("session.cut");
                ask["session"] = name.Value;
                var answer = await AgentDoorClient.Of(invocation).OneAsync(ask, invocation.Stop);
                if (invocation.Terminal.Json) invocation.Terminal.Line(answer.ToJsonString());
                else invocation.Terminal.Line($"Session {name} is {Terminal.Terminal.Printable((string?)answer["status"] ?? "over")}; nothing of it runs any more. The ledger hears of it as soon as the plane does.");
                return ExitCodes.Ok;
            }

            if (string.IsNullOrWhiteSpace(invocation.Get(reason))) throw CommandFailedException.Usage("--reason is missing: say why, the other side reads it.", "At the agent itself, with --at-agent, no reason is needed.");
            var party = invocation.Acting(invocation.Looking);
            await invocation.AppendAsync(party, new SessionRevoked(name, invocation.Get(reason)!));
            var view = await EndedAsync(invocation, party, name);
            invocation.Terminal.Result(view, terminal => terminal.Line(view.Status == "ending"
                ? $"Session {name} is revoked; the agent has not said yet that nothing of it runs. If it cannot be reached, cut it there: demarc emergency revoke {name} --at-agent"
                : $"Session {name} is {view.Status}{(view.Difference is { } changed ? $". It has changed {Terminal.Terminal.Printable(changed)}" : "")}."));
            return ExitCodes.Ok;
        }, [id, reason, atAgent, AgentDoorClient.Data]);
    }

    private static async Task<Core.Emergency.SessionView> EndedAsync(Invocation invocation, Party party, Core.Emergency.SessionId id)
    {
        for (var asked = 0; ; asked++)
        {
            var view = await SessionNames.FindAsync(invocation, party, id);
            if (view.Status is not "ending" || asked == 30) return view;
            await Task.Delay(TimeSpan.FromMilliseconds(100), invocation.Host.Time, invocation.Stop);
        }
    }
}
