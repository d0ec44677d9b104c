using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Cli.Agents;
using Demarc.Cli.Charter;
using Demarc.Cli.Quickstart;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>
/// <c>demarc rejoin</c>: the way back. The customer proposes a charter, both sign it, and the vendor may act again; then the ledger moves back to the vendor's plane, which first
/// takes in what happened meanwhile and verifies it. Run again it goes on where it stood, also when it had to wait for the vendor's signature.
/// </summary>
internal static class RejoinCommand
{
    public static Command Create()
    {
        var charter = new Option<string?>("--charter") { Description = "File with the charter to propose. Default: the one that was in force before, as the next version.", HelpName = "FILE" };
        var to = new Option<string?>("--to") { Description = "Address of the vendor's plane. Default: the one that the agent left.", HelpName = "URL" };
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger for both parties.", DefaultValueFactory = _ => "the vendor is back", HelpName = "TEXT" };
        var yes = GlobalOptions.Yes();
        return new Verb("rejoin", "Bring a severed vendor back: a charter that both sign, then the ledger moves to its plane.", async invocation =>
        {
            if (invocation.AsGiven == Party.Vendor) throw new CommandFailedException(ExitCodes.Refused, "Only the customer's owner brings the vendor back; the vendor signs the charter: demarc charter sign --as vendor.");
            return await new ComingBack(invocation, OwnPlaneOptions.Of(invocation)).RunAsync(invocation.Get(charter), invocation.Get(to), invocation.Get(reason)!, invocation.Get(yes));
        }, [charter, to, reason, yes, .. OwnPlaneOptions.All]);
    }
}

/// <summary>The steps of coming back. Each looks first whether it is done.</summary>
internal sealed class ComingBack(Invocation invocation, OwnPlaneOptions options)
{
    private readonly Acts acts = new(invocation);
    private readonly AgentDoorClient door = AgentDoorClient.Of(invocation);
    private readonly OwnPlane own = new(invocation, options.Programs, options.Plane);

    private EnvironmentId Id => invocation.Environment;

    private string EnvironmentPath => invocation.Path;

    public async Task<int> RunAsync(string? charterFile, string? named, string reason, bool yes)
    {
        if (own.Place() is null) throw new CommandFailedException(ExitCodes.NotFound, $"There is no plane of yours in {options.Plane}.", "Name its folder with --plane-data.");
        var vendorPlane = new Uri(named ?? invocation.Config.SeveredFrom.GetValueOrDefault(Id.Value) ?? throw CommandFailedException.Usage("This profile does not know the vendor's plane.", "Name it with --to."));
        await acts.DoAsync("your plane", () => own.RunAsync(acts), plane => $"your plane {plane.Name} runs");
        var here = invocation.ClientAt(OwnPlane.Address(own.Place()!), Party.Customer);
        if (!await CharterAsync(here, charterFile, yes)) return ExitCodes.TimedOut;

        var there = invocation.ClientAt(vendorPlane, Party.Customer);
        var key = (await there.PlaneAsync(invocation.Stop)).PlaneKey;
        await acts.DoAsync("ledger", () => LedgerHandover.PushAsync(invocation, here, there, Id), count => $"the vendor's plane has taken in {count} entries and verified them");
        var moved = await MoveAsync(here, key, vendorPlane, reason, yes);
        await acts.DoAsync("last entry", () => LedgerHandover.PushAsync(invocation, here, there, Id), _ => "the vendor's plane holds all of it, and goes on from there");
        await FollowAsync(vendorPlane, moved);
        await LeaveAsync(vendorPlane);
        var report = new RejoinReport(Id.Value, vendorPlane.ToString().TrimEnd('/'), moved, acts.Elapsed.TotalSeconds);
        invocation.Terminal.Result(report, terminal => terminal.Line($"✓ The vendor is back in environment '{report.Environment}'; its plane at {report.Plane} goes on from entry {report.Size}. Your own plane is stopped, its data stays in {options.Plane}."));
        return ExitCodes.Ok;
    }

    // True when the vendor may act again; false when its signature is awaited.
    private async Task<bool> CharterAsync(PlaneClient here, string? file, bool yes)
    {
        var environment = await here.GetAsync(EnvironmentPath, ViewJson.Default.EnvironmentView, invocation.Stop);
        if (environment.Severed is null) return true;
        var charter = await here.GetAsync($"{EnvironmentPath}/charter", ViewJson.Default.CharterView, invocation.Stop);
        if (charter.ProposedYaml is null)
        {
            var (version, yaml) = file is null ? await BeforeAsync(here, charter) : CharterOf(file, charter);
            invocation.Terminal.Say($"The vendor comes back by charter version {version}. What it changes:");
            if (charter.Yaml is { } now) foreach (var difference in CharterDiff.Between(CharterYaml.Read(now).Document!, CharterYaml.Read(yaml).Document!)) invocation.Terminal.Say($"  {difference.Means}");
            invocation.Terminal.Confirm("Propose and sign it for the customer?", yes);
            await acts.DoAsync("charter", () => AppendAsync(here, Party.Customer, new CharterProposed(version, yaml)), at => $"proposed charter version {version}: entry {at.Index}");
            charter = await here.GetAsync($"{EnvironmentPath}/charter", ViewJson.Default.CharterView, invocation.Stop);
        }

        var hash = CharterText.Hash(charter.ProposedYaml!);
        foreach (var party in new[] { Party.Customer, Party.Vendor }.Where(p => !charter.SignedBy.Contains(p)))
        {
            if (!invocation.Profile.Holds(party))
            {
                invocation.Terminal.Line($"Charter version {charter.ProposedVersion} awaits the vendor's signature. The vendor signs at your plane: demarc charter sign --as vendor --environment {Id} --plane {here.Address.ToString().TrimEnd('/')}. Then run 'demarc rejoin' again.");
                return false;
            }

            await acts.DoAsync($"{party.Word()}'s signature", () => AppendAsync(invocation.ClientAt(here.Address, party), party, new CharterSigned(charter.ProposedVersion!.Value, hash)), at => $"signed by the {party.Word()}: entry {at.Index}");
        }

        return true;
    }

