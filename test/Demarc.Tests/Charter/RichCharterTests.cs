using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Charter;

/// <summary>A charter with everything in it: read, written, and kept to by the fold.</summary>
public sealed class RichCharterTests
{
    private const string Extras = """
        charter: 1
        name: rich
        windows:
          nightly: { zone: "CET-1CEST,M3.5.0,M10.5.0/3", days: [mon, tue, wed, thu, fri], from: "02:00", for: 3h, except: [2026-12-24..2027-01-02, 2027-05-01] }
          always: { zone: UTC0, from: "00:00", for: 24h }
        preapproved:
          - { name: resize-docs, action: instances.modify, instance: docs, uses: 2, until: 2027-06-30 }
        prices: { small: 20, medium: 60, large: 200 }
        """;

    private const string Provision = """
          provision:
            owner: vendor
            parts: { vendor: "runs it", customer: "uses it" }
            approval:
              instances.delete: both
              instances.modify: { customer: 2, vendor: 1, roles: [owner, approver], not-requester: true }
            window: { instances.modify: nightly }
            on-stop: leave
            deferral: 90m
            standing: [instances.heal]
            limits: { max-instances: 3, max-memory-mib: 4096, max-monthly-cost: 100, max-changes-per-day: 4 }
        """;

    private static readonly string Text = Rich();

    [Fact]
    public void Everything_is_read_and_written_back_the_same()
    {
        var read = CharterYaml.Read(Text);
        Assert.Empty(read.Faults);
        var charter = read.Document!;
        var rule = charter[TaskId.Provision];
        Assert.Equal((2, 1, true), (rule.Approval["instances.modify"].Customer, rule.Approval["instances.modify"].Vendor, rule.Approval["instances.modify"].NotRequester));
        Assert.Equal((OnStop.Leave, TimeSpan.FromMinutes(90)), (rule.OnStop, rule.Deferral));
        Assert.Equal(64L << 20, charter[TaskId.Monitoring].Egress["ledger"]);
        Assert.True(charter[TaskId.Emergency].Override);
        Assert.Equal("nightly", charter.WindowOf(ChangeAction.Modify)!.Value.Name);
        Assert.Equal(new PreapprovedAct("resize-docs", "instances.modify", World.Docs, 2, new DateOnly(2027, 6, 30)), Assert.Single(charter.Preapproved));
        var written = CharterYaml.Write(charter);
        Assert.Equal(written, CharterYaml.Write(CharterYaml.Read(written).Document!));
        Assert.Equal(charter.Windows["nightly"].Except, CharterYaml.Read(written).Document!.Windows["nightly"].Except);
    }

    [Theory]
    [InlineData("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin", "windows.nightly.zone: must be a POSIX TZ string")]
    [InlineData("days: [mon,", "days: [monday,", "windows.nightly.days: must be one of mon, tue, wed, thu, fri, sat, sun")]
    [InlineData("from: \"02:00\"", "from: \"25:00\"", "windows.nightly.from: must be a time of day")]
    [InlineData("for: 3h,", "for: 25h,", "windows.nightly.for: must be a whole number of days, hours or minutes up to 24h")]
    [InlineData("2026-12-24..2027-01-02", "2027-01-02..2026-12-24", "windows.nightly.except: ends on 2026-12-24, before it begins")]
    [InlineData("uses: 2", "uses: 0", "preapproved.uses: must be a whole number from 1")]
    [InlineData("action: instances.modify, instance", "action: emergency.override, instance", "preapproved.action: 'emergency.override' is not allowed here")]
    [InlineData("small: 20", "tiny: 20", "prices.tiny: is not a size; allowed are small, medium, large")]
    [InlineData("window: { instances.modify: nightly }", "window: { instances.modify: daily }", "there is no window 'daily'; there are always, nightly")]
    [InlineData("roles: [owner, approver]", "roles: [viewer]", "roles: must be one of owner, approver")]
    [InlineData("{ customer: 2, vendor: 1,", "{ customer: 11, vendor: 1,", "customer: must be a whole number from 0 to 10")]
    [InlineData("{ customer: 2, vendor: 1, roles: [owner, approver], not-requester: true }", "{ customer: 0 }", "asks nobody")]
    [InlineData("on-stop: leave", "on-stop: explode", "on-stop: must be one of roll-back, leave")]
    [InlineData("deferral: 90m", "deferral: 31d", "deferral: must be a whole number of days, hours or minutes up to 30d")]
    [InlineData("override: allowed", "override: maybe", "override: must be one of allowed, forbidden")]
    [InlineData("ledger: 64MiB", "ledger: lots", "egress.ledger: must be a number of bytes")]
    [InlineData("ledger: 64MiB", "letters: 64MiB", "egress.letters: is not a class of what leaves; allowed are ledger")]
    [InlineData("on-stop: leave", "override: allowed", "override: is not a field of task provision")]
    public void A_fault_is_named(string right, string wrong, string expected)
    {
        Assert.Contains(right, Text, StringComparison.Ordinal);
        var read = CharterYaml.Read(Text.Replace(right, wrong, StringComparison.Ordinal), "my.yaml");
        Assert.Null(read.Document);
        Assert.Contains(read.Faults, fault => fault.ToString().Contains(expected, StringComparison.Ordinal));
    }

