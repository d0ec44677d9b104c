using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Cli.Agents;
using Demarc.Cli.Audit;
using Demarc.Cli.Quickstart;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>
/// <c>demarc sever --rehearse</c>: the whole take-over in a sandbox. A copy of the agent's ledger, a plane of its own with a key of its own, the severance for real; then the
/// running agent judges it read-only, and both parties try what they could do. The sandbox's key is deleted with it, so that what was signed here puts nothing in force.
/// </summary>
internal sealed class SeverRehearsal(Invocation invocation, OwnPlaneOptions options)
{
    private readonly Acts acts = new(invocation);
    private readonly AgentDoorClient door = AgentDoorClient.Of(invocation);

    /// <summary>Rehearses; exit code 6 when something would not have worked.</summary>
    public async Task<int> RunAsync()
    {
        var sandbox = Directory.CreateTempSubdirectory("demarc-rehearsal-").FullName;
        var own = new OwnPlane(invocation, options.Programs, Path.Combine(sandbox, "plane"));
        try
        {
            return await RunAsync(own);
        }
        finally
        {
            if (own.Running is { } running) running.Signal(Detached.Kill);
            Directory.Delete(sandbox, recursive: true);
        }
    }

    private async Task<int> RunAsync(OwnPlane own)
    {
        var agent = (await door.OneAsync(AgentDoorClient.Ask("status"), invocation.Stop)).Deserialize(AgentDoorJson.Default.AgentStatusView)!;
        if (agent.Severed) throw new CommandFailedException(ExitCodes.Failed, $"The vendor is severed from environment '{agent.Environment}' already: there is nothing left to rehearse.");
        var id = EnvironmentId.Parse(agent.Environment);
        var began = invocation.Host.Time.GetTimestamp();
        var key = await own.KeyAsync();
        var trust = new Trust(null, null, invocation.Config.Founded.GetValueOrDefault(id.Value), Environment: id.Value);
        var copied = await acts.DoAsync("ledger", () => LedgerHandover.ExportAsync(invocation, door, own.Handover, trust), report => $"copied the agent's ledger: {report.Size} entries, every signature verified");
        await acts.DoAsync("import", () => own.ImportAsync(own.Handover, copied.CustomerRoot), _ => "a plane in the sandbox has taken it in and verified it again");
        await acts.DoAsync("plane", () => own.RunAsync(acts), plane => $"it runs at {OwnPlane.Address(own.Place()!).ToString().TrimEnd('/')}");
        var customer = invocation.ClientAt(OwnPlane.Address(own.Place()!), Party.Customer);
        var entry = Entry.Write(id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, new VendorSevered(key, "rehearsal"), invocation.Key(Party.Customer));
        await acts.DoAsync("severance", () => customer.AppendAsync(entry, invocation.Stop), at => $"the severance has its place there: entry {at.Index}");
        var note = await customer.GetTextAsync($"/v1/environments/{id}/checkpoint", invocation.Stop);
        var judged = await acts.DoAsync("agent", () => JudgeAsync(entry, note), answer => answer is { Refusal: null, HeadRefusal: null } ? "the running agent would follow it (asked, not told)" : "the running agent would NOT follow it");
        var took = invocation.Host.Time.GetElapsedTime(began);
        var (mayCustomer, mayVendor) = (await TryAsync(customer, id), await VendorAsync(own, id));
        var exposed = await BeyondAsync(agent, id);
        var problems = Problems(judged, mayCustomer, mayVendor, exposed);
        var report = new RehearsalReport(
            id.Value, judged.Size, judged.CharterBefore, judged.CharterAfter, judged.Withdrawn, judged.Goes, judged.Instances.Length, judged.Running.Length, judged.Lost, mayCustomer, mayVendor, exposed, problems, took.TotalSeconds);
        invocation.Terminal.Result(report, terminal => Print(terminal, report));
        return problems.IsEmpty ? ExitCodes.Ok : ExitCodes.NotVerified;
    }

    private async Task<RehearsedSeverance> JudgeAsync(Entry entry, string note)
    {
        var ask = new JsonObject { [AgentDoorForm.Ask] = "plane.rehearse", ["entry"] = Convert.ToBase64String(entry.Bytes.Span), ["checkpoint"] = note };
        return (await door.OneAsync(ask, invocation.Stop)).Deserialize(AgentDoorJson.Default.RehearsedSeverance)!;
    }

