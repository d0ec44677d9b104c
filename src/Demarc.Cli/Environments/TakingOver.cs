using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Cli.Access;
using Demarc.Cli.Agents;
using Demarc.Cli.Audit;
using Demarc.Cli.Quickstart;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>The steps of taking over, in the order in which they are made. Each looks first whether it is done.</summary>
internal sealed class TakingOver(Invocation invocation, OwnPlaneOptions options, Acts acts)
{
    private readonly AgentDoorClient door = AgentDoorClient.Of(invocation);
    private readonly OwnPlane own = new(invocation, options.Programs, options.Plane);
    private AgentStatusView agent = null!;
    private string key = "";
    private Entry? severance;
    private string vendorPlane = "";

    private EnvironmentId Id => EnvironmentId.Parse(agent.Environment);

    private string EnvironmentPath => $"/v1/environments/{Id}";

    /// <summary>Asks the agent how things stand; one that does not run is told by a file in its folder, and started.</summary>
    public async Task<BeforeSevering> LookAsync()
    {
        key = await own.KeyAsync();
        severance = OwnPlane.SeveranceOf(own.Place());
        if (await StatusAsync() is null) await WakeAgentAsync();
        agent = await StatusAsync() ?? throw NoAgent();
        if (agent.Severed && agent.PlaneKey != key)
            throw new CommandFailedException(ExitCodes.Failed, $"The vendor is severed already, and the plane with the key {agent.PlaneKey} goes on; the one in {options.Plane} has the key {key}.", "Name that plane's folder with --plane-data.");
        var here = own.Place() is { } place ? OwnPlane.Address(place).ToString().TrimEnd('/') : null;
        vendorPlane = invocation.Config.SeveredFrom.GetValueOrDefault(agent.Environment) ?? (agent.Plane == here ? "" : agent.Plane);
        return new BeforeSevering(agent.Environment, agent.Plane, agent.PlaneKey, agent.Severed);
    }

    /// <summary>What it would do, as the agent itself judges it.</summary>
    public async Task<RehearsedSeverance> PlannedAsync(string reason)
    {
        var answer = await door.OneAsync(new JsonObject { [AgentDoorForm.Ask] = "plane.rehearse", ["entry"] = Text(Signed(reason)), ["checkpoint"] = "" }, invocation.Stop);
        var planned = answer.Deserialize(AgentDoorJson.Default.RehearsedSeverance)!;
        return planned.Refusal is { } refusal ? throw new CommandFailedException(ExitCodes.Refused, $"The ledger has no place for this severance: {refusal}.") : planned;
    }

    /// <summary>The cut: from here on nothing leaves for the vendor.</summary>
    public async Task<(long Entry, int Withdrawn, int Goes)> CutAsync(string reason)
    {
        if (!agent.Severed)
        {
            var entry = Signed(reason);
            own.Remember(own.Place()! with { Severance = Text(entry) });
            var done = await acts.DoAsync("severance", () => HandInAsync(entry), state => $"the agent has closed its link to the vendor, at entry {state.Size}");
            RememberVendor();
            agent = await StatusAsync() ?? throw NoAgent();
            return (done.Size, done.Withdrawn, done.Goes);
        }

        invocation.Terminal.Say("  ✓ the vendor is severed already: going on from there");
        RememberVendor();
        return (agent.Size, 0, 0);
    }

    /// <summary>The agent's copy becomes the plane's: exported, verified, taken in.</summary>
    public async Task TakeLedgerAsync()
    {
        // A plane that runs has taken it in before, and its ledger begins with what the agent holds.
        if (own.Running is not null) return;
        var trust = new Trust(null, null, invocation.Config.Founded.GetValueOrDefault(Id.Value), Environment: Id.Value);
        var exported = await acts.DoAsync("ledger", () => LedgerHandover.ExportAsync(invocation, door, own.Handover, trust), report => $"copied the agent's ledger: {report.Size} entries, every signature verified");
        await acts.DoAsync("import", () => own.ImportAsync(own.Handover, exported.CustomerRoot), _ => $"your plane has taken it in and verified it again");
    }

    /// <summary>The plane runs.</summary>
    public async Task<Uri> RunPlaneAsync()
    {
        await acts.DoAsync("your plane", () => own.RunAsync(acts), plane => $"your plane {plane.Name} runs at {OwnPlane.Address(own.Place()!).ToString().TrimEnd('/')}");
        return OwnPlane.Address(own.Place()!);
    }

    /// <summary>The severance gets its place; handed in again it has the one it had.</summary>
    public async Task SequenceAsync(Uri plane)
    {
        var client = invocation.ClientAt(plane, Party.Customer);
        var there = await client.GetAsync(EnvironmentPath, ViewJson.Default.EnvironmentView, invocation.Stop);
        if (there.Severed is not null && there.PlaneKey == key) return;
        var entry = severance ?? throw new CommandFailedException(ExitCodes.Failed, $"The agent is severed, and the signed entry is not in {options.Plane} any more.", "Name the folder in which 'demarc sever' was begun with --plane-data.");
        await acts.DoAsync("first head", () => client.AppendAsync(entry, invocation.Stop), at => $"your plane gives the severance its place: entry {at.Index}, charter version {Version(there)} is in force");
    }

