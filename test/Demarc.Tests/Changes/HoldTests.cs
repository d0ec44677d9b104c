using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;

namespace Demarc.Tests.Changes;

/// <summary>A running change that somebody pauses or stops: where it halts, how it goes on, and what is left of it.</summary>
public sealed class HoldTests : IDisposable
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");

    private readonly ChangeLab lab = new();

    public void Dispose() => lab.Dispose();

    [Fact]
    public void A_paused_change_finishes_its_step_and_begins_no_other()
    {
        var id = Held("start-engine", new ChangePaused(default, "look first"));
        Assert.Equal("paused", lab[id].Word());
        Assert.Equal(["create-data", "mint-credential", "start-engine"], lab.Calls);
        Assert.Equal([StepStatus.Finished, StepStatus.Finished, StepStatus.Finished, StepStatus.Waiting, StepStatus.Waiting], lab[id].Steps.Select(s => s.Status));
        lab.Settle();
        Assert.Equal(3, lab.Calls.Count);
        lab.Lab.Say(lab.Lab.Customer, new ChangeResumed(id, "looks well"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Single(lab.Calls, "start-engine");
    }

    [Fact]
    public void A_stopped_change_is_undone_and_leaves_nothing()
    {
        var before = lab.World.Describe();
        var id = Held("start-engine", new ChangeStopped(default, "wrong size"));
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Equal("stopped by the customer: wrong size", lab[id].Reason);
        Assert.Equal(["create-data", "mint-credential", "start-engine", "undo start-engine", "undo mint-credential", "undo create-data"], lab.Calls);
        Assert.Equal(before, lab.World.Describe());
        Assert.Empty(lab.Lab.State.Instances);
    }

    [Fact]
    public void A_change_stopped_before_its_first_step_has_done_nothing()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Lab.Sync(lab.Ledger);
        Assert.Equal(ChangeStatus.Running, lab[id].Status);
        lab.Lab.Say(lab.Lab.Vendor, new ChangeStopped(id, "not this one"));
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Empty(lab.Calls);
        Assert.Empty(lab.Lab.State.Instances);
    }

    [Fact]
    public void A_long_wait_is_broken_off_and_taken_up_again()
    {
        lab.Probe.Slow = true;
        var polls = 0;
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Probe.Asked = () =>
        {
            if (++polls != 3) return;
            lab.Lab.Say(lab.Lab.Customer, new ChangePaused(id, "lunch"));
            lab.Lab.Sync(lab.Ledger);
        };
        lab.Settle();
        Assert.Equal("paused", lab[id].Word());
        Assert.InRange(polls, 3, 4);
        Assert.Equal(StepStatus.Waiting, lab[id].Steps[3].Status);
        lab.Probe.Slow = false;
        lab.Lab.Say(lab.Lab.Customer, new ChangeResumed(id, "back"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void A_long_wait_is_broken_off_by_a_stop_and_everything_before_it_undone()
    {
        var before = lab.World.Describe();
        lab.Probe.Slow = true;
        var polls = 0;
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Probe.Asked = () =>
        {
            if (++polls != 3) return;
            lab.Lab.Say(lab.Lab.Vendor, new ChangeStopped(id, "it will not come up"));
            lab.Lab.Sync(lab.Ledger);
        };
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.InRange(polls, 3, 4);
        Assert.Equal(before, lab.World.Describe());
    }

    [Fact]
    public void A_hold_that_comes_when_all_is_done_changes_nothing()
    {
        foreach (var hold in new EntryData[] { new ChangePaused(default, "late"), new ChangeStopped(default, "late") })
        {
            using var late = new ChangeLab();
            var id = Hold(late, "verify-instance", hold, late.Lab.Customer);
            Assert.Equal(ChangeStatus.Succeeded, late[id].Status);
            Assert.Equal(InstanceStatus.Ready, late.Lab.State.Instances[Alpha].Status);
        }
    }

    [Fact]
    public void A_failing_change_that_is_paused_stands_still_half_undone_and_goes_on_undoing()
    {
        lab.Probe.Wrong = true;
        var before = lab.World.Describe();
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        var tries = 0;
        lab.Applying = step =>
        {
            if (step is not VerifyInstance || ++tries != 3) return;
            lab.Lab.Say(lab.Lab.Customer, new ChangePaused(id, "let me see what went wrong"));
            lab.Lab.Sync(lab.Ledger);
        };
        lab.Settle();
        Assert.Equal("paused", lab[id].Word());
        Assert.Single(lab.World.Processes.List());
        Assert.DoesNotContain(lab.Calls, call => call.StartsWith("undo", StringComparison.Ordinal));
        lab.Lab.Say(lab.Lab.Customer, new ChangeResumed(id, "seen"));
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.Equal(before, lab.World.Describe());
    }

    [Fact]
    public void A_change_of_another_instance_goes_on_while_one_is_paused()
    {
        var id = Held("create-data", new ChangePaused(default, "wait"));
        var other = lab.Lab.Request("instances.create", "beta", AgentLab.Order());
        lab.Settle();
        Assert.Equal("paused", lab[id].Word());
        Assert.Equal(ChangeStatus.Succeeded, lab[other].Status);
    }

    [Fact]
    public void What_happened_before_the_agent_heard_of_the_hold_has_its_place_in_the_ledger()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Lab.Sync(lab.Ledger);
        // The agent runs everything while the plane is away; the stop is sequenced before it can be heard.
        lab.Plane.Connected = false;
        lab.Drain();
        lab.Lab.Say(lab.Lab.Customer, new ChangeStopped(id, "too late"));
        lab.Plane.Connected = true;
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Empty(lab.Store.ReadEvidence());
    }

    [Fact]
    public void Paused_before_its_start_it_does_not_start()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Say(lab.Lab.Customer, new ChangePaused(id, "not yet"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        Assert.Empty(lab.Calls);
        lab.Lab.Say(lab.Lab.Customer, new ChangeResumed(id, "now"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void A_pause_that_overtakes_the_start_holds_it()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        Assert.Contains(lab.Ledger.Outbox, entry => entry.Data is ChangeStarted);
        lab.Lab.Say(lab.Lab.Customer, new ChangePaused(id, "not yet"));
        lab.Settle();
        Assert.Equal("paused", lab[id].Word());
        Assert.Empty(lab.Calls);
        lab.Lab.Say(lab.Lab.Customer, new ChangeResumed(id, "now"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void The_agent_s_own_change_is_held_like_any_other()
    {
        lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        lab.World.Processes.Kill(lab.World.Processes.List()[0]);
        lab.Calls.Clear();
        var id = ChangeId.Parse("c-heal");
        Assert.Null(lab.Ledger.Write(new ChangeRequested(id, new InstanceRequest("instances.heal", Alpha, null))).Refusal);
        lab.Lab.Sync(lab.Ledger);
        lab.Lab.Say(lab.Lab.Customer, new ChangeStopped(id, "I look at the core dump"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Stopped, lab[id].Status);
        Assert.Empty(lab.Calls);
        Assert.Equal(InstanceStatus.Ready, lab.Lab.State.Instances[Alpha].Status);
    }

    /// <summary>Killed at every durable write and every effect, before and after, while it is being paused or stopped.</summary>
    [Theory]
    [InlineData("create-data", true)]
    [InlineData("mint-credential", false)]
    [InlineData("start-engine", true)]
    [InlineData("start-engine", false)]
    [InlineData("mint-credential", true)]
    [InlineData("verify-instance", true)]
    public void Killed_anywhere_it_halts_all_the_same(string during, bool pause)
    {
        EntryData hold = pause ? new ChangePaused(default, "wait") : new ChangeStopped(default, "end");
        var places = Run(int.MaxValue);
        Assert.InRange(places, 12, 200);
        for (var killAt = 0; killAt < places; killAt++) Run(killAt);

        int Run(int killAt)
        {
            using var victim = new ChangeLab();
            var before = victim.World.Describe();
            victim.KillAfter(killAt);
            var id = Hold(victim, during, hold, victim.Lab.Vendor);
            var touches = victim.Touches;
            if (pause && victim[id].IsPaused)
            {
                Assert.DoesNotContain(victim[id].Steps, s => s.Status == StepStatus.Started);
                var calls = victim.Calls.Count;
                victim.Restart();
                victim.Settle();
                Assert.Equal(calls, victim.Calls.Count);
                victim.Lab.Say(victim.Lab.Vendor, new ChangeResumed(id, "on"));
                victim.Settle();
            }

            var where = $"held during {during}, killed at {killAt}: {victim[id].Reason}";
            if (pause) Assert.True(victim[id].Status == ChangeStatus.Succeeded, where);
            if (!pause) Assert.True(victim[id].Status == ChangeStatus.RolledBack, where);
            if (!pause) Assert.Equal(before, victim.World.Describe());
            foreach (var effect in new[] { "start process", "create folder" })
                Assert.True(victim.World.Trace.Count(line => line.StartsWith(effect, StringComparison.Ordinal)) <= 1, where);
            Assert.Empty(victim.Store.ReadEvidence());
            return touches;
        }
    }

    private ChangeId Held(string during, EntryData hold) => Hold(lab, during, hold, lab.Lab.Customer);

    /// <summary>A creation in the middle of which somebody says something, once.</summary>
    private static ChangeId Hold(ChangeLab lab, string during, EntryData hold, SigningKey by)
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        var said = false;
        lab.Applying = step =>
        {
            if (step.Kind != during || said) return;
            said = true;
            lab.Lab.Say(by, hold is ChangePaused paused ? paused with { Change = id } : ((ChangeStopped)hold) with { Change = id });
            lab.Lab.Sync(lab.Ledger);
        };
        lab.Settle();
        return id;
    }
}