    private async Task<string> TryAsync(PlaneClient client, EnvironmentId id)
    {
        var order = new InstanceRequest(ChangeAction.Create.Name, InstanceId.Parse("rehearsal"), new InstanceOrder("0.0.0", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty));
        return (await client.PostAsync($"/v1/environments/{id}/decide", order, LedgerJson.Default.InstanceRequest, ViewJson.Default.DecisionView, invocation.Stop)).Decision;
    }

    // Only where the vendor's key is on this machine as well, as in the quickstart; elsewhere the fold has said it.
    private async Task<string> VendorAsync(OwnPlane own, EnvironmentId id)
    {
        if (!invocation.Profile.Holds(Party.Vendor)) return "refused by the fold (its key is not on this machine, so it was not tried)";
        var vendor = invocation.ClientAt(OwnPlane.Address(own.Place()!), Party.Vendor);
        try
        {
            var order = new ChangeRequested(ChangeId.New(invocation.Host.Random), new InstanceRequest(ChangeAction.Create.Name, InstanceId.Parse("rehearsal"), new InstanceOrder("0.0.0", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty)));
            await vendor.AppendAsync(Entry.Write(id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, order, invocation.Key(Party.Vendor)), invocation.Stop);
            return "ACCEPTED";
        }
        catch (CommandFailedException refused) when (refused.ExitCode is ExitCodes.Refused or ExitCodes.Failed)
        {
            return $"refused: {refused.Message}";
        }
    }

    // What the vendor's plane has that the agent has not verified would stay behind with it.
    private async Task<long?> BeyondAsync(AgentStatusView agent, EnvironmentId id)
    {
        try
        {
            var there = await invocation.ClientAt(new Uri(agent.Plane), Party.Customer).GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop);
            var now = (await door.OneAsync(AgentDoorClient.Ask("status"), invocation.Stop)).Deserialize(AgentDoorJson.Default.AgentStatusView)!;
            return Math.Max(0, there.Size - now.Size);
        }
        catch (CommandFailedException away) when (away.ExitCode is ExitCodes.Unreachable or ExitCodes.NotFound)
        {
            return null;
        }
    }

    private static ImmutableArray<string> Problems(RehearsedSeverance judged, string mayCustomer, string mayVendor, long? beyond)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        if (judged.Refusal is { } refusal) problems.Add($"the ledger has no place for it: {refusal}");
        if (judged.HeadRefusal is { } head) problems.Add($"the agent would not follow the plane: {head}");
        if (mayCustomer == "denied") problems.Add("the customer could not order an instance");
        if (mayVendor == "ACCEPTED") problems.Add("the vendor could order an instance");
        if (beyond > 0) problems.Add($"the vendor's plane has {beyond} entries that the agent has not verified yet: they would stay behind");
        problems.AddRange(judged.Lost.Select(what => $"lost: {what}"));
        return problems.ToImmutable();
    }

    private static void Print(Terminal.Terminal terminal, RehearsalReport done)
    {
        terminal.Line();
        terminal.Line(done.Problems.IsEmpty ? $"✓ Rehearsed for environment '{done.Environment}'. Nothing was touched." : $"✗ Rehearsed for environment '{done.Environment}', with problems. Nothing was touched.");
        terminal.Facts(
            ("would be lost", done.Lost.IsEmpty ? "nothing" : string.Join(", ", done.Lost)),
            ("ledger", $"{done.Size} entries, all of them copied and verified{(done.Beyond is { } beyond ? $"; {beyond} at the vendor's plane beyond them" : "; the vendor's plane does not answer")}"),
            ("charter", $"version {done.CharterBefore} becomes {done.CharterAfter}: all 17 tasks the customer's"),
            ("would end", done.Withdrawn.IsEmpty ? "no change of the vendor waits" : string.Join(", ", done.Withdrawn)),
            ("would go on", done.Goes.IsEmpty ? "no change runs" : string.Join(", ", done.Goes)),
            ("instances", $"{done.Instances}, of which {done.Running} run now; none is touched"),
            ("you order", done.CustomerMay), ("vendor orders", done.VendorMay),
            ("takes", $"{done.Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s until your plane is in force; the link is cut at the first of them"));
        foreach (var problem in done.Problems) terminal.Line($"  ✗ {Terminal.Terminal.Printable(problem)}");
    }
}

/// <summary>What a rehearsal found.</summary>
internal sealed record RehearsalReport(
    string Environment, long Size, int CharterBefore, int CharterAfter, ImmutableArray<string> Withdrawn, ImmutableArray<string> Goes, int Instances, int Running, ImmutableArray<string> Lost,
    string CustomerMay, string VendorMay, long? Beyond, ImmutableArray<string> Problems, double Seconds);