    /// <summary>The agent dials the customer's plane, and has verified its first head.</summary>
    public async Task<AgentStatusView> FollowAsync(Uri plane)
    {
        return await acts.DoAsync("agent", async () =>
        {
            var address = plane.ToString().TrimEnd('/');
            if (await StatusAsync() is not { Connected: true, AwaitsPlane: false } || agent.Plane != address)
                await door.OneAsync(new JsonObject { [AgentDoorForm.Ask] = "plane.follow", ["plane"] = address }, invocation.Stop);
            return await acts.UntilAsync(
                "the agent to follow your plane",
                async () => await StatusAsync() is var there && there is { Connected: true, AwaitsPlane: false, Refusal: null } && there.Plane == address ? there
                    : there?.Refusal is { } refusal ? throw new CommandFailedException(ExitCodes.NotVerified, $"The agent refuses your plane: {refusal}.") : null,
                () => "'demarc agent status' says how it stands.");
        }, there => $"agent {there.Name} follows your plane, {there.Size} entries verified");
    }

    /// <summary>The vendor's plane is handed the entry, so that its people see it there. It changes nothing whether it takes it.</summary>
    public async Task<string?> TellVendorAsync(Uri plane)
    {
        if (vendorPlane.Length == 0 || vendorPlane == plane.ToString().TrimEnd('/')) return null;
        try
        {
            var there = invocation.ClientAt(new Uri(vendorPlane), Party.Customer);
            await LedgerHandover.PushAsync(invocation, invocation.ClientAt(plane, Party.Customer), there, Id);
            return $"{vendorPlane} was told, and takes no more entries";
        }
        catch (CommandFailedException away)
        {
            return $"{vendorPlane} was not told ({away.Message.TrimEnd('.')}); nobody who verifies follows it any more";
        }
    }

    /// <summary>This profile uses the customer's plane from now on, and knows the way back.</summary>
    public void Remember(Uri plane)
    {
        own.Remember(own.Place()! with { InForce = true });
        RememberVendor();
        invocation.Config = invocation.Config with { Plane = plane.ToString().TrimEnd('/') };
    }

    private void RememberVendor()
    {
        var known = invocation.Config.SeveredFrom;
        if (vendorPlane.Length > 0 && !known.ContainsKey(Id.Value)) invocation.Config = invocation.Config with { SeveredFrom = new Dictionary<string, string>(known) { [Id.Value] = vendorPlane } };
    }

    private Entry Signed(string reason) => severance ??= Entry.Write(Id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, new VendorSevered(key, reason), invocation.Key(Party.Customer));

    private async Task<SeveranceState> HandInAsync(Entry entry) =>
        (await door.OneAsync(new JsonObject { [AgentDoorForm.Ask] = "plane.sever", ["entry"] = Text(entry) }, invocation.Stop)).Deserialize(AgentDoorJson.Default.SeveranceState)!;

    private async Task<AgentStatusView?> StatusAsync()
    {
        try
        {
            return agent = (await door.OneAsync(AgentDoorClient.Ask("status"), invocation.Stop)).Deserialize(AgentDoorJson.Default.AgentStatusView)!;
        }
        catch (CommandFailedException off) when (off.ExitCode == ExitCodes.Unreachable)
        {
            return null;
        }
    }

    // An agent that does not run dials nobody; where a severance was signed before, it finds it before it does.
    private async Task WakeAgentAsync()
    {
        var folder = options.Agent(invocation);
        if (severance is { } signed) KeyFile.Write(Path.Combine(folder, AgentDoorForm.SeveranceName), Text(signed) + "\n");
        if (folder != options.Quickstart.Agent || !options.Quickstart.AgentHasJoined) throw NoAgent();
        await acts.DoAsync("agent", async () =>
        {
            var running = await options.Programs.StartAsync(invocation, options.Quickstart, "demarc-agent", folder, "--bucket", options.Quickstart.Bucket, "--engine", options.Programs.PathOf("demarc-engine"));
            return await acts.UntilAsync(
                "the agent to start",
                async () => await StatusAsync() ?? (running.IsAlive ? null : throw new CommandFailedException(ExitCodes.Failed, $"The agent has ended: {options.Quickstart.LogTail("demarc-agent")}.")),
                () => $"Its log is {Path.Combine(options.Quickstart.Logs, "demarc-agent.log")}.");
        }, there => $"started agent {there.Name}");
    }

    private CommandFailedException NoAgent() => new(
        ExitCodes.Unreachable, $"The agent in {options.Agent(invocation)} does not run.",
        severance is null ? "Start it, and run this again; or name its folder with --agent-data." : "The severance lies in its folder: it is severed from the moment it starts. Start it, and run this again.");

    private static int Version(EnvironmentView before) => (before.Charter ?? 0) + 1;

    private static string Text(Entry entry) => Convert.ToBase64String(entry.Bytes.Span);
}