    // The text that both had signed before, with the version that comes next. It stands in the ledger: the newest signed one before the severance.
    private async Task<(int Version, string Yaml)> BeforeAsync(PlaneClient here, CharterView charter)
    {
        var (_, state) = await Audit.AuditLedger.CheckedAsync(invocation, here, Id);
        var before = state.Severed?.CharterBefore is { } text ? CharterYaml.Read(text).Document : null;
        if (before is null) throw CommandFailedException.Usage("No charter was in force before the severance.", "Name one with --charter.");
        var next = before with { Version = charter.Version!.Value + 1 };
        return (next.Version, CharterYaml.Write(next));
    }

    private static (int Version, string Yaml) CharterOf(string file, CharterView charter)
    {
        if (!File.Exists(file)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no file '{file}'.");
        var yaml = File.ReadAllText(file);
        var read = CharterYaml.Read(yaml, file);
        if (read.Document is not { } document) throw new CommandFailedException(ExitCodes.Failed, $"The charter cannot be read: {read.Faults[0]}");
        return document.Version == charter.Version + 1 ? (document.Version, yaml) : throw CommandFailedException.Usage($"{file} says version {document.Version}; the next one is {charter.Version + 1}.");
    }

    private async Task<long> MoveAsync(PlaneClient here, string key, Uri vendorPlane, string reason, bool yes)
    {
        var environment = await here.GetAsync(EnvironmentPath, ViewJson.Default.EnvironmentView, invocation.Stop);
        if (environment.PlaneKey == key) return environment.Size;
        if (environment.Planes.All(term => term.Key != key))
            invocation.Terminal.Confirm($"The plane at {vendorPlane} has the key {key}, which was never in force here. Move the ledger to it?", yes);

        // The signed severance has done its work: whoever severs again signs another.
        own.Remember(own.Place()! with { Severance = null });
        var at = await acts.DoAsync("move", () => AppendAsync(here, Party.Customer, new PlaneMoved(key, reason)), done => $"the ledger moves to the vendor's plane: entry {done.Index}, your plane's last");
        return at.Size;
    }

    private async Task FollowAsync(Uri vendorPlane, long size)
    {
        var address = vendorPlane.ToString().TrimEnd('/');
        await acts.DoAsync("agent", async () =>
        {
            await acts.UntilAsync("the agent to verify the move", async () => await StatusAsync() is { } there && there.Size >= size ? there : null, () => "'demarc agent status' says how it stands.");
            if (await StatusAsync() is not { Connected: true } now || now.Plane != address)
                await door.OneAsync(new JsonObject { [AgentDoorForm.Ask] = "plane.follow", ["plane"] = address }, invocation.Stop);
            return await acts.UntilAsync(
                "the agent to follow the vendor's plane",
                async () => await StatusAsync() is { } there
                    ? there.Refusal is { } refusal ? throw new CommandFailedException(ExitCodes.NotVerified, $"The agent refuses the vendor's plane: {refusal}.") : there.Connected && there.Plane == address ? there : null
                    : null,
                () => "'demarc agent status' says how it stands.");
        }, there => $"agent {there.Name} follows the vendor's plane, {there.Size} entries verified");
    }

    private async Task LeaveAsync(Uri vendorPlane)
    {
        own.Remember(own.Place()! with { InForce = false });
        var severed = new Dictionary<string, string>(invocation.Config.SeveredFrom);
        severed.Remove(Id.Value);
        invocation.Config = invocation.Config with { Plane = vendorPlane.ToString().TrimEnd('/'), SeveredFrom = severed };
        if (own.Running is { } running) await acts.DoAsync("your plane", () => DownCommand.StopAsync(invocation, [running]), _ => "stopped your own plane");
    }

    private async Task<AgentStatusView> StatusAsync() => (await door.OneAsync(AgentDoorClient.Ask("status"), invocation.Stop)).Deserialize(AgentDoorJson.Default.AgentStatusView)!;

    private Task<AppendedView> AppendAsync(PlaneClient client, Party party, EntryData data) =>
        client.AppendAsync(Entry.Write(Id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, data, invocation.Key(party)), invocation.Stop);
}

/// <summary>What stands when the vendor is back.</summary>
internal sealed record RejoinReport(string Environment, string Plane, long Size, double Seconds);
