using System.Collections.Immutable;
using Demarc.Cli.Access;
using Demarc.Cli.Environments;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Quickstart;

/// <summary>The two sides on one machine: the vendor's plane, the environment both found, and the customer's agent.</summary>
internal sealed class Sides(Invocation invocation, QuickstartFolder folder, Programs programs, Acts acts)
{
    private static readonly EnvironmentId Id = EnvironmentId.Parse(QuickstartNames.Environment);

    /// <summary>Keys, and a plane that answers; one that runs is taken as it is.</summary>
    public async Task<Uri> PlaneAsync()
    {
        folder.Make();
        var vendor = await acts.DoAsync("keys", () => Task.FromResult(Keys()), key => $"keys in {invocation.Profile.Folder}");
        var running = RunningProgram.Under(folder.Plane).FirstOrDefault(p => p.Name == "demarc-plane");
        if (running?.Value("--url") is { } url)
        {
            var there = new Uri(url);
            await acts.DoAsync("plane", () => AnsweringAsync(there, running), plane => $"plane {plane.Name} runs at {url}");
            return Remember(there);
        }

        var ports = folder.Ports() ?? new QuickstartPorts(7100, 7101);
        var rest = Programs.FreePort(ports.Rest, ports.Hub);
        ports = new QuickstartPorts(rest, Programs.FreePort(ports.Hub, rest));
        folder.Save(ports);
        var address = new Uri($"http://127.0.0.1:{ports.Rest}");
        await acts.DoAsync("plane", async () => await AnsweringAsync(address, await programs.StartAsync(
            invocation, folder, "demarc-plane", folder.Plane, "--url", $"http://127.0.0.1:{ports.Rest}", "--hub-port", $"{ports.Hub}", "--name", QuickstartNames.Plane, "--vendor-root", vendor)),
            plane => $"started plane {plane.Name} {plane.Version} at {address}");
        return Remember(address);
    }

    /// <summary>An environment with a charter that both parties have signed.</summary>
    public async Task EnvironmentAsync(Uri address)
    {
        var customer = Client(address, Party.Customer);
        var there = await customer.GetAsync("/v1/environments", ViewJson.Default.ImmutableArrayEnvironmentView, invocation.Stop);
        if (there.All(e => e.Id != Id.Value))
        {
            await acts.DoAsync("environment", async () =>
            {
                using var sealing = invocation.Profile.Sealing();
                return await Founding.FoundAsync(invocation, customer, Id, "this machine", invocation.Key(Party.Customer), invocation.Key(Party.Vendor), sealing.Recipient);
            }, _ => $"founded environment '{Id}', signed by both roots");
        }

        var charter = await customer.GetAsync($"/v1/environments/{Id}/charter", ViewJson.Default.CharterView, invocation.Stop);
        if (charter.Version is not null) return;
        await acts.DoAsync("charter", () => SignCharterAsync(address, charter), version => $"charter version {version} signed by vendor and customer");
    }

    /// <summary>An agent that has joined and is connected.</summary>
    public async Task AgentAsync(Uri address)
    {
        var customer = Client(address, Party.Customer);
        var path = $"/v1/environments/{Id}";
        var environment = await customer.GetAsync(path, ViewJson.Default.EnvironmentView, invocation.Stop);
        var running = RunningProgram.Under(folder.Agent).FirstOrDefault(p => p.Name == "demarc-agent");
        if (environment.Agent is null && folder.AgentHasJoined)
        {
            // Its authority was revoked, and its key never gets it back: another agent takes over the instances.
            if (running is not null) await acts.DoAsync("revoked agent", () => DownCommand.StopAsync(invocation, [running]), _ => "stopped the revoked agent");
            running = null;
            folder.RetireAgent();
        }

        var what = running is null ? "agent" : "agent (runs already)";
        await acts.DoAsync(what, async () =>
        {
            running ??= await StartAgentAsync(customer, environment);
            return await acts.UntilAsync(
                "the agent to join and connect",
                async () =>
                {
                    var now = await customer.GetAsync(path, ViewJson.Default.EnvironmentView, invocation.Stop);
                    if (now.AgentRefusal is { } refusal) throw new CommandFailedException(ExitCodes.NotVerified, $"The agent refuses this plane: {refusal}.", "See docs/runbooks/the-agent-refuses-the-plane.md.");
                    if (!running.IsAlive) throw new CommandFailedException(ExitCodes.Failed, $"The agent has ended: {folder.LogTail("demarc-agent")}.");
                    return now is { Agent: not null, AgentConnected: true } ? now : null;
                },
                () => $"Its log is {Path.Combine(folder.Logs, "demarc-agent.log")}.");
        }, joined => $"agent {joined.AgentName} {(environment.Agent is null ? "joined" : "is connected")}, ledger of {joined.Size} entries");
        File.Delete(folder.JoinToken);
    }

