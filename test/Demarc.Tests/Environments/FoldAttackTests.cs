using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>Entries that a wrong plane, a wrong agent or a wrong person might put into a ledger; each must be refused in words that name the cause.</summary>
public sealed class FoldAttackTests
{
    private readonly World world = new();

    [Fact]
    public void A_ledger_starts_with_its_founding_signed_by_both_roots()
    {
        Assert.Contains("must be environment.founded", world.Refusal(new CharterProposed(1, ""), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("not signed by vendorRoot", world.Refusal(world.Founding, world.Customer), StringComparison.Ordinal);
        Assert.Contains("not signed by customerRoot", world.Refusal(world.Founding, world.Vendor), StringComparison.Ordinal);
        Assert.Contains("same key", world.Refusal(world.Founding with { VendorRoot = world.Customer.Public.KeyId }, world.Customer), StringComparison.Ordinal);
        Assert.Contains("customerSealing", world.Refusal(world.Founding with { CustomerSealing = "age1nothing" }, world.Customer, world.Vendor), StringComparison.Ordinal);
        world.Founded();
        Assert.Contains("founded already", world.Refusal(world.Founding, world.Customer, world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_charter_signed_by_one_party_is_not_in_force()
    {
        world.Founded();
        var yaml = CharterYaml.Write(CharterDocument.Default);
        world.Do(new CharterProposed(1, yaml), world.Vendor).Do(new CharterSigned(1, CharterText.Hash(yaml)), world.Vendor);
        Assert.Null(world.State.Charter);
        Assert.Contains("signed charter version 1 already", world.Refusal(new CharterSigned(1, CharterText.Hash(yaml)), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("names the text", world.Refusal(new CharterSigned(1, CharterText.Hash(yaml + " ")), world.Customer), StringComparison.Ordinal);
        Assert.Contains("no charter is in force", world.Refusal(new ChangeRequested(ChangeId.New(world.Fill), new InstanceRequest("instances.create", World.Docs, World.Small)), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_proposal_voids_signatures_on_the_old_one()
    {
        world.Founded();
        var first = CharterYaml.Write(CharterDocument.Default);
        var second = CharterYaml.Write(CharterDocument.Default with { Name = "other" });
        world.Do(new CharterProposed(1, first), world.Vendor).Do(new CharterSigned(1, CharterText.Hash(first)), world.Customer).Do(new CharterProposed(1, second), world.Vendor);
        Assert.Empty(world.State.Proposal!.Signed);
        world.Do(new CharterSigned(1, CharterText.Hash(second)), world.Vendor);
        Assert.Null(world.State.Charter);
    }

    [Fact]
    public void Strangers_viewers_and_the_other_party_are_refused()
    {
        world.Joined();
        var stranger = world.Key();
        var viewer = world.Key();
        world.Do(new MemberAdded(viewer.Public.KeyId, Role.Viewer, "a viewer"), world.Vendor);
        var request = new ChangeRequested(ChangeId.New(world.Fill), new InstanceRequest("instances.create", World.Docs, World.Small));
        Assert.Contains("no member", world.Refusal(request, stranger), StringComparison.Ordinal);
        Assert.Contains("permission 'Operate'", world.Refusal(request, viewer), StringComparison.Ordinal);
        Assert.Contains("gives to the vendor", world.Refusal(request, world.Customer), StringComparison.Ordinal);
        Assert.Contains("no standing authority", world.Refusal(request, world.Agent), StringComparison.Ordinal);
        Assert.Contains("customer's owner alone", world.Refusal(new AgentInvited(world.Key().Public.KeyId, world.Now.AddDays(1)), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("belongs to the vendor", world.Refusal(new MemberRemoved(viewer.Public.KeyId), world.Customer), StringComparison.Ordinal);
        Assert.Contains("root", world.Refusal(new MemberRemoved(world.Vendor.Public.KeyId), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_who_was_removed_cannot_be_brought_back_by_a_replay()
    {
        world.Joined();
        var person = world.Key();
        var added = world.Write(new MemberAdded(person.Public.KeyId, Role.Owner, "left us"), world.Vendor);
        world.Do(added).Do(new MemberRemoved(person.Public.KeyId), world.Vendor);
        Assert.Contains("replay", world.Refusal(added), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(new CharterProposed(2, ""), person), StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_of_another_environment_is_refused()
    {
        world.Joined();
        var elsewhere = Entry.Write(EnvironmentId.Parse("elsewhere"), Entry.NewId(world.Fill), world.Now, new MemberRemoved("x"), world.Vendor);
        Assert.Contains("is for environment elsewhere", world.Refusal(elsewhere), StringComparison.Ordinal);
    }

    [Fact]
    public void Joining_takes_the_invitation_s_own_key_in_time_and_once()
    {
        world.Chartered();
        var other = world.Key();
        var joined = new AgentJoined(world.Agent.Public.KeyId, world.Invitation.Public.KeyId, "machine");
        Assert.Contains("not open", world.Refusal(joined, world.Agent, world.Invitation), StringComparison.Ordinal);
        world.Do(new AgentInvited(world.Invitation.Public.KeyId, world.Now.AddHours(1)), world.Customer);
        Assert.Contains("has not signed", world.Refusal(joined, world.Agent), StringComparison.Ordinal);
        Assert.Contains("not the key that signs", world.Refusal(joined, other, world.Invitation), StringComparison.Ordinal);
        var late = Entry.Write(World.Id, Entry.NewId(world.Fill), world.Now.AddHours(2), joined, world.Agent, world.Invitation);
        Assert.Contains("expired", world.Refusal(late), StringComparison.Ordinal);
        world.Do(joined, world.Agent, world.Invitation);
        var second = world.Key();
        world.Do(new AgentInvited(second.Public.KeyId, world.Now.AddHours(1)), world.Customer);
        Assert.Contains("joined already", world.Refusal(new AgentJoined(other.Public.KeyId, second.Public.KeyId, "two"), other, second), StringComparison.Ordinal);
    }

    [Fact]
    public void A_revoked_agent_says_nothing_more()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.PlanFor(change);
        world.Do(new AgentRevoked(world.Agent.Public.KeyId, "lost"), world.Customer);
        Assert.Contains("joined agent", world.Refusal(new ChangePlanned(change, plan.Text, plan.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Agent_entries_by_a_person_are_refused()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.PlanFor(change);
        Assert.Contains("written by the joined agent", world.Refusal(new ChangePlanned(change, plan.Text, plan.Hash), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(new ChangeApproved(change, plan.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_whose_hash_or_instance_is_another_s_is_refused()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.PlanFor(change);
        Assert.Contains("hash is", world.Refusal(new ChangePlanned(change, plan.Text, "sha256:00"), world.Agent), StringComparison.Ordinal);
        var foreign = Plan.Of([new EraseData(InstanceId.Parse("other"))]);
        Assert.Contains("touches another instance", world.Refusal(new ChangePlanned(change, foreign.Text, foreign.Hash), world.Agent), StringComparison.Ordinal);
        Assert.Contains("cannot be read", world.Refusal(new ChangePlanned(change, """[{"kind":"format-disk"}]""", "sha256:00"), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_starts_without_the_approval_the_charter_asks_for()
    {
        world.Joined().Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
        Assert.Contains("cannot start", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
        Assert.Contains("no approval of the vendor", world.Refusal(new ChangeApproved(change, plan.Hash), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("names plan", world.Refusal(new ChangeApproved(change, "sha256:00"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangeApproved(change, plan.Hash), world.Customer);
        Assert.Contains("names plan", world.Refusal(new ChangeStarted(change, "sha256:00"), world.Agent), StringComparison.Ordinal);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
    }

    [Fact]
    public void A_new_plan_voids_the_approval_of_the_old_one()
    {
        world.Joined().Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeApproved(change, plan.Hash), world.Customer);
        var other = world.Planned(change, world.Seen(o => o with { Instances = o.Instances.Clear() }));
        Assert.NotEqual(plan.Hash, other.Hash);
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
        Assert.Contains("cannot start", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_charter_amended_since_the_request_decides_at_the_start()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        var rule = CharterDocument.Default[TaskId.Provision];
        world.Chartered(CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Approval = rule.Approval.Add(ChangeAction.Create.Name, ApprovalNeed.Of(Owner.Customer)) }) });
        Assert.Contains("now asks for the approval of the customer", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_changes_of_one_instance_never_run_at_once()
    {
        world.Joined().Carry(ChangeAction.Create);
        var suspend = world.Request(ChangeAction.Suspend, world.Vendor);
        Assert.Contains("has not ended", world.Refusal(new ChangeRequested(ChangeId.New(world.Fill), new InstanceRequest("instances.suspend", World.Docs, null)), world.Vendor), StringComparison.Ordinal);
        var heal = world.Request(ChangeAction.Heal, world.Agent);
        var first = world.Planned(suspend);
        var second = world.Planned(heal);
        world.Do(new ChangeStarted(suspend, first.Hash), world.Agent);
        Assert.Contains("is running", world.Refusal(new ChangeStarted(heal, second.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_withdrawn_change_does_not_start()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        Assert.Contains("not requested by the customer", world.Refusal(new ChangeWithdrawn(change, "no"), world.Customer), StringComparison.Ordinal);
        world.Do(new ChangeWithdrawn(change, "changed our mind"), world.Vendor);
        Assert.Contains("cannot start", world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Success_is_not_claimed_before_every_step_is_finished()
    {
        world.Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeStarted(change, plan.Hash), world.Agent);
        Assert.Contains("not finished", world.Refusal(new ChangeSucceeded(change, "trust me"), world.Agent), StringComparison.Ordinal);
        Assert.Contains("step 1", world.Refusal(new StepStarted(change, 1), world.Agent), StringComparison.Ordinal);
        Assert.Contains("not under way", world.Refusal(new StepFinished(change, 0, "done"), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_kinds_are_carried_for_members_and_refused_from_strangers()
    {
        world.Joined();
        var size = world.State.Size;
        world.Do(Unknown(world.Vendor));
        Assert.Equal(size + 1, world.State.Size);
        Assert.Contains("no member", world.Refusal(Unknown(world.Key())), StringComparison.Ordinal);
    }

    [Fact]
    public void A_whole_life_folds_and_comes_out_the_same_twice()
    {
        world.Joined().Carry(ChangeAction.Create).Carry(ChangeAction.Suspend).Carry(ChangeAction.Resume).Carry(ChangeAction.Modify).Carry(ChangeAction.Delete).Carry(ChangeAction.Restore);
        Assert.Equal(InstanceStatus.Ready, world.State.Instances[World.Docs].Status);
        var again = EnvironmentFold.ApplyAll(EnvironmentState.Empty, [.. world.Entries.Select(e => Entry.Read(e.Bytes).Entry!)]);
        Assert.Null(again.Refusal);
        Assert.Equal(world.State.Size, again.State.Size);
        Assert.Equal(world.State.Instances[World.Docs].Order.Size, again.State.Instances[World.Docs].Order.Size);
        world.Now = world.Now.AddDays(31);
    }

    private Entry Unknown(SigningKey by)
    {
        var body = $$$"""{"demarc":1,"id":"{{{Entry.NewId(world.Fill)}}}","environment":"{{{World.Id}}}","kind":"moon.landed","at":"2027-01-01T00:00:00Z","author":"{{{by.Public.KeyId}}}","data":{"crater":7}}""";
        var read = Entry.Read(DsseEnvelope.Sign(Entry.PayloadType, System.Text.Encoding.UTF8.GetBytes(body), by).Bytes);
        Assert.True(read.Entry is not null, read.Fault);
        return read.Entry!;
    }
}