    /// <summary>Two of the customer and one of the vendor, none of them the one who asked, nobody twice.</summary>
    [Fact]
    public void As_many_people_have_to_approve_as_the_charter_says()
    {
        var world = Ready(instance: "other");
        var (ann, bob, vic) = (Person(world, Party.Customer, Role.Approver), Person(world, Party.Customer, Role.Owner), Person(world, Party.Vendor, Role.Approver));
        var change = world.Request(ChangeAction.Modify, world.Vendor, InstanceId.Parse("other"));
        var plan = world.Planned(change);
        Assert.Contains("somebody else than who asked", world.Refusal(new ChangeApproved(change, plan.Hash), world.Vendor), StringComparison.Ordinal);
        world.Do(new ChangeApproved(change, plan.Hash), ann);
        Assert.Contains("another person is needed", world.Refusal(new ChangeApproved(change, plan.Hash), ann), StringComparison.Ordinal);
        Assert.Equal([Party.Vendor, Party.Customer], world.State.Changes[change].Awaits);
        world.Do(new ChangeApproved(change, plan.Hash), bob);
        Assert.Equal([Party.Vendor], world.State.Changes[change].Awaits);
        Assert.Contains("no further approval of the customer", world.Refusal(new ChangeApproved(change, plan.Hash), world.Customer), StringComparison.Ordinal);
        Assert.NotEmpty(world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent));
        world.Do(new ChangeApproved(change, plan.Hash), vic);
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
    }

    [Fact]
    public void A_role_that_the_charter_does_not_name_cannot_approve()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        var world = new World().Joined(With(rule with { Approval = rule.Approval.SetItem("instances.create", new ApprovalNeed(0, 1, [Role.Owner], false)) }));
        var ann = Person(world, Party.Customer, Role.Approver);
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        Assert.Contains("asks for an approver in the role owner", world.Refusal(new ChangeApproved(change, plan.Hash), ann), StringComparison.Ordinal);
        world.Do(new ChangeApproved(change, plan.Hash), world.Customer);
    }

    [Fact]
    public void An_act_approved_beforehand_is_used_up()
    {
        var world = Ready(instance: "docs");
        for (var use = 1; use <= 2; use++)
        {
            var change = world.Request(ChangeAction.Modify, world.Vendor);
            Assert.Equal(("resize-docs", null), (world.State.Changes[change].Preapproved, world.State.Changes[change].NeedsApproval));
            Assert.Equal(use, world.State.PreapprovedUses["resize-docs"]);
            var plan = world.Planned(change);
            Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
            world.Do(new ChangeWithdrawn(change, "again"), world.Vendor);
            Assert.NotNull(plan);
        }

        var third = world.Request(ChangeAction.Modify, world.Vendor);
        Assert.NotNull(world.State.Changes[third].NeedsApproval);
    }

    /// <summary>The amended charter does not know the act any more: what it had let through needs approval now.</summary>
    [Fact]
    public void An_act_that_the_amended_charter_does_not_know_lets_nothing_start()
    {
        var world = Ready(instance: "docs");
        var change = world.Request(ChangeAction.Modify, world.Vendor);
        var plan = world.Planned(change);
        world.Chartered(CharterYaml.Read(Text).Document! with { Version = 2, Preapproved = [] });
        Assert.Contains("now asks for the approval", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
        Assert.Empty(world.State.PreapprovedUses);
    }

    [Fact]
    public void Uses_go_on_counting_where_the_act_stands_unchanged_in_the_next_charter()
    {
        var world = Ready(instance: "docs");
        world.Do(new ChangeWithdrawn(world.Request(ChangeAction.Modify, world.Vendor), "no"), world.Vendor);
        var charter = CharterYaml.Read(Text).Document!;
        world.Chartered(charter with { Version = 2 });
        Assert.Equal(1, world.State.PreapprovedUses["resize-docs"]);
        world.Chartered(charter with { Version = 3, Preapproved = [charter.Preapproved[0] with { Uses = 9 }] });
        Assert.Empty(world.State.PreapprovedUses);
    }

    [Fact]
    public void Cost_and_requests_a_day_are_limited()
    {
        var world = Ready(instance: "docs");
        var large = new InstanceRequest("instances.create", InstanceId.Parse("big"), World.Small with { Size = InstanceSize.Large });
        var denied = Assert.IsType<Decision.Denied>(CharterDecision.Decide(world.State with { Charter = world.State.Charter! with { Rules = Unlimited(world, CharterLimits.MaxMemoryMib) } }, Party.Vendor, large, world.Now));
        Assert.Contains("would cost 220 a month and the charter allows 100", denied.Why, StringComparison.Ordinal);
        for (var i = 0; i < 3; i++) world.Do(new ChangeWithdrawn(world.Request(ChangeAction.Suspend, world.Vendor), "no"), world.Vendor);
        var fifth = new ChangeRequested(ChangeId.Parse("c-fifth"), new InstanceRequest("instances.suspend", World.Docs, null));
        Assert.Contains("4 changes were asked for within a day and the charter allows 4", world.Refusal(fifth, world.Vendor), StringComparison.Ordinal);
        world.Now += TimeSpan.FromDays(1);
        world.Do(fifth, world.Vendor);
        Assert.Single(world.State.RecentRequests);
    }

    [Theory]
    [InlineData("instances.modify", Party.Vendor, Role.Operator, "docs", "needs-approval")]
    [InlineData("instances.suspend", Party.Vendor, Role.Operator, "docs", "allowed")]
    [InlineData("instances.suspend", Party.Vendor, Role.Viewer, "docs", "denied")]
    [InlineData("instances.suspend", Party.Customer, Role.Owner, "docs", "denied")]
    [InlineData("instances.resume", Party.Vendor, Role.Operator, "docs", "denied")]
    [InlineData("instances.heal", null, Role.Operator, "docs", "allowed")]
    [InlineData("instances.purge", null, Role.Operator, null, "denied")]
    [InlineData("emergency.terminal", Party.Vendor, Role.Operator, "docs", "needs-approval")]
    [InlineData("emergency.override", Party.Vendor, Role.Operator, "docs", "allowed")]
    public void What_decides_is_explained(string action, Party? party, Role role, string? instance, string answer)
    {
        var world = Ready(instance: "docs");
        var charter = CharterYaml.Read(Text).Document!;
        var state = world.State with { Charter = charter with { Preapproved = [] } };
        var explained = CharterExplanation.Of(state, party, role, ChangeAction.ByName(action)!, instance is null ? null : InstanceId.Parse(instance), InstanceSize.Small, new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
        Assert.True(explained.Answer == answer, string.Join("\n", explained.Path));
        Assert.All(explained.Path, rule => Assert.False(string.IsNullOrWhiteSpace(rule.Says)));
        if (action == "instances.modify") Assert.Contains(explained.Path, rule => rule is { Verdict: "wait", Rule: "tasks.provision.window.instances.modify" } && rule.Says.Contains("opens 2026-11-26 02:00+01:00", StringComparison.Ordinal));
    }

    private static World Ready(string instance)
    {
        var world = new World().Joined(CharterYaml.Read(Text).Document!);
        return world.Carry(ChangeAction.Create, instance: InstanceId.Parse(instance));
    }

    private static SigningKey Person(World world, Party party, Role role)
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, role, "somebody"), party == Party.Vendor ? world.Vendor : world.Customer);
        return key;
    }

    private static CharterDocument With(CharterRule provision) => CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, provision) };

    private static ImmutableDictionary<TaskId, CharterRule> Unlimited(World world, string limit)
    {
        var rule = world.State.Charter![TaskId.Provision];
        return world.State.Charter.Rules.SetItem(TaskId.Provision, rule with { Limits = rule.Limits.Remove(limit) });
    }

    // The default's other tasks stand around the one that says everything.
    private static string Rich()
    {
        var text = CharterYaml.Write(CharterDocument.Default);
        var (start, end) = (text.IndexOf("  provision:", StringComparison.Ordinal), text.IndexOf("  milvus-upgrade:", StringComparison.Ordinal));
        text = text[..start] + Provision + "\n" + text[end..];
        text = Extras + "\n" + text[text.IndexOf("tasks:", StringComparison.Ordinal)..];
        var monitoring = text.IndexOf("  emergency:", StringComparison.Ordinal);
        return text[..monitoring] + "    egress: { ledger: 64MiB, observation: 500000 }\n" + text[monitoring..] + "    override: allowed\n";
    }
}
