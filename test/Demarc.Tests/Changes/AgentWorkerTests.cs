using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Steps;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Changes;

/// <summary>How the agent moves changes along: plan, wait, start, run.</summary>
public sealed class AgentWorkerTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly StepWorld world;
    private readonly FakeFolders folders;
    private readonly FakeProbe probe;
    private readonly PlanePresence plane = new() { Connected = true };
    private readonly AgentLedger ledger;
    private readonly ChangeWorker worker;

    public AgentWorkerTests()
    {
        world = FakeWorld.Make(out folders, out _, out probe);
        ledger = lab.Open(store);
        var hands = new LocalHands(world.Machine, world.Processes, world.Folders, world.Files, world.Probe, lab.Time, lab.Fill, NullLogger.Instance, () => ledger.State.Instances.Values.Select(i => i.Port).ToHashSet());
        worker = new ChangeWorker(ledger, hands, new StepExecutor(ledger, hands, new Reports(), lab.Time, NullLogger.Instance), plane, lab.Time, NullLogger.Instance);
        lab.Sync(ledger);
    }

    public void Dispose() => lab.Dispose();

    [Fact]
    public void Order_becomes_an_instance()
    {
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes[id].Status);
        Assert.Equal(InstanceStatus.Ready, lab.State.Instances[InstanceId.Parse("alpha")].Status);
        Assert.Single(world.Processes.List());
        Assert.Equal("wrote, searched, read back", lab.State.Changes[id].Reason);
    }

    [Fact]
    public void Nothing_happens_before_the_start_stands_on_both_sides()
    {
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Sync(ledger);
        Drain();
        Assert.Equal(ChangeStatus.Running, ledger.State.Changes[id].Status);
        Assert.NotEqual(ChangeStatus.Running, ledger.Verified.Changes[id].Status);
        Assert.Empty(world.Trace);
    }

    [Fact]
    public void Withdrawn_in_time_is_never_run()
    {
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Sync(ledger);
        Drain();
        // The plane has the withdrawal before it has our plan and start.
        lab.Say(lab.Vendor, new ChangeWithdrawn(id, "changed my mind"));
        Settle();
        Assert.Equal(ChangeStatus.Withdrawn, lab.State.Changes[id].Status);
        Assert.Empty(world.Trace);
        Assert.NotEmpty(store.ReadEvidence());
        Assert.Empty(ledger.Outbox);
    }

    [Fact]
    public void Nothing_a_person_asked_for_starts_while_the_plane_is_away()
    {
        plane.Connected = false;
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        Assert.Equal(ChangeStatus.Approved, lab.State.Changes[id].Status);
        Assert.Empty(world.Trace);
        plane.Connected = true;
        Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes[id].Status);
    }

    [Fact]
    public void Deletion_waits_for_the_customer_and_runs_what_was_approved()
    {
        lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        var id = lab.Request("instances.delete", "alpha");
        Settle();
        var change = lab.State.Changes[id];
        Assert.Equal(ChangeStatus.Planned, change.Status);
        Assert.Single(world.Processes.List());
        lab.Say(lab.Customer, new ChangeApproved(id, change.PlanHash!));
        Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes[id].Status);
        Assert.Empty(world.Processes.List());
        Assert.True(folders.Look(FolderPlace.Recycle, InstanceId.Parse("alpha")).Exists);
        var restore = lab.Request("instances.restore", "alpha");
        Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab.State.Changes[restore].Status);
        Assert.Single(world.Processes.List());
    }

    [Fact]
    public void Plan_that_no_longer_fits_is_planned_anew_and_its_approvals_are_void()
    {
        lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        var id = lab.Request("instances.delete", "alpha");
        Settle();
        var before = lab.State.Changes[id].PlanHash!;
        folders.Lose(InstanceId.Parse("alpha"));
        lab.Say(lab.Customer, new ChangeApproved(id, before));
        Settle();
        var change = lab.State.Changes[id];
        Assert.Equal(ChangeStatus.Planned, change.Status);
        Assert.NotEqual(before, change.PlanHash);
        Assert.Empty(change.Approvals);
        Assert.Single(world.Processes.List());
    }

    [Fact]
    public void What_cannot_be_planned_is_refused_with_the_reason()
    {
        var id = lab.Request("instances.create", "alpha", AgentLab.Order() with { Version = "9.9.9" });
        Settle();
        Assert.Equal(ChangeStatus.Refused, lab.State.Changes[id].Status);
        Assert.Contains("version: Milvus 9.9.9 is not to be had here", lab.State.Changes[id].Reason, StringComparison.Ordinal);
        Assert.Empty(world.Trace);
    }

    [Fact]
    public void Failed_verification_undoes_everything()
    {
        probe.Wrong = true;
        var before = world.Describe();
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        var change = lab.State.Changes[id];
        Assert.Equal(ChangeStatus.RolledBack, change.Status);
        Assert.Contains("search found the wrong rows", change.Reason, StringComparison.Ordinal);
        Assert.All(change.Steps, step => Assert.Equal(StepStatus.Undone, step.Status));
        Assert.Equal(before, world.Describe());
        Assert.Empty(lab.State.Instances);
    }

    [Fact]
    public void What_waits_too_long_expires()
    {
        lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        var id = lab.Request("instances.delete", "alpha");
        Settle();
        lab.Time.Advance(InstanceLimits.ChangeExpiresAfter);
        Settle();
        Assert.Equal(ChangeStatus.Expired, lab.State.Changes[id].Status);
    }

    [Fact]
    public void Revoked_agent_does_nothing_more()
    {
        lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Say(lab.Customer, new AgentRevoked(lab.AgentKey.Public.KeyId, "lost laptop"));
        Settle();
        Assert.False(ledger.InForce);
        Assert.Empty(world.Trace);
        Assert.Empty(store.Journal);
    }

    [Fact]
    public void No_secret_stands_in_an_entry_or_in_evidence()
    {
        lab.Request("instances.create", "alpha", AgentLab.Order());
        Settle();
        var id = InstanceId.Parse("alpha");
        var sealedText = lab.State.Instances[id].Credential!.Sealed;
        var opened = Demarc.Core.Access.AgeFile.TryDecrypt(System.Text.Encoding.UTF8.GetBytes(sealedText), lab.Sealing);
        var password = opened.Plaintext!.Reveal();
        Assert.Equal(43, password.Length);
        var probePassword = System.Text.Json.JsonDocument.Parse(world.Files.Read(id, CredentialMint.ProbeFile)!).RootElement.GetProperty("password").GetString()!;
        Assert.NotEqual(password, probePassword);
        foreach (var entry in lab.Entries)
        {
            var text = System.Text.Encoding.UTF8.GetString(DsseEnvelope.Parse(entry.Bytes).Envelope!.Payload.Span);
            Assert.DoesNotContain(password, text, StringComparison.Ordinal);
            Assert.DoesNotContain(probePassword, text, StringComparison.Ordinal);
        }

        foreach (var name in new[] { CredentialMint.EngineFile, CredentialMint.ProbeFile, "issued.json" }) Assert.DoesNotContain(password, world.Files.Read(id, name)!, StringComparison.Ordinal);
    }

    /// <summary>Works and syncs until neither side has anything left to do.</summary>
    private void Settle()
    {
        for (var round = 0; round < 50; round++)
        {
            lab.Sync(ledger);
            var size = lab.Entries.Count;
            // A halted or paused worker goes on after a while.
            lab.Time.Advance(ChangeLimits.AfterRefusal);
            Drain();
            lab.Sync(ledger);
            if (lab.Entries.Count == size && ledger.Outbox.Count == 0) return;
        }

        Assert.Fail("it does not come to rest");
    }

    private void Drain()
    {
        for (var pass = 0; pass < 100; pass++)
        {
            if (!Pump(worker.PassAsync(CancellationToken.None))) return;
        }

        Assert.Fail("the worker does not come to rest");
    }

    private bool Pump(Task<bool> task)
    {
        var ended = Task.WhenAny(task);
        while (!ended.Wait(1)) lab.Time.Advance(ChangeLimits.RetryDelay);
        return task.GetAwaiter().GetResult();
    }
}
