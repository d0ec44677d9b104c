using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Changes;

/// <summary>Changes of one instance never interleave: the second of two people is refused, what the agent does by itself waits its turn, and nothing is erased that somebody wants back.</summary>
public sealed class ChangeOrderTests
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");

    [Fact]
    public void The_second_of_two_parties_who_ask_at_once_is_told_of_the_first()
    {
        var world = Shared();
        var first = world.Request(ChangeAction.Suspend, world.Vendor);
        var refusal = world.Refusal(Wish(world, ChangeAction.Delete), world.Customer);
        Assert.Equal($"change {first} (instances.suspend) of instance docs has not ended: wait for it, withdraw or stop it.", refusal);
    }

    [Fact]
    public void Both_parties_ask_and_the_plane_takes_either_order_but_never_both()
    {
        foreach (var vendorFirst in new[] { true, false })
        {
            var world = Shared();
            var (first, second) = vendorFirst ? (world.Vendor, world.Customer) : (world.Customer, world.Vendor);
            world.Request(ChangeAction.Suspend, first);
            Assert.Contains("has not ended", world.Refusal(Wish(world, ChangeAction.Delete), second), StringComparison.Ordinal);
            Assert.Single(world.State.OpenChanges);
        }
    }

    [Fact]
    public void A_change_that_stands_paused_in_the_middle_keeps_its_instance()
    {
        var world = Shared();
        var change = world.Request(ChangeAction.Modify, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent)
            .Do(new StepStarted(change, 0), world.Agent)
            .Do(new ChangePaused(change, "wait"), world.Customer)
            .Do(new StepFinished(change, 0, "stopped"), world.Agent)
            .Do(new ChangeHalted(change, 1), world.Agent);
        Assert.Contains("cannot have steps reported", world.Refusal(new StepStarted(change, 1), world.Agent), StringComparison.Ordinal);
        Assert.Contains("has not ended", world.Refusal(Wish(world, ChangeAction.Suspend), world.Customer), StringComparison.Ordinal);

        var heal = world.Request(ChangeAction.Heal, world.Agent);
        var healing = world.Planned(heal);
        Assert.Equal($"change {change} of the same instance is paused", world.Refusal(new ChangeStarted(heal, healing.Hash), world.Agent));
        world.Do(new ChangeStopped(change, "no"), world.Vendor).Do(new ChangeHalted(change, 2), world.Agent).Do(new StepUndone(change, 0, "started again"), world.Agent).Do(new ChangeRolledBack(change, "stopped"), world.Agent);
        world.Do(new ChangeStarted(heal, healing.Hash), world.Agent);
    }

    [Fact]
    public void Healing_goes_beside_a_person_s_change_that_waits_and_never_beside_one_that_runs()
    {
        using var lab = new ChangeLab();
        lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var delete = lab.Lab.Request("instances.delete", "alpha");
        lab.Settle();
        Assert.Equal(ChangeStatus.Planned, lab[delete].Status);
        lab.World.Processes.Kill(lab.World.Processes.List()[0]);
        var heal = ChangeId.Parse("c-heal");
        Assert.Null(lab.Ledger.Write(new ChangeRequested(heal, new InstanceRequest("instances.heal", Alpha, null))).Refusal);
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[heal].Status);
        Assert.Equal(ChangeStatus.Planned, lab[delete].Status);
        lab.Lab.Say(lab.Lab.Customer, new ChangeApproved(delete, lab[delete].PlanHash!));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[delete].Status);
        Assert.Empty(lab.World.Processes.List());
    }

    [Fact]
    public void A_purge_waits_for_a_restore_that_was_asked_for_in_time_however_long_its_approval_takes()
    {
        var world = new World();
        world.Joined(Charter(Owner.Vendor, (ChangeAction.Restore, Owner.Customer))).Carry(ChangeAction.Create).Carry(ChangeAction.Delete);
        world.Now = world.State.Instances[World.Docs].PurgeDueAt!.Value.AddMinutes(-5);
        var restore = world.Request(ChangeAction.Restore, world.Vendor);
        var plan = world.Planned(restore);
        world.Now = world.Now.AddDays(1);
        Assert.Contains($"change {restore} (instances.restore)", world.Refusal(Wish(world, ChangeAction.Purge), world.Agent), StringComparison.Ordinal);
        world.Do(new ChangeApproved(restore, plan.Hash), world.Customer).Do(new ChangeStarted(restore, plan.Hash), world.Agent);
        for (var step = 0; step < plan.Steps.Length; step++) world.Do(new StepStarted(restore, step), world.Agent).Do(new StepFinished(restore, step, "done"), world.Agent);
        world.Do(new ChangeSucceeded(restore, "checked"), world.Agent);
        Assert.Equal(InstanceStatus.Ready, world.State.Instances[World.Docs].Status);
    }

    [Fact]
    public void A_restore_is_refused_while_the_purge_is_open()
    {
        var world = new World();
        world.Joined().Carry(ChangeAction.Create).Carry(ChangeAction.Delete);
        var due = world.State.Instances[World.Docs].PurgeDueAt!.Value;
        world.Now = due;
        var purge = world.Request(ChangeAction.Purge, world.Agent);
        // By a clock that is behind it would still be time.
        world.Now = due.AddMinutes(-2);
        Assert.Contains($"change {purge} (instances.purge)", world.Refusal(Wish(world, ChangeAction.Restore), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_purge_erases_nothing_before_both_sides_hold_its_start()
    {
        using var lab = new ChangeLab();
        lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var delete = lab.Lab.Request("instances.delete", "alpha");
        lab.Settle();
        lab.Lab.Say(lab.Lab.Customer, new ChangeApproved(delete, lab[delete].PlanHash!));
        lab.Settle();
        lab.Lab.Time.Advance(lab.Lab.State.Instances[Alpha].PurgeDueAt!.Value - lab.Lab.Time.GetUtcNow() - TimeSpan.FromMinutes(1));
        var restore = lab.Lab.Request("instances.restore", "alpha");
        lab.Lab.Time.Advance(TimeSpan.FromMinutes(2));
        // The agent is cut off and has not heard of the restore.
        lab.Plane.Connected = false;
        var purge = ChangeId.Parse("c-purge");
        Assert.Null(lab.Ledger.Write(new ChangeRequested(purge, new InstanceRequest("instances.purge", Alpha, null))).Refusal);
        lab.Drain();
        Assert.DoesNotContain("erase-data", lab.Calls);
        lab.Plane.Connected = true;
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[restore].Status);
        Assert.DoesNotContain("erase-data", lab.Calls);
        Assert.Equal(InstanceStatus.Ready, lab.Lab.State.Instances[Alpha].Status);
    }

    [Fact]
    public void The_purge_of_what_nobody_wants_back_erases_it()
    {
        using var lab = new ChangeLab();
        lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var delete = lab.Lab.Request("instances.delete", "alpha");
        lab.Settle();
        lab.Lab.Say(lab.Lab.Customer, new ChangeApproved(delete, lab[delete].PlanHash!));
        lab.Settle();
        lab.Lab.Time.Advance(InstanceLimits.RecycleFor);
        Assert.Null(lab.Ledger.Write(new ChangeRequested(ChangeId.Parse("c-purge"), new InstanceRequest("instances.purge", Alpha, null))).Refusal);
        lab.Settle();
        Assert.Contains("erase-data", lab.Calls);
        Assert.Empty(lab.Lab.State.Instances);
    }

    private static World Shared()
    {
        var world = new World();
        return world.Joined(Charter(Owner.Both)).Carry(ChangeAction.Create);
    }

    private static ChangeRequested Wish(World world, ChangeAction action) => new(ChangeId.New(world.Fill), new InstanceRequest(action.Name, World.Docs, null));

    private static CharterDocument Charter(Owner owner, params (ChangeAction Action, Owner Who)[] approvals)
    {
        var rule = CharterDocument.Default[TaskId.Provision] with { Owner = owner };
        foreach (var (action, who) in approvals) rule = rule with { Approval = rule.Approval.SetItem(action.Name, ApprovalNeed.Of(who)) };
        return CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule) };
    }
}
