using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>What the customer's taking over means for everything there is, and the ways in which somebody else might try to bring it about or to undo it.</summary>
public sealed class SeveranceTests
{
    private readonly World world = new();
    private readonly SigningKey ownPlane;

    public SeveranceTests() => ownPlane = world.Key();

    private string OwnKey => new NoteKey("plane.customer", ownPlane.Public).ToString();

    private VendorSevered Severance => new(OwnKey, "the contract has ended");

    private World Severed() => world.Do(Severance, world.Customer);

    [Fact]
    public void Every_task_is_the_customers_and_the_text_says_so()
    {
        var before = world.Joined().State.CharterYaml!;
        var state = Severed().State;
        Assert.Equal(2, state.Charter!.Version);
        Assert.All(Enum.GetValues<TaskId>(), task => Assert.Equal(Owner.Customer, state.Charter[task].Owner));
        Assert.Equal(OwnKey, state.PlaneKey);
        Assert.Equal(before, state.Severed!.CharterBefore);
        var read = CharterYaml.Read(state.CharterYaml!);
        Assert.Empty(read.Faults);
        Assert.Equal(CharterYaml.Write(state.Charter), CharterYaml.Write(read.Document!));
        Assert.StartsWith("# The severed form of version 1", state.CharterYaml, StringComparison.Ordinal);
    }

