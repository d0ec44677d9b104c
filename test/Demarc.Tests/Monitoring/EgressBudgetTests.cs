using Demarc.Agent.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;

namespace Demarc.Tests.Monitoring;

/// <summary>Bytes of a day: what the charter allows leaves, what goes beyond does not, and no clock, restart or trick opens a second budget.</summary>
public sealed class EgressBudgetTests : IDisposable
{
    private readonly EgressLab lab = new((EgressClass.Progress, 4096), (EgressClass.Control, 1 << 20), (EgressClass.Ledger, 64 * 1024));

    public void Dispose() => lab.Dispose();

    [Fact]
    public void What_the_charter_allows_leaves_and_the_rest_does_not()
    {
        Assert.Equal(4, Fill());
        Assert.Equal(EgressVerdict.Dropped, lab.Send(EgressLab.Progress(900)));
        var total = lab.Total(EgressClass.Progress);
        Assert.Equal((4L, 4096L, 2L), (total.Frames, total.Cap, total.Dropped));
        Assert.Equal(lab.Left.Sum(frame => frame.CalculateSize() + EgressLimits.FrameOverhead), total.Bytes);
        Assert.InRange(total.Bytes, 1, 4096);

        // The next day is another budget; the one before stays in the report.
        lab.Lab.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(4, Fill());
        Assert.Equal([4L, 4L], lab.Gate.Days(2).Select(day => day.Classes.Single(c => c.Class == EgressClass.Progress).Frames));
    }

    [Fact]
    public void A_class_left_out_of_the_charter_has_its_default()
    {
        Assert.Equal(EgressLimits.Default(EgressClass.Observation), lab.Total(EgressClass.Observation).Cap);
        Assert.Equal(64 * 1024, lab.Total(EgressClass.Ledger).Cap);
    }

    [Fact]
    public void Budget_dodge_by_restarts_gains_nothing()
    {
        var left = 0;
        for (var i = 0; i < 10; i++)
        {
            left += Fill();
            lab.Restart(inGoodOrder: i % 2 == 0);
        }

        Assert.InRange(left, 1, 4);
    }

