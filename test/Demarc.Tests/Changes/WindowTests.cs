using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Changes;

/// <summary>An approved change starts when its window is open, by the clock that counts, and never outside it by more than the tolerance.</summary>
public sealed class WindowTests
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");

    [Fact]
    public void An_approved_change_waits_for_its_window_says_so_and_starts_when_it_opens()
    {
        using var lab = Lab(Nightly);
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        Assert.Empty(lab.Calls);
        var view = ChangeViews.Of(lab.Lab.State, lab[id], lab.Lab.Time.GetUtcNow());
        Assert.Equal("waits for window nightly, opens 2026-11-25 02:00+01:00", view.Waits);
        Assert.Equal(["time"], view.WaitingFor);
        Assert.Contains(ViewOf.Waiting(lab.Lab.State, lab.Lab.Time.GetUtcNow()), w => w.For == "time" && w.What.EndsWith(view.Waits!, StringComparison.Ordinal));

        GoTo(lab, "2026-11-25T00:59:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        GoTo(lab, "2026-11-25T01:00:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.True(lab[id].StartedAt >= At("2026-11-25T01:00:00Z"));
    }

    [Fact]
    public void A_weekend_and_a_blackout_are_waited_out()
    {
        using var lab = Lab(Nightly with { Days = [DayOfWeek.Tuesday, DayOfWeek.Wednesday], Except = [new Blackout(new DateOnly(2026, 11, 25), new DateOnly(2026, 11, 26))] });
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        foreach (var night in new[] { "2026-11-25T02:00:00Z", "2026-11-26T02:00:00Z", "2026-11-28T02:00:00Z" })
        {
            GoTo(lab, night);
            lab.Settle();
            Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        }

        GoTo(lab, "2026-12-01T01:00:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Theory]
    [InlineData("2027-03-27T12:00:00Z", "2027-03-28", "the clocks skip the hour")]
    [InlineData("2027-10-30T12:00:00Z", "2027-10-31", "the clocks run through the hour twice")]
    public void A_window_in_the_hour_in_which_the_clocks_turn_opens_once_and_for_its_full_length(string before, string day, string why)
    {
        var window = Nightly with { Days = [], From = new TimeOnly(2, 30), For = TimeSpan.FromHours(1) };
        using var lab = Lab(window);
        GoTo(lab, before);
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var opens = window.NextOpening(lab.Lab.Time.GetUtcNow())!.Value;
        Assert.StartsWith(day, opens.ToOffset(window.Zone.OffsetAt(opens)).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromHours(1), window.Closing(opens) - opens);
        GoTo(lab, opens.AddMinutes(-2));
        lab.Settle();
        Assert.True(lab[id].Status == ChangeStatus.Approved, why);
        GoTo(lab, opens.AddMinutes(59));
        lab.Settle();
        Assert.True(lab[id].Status == ChangeStatus.Succeeded, why);
    }

    [Fact]
    public void A_start_that_was_agreed_on_too_late_is_taken_back_and_made_again_the_next_night()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Lab.Time.Advance(ChangeWaits.Tolerance + TimeSpan.FromSeconds(30));
        lab.Settle();
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        Assert.Empty(lab.Calls);
        Assert.Empty(lab.Lab.State.Instances);
        Assert.Contains(lab.Store.Journal, e => e.Data is ChangePostponed { Why: var why } && why == "window nightly was closed when both sides held the start; it opens 2026-11-26 02:00+01:00");
        GoTo(lab, "2026-11-26T01:00:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Equal(2, lab[id].Starts);
    }

    [Fact]
    public void A_start_that_a_revoked_agent_had_made_is_undone_when_its_window_has_closed_since()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Lab.Sync(lab.Ledger);
        lab.ReplaceAgent();
        lab.Lab.Time.Advance(TimeSpan.FromHours(2));
        lab.Settle();
        Assert.Equal(ChangeStatus.RolledBack, lab[id].Status);
        Assert.StartsWith("stopped by the agent: window nightly was closed", lab[id].Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("create-data", lab.Calls);
        Assert.Empty(lab.Lab.State.Instances);
    }

    [Fact]
    public void A_start_that_was_agreed_on_within_the_tolerance_runs()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Lab.Time.Advance(ChangeWaits.Tolerance - TimeSpan.FromSeconds(30));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void The_second_start_waits_for_its_own_agreement_and_not_the_first_one_s()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Lab.Sync(lab.Ledger);
        lab.Lab.Time.Advance(TimeSpan.FromHours(20));
        // The plane listens, and takes nothing: the postponement is not agreed on when the window opens again.
        lab.Drain();
        Assert.Equal(ChangeStatus.Approved, lab.Ledger.State.Changes[id].Status);
        Assert.Equal(ChangeStatus.Running, lab.Ledger.Verified.Changes[id].Status);
        GoTo(lab, "2026-11-26T01:10:00Z");
        lab.Drain();
        Assert.Equal(ChangeStatus.Running, lab.Ledger.State.Changes[id].Status);
        Assert.Empty(lab.Calls);
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void A_change_that_has_begun_goes_on_after_its_window_has_closed()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Applying = step =>
        {
            if (step is not MintCredential) return;
            lab.Applying = null;
            lab.KillAfter(0);
            lab.Lab.Time.Advance(TimeSpan.FromHours(2));
        };
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void A_plane_that_keeps_a_start_back_until_the_window_has_closed_gets_nothing_done()
    {
        using var lab = Lab(Nightly);
        var id = StartedAtClosing(lab);
        lab.Lab.Time.Advance(TimeSpan.FromHours(5));
        lab.Settle();
        Assert.Empty(lab.Calls);
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
    }

    [Fact]
    public void A_start_outside_the_window_has_no_place_in_the_ledger()
    {
        var world = new World { Now = At("2026-11-24T08:00:00Z") };
        world.Joined(Charter(Nightly));
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        Assert.Equal("waits for window nightly, opens 2026-11-25 02:00+01:00", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent));
        world.Now = At("2026-11-25T04:00:00Z");
        Assert.Contains("waits for window nightly", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
        world.Now = At("2026-11-25T03:59:50Z");
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
    }

    [Fact]
    public void A_request_whose_window_does_not_open_before_it_expires_is_refused_at_once()
    {
        var world = new World { Now = At("2026-12-20T08:00:00Z") };
        world.Joined(Charter(Nightly with { Except = [new Blackout(new DateOnly(2026, 12, 20), new DateOnly(2027, 1, 3))] }));
        var request = new ChangeRequested(ChangeId.New(world.Fill), new InstanceRequest("instances.create", World.Docs, World.Small));
        Assert.Contains("tasks.provision.window.instances.create: window nightly opens next at 2027-01-04 02:00+01:00, and the change would expire at 2026-12-27", world.Refusal(request, world.Vendor), StringComparison.Ordinal);
        world.Now = At("2026-12-28T08:00:00Z");
        world.Do(request, world.Vendor);
    }

    [Fact]
    public void Requests_of_the_next_day_do_not_take_the_place_of_one_that_waited_for_its_window()
    {
        var rule = Charter(Nightly).Rules[TaskId.Provision];
        var charter = Charter(Nightly) with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Limits = rule.Limits.SetItem(CharterLimits.MaxChangesPerDay, 2) }) };
        using var lab = new ChangeLab(new AgentLab(charter: charter));
        var first = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        lab.Lab.Say(lab.Lab.Customer, new ChangeDeferred(first, At("2026-11-25T12:00:00Z"), "the release"));
        GoTo(lab, "2026-11-25T20:00:00Z");
        lab.Lab.Request("instances.create", "beta", AgentLab.Order());
        lab.Lab.Request("instances.create", "gamma", AgentLab.Order());
        GoTo(lab, "2026-11-26T01:00:00Z");
        lab.Settle();
        Assert.All(lab.Lab.State.Changes.Values, change => Assert.Equal(ChangeStatus.Succeeded, change.Status));
    }

    [Fact]
    public void What_is_put_off_past_its_window_waits_for_the_next_one()
    {
        using var lab = Lab(Nightly);
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        lab.Lab.Say(lab.Lab.Customer, new ChangeDeferred(id, At("2026-11-25T12:00:00Z"), "the release"));
        Assert.Equal("put off by the customer until 2026-11-25 12:00:00Z, then waits for window nightly, opens 2026-11-26 02:00+01:00", ChangeWaits.Until(lab.Lab.State, lab[id], lab.Lab.Time.GetUtcNow())!.What);
        GoTo(lab, "2026-11-25T01:30:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Approved, lab[id].Status);
        GoTo(lab, "2026-11-26T01:30:00Z");
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void What_the_agent_does_by_itself_keeps_to_its_window_too_unless_it_has_none()
    {
        using var lab = Lab(Nightly, "instances.purge");
        lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        var delete = lab.Lab.Request("instances.delete", "alpha");
        lab.Settle();
        lab.Lab.Say(lab.Lab.Customer, new ChangeApproved(delete, lab[delete].PlanHash!));
        lab.Settle();
        lab.Lab.Time.Advance(InstanceLimits.RecycleFor);
        var purge = ChangeId.Parse("c-purge");
        Assert.Null(lab.Ledger.Write(new ChangeRequested(purge, new InstanceRequest("instances.purge", Alpha, null))).Refusal);
        lab.Settle();
        Assert.DoesNotContain("erase-data", lab.Calls);
        // Until then the customer can stop it, and have the instance back.
        lab.Lab.Say(lab.Lab.Customer, new ChangeStopped(purge, "we need it after all"));
        lab.Settle();
        Assert.Equal(ChangeStatus.Stopped, lab[purge].Status);
        Assert.DoesNotContain("erase-data", lab.Calls);
    }

    // Approved, and its start written ten seconds before the window closes at 04:00Z, unheard by the plane.
    private static ChangeId StartedAtClosing(ChangeLab lab)
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Settle();
        GoTo(lab, "2026-11-25T03:59:50Z");
        lab.Drain();
        Assert.Contains(lab.Ledger.Outbox, entry => entry.Data is ChangeStarted);
        Assert.Empty(lab.Calls);
        return id;
    }

    private static TimeWindow Nightly { get; } = new(
        PosixZone.TryParse("CET-1CEST,M3.5.0,M10.5.0/3", out var zone) ? zone : PosixZone.Utc,
        [DayOfWeek.Monday, DayOfWeek.Tuesday, DayOfWeek.Wednesday, DayOfWeek.Thursday, DayOfWeek.Friday],
        new TimeOnly(2, 0), TimeSpan.FromHours(3), []);

    private static ChangeLab Lab(TimeWindow window, string action = "instances.create") => new(new AgentLab(charter: Charter(window, action)));

    private static CharterDocument Charter(TimeWindow window, string action = "instances.create")
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        return CharterDocument.Default with
        {
            Windows = CharterDocument.Default.Windows.Add("nightly", window),
            Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Windows = rule.Windows.Add(action, "nightly") }),
        };
    }

    private static void GoTo(ChangeLab lab, string at) => GoTo(lab, At(at));

    private static void GoTo(ChangeLab lab, DateTimeOffset at) => lab.Lab.Time.Advance(at - lab.Lab.Time.GetUtcNow());

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
