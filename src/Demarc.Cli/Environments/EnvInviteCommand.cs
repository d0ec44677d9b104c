using System.CommandLine;
using Demarc.Cli.Access;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary><c>demarc env invite --to FILE</c>: invites one agent; the private half of the invitation goes into a file of its owner's alone.</summary>
internal static class EnvInviteCommand
{
    public static Command Create()
    {
        var to = new Option<string>("--to") { Description = "File for the join token; only its owner can read it.", HelpName = "FILE", Required = true };
        return new Verb("invite", "Invite an agent (customer only): writes the join token to a file.", invocation => RunAsync(invocation, invocation.Get(to)!), [to]);
    }

    /// <summary>Appends the invitation and gives the token.</summary>
    public static async Task<JoinToken> InviteAsync(Invocation invocation, PlaneClient client, EnvironmentId id, Entry founding)
    {
        var head = await HeadAsync(invocation, client, id);
        using var invitation = SigningKey.Generate(invocation.Host.Random);
        var now = invocation.Host.Now;
        var entry = Entry.Write(
            id, Entry.NewId(invocation.Host.Random), now,
            new AgentInvited(invitation.Public.KeyId, now + AgentLimits.Invitation), invocation.Key(Party.Customer));
        await client.AppendAsync(entry, invocation.Stop);
        return new JoinToken(client.Address.ToString().TrimEnd('/'), id.Value, Base64Text.EncodeUrl(invitation.ExportSeed()), Convert.ToHexStringLower(founding.LeafHash), head);
    }

    // Where the ledger has gone from plane to plane, the new agent gets the customer's own word for what it is up to now.
    private static async Task<InvitedHead?> HeadAsync(Invocation invocation, PlaneClient client, EnvironmentId id)
    {
        var environment = await client.GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop);
        if (environment.Planes.Length < 2) return null;
        var (report, _) = await Audit.AuditLedger.CheckedAsync(invocation, client, id);
        return new InvitedHead(report.PlaneKey, report.Size, report.Root);
    }

    private static async Task<int> RunAsync(Invocation invocation, string to)
    {
        if (invocation.AsGiven == Party.Vendor)
            throw new CommandFailedException(ExitCodes.Refused, "The agent acts in the customer's account: only the customer's owner invites it, not the vendor.", "Ask the customer for the join token's file.");

        // The file is looked at first: an invitation whose token could not be kept would be of use to nobody.
        to = Path.GetFullPath(to);
        if (File.Exists(to) || Directory.Exists(to)) throw new CommandFailedException(ExitCodes.Failed, $"--to '{to}' exists already, and is not overwritten.", "Name a new file.");
        if (!Directory.Exists(Path.GetDirectoryName(to))) throw new CommandFailedException(ExitCodes.NotFound, $"--to '{to}': there is no such folder.", "Make it first, for its owner alone.");
        var client = invocation.Client(Party.Customer);
        var founding = await Founding.ReadAsync(invocation, client, invocation.Environment);
        var environment = await client.GetAsync(invocation.Path, ViewJson.Default.EnvironmentView, invocation.Stop);
        if (environment.Agent is not null)
            invocation.Terminal.Say($"Agent {Terminal.Terminal.Printable(environment.AgentName ?? "")} acts now; the new one can join only once it is revoked: demarc env revoke-agent {invocation.Environment}");
        var token = await InviteAsync(invocation, client, invocation.Environment, founding);
        KeyFile.Write(to, token.Encode() + "\n");
        invocation.Terminal.Result(new Invited(invocation.Environment.Value, to, invocation.Host.Now + AgentLimits.Invitation), terminal =>
            terminal.Line($"Invited an agent to {invocation.Environment}. Start it within {AgentLimits.Invitation.TotalHours:0} hours: demarc-agent --data DIR --bucket DIR --join '{to}'"));
        return ExitCodes.Ok;
    }
}

/// <summary>Where an invitation's token lies.</summary>
internal sealed record Invited(string Environment, string TokenFile, DateTimeOffset ExpiresAt);
