using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Instances;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Steps;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Instances;

/// <summary>What has drifted is healed when it is the vendor's, told when it is the customer's, and otherwise left alone.</summary>
public sealed class AgentReconcilerTests : IDisposable
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly StepWorld world;
    private readonly FakeFolders folders;
    private readonly FakeProcesses processes;
    private readonly AgentLedger ledger;
    private readonly LocalHands hands;
    private readonly ChangeWorker worker;
    private readonly Reconciler reconciler;
    private readonly PlanePresence plane = new() { Connected = true };

    public AgentReconcilerTests()
    {
        world = FakeWorld.Make(out folders, out processes, out _);
        ledger = lab.Open(store);
        var reports = new Reports();
        hands = new LocalHands(world.Machine, world.Processes, world.Folders, world.Files, world.Probe, lab.Time, lab.Fill, NullLogger.Instance, () => new HashSet<int>());
        worker = new ChangeWorker(ledger, hands, new StepExecutor(ledger, hands, reports, lab.Time, NullLogger.Instance), plane, lab.Time, NullLogger.Instance);
        reconciler = new Reconciler(ledger, hands, reports, lab.Time, lab.Fill, NullLogger.Instance);
        lab.Request("instances.create", "alpha", AgentLab.Order());
        for (var round = 0; round < 20; round++) Turn(false);
        Assert.Equal(InstanceStatus.Ready, lab.State.Instances[Alpha].Status);
        store.Journal.Clear();
    }

    public void Dispose() => lab.Dispose();

    [Fact]
    public void Healthy_instance_calls_for_nothing()
    {
        for (var round = 0; round < 10; round++) Turn();
        Assert.Empty(store.Journal);
    }

    [Fact]
    public void Killed_engine_comes_back_through_a_change()
    {
        processes.Kill(processes.List()[0]);
        Turn();
        Assert.Single(processes.List());
        var heal = lab.State.Changes.Values.Single(change => change.Action == ChangeAction.Heal);
        Assert.Equal(ChangeStatus.Succeeded, heal.Status);
        Assert.Null(heal.RequestedFor);
    }

    [Fact]
    public void Killed_engine_comes_back_while_the_plane_is_away()
    {
        plane.Connected = false;
        processes.Kill(processes.List()[0]);
        Turn(sync: false);
        Assert.Single(processes.List());
        Assert.NotEmpty(ledger.Outbox);
        lab.Sync(ledger);
        Assert.Empty(ledger.Outbox);
        Assert.Empty(store.ReadEvidence());
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes.Values.Single(change => change.Action == ChangeAction.Heal).Status);
    }

    /// <summary>The start would count after all once the pause is lifted: two changes would run in one instance.</summary>
    [Fact]
    public void Nothing_is_begun_for_an_instance_while_a_start_of_it_is_in_doubt()
    {
        var id = lab.Request("instances.modify", "alpha", AgentLab.Order(InstanceSize.Medium));
        lab.Sync(ledger);
        var planned = lab.Entries.Count;
        for (var turn = 0; turn < 5 && ledger.State.Changes[id].Status != ChangeStatus.Running; turn++) Turn(sync: false);
        Assert.Equal(ChangeStatus.Running, ledger.State.Changes[id].Status);
        plane.Connected = false;
        foreach (var entry in ledger.Outbox.TakeWhile(entry => entry.Data is not ChangeStarted).ToList()) lab.Sequence(entry);
        lab.Say(lab.Customer, new ChangePaused(id, "not now"));
        Assert.True(lab.Entries.Count > planned + 1);
        Assert.True(ledger.Accept(ledger.Size, AgentLab.Bytes(lab.Entries.Skip((int)ledger.Size)), lab.Checkpoint(lab.Entries)));
        Assert.True(ledger.HasStartInDoubt(Alpha));

        processes.Kill(processes.List()[0]);
        Turn(sync: false);
        Assert.Empty(processes.List());
        lab.Sync(ledger);
        Assert.False(ledger.HasStartInDoubt(Alpha));
        Turn(sync: false);
        Assert.Single(processes.List());
        Turn();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes.Values.Single(change => change.Action == ChangeAction.Heal).Status);
    }

    [Fact]
    public void Engine_that_keeps_crashing_is_tried_ever_more_rarely()
    {
        processes.Crash = true;
        processes.Kill(processes.List()[0]);
        var began = processes.Started;
        var hour = TimeSpan.FromHours(1);
        for (var passed = TimeSpan.Zero; passed < hour; passed += ReconcileLimits.Look)
        {
            Turn();
            lab.Time.Advance(ReconcileLimits.Look);
        }

        // 5, 10, 20 … seconds apart, then every five minutes; the start of each heal happens once.
        var tries = processes.Started - began;
        Assert.InRange(tries, 10, 20);
        processes.Crash = false;
        lab.Time.Advance(ReconcileLimits.MaxBackoff);
        Turn();
        Assert.Single(processes.List());
    }

    [Fact]
    public void Lost_data_is_a_finding_for_the_customer_and_never_a_fresh_start()
    {
        processes.Kill(processes.List()[0]);
        folders.Lose(Alpha);
        for (var round = 0; round < 10; round++) Turn();
        Assert.Empty(processes.List());
        var finding = Assert.Single(lab.State.Findings.Values);
        Assert.Equal(TaskId.Bucket, finding.Task);
        Assert.Contains("alpha", finding.Name, StringComparison.Ordinal);
        Assert.DoesNotContain(lab.State.Changes.Values, change => change.Action == ChangeAction.Heal);
        // The customer puts it back.
        folders.Create(Alpha, new InstanceMarker(lab.Environment.Value, "alpha", "c-old"));
        folders.MarkUsed(Alpha);
        for (var round = 0; round < 3; round++) Turn();
        Assert.Empty(lab.State.Findings);
        Assert.Single(processes.List());
    }

    [Fact]
    public void Unreachable_bucket_is_one_finding_and_not_one_per_instance()
    {
        folders.Facts = folders.Facts with { Reachable = false, Problem = "the disk is gone" };
        Turn();
        Turn();
        Assert.Equal("bucket-unreachable", Assert.Single(lab.State.Findings.Keys));
        folders.Facts = folders.Facts with { Reachable = true, Problem = null, PrivateToOwner = false, FreeMib = 10 };
        Turn();
        Assert.Equal(["bucket-full", "bucket-open"], lab.State.Findings.Keys);
        folders.Facts = folders.Facts with { PrivateToOwner = true, FreeMib = 10_000 };
        Turn();
        Assert.Empty(lab.State.Findings);
    }

    [Fact]
    public void Recycle_bin_is_emptied_when_its_time_is_over_and_not_before()
    {
        var id = lab.Request("instances.delete", "alpha");
        Turn();
        lab.Say(lab.Customer, new Demarc.Core.Ledger.ChangeApproved(id, lab.State.Changes[id].PlanHash!));
        Turn();
        lab.Time.Advance(InstanceLimits.RecycleFor - TimeSpan.FromMinutes(1));
        Turn();
        Assert.True(folders.Look(FolderPlace.Recycle, Alpha).Exists);
        lab.Time.Advance(TimeSpan.FromMinutes(2));
        Turn();
        Assert.False(folders.Look(FolderPlace.Recycle, Alpha).Exists);
        Assert.Empty(lab.State.Instances);
        Assert.Null(world.Files.Read(Alpha, CredentialMint.ProbeFile));
    }

    [Fact]
    public void Process_that_nothing_asks_for_is_left_alone()
    {
        lab.Request("instances.suspend", "alpha");
        Turn();
        Assert.Empty(processes.List());
        processes.Start(new EngineLaunch(Alpha, "", 19530, 512, "", "", true));
        store.Journal.Clear();
        for (var round = 0; round < 5; round++) Turn();
        Assert.Single(processes.List());
        Assert.Empty(store.Journal);
    }

    /// <summary>One look, the work that follows from it, and what the plane makes of it.</summary>
    private void Turn(bool reconcile = true, bool sync = true)
    {
        if (sync) lab.Sync(ledger);
        if (reconcile) reconciler.Compare(Pump(hands.ObserveAsync(CancellationToken.None).AsTask()));
        for (var pass = 0; pass < 60; pass++)
        {
            if (!Pump(worker.PassAsync(CancellationToken.None))) break;
            if (sync) lab.Sync(ledger);
        }

        if (sync) lab.Sync(ledger);
    }

    private T Pump<T>(Task<T> task)
    {
        var ended = Task.WhenAny(task);
        while (!ended.Wait(1)) lab.Time.Advance(TimeSpan.FromMilliseconds(500));
        return task.GetAwaiter().GetResult();
    }
}
