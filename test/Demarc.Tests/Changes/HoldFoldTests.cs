using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Changes;

/// <summary>Who may hold a change up, and what the ledger has no place for once it is held.</summary>
public sealed class HoldFoldTests
{
    private readonly World world = new();

    [Fact]
    public void Viewers_auditors_strangers_and_the_agent_hold_nothing_up()
    {
        var change = Running();
        var viewer = Member(Role.Viewer);
        var auditor = Member(Role.Auditor);
        foreach (var entry in new EntryData[] { new ChangePaused(change, "x"), new ChangeResumed(change, "x"), new ChangeStopped(change, "x") })
        {
            Assert.Contains("permission 'Halt'", world.Refusal(entry, viewer), StringComparison.Ordinal);
            Assert.Contains("permission 'Halt'", world.Refusal(entry, auditor), StringComparison.Ordinal);
            Assert.Contains("no member", world.Refusal(entry, world.Key()), StringComparison.Ordinal);
            Assert.Contains("no member", world.Refusal(entry, world.Agent), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Operators_and_approvers_of_both_parties_may()
    {
        foreach (var role in new[] { Role.Operator, Role.Approver, Role.Owner })
        {
            var lab = new World();
            var change = Begun(lab);
            var person = lab.Key();
            lab.Do(new MemberAdded(person.Public.KeyId, role, "somebody"), lab.Vendor);
            lab.Do(new ChangePaused(change, "wait"), person).Do(new ChangeResumed(change, "on"), person).Do(new ChangeStopped(change, "end"), person);
        }
    }

    [Fact]
    public void A_pause_is_lifted_by_the_side_that_put_it_on_and_by_no_other()
    {
        var change = Running();
        world.Do(new ChangePaused(change, "the sale"), world.Customer);
        Assert.Equal($"change {change} is paused by the customer: the sale; the vendor cannot resume it", world.Refusal(new ChangeResumed(change, "go"), world.Vendor));
        Assert.Contains("paused by the customer already", world.Refusal(new ChangePaused(change, "again"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangePaused(change, "we too"), world.Vendor).Do(new ChangeResumed(change, "ours is over"), world.Customer);
        Assert.Equal([Party.Vendor], world.State.Changes[change].Halt!.By);
        Assert.Contains("cannot resume", world.Refusal(new ChangeResumed(change, "again"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangeResumed(change, "on"), world.Vendor);
        Assert.Null(world.State.Changes[change].Halt);
    }

    [Fact]
    public void A_stop_is_final()
    {
        var change = Running();
        world.Do(new ChangeStopped(change, "end"), world.Customer);
        Assert.Contains("is not paused", world.Refusal(new ChangeResumed(change, "no, on"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("being stopped", world.Refusal(new ChangePaused(change, "wait"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("being stopped already", world.Refusal(new ChangeStopped(change, "me too"), world.Vendor), StringComparison.Ordinal);
        world.Do(new ChangeHalted(change, 1), world.Agent);
        Assert.Contains("is being undone", world.Refusal(new StepStarted(change, 0), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void An_agent_that_has_halted_cannot_go_on_by_itself()
    {
        var change = Running();
        world.Do(new StepStarted(change, 0), world.Agent).Do(new ChangePaused(change, "wait"), world.Customer);
        Assert.Contains("under way", world.Refusal(new ChangeHalted(change, 1), world.Agent), StringComparison.Ordinal);
        world.Do(new StepFinished(change, 0, "done"), world.Agent).Do(new ChangeHalted(change, 1), world.Agent);
        foreach (var entry in new EntryData[] { new StepStarted(change, 1), new StepUndone(change, 0, "x"), new ChangeSucceeded(change, "x"), new ChangeFailed(change, "x"), new ChangeRolledBack(change, "x"), new ChangeHalted(change, 1), new ChangePostponed(change, "x"), new ChangeExpired(change) })
            world.Refusal(entry, world.Agent);
        world.Do(new ChangeResumed(change, "on"), world.Customer).Do(new StepStarted(change, 1), world.Agent);
    }

    [Fact]
    public void An_answer_to_a_pause_that_was_lifted_is_none_to_the_next()
    {
        var change = Running();
        world.Do(new ChangePaused(change, "wait"), world.Customer).Do(new ChangeResumed(change, "on"), world.Customer).Do(new ChangePaused(change, "again"), world.Vendor);
        Assert.Contains("hold 1 of change", world.Refusal(new ChangeHalted(change, 1), world.Agent), StringComparison.Ordinal);
        world.Do(new ChangeHalted(change, 2), world.Agent);
        Assert.True(world.State.Changes[change].IsPaused);
    }

    [Fact]
    public void An_agent_cannot_say_that_it_was_asked_to_halt()
    {
        var change = Running();
        Assert.Contains("nobody has asked", world.Refusal(new ChangeHalted(change, 0), world.Agent), StringComparison.Ordinal);
        Assert.Contains("written by the joined agent", world.Refusal(new ChangeHalted(change, 1), world.Vendor), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OnStop.RollBack, ChangeStatus.Running)]
    [InlineData(OnStop.Leave, ChangeStatus.Stopped)]
    public void A_stop_leaves_or_undoes_as_the_charter_has_it(OnStop onStop, ChangeStatus expected)
    {
        var lab = new World();
        var change = Begun(lab, Charter(rule => rule with { OnStop = onStop }));
        lab.Do(new StepStarted(change, 0), lab.Agent).Do(new StepFinished(change, 0, "made"), lab.Agent).Do(new ChangeStopped(change, "end"), lab.Customer).Do(new ChangeHalted(change, 1), lab.Agent);
        Assert.Equal(expected, lab.State.Changes[change].Status);
        if (expected == ChangeStatus.Stopped)
        {
            Assert.Equal(InstanceStatus.Failed, lab.State.Instances[World.Docs].Status);
            return;
        }

        lab.Do(new StepUndone(change, 0, "gone"), lab.Agent).Do(new ChangeRolledBack(change, "stopped"), lab.Agent);
        Assert.Empty(lab.State.Instances);
    }

    [Fact]
    public void What_counts_is_the_charter_at_the_stop_and_not_at_the_halt()
    {
        var lab = new World();
        var change = Begun(lab, Charter(rule => rule with { OnStop = OnStop.Leave }));
        lab.Do(new StepStarted(change, 0), lab.Agent).Do(new StepFinished(change, 0, "made"), lab.Agent).Do(new ChangeStopped(change, "end"), lab.Customer);
        lab.Chartered(Charter(rule => rule with { OnStop = OnStop.RollBack }) with { Version = 2 });
        lab.Do(new ChangeHalted(change, 1), lab.Agent);
        Assert.Equal(ChangeStatus.Stopped, lab.State.Changes[change].Status);
    }

    [Fact]
    public void What_has_not_begun_is_stopped_at_once_by_either_party()
    {
        foreach (var vendor in new[] { true, false })
        {
            var lab = new World();
            lab.Joined();
            var change = lab.Request(ChangeAction.Create, lab.Vendor);
            lab.Do(new ChangeStopped(change, "no"), vendor ? lab.Vendor : lab.Customer);
            Assert.Equal(ChangeStatus.Stopped, lab.State.Changes[change].Status);
            Assert.Empty(lab.State.Open);
        }
    }

    [Fact]
    public void A_reason_is_given_and_bounded()
    {
        var change = Running();
        Assert.Contains("reason is empty", world.Refusal(new ChangePaused(change, " "), world.Customer), StringComparison.Ordinal);
        Assert.Contains("at most 1000", world.Refusal(new ChangeStopped(change, new string('x', 1001)), world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void The_customer_puts_a_vendor_s_change_off_within_the_charter_s_bound_whatever_its_own_clock_says()
    {
        world.Joined(Charter(rule => rule with { Deferral = TimeSpan.FromHours(72) })).Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Suspend, world.Vendor);
        Assert.Contains("no plan yet", world.Refusal(new ChangeDeferred(change, world.Now.AddHours(1), "x"), world.Customer), StringComparison.Ordinal);
        var plan = world.Planned(change);
        var planned = world.State.Changes[change].PlannedAt!.Value;
        var expires = world.State.Changes[change].ExpiresAt;
        Assert.Contains("only the customer", world.Refusal(new ChangeDeferred(change, planned.AddHours(1), "x"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("72 h in all", world.Refusal(new ChangeDeferred(change, planned.AddHours(73), "x"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangeDeferred(change, planned.AddHours(48), "the release"), world.Customer);
        Assert.Equal(expires.AddHours(48), world.State.Changes[change].ExpiresAt);
        // A customer whose clock runs ahead, or who says so, gains nothing.
        world.Now = world.Now.AddDays(2);
        Assert.Contains("72 h in all", world.Refusal(new ChangeDeferred(change, planned.AddHours(100), "once more"), world.Customer), StringComparison.Ordinal);
        world.Now = planned.AddHours(47);
        Assert.Contains("put off until", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
        world.Now = planned.AddHours(48);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
        Assert.Contains("cannot be put off", world.Refusal(new ChangeDeferred(change, planned.AddHours(60), "x"), world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void A_charter_without_deferral_gives_no_right_to_it_and_nobody_puts_off_the_customer()
    {
        world.Joined(Charter(rule => rule with { Owner = Owner.Both, Deferral = TimeSpan.Zero })).Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Suspend, world.Vendor);
        world.Planned(change);
        Assert.Contains("tasks.provision.deferral", world.Refusal(new ChangeDeferred(change, world.Now.AddHours(1), "x"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangeWithdrawn(change, "x"), world.Vendor);
        var own = world.Request(ChangeAction.Suspend, world.Customer);
        world.Planned(own);
        Assert.Contains("was not requested by the vendor", world.Refusal(new ChangeDeferred(own, world.Now.AddHours(1), "x"), world.Customer), StringComparison.Ordinal);
    }

    private static CharterDocument Charter(Func<CharterRule, CharterRule> alter) =>
        CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, alter(CharterDocument.Default[TaskId.Provision])) };

    private ChangeId Running() => Begun(world);

    private static ChangeId Begun(World world, CharterDocument? charter = null)
    {
        world.Joined(charter);
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
        return change;
    }

    private SigningKey Member(Role role)
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, role, "somebody"), world.Customer);
        return key;
    }
}