    [Fact]
    public void The_customers_own_approvals_limits_windows_and_standing_authority_are_kept_and_the_vendors_part_goes()
    {
        var both = CharterDocument.Default[TaskId.Provision];
        both = both with
        {
            Approval = both.Approval
                .SetItem(ChangeAction.Delete.Name, new ApprovalNeed(1, 2, [Role.Owner], true))
                .SetItem(ChangeAction.Modify.Name, ApprovalNeed.Of(Owner.Vendor)),
            Deferral = TimeSpan.FromHours(5),
        };
        world.Joined(CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, both) });
        var rule = Severed().State.Charter![TaskId.Provision];
        Assert.Equal(new ApprovalNeed(0, 2, [Role.Owner], true).Word(), rule.Approval[ChangeAction.Delete.Name].Word());
        Assert.DoesNotContain(ChangeAction.Modify.Name, rule.Approval.Keys);
        Assert.Equal(both.Limits, rule.Limits);
        Assert.Equal(both.Standing, rule.Standing);
        Assert.Equal(TimeSpan.Zero, rule.Deferral);
        Assert.Empty(rule.Parts);
    }

    [Fact]
    public void A_severed_vendor_can_do_nothing_but_sign_a_charter_that_is_proposed_anew()
    {
        world.Joined();
        var approver = world.Key();
        var token = world.Key();
        world.Do(new MemberAdded(approver.Public.KeyId, Role.Owner, "another owner"), world.Vendor)
            .Do(new TokenIssued(token.Public.KeyId, "a service", [Permission.Operate], world.Now.AddDays(1)), world.Vendor);
        var old = CharterYaml.Write(CharterDocument.Default with { Version = 2, Name = "before" });
        world.Do(new CharterProposed(2, old), world.Vendor).Do(new CharterSigned(2, CharterText.Hash(old)), world.Customer);
        Severed();
        EntryData[] acts =
        [
            new ChangeRequested(ChangeId.New(world.Fill), new(ChangeAction.Create.Name, World.Docs, World.Small)),
            new CharterProposed(3, CharterYaml.Write(CharterDocument.Default with { Version = 3 })),
            new MemberAdded(world.Key().Public.KeyId, Role.Viewer, "somebody"),
            new MemberRemoved(approver.Public.KeyId),
            new MemberRekeyed(world.Key().Public.KeyId),
            new AgentRevoked(world.Agent.Public.KeyId, "out of spite"),
            new VendorSevered(new NoteKey("plane.vendor", world.Key().Public).ToString(), "back to us"),
            new PlaneMoved(new NoteKey("plane.test", world.Plane.Public).ToString(), "back to us"),
        ];
        foreach (var act in acts)
        {
            Assert.Contains("has severed the vendor", world.Refusal(act, world.Vendor), StringComparison.Ordinal);
            Assert.Contains("has severed the vendor", world.Refusal(act, approver), StringComparison.Ordinal);
        }

        Assert.Contains("has severed the vendor", world.Refusal(acts[0], token), StringComparison.Ordinal);

        // What was on the table before is not; nobody signs the vendor back by it.
        Assert.Contains("no charter version 2 is proposed", world.Refusal(new CharterSigned(2, CharterText.Hash(old)), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_of_the_vendor_that_have_not_begun_end_and_one_that_has_begun_goes_on_to_its_end()
    {
        world.Joined().Carry(ChangeAction.Create);
        var running = world.Request(ChangeAction.Modify, world.Vendor);
        var plan = world.Planned(running);
        world.Do(new ChangeStarted(running, plan.Hash), world.Agent).Do(new StepStarted(running, 0), world.Agent);
        var waiting = world.Request(ChangeAction.Create, world.Vendor, Demarc.Core.Instances.InstanceId.Parse("two"));
        var state = Severed().State;
        Assert.Equal(ChangeStatus.Withdrawn, state.Changes[waiting].Status);
        Assert.Contains("severance", state.Changes[waiting].Reason, StringComparison.Ordinal);
        Assert.Equal([running], state.Open);
        Assert.Equal((1, 1), (state.Severed!.Withdrawn, state.Severed.Goes));
        for (var step = 0; step < plan.Steps.Length; step++)
        {
            if (step > 0) world.Do(new StepStarted(running, step), world.Agent);
            world.Do(new StepFinished(running, step, "done"), world.Agent);
        }

        world.Do(new ChangeSucceeded(running, "checked"), world.Agent);
        Assert.Equal(ChangeStatus.Succeeded, world.State.Changes[running].Status);
    }

    [Fact]
    public void The_customer_stops_a_running_change_of_the_vendor()
    {
        world.Joined().Carry(ChangeAction.Create);
        var running = world.Request(ChangeAction.Modify, world.Vendor);
        var plan = world.Planned(running);
        world.Do(new ChangeStarted(running, plan.Hash), world.Agent);
        Severed().Do(new ChangeStopped(running, "not any more"), world.Customer).Do(new ChangeHalted(running, 1), world.Agent);
        Assert.True(world.State.Changes[running].IsUndoing || world.State.Changes[running].IsEnded);
    }

    [Fact]
    public void What_stood_still_because_the_vendor_wanted_so_stands_still_until_the_customer_decides()
    {
        world.Joined().Carry(ChangeAction.Create);
        var running = world.Request(ChangeAction.Modify, world.Vendor);
        var plan = world.Planned(running);
        world.Do(new ChangeStarted(running, plan.Hash), world.Agent).Do(new ChangePaused(running, "wait"), world.Vendor);
        Severed();
        Assert.Contains("has severed the vendor", world.Refusal(new ChangeResumed(running, "go on"), world.Vendor), StringComparison.Ordinal);
        world.Do(new ChangeResumed(running, "go on"), world.Customer);
        Assert.Null(world.State.Changes[running].Halt);
    }

    [Fact]
    public void A_severed_vendors_approval_counts_no_more_and_is_not_waited_for()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        rule = rule with { Owner = Owner.Both, Approval = rule.Approval.SetItem(ChangeAction.Delete.Name, new ApprovalNeed(1, 2, [], false)) };
        world.Joined(CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule) }).Carry(ChangeAction.Create, world.Customer);
        var second = world.Key();
        world.Do(new MemberAdded(second.Public.KeyId, Role.Approver, "a second"), world.Customer);
        var change = world.Request(ChangeAction.Delete, world.Customer);
        var plan = world.Planned(change);
        world.Do(new ChangeApproved(change, plan.Hash), world.Vendor).Do(new ChangeApproved(change, plan.Hash), world.Customer);
        Severed();
        Assert.Equal([world.Customer.Public.KeyId], world.State.Changes[change].Approvals.Select(a => a.Key));
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
        Assert.Contains("has severed the vendor", world.Refusal(new ChangeApproved(change, plan.Hash), world.Vendor), StringComparison.Ordinal);
        world.Do(new ChangeApproved(change, plan.Hash), second);
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
    }

    [Fact]
    public void What_waited_for_the_vendor_alone_waits_no_more()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        rule = rule with { Owner = Owner.Both, Approval = rule.Approval.SetItem(ChangeAction.Modify.Name, ApprovalNeed.Of(Owner.Vendor)) };
        world.Joined(CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule) }).Carry(ChangeAction.Create, world.Customer);
        var change = world.Request(ChangeAction.Modify, world.Customer);
        var plan = world.Planned(change);
        Severed();
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
    }

    [Fact]
    public void Open_invitations_are_void_and_the_agent_stays()
    {
        world.Joined();
        var invitation = world.Key();
        world.Do(new AgentInvited(invitation.Public.KeyId, world.Now.AddDays(1)), world.Customer);
        Severed();
        Assert.Empty(world.State.Invitations);
        Assert.Equal(world.Agent.Public, world.State.Agent!.Key);
        world.Do(new AgentRevoked(world.Agent.Public.KeyId, "another"), world.Customer);
        var late = world.Key();
        Assert.Contains("invitation is not open", world.Refusal(new AgentJoined(late.Public.KeyId, invitation.Public.KeyId, "late"), late, invitation), StringComparison.Ordinal);
    }

    [Fact]
    public void The_agent_goes_on_healing_under_the_severed_charter()
    {
        world.Joined().Carry(ChangeAction.Create);
        Severed();
        var heal = world.Request(ChangeAction.Heal, world.Agent);
        Assert.Null(world.State.Changes[heal].RequestedFor);
    }

    [Fact]
    public void A_vendor_member_severs()
    {
        world.Joined();
        Assert.Contains("customer's owner's alone", world.Refusal(Severance, world.Vendor), StringComparison.Ordinal);
        var operatorKey = world.Key();
        world.Do(new MemberAdded(operatorKey.Public.KeyId, Role.Operator, "an operator"), world.Customer);
        Assert.Contains("permission 'Own'", world.Refusal(Severance, operatorKey), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(Severance, world.Key()), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(Severance, world.Agent), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(Severance, world.Plane), StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_severance()
    {
        world.Joined();
        Severed();
        Assert.Contains("severed already, since entry", world.Refusal(new VendorSevered(new NoteKey("plane.other", world.Key().Public).ToString(), "again"), world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_of_an_old_severance_after_the_vendor_is_back()
    {
        world.Joined();
        var old = world.Write(Severance, world.Customer);
        world.Do(old);
        Back();
        Assert.Null(world.State.Severed);
        Assert.Contains("replay", world.Refusal(old), StringComparison.Ordinal);
        Assert.Null(world.State.Severed);
    }

    [Fact]
    public void A_severance_of_another_environment()
    {
        world.Joined();
        var other = new World(7).Joined();
        var entry = Entry.Write(EnvironmentId.Parse("elsewhere"), Entry.NewId(world.Fill), world.Now, Severance, world.Customer);
        Assert.Contains("for environment elsewhere", world.Refusal(entry), StringComparison.Ordinal);
        Assert.Contains("no member", other.Refusal(Severance, world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_words_are_refused_by_field()
    {
        world.Joined();
        Assert.Contains("planeKey is not the verifier key", world.Refusal(new VendorSevered("plane", "why"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("planeKey is not the verifier key", world.Refusal(new VendorSevered(new NoteKey("agent", world.Agent.Public, NoteKeyType.CosignatureV1).ToString(), "why"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("in force already", world.Refusal(new VendorSevered(world.State.PlaneKey, "why"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("reason is empty", world.Refusal(Severance with { Reason = " " }, world.Customer), StringComparison.Ordinal);
        Assert.Contains("at most 1000", world.Refusal(Severance with { Reason = new string('x', 1001) }, world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void A_charter_that_both_sign_anew_brings_the_vendor_back_and_the_plane_moves_by_an_entry_of_its_own()
    {
        world.Joined();
        var first = world.State.PlaneKey;
        Severed();
        Back();
        Assert.Null(world.State.Severed);
        Assert.Equal(3, world.State.Charter!.Version);
        Assert.Equal(OwnKey, world.State.PlaneKey);
        Assert.Contains("customer's owner's alone", world.Refusal(new PlaneMoved(first, "back"), world.Vendor), StringComparison.Ordinal);
        world.Do(new PlaneMoved(first, "back"), world.Customer);
        Assert.Equal(first, world.State.PlaneKey);
        Assert.True(world.State.MaySign(OwnKey), "the plane that hands over signs its last act");
        Assert.True(world.State.MaySign(first));
        world.Request(ChangeAction.Create, world.Vendor);
        Assert.False(world.State.MaySign(OwnKey), "and none after it");
        Assert.Equal([first, OwnKey, first], world.State.Planes.Select(term => term.Key));
    }

    [Fact]
    public void A_severed_plane_gets_no_last_act()
    {
        world.Joined();
        var first = world.State.PlaneKey;
        Severed();
        Assert.False(world.State.MaySign(first));
        Assert.True(world.State.MaySign(OwnKey));
    }

    [Fact]
    public void An_entry_of_a_kind_that_is_not_known_is_no_way_around_it()
    {
        world.Joined();
        Severed();
        var unknown = Entry.Read(Unknown(world.Vendor)).Entry!;
        Assert.Contains("has severed the vendor", world.Refusal(unknown), StringComparison.Ordinal);
        world.Do(Entry.Read(Unknown(world.Customer)).Entry!);
    }

    // As a later version would write it.
    private ReadOnlyMemory<byte> Unknown(SigningKey by)
    {
        var body = System.Text.Encoding.UTF8.GetString(DsseEnvelope.Parse(world.Write(new MemberRemoved(by.Public.KeyId), by).Bytes).Envelope!.Payload.Span).Replace("member.removed", "later.kind", StringComparison.Ordinal);
        return DsseEnvelope.Sign(Entry.PayloadType, System.Text.Encoding.UTF8.GetBytes(body), by).Bytes;
    }

    private void Back()
    {
        var yaml = CharterYaml.Write(CharterDocument.Default with { Version = world.State.Charter!.Version + 1 });
        world.Do(new CharterProposed(world.State.Charter.Version + 1, yaml), world.Customer)
            .Do(new CharterSigned(world.State.Charter.Version + 1, CharterText.Hash(yaml)), world.Customer)
            .Do(new CharterSigned(world.State.Charter.Version + 1, CharterText.Hash(yaml)), world.Vendor);
    }
}