    /// <summary>A one-time link to the console; null where the plane has none to give.</summary>
    public async Task<string?> ConsoleLinkAsync(Uri address)
    {
        try
        {
            return (await Client(address, Party.Customer).PostNothingAsync("/v1/console/links", ViewJson.Default.LinkView, invocation.Stop)).Url;
        }
        catch (CommandFailedException none) when (none.ExitCode == ExitCodes.NotFound)
        {
            return null;
        }
    }

    private PlaneClient Client(Uri address, Party party) => invocation.ClientAt(address, party);

    private string Keys()
    {
        invocation.Profile.OwnOrNew(Party.Customer);
        invocation.Profile.SealingOrNew().Dispose();
        return invocation.Profile.OwnOrNew(Party.Vendor).KeyId;
    }

    private Uri Remember(Uri address)
    {
        var config = invocation.Config;
        var plane = address.ToString().TrimEnd('/');
        if (config.Plane != plane || config.Data != folder.Root || config.Environment != Id.Value)
            invocation.Config = config with { Plane = plane, Data = folder.Root, Environment = Id.Value };
        return address;
    }

    private async Task<PlaneView> AnsweringAsync(Uri address, RunningProgram plane) => await acts.UntilAsync(
        $"the plane at {address} to answer",
        async () =>
        {
            try
            {
                return await invocation.Stranger(address).PlaneAsync(invocation.Stop);
            }
            catch (CommandFailedException notYet) when (notYet.ExitCode == ExitCodes.Unreachable)
            {
                return plane.IsAlive ? null : throw new CommandFailedException(ExitCodes.Failed, $"The plane has ended: {folder.LogTail("demarc-plane")}.");
            }
        },
        () => $"Its log is {Path.Combine(folder.Logs, "demarc-plane.log")}.");

    private async Task<RunningProgram> StartAgentAsync(PlaneClient customer, EnvironmentView environment)
    {
        List<string> arguments = ["--bucket", folder.Bucket, "--engine", programs.PathOf("demarc-engine")];
        if (environment.Agent is null)
        {
            var founding = await Founding.ReadAsync(invocation, customer, Id);
            var token = await EnvInviteCommand.InviteAsync(invocation, customer, Id, founding);
            KeyFile.Write(folder.JoinToken, token.Encode() + "\n");
            arguments.AddRange(["--join", folder.JoinToken]);
        }

        return await programs.StartAsync(invocation, folder, "demarc-agent", folder.Agent, [.. arguments]);
    }

    private async Task<int> SignCharterAsync(Uri address, CharterView charter)
    {
        var vendor = Client(address, Party.Vendor);
        var yaml = charter.ProposedYaml;
        var signed = charter.SignedBy.IsDefault ? ImmutableArray<Party>.Empty : charter.SignedBy;
        if (yaml is null)
        {
            yaml = CharterYaml.Write(CharterDocument.Default);
            await AppendAsync(vendor, Party.Vendor, new CharterProposed(CharterDocument.Default.Version, yaml));
        }

        var version = charter.ProposedVersion ?? CharterDocument.Default.Version;
        foreach (var party in Enum.GetValues<Party>().Where(p => !signed.Contains(p)))
            await AppendAsync(Client(address, party), party, new CharterSigned(version, CharterText.Hash(yaml)));
        return version;
    }

    private Task<AppendedView> AppendAsync(PlaneClient client, Party party, EntryData data) =>
        client.AppendAsync(Entry.Write(Id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, data, invocation.Key(party)), invocation.Stop);
}
