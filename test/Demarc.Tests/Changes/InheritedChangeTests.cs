using Demarc.Agent.Local;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;

namespace Demarc.Tests.Changes;

/// <summary>An agent is revoked in the middle of a change, and had done more than it could report. Its successor answers for that.</summary>
public sealed class InheritedChangeTests : IDisposable
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");

    private static readonly CharterDocument Leaving = CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, CharterDocument.Default[TaskId.Provision] with { OnStop = OnStop.Leave }) };

    private readonly ChangeLab lab = new();

    public void Dispose() => lab.Dispose();

    [Theory]
    [InlineData("create-data")]
    [InlineData("mint-credential")]
    [InlineData("start-engine")]
    [InlineData("await-healthy")]
    [InlineData("verify-instance")]
    [InlineData("nothing at all")]
    public void What_the_former_agent_never_reported_is_undone_when_the_change_is_stopped(string last)
    {
        var before = lab.World.Describe();
        var id = Inherit(last);
        Assert.True(lab[id].Inherited);
        Assert.All(lab[id].Steps, step => Assert.Equal(StepStatus.Waiting, step.Status));
        lab.Lab.Say(lab.Lab.Customer, new ChangeStopped(id, "not with another agent"));
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Equal("stopped by the customer: not with another agent", lab[id].Reason);
        Assert.Equal(before, lab.World.Describe());
        Assert.Empty(lab.Lab.State.Instances);
    }

    [Theory]
    [InlineData("create-data")]
    [InlineData("start-engine")]
    [InlineData("verify-instance")]
    public void Left_alone_the_successor_finishes_it(string last)
    {
        var id = Inherit(last);
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Equal(InstanceStatus.Ready, lab.Lab.State.Instances[Alpha].Status);
        Assert.Single(lab.World.Processes.List());
    }

    [Fact]
    public void Left_as_it_stands_the_instance_is_neither_what_it_was_nor_what_was_wanted()
    {
        using var leaving = new ChangeLab(new AgentLab(1, Leaving));
        var id = Inherit("start-engine", leaving);
        leaving.Lab.Say(leaving.Lab.Customer, new ChangeStopped(id, "leave it"));
        leaving.Settle();
        Assert.Equal(ChangeStatus.Stopped, leaving[id].Status);
        Assert.Equal(InstanceStatus.Failed, leaving.Lab.State.Instances[Alpha].Status);
        Assert.NotEmpty(leaving.World.Processes.List());
    }

    [Fact]
    public void What_a_change_that_nobody_heard_of_has_started_is_undone_too()
    {
        var before = lab.World.Describe();
        var id = Inherit("verify-instance");
        // The former agent brought the engine back once more, under a change of its own that it could not report.
        lab.World.Files.Write(Alpha, "start.json", """{"change":"c-neverheard"}""");
        lab.Lab.Say(lab.Lab.Customer, new ChangeStopped(id, "enough"));
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Equal(before, lab.World.Describe());
    }

    [Fact]
    public void A_step_that_failed_is_not_tried_again_by_an_agent_revoked_meanwhile()
    {
        _ = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Applying = step =>
        {
            if (step.Kind != "start-engine") return;
            if (lab.Ledger.InForce) lab.Lab.Say(lab.Lab.Customer, new AgentRevoked(lab.Lab.AgentKey.Public.KeyId, "lost laptop"));
            lab.Lab.Sync(lab.Ledger);
            throw new IOException("no space left");
        };
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        Assert.Single(lab.Calls, "start-engine");
        Assert.Empty(lab.World.Processes.List());
    }

    [Fact]
    public void What_was_reported_as_done_and_undone_unheard_is_not_built_upon()
    {
        _ = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var small = Assert.Single(lab.World.Processes.List());
        var id = lab.Lab.Request("instances.modify", "alpha", AgentLab.Order(InstanceSize.Medium));
        lab.Applying = step =>
        {
            if (step.Kind != "verify-instance") return;
            lab.Lab.Sync(lab.Ledger);
            lab.KillAfter(0);
        };
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Lab.Sync(lab.Ledger);
        Assert.Throws<OperationCanceledException>(lab.Drain);
        Assert.Equal(3, lab[id].Steps.Count(step => step.Status == StepStatus.Finished));
        lab.Applying = null;
        lab.KillAfter(int.MaxValue);

        // The former agent puts the small engine back, and is revoked before it can say so.
        lab.World.Processes.Kill(Assert.Single(lab.World.Processes.List()));
        lab.World.Processes.Start(new EngineLaunch(Alpha, lab.Folders.PathOf(FolderPlace.Instances, Alpha), small.Port, small.MemoryMib, "", "", true));
        lab.ReplaceAgent();
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Contains("what step 2 (start-engine) did is not there any more", lab[id].Reason, StringComparison.Ordinal);
        Assert.Equal(InstanceSize.Small, lab.Lab.State.Instances[Alpha].Order.Size);
        Assert.Equal(small.MemoryMib, Assert.Single(lab.World.Processes.List()).MemoryMib);
    }

    // The agent runs the creation up to and with a step, is killed and revoked, and nothing of it is ever heard.
    private static ChangeId Inherit(string last, ChangeLab lab)
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Lab.Sync(lab.Ledger);
        Assert.Equal(ChangeStatus.Running, lab[id].Status);
        var kinds = lab[id].Plan!.Steps.Select(step => step.Kind).ToList();
        lab.Applying = step =>
        {
            if (kinds.IndexOf(step.Kind) > kinds.IndexOf(last)) lab.KillAfter(0);
        };
        try
        {
            lab.Drain();
        }
        catch (OperationCanceledException)
        {
            // Killed, as intended.
        }

        lab.Applying = null;
        lab.ReplaceAgent();
        return id;
    }

    private ChangeId Inherit(string last) => Inherit(last, lab);
}
