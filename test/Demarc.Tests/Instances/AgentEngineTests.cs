using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Instances;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Instances;

/// <summary>The real hands with the real engine: an instance's whole life, and the probe that believes no wrong answer.</summary>
public sealed class AgentEngineTests : IDisposable
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");
    private readonly string root = Directory.CreateTempSubdirectory("demarc-engine-").FullName;
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly MilvusProbe probe = new();
    private readonly AgentLedger ledger;
    private readonly EngineProcesses processes;
    private readonly LocalHands hands;
    private readonly ChangeWorker worker;
    private readonly Reconciler reconciler;

    public AgentEngineTests()
    {
        var bucket = Path.Combine(root, "bucket");
        Directory.CreateDirectory(bucket, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var engine = Path.Combine(AppContext.BaseDirectory, "demarc-engine");
        Assert.True(File.Exists(engine), $"{engine} is built with the tests");
        ledger = lab.Open(store);
        var folders = new BucketFolder(bucket);
        processes = new EngineProcesses(engine, folders);
        // Versions as the engine says them are asked for by the program; the ports are real ones.
        hands = new LocalHands(new LinuxMachine(["2.6.4"]), processes, folders, new PrivateFiles(Path.Combine(root, "private")), probe, TimeProvider.System, lab.Fill, NullLogger.Instance, () => new HashSet<int>());
        var reports = new Reports();
        worker = new ChangeWorker(ledger, hands, new StepExecutor(ledger, hands, reports, TimeProvider.System, NullLogger.Instance), new PlanePresence { Connected = true }, lab.Time, NullLogger.Instance);
        reconciler = new Reconciler(ledger, hands, reports, lab.Time, lab.Fill, NullLogger.Instance);
        lab.Sync(ledger);
    }

    public void Dispose()
    {
        foreach (var process in processes.List()) processes.Kill(process);
        SpinWait.SpinUntil(() => processes.List().Count == 0, TimeSpan.FromSeconds(20));
        probe.Dispose();
        lab.Dispose();
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task Instance_lives_its_whole_life()
    {
        var create = await RunAsync("instances.create", AgentLab.Order());
        Assert.Equal("wrote 32 vectors, found the right 3 neighbours, read a row back, dropped the collection", create.Reason);
        var first = Assert.Single(processes.List());
        Assert.InRange(first.UsedMib, 10, 2000);

        // Somebody kills the engine; its data is there, so it comes back as it was.
        processes.Kill(first);
        SpinWait.SpinUntil(() => processes.List().Count == 0, TimeSpan.FromSeconds(20));
        SpinWait.SpinUntil(() => processes.LastEnd(Alpha) is not null, TimeSpan.FromSeconds(20));
        Assert.Equal("signal 9", processes.LastEnd(Alpha));
        reconciler.Compare(await hands.ObserveAsync(CancellationToken.None));
        await SettleAsync();
        var second = Assert.Single(processes.List());
        Assert.NotEqual(first.Pid, second.Pid);
        Assert.Equal(first.Port, second.Port);

        // Another agent, or this one started anew, finds the same process again.
        var adopted = Assert.Single(new EngineProcesses("/nowhere", new BucketFolder(Path.Combine(root, "bucket"))).List());
        Assert.Equal((second.Pid, second.StartTicks), (adopted.Pid, adopted.StartTicks));

        await RunAsync("instances.suspend");
        Assert.Empty(processes.List());
        await RunAsync("instances.resume");
        await RunAsync("instances.modify", AgentLab.Order(InstanceSize.Medium));
        Assert.Equal(2048, Assert.Single(processes.List()).MemoryMib);
        var delete = lab.Request("instances.delete", "alpha");
        await SettleAsync();
        lab.Say(lab.Customer, new ChangeApproved(delete, lab.State.Changes[delete].PlanHash!));
        await SettleAsync();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes[delete].Status);
        Assert.True(Directory.Exists(Path.Combine(root, "bucket", "recycle", "alpha")));
        await RunAsync("instances.restore");
        Assert.Single(processes.List());
    }

    [Fact]
    public async Task Probe_believes_no_wrong_password_and_no_closed_port()
    {
        await RunAsync("instances.create", AgentLab.Order());
        var port = processes.List()[0].Port;
        var wrong = new ProbeLogin(CredentialMint.ProbeUser, new Secret("not it"));
        Assert.False(await probe.IsHealthyAsync(1, wrong, CancellationToken.None));
        await Assert.ThrowsAsync<ProbeException>(() => probe.VerifyAsync(1, wrong, (_, _) => { }, CancellationToken.None));
        var refused = await Assert.ThrowsAsync<ProbeException>(() => probe.VerifyAsync(port, wrong, (_, _) => { }, CancellationToken.None));
        Assert.DoesNotContain("not it", refused.ToString(), StringComparison.Ordinal);
    }

    private async Task<Change> RunAsync(string action, InstanceOrder? order = null)
    {
        var id = lab.Request(action, "alpha", order);
        await SettleAsync();
        var change = lab.State.Changes[id];
        Assert.True(change.Status == ChangeStatus.Succeeded, $"{action}: {change.Status.Word()}, {change.Reason}");
        return change;
    }

    private async Task SettleAsync()
    {
        do
        {
            lab.Sync(ledger);
        }
        while (await worker.PassAsync(CancellationToken.None));
        lab.Sync(ledger);
    }
}
