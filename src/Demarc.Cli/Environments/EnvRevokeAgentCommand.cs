using System.CommandLine;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>
/// <c>demarc env revoke-agent [ENV]</c>: takes the agent's authority away. The plane closes its stream at once and takes no more entries of
/// it; instances go on running, unattended, until another agent has joined.
/// </summary>
internal static class EnvRevokeAgentCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("environment") { Description = "Which environment. Default: the one of --environment.", Arity = ArgumentArity.ZeroOrOne };
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger.", DefaultValueFactory = _ => "no reason was given", HelpName = "TEXT" };
        var yes = GlobalOptions.Yes();
        return new Verb(
            "revoke-agent", "Revoke the agent that acts now; instances go on running.",
            invocation => RunAsync(invocation, invocation.EnvironmentOr(invocation.Get(name)), invocation.Get(reason)!, invocation.Get(yes)), [name, reason, yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, EnvironmentId id, string reason, bool yes)
    {
        var party = invocation.Looking;
        var client = invocation.Client(party);
        var before = await client.GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop);
        if (before.Agent is not { } agent)
            throw new CommandFailedException(ExitCodes.NotFound, $"No agent acts in environment {id}: there is none to revoke.", "'demarc env invite --to FILE' invites one.");
        invocation.Terminal.Confirm($"Revoke agent {before.AgentName} ({agent}) of environment {id}? It cannot come back; another has to be invited.", yes);
        var entry = Entry.Write(id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, new AgentRevoked(agent, reason), invocation.Key(party));
        var at = await client.AppendAsync(entry, invocation.Stop);
        invocation.Terminal.Result(new RevokedAgent(id.Value, agent, at.Index), terminal => terminal.Line(
            $"Revoked agent {before.AgentName} of environment {id}: entry {at.Index}. Its instances go on running. Invite another: demarc env invite --to FILE"));
        return ExitCodes.Ok;
    }
}

/// <summary>Which agent's authority ended, and where that stands in the ledger.</summary>
internal sealed record RevokedAgent(string Environment, string Agent, long Entry);