    [Fact]
    public void A_stop_in_good_order_loses_nothing_that_was_set_aside()
    {
        lab.Send(EgressLab.Ping);
        var spent = lab.Total(EgressClass.Control).Bytes;
        lab.Restart(inGoodOrder: true);
        Assert.Equal(spent, lab.Total(EgressClass.Control).Bytes);
        lab.Send(EgressLab.Ping);
        lab.Restart();
        Assert.InRange(lab.Total(EgressClass.Control).Bytes, (spent * 2) + 1, (spent * 2) + EgressLimits.Reserve);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-30)]
    public void Budget_dodge_by_setting_the_clock_back_gains_nothing(int days)
    {
        Assert.Equal(4, Fill());
        lab.Clock.SetBy = TimeSpan.FromDays(days);
        Assert.Equal(0, Fill());
        lab.Restart();
        Assert.Equal(0, Fill());
    }

    [Fact]
    public void Budget_dodge_by_setting_the_clock_forward_gains_nothing()
    {
        Assert.Equal(4, Fill());
        for (var i = 0; i < 20; i++)
        {
            lab.Clock.SetBy += TimeSpan.FromDays(1);
            Assert.Equal(0, Fill());
        }
    }

    [Fact]
    public void After_a_day_has_truly_passed_the_wall_clock_is_believed_again()
    {
        Assert.Equal(4, Fill());
        lab.Clock.SetBy = TimeSpan.FromDays(30 * 365);
        lab.Restart();
        // Started with a clock of another time: that day is spent, and set right again it does not starve for thirty years.
        Assert.Equal(4, Fill());
        lab.Clock.SetBy = TimeSpan.Zero;
        Assert.Equal(0, Fill());
        var fresh = 0;
        for (var hour = 0; hour < 60; hour++)
        {
            lab.Lab.Time.Advance(TimeSpan.FromHours(1));
            fresh += Fill();
        }

        Assert.InRange(fresh, 4, 8);
        Assert.Equal(DateOnly.FromDateTime(lab.Lab.Time.GetUtcNow().UtcDateTime), lab.Gate.Book.Day);
    }

    [Fact]
    public void Budget_dodge_by_many_small_frames_pays_for_each()
    {
        var small = 0;
        while (lab.Send(EgressLab.Progress(1)) == EgressVerdict.Sent) small++;
        Assert.InRange(small, 1, 4096 / EgressLimits.FrameOverhead);
    }

    [Fact]
    public void The_customer_alone_allows_more_for_one_class_and_day()
    {
        Fill();
        Assert.Contains("the customer's to allow", Refusal(lab.Lab.Vendor, new EgressConsented(EgressClass.Progress, 1, lab.Gate.Book.Day, "more")), StringComparison.Ordinal);
        Assert.Contains("bytes is 0", Refusal(lab.Lab.Customer, new EgressConsented(EgressClass.Progress, 0, lab.Gate.Book.Day, "more")), StringComparison.Ordinal);
        Assert.Contains("day is", Refusal(lab.Lab.Customer, new EgressConsented(EgressClass.Progress, 1, lab.Gate.Book.Day.AddDays(9), "more")), StringComparison.Ordinal);
        Assert.Contains("reason", Refusal(lab.Lab.Customer, new EgressConsented(EgressClass.Progress, 1, lab.Gate.Book.Day, "")), StringComparison.Ordinal);
        lab.Consent(EgressClass.Progress, 4096);
        Assert.Equal((8192L, 4096L), (lab.Total(EgressClass.Progress).Cap, lab.Total(EgressClass.Progress).Consented));
        Assert.Equal(4, Fill());
        lab.Lab.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(4096, lab.Total(EgressClass.Progress).Cap);
    }

    [Fact]
    public void The_agent_cannot_allow_itself_more()
    {
        var own = lab.Lab.Write(lab.Lab.AgentKey, new EgressConsented(EgressClass.Progress, 4096, lab.Gate.Book.Day, "I need it"));
        Assert.NotNull(EnvironmentFold.Apply(lab.Lab.State, own).Refusal);
    }

    [Fact]
    public void A_consent_that_comes_again_is_a_replay()
    {
        var entry = lab.Lab.Write(lab.Lab.Customer, new EgressConsented(EgressClass.Progress, 4096, lab.Gate.Book.Day, "once"));
        lab.Lab.Sequence(entry);
        Assert.Contains("replay", EnvironmentFold.Apply(lab.Lab.State, entry).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void The_customer_is_told_before_the_budget_is_spent_and_when_it_is_over()
    {
        Fill();
        lab.Gate.Judge();
        var finding = lab.Ledger.State.Findings["egress-budget-progress"];
        Assert.Equal(TaskId.Logs, finding.Task);
        Assert.Contains("4096 bytes", finding.Reason, StringComparison.Ordinal);
        Assert.Contains("demarc egress allow progress", finding.Remedy, StringComparison.Ordinal);
        var waiting = lab.Ledger.Outbox.Count;
        lab.Gate.Judge();
        Assert.Equal(waiting, lab.Ledger.Outbox.Count);
        lab.Lab.Time.Advance(TimeSpan.FromDays(1));
        lab.Gate.Judge();
        Assert.Empty(lab.Ledger.State.Findings);
    }

    [Fact]
    public async Task A_cap_of_zero_severs_without_a_dial_and_without_a_finding()
    {
        lab.Amend((EgressClass.Control, 0), (EgressClass.Ledger, 0));
        await Assert.ThrowsAsync<LinkException>(() => lab.Gate.ConnectAsync(CancellationToken.None));
        lab.Gate.Judge();
        Assert.Empty(lab.Ledger.State.Findings);
        Assert.Empty(lab.Left);
    }

    private string Refusal(SigningKey author, EntryData data) => EnvironmentFold.Apply(lab.Lab.State, lab.Lab.Write(author, data)).Refusal ?? "";

    // Frames of a good thousandth of the budget, until one is dropped.
    private int Fill()
    {
        for (var sent = 0; ; sent++)
        {
            if (lab.Send(EgressLab.Progress(900)) != EgressVerdict.Sent) return sent;
        }
    }
}
