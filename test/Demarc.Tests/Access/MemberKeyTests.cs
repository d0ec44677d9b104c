using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Access;

/// <summary>Keys change, end, get lost and are stolen; the ledger's rules say what each of them still counts for.</summary>
public sealed class MemberKeyTests
{
    private readonly World world = new World().Joined();

    [Fact]
    public void A_member_changes_their_own_key_with_both()
    {
        var (old, next) = (Person(Role.Approver), world.Key());
        Assert.Contains("the new key has not signed", world.Refusal(new MemberRekeyed(next.Public.KeyId), old), StringComparison.Ordinal);
        world.Do(new MemberRekeyed(next.Public.KeyId), old, next);
        Assert.Null(world.State.MemberOf(old.Public));
        Assert.Equal(Party.Customer, world.State.WriterOf(old.Public)!.Party);
        Assert.Equal((Role.Approver, Party.Customer), (world.State.MemberOf(next.Public)!.Role, world.State.MemberOf(next.Public)!.Party));
        Assert.Contains("no member", world.Refusal(new MemberRekeyed(world.Key().Public.KeyId), old, world.Key()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_is_somebody_elses_cannot_be_taken()
    {
        var ann = Person(Role.Approver);
        Assert.Contains("is a member already", world.Refusal(new MemberRekeyed(world.Vendor.Public.KeyId), ann, world.Vendor), StringComparison.Ordinal);
        Assert.Contains("the key is the agent's", world.Refusal(new MemberRekeyed(world.Agent.Public.KeyId), ann, world.Agent), StringComparison.Ordinal);
    }

    /// <summary>One person with two keys is one person: who approved with the old key does not count again with the new.</summary>
    [Fact]
    public void An_approver_who_changes_their_key_does_not_approve_twice()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        world.Chartered(CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Approval = rule.Approval.SetItem("instances.create", new ApprovalNeed(0, 2, [], false)) }) });
        var (ann, next) = (Person(Role.Approver), world.Key());
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeApproved(change, plan.Hash), ann).Do(new MemberRekeyed(next.Public.KeyId), ann, next);
        Assert.Contains("another person is needed", world.Refusal(new ChangeApproved(change, plan.Hash), next), StringComparison.Ordinal);
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
    }

    [Fact]
    public void A_removed_members_key_counts_for_nothing_and_neither_does_what_it_approved()
    {
        world.Carry(ChangeAction.Create);
        var ann = Person(Role.Approver);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeApproved(change, plan.Hash), ann);
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
        world.Do(new MemberRemoved(ann.Public.KeyId), world.Customer);
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
        Assert.NotEmpty(world.Refusal(new ChangeStarted(change, plan.Hash), world.Agent));
        Assert.Contains("no member", world.Refusal(new ChangeApproved(change, plan.Hash), ann), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adding_that_is_replayed_after_the_removal_brings_nobody_back()
    {
        var ann = world.Key();
        var added = world.Write(new MemberAdded(ann.Public.KeyId, Role.Owner, "Ann"), world.Customer);
        world.Do(added).Do(new MemberRemoved(ann.Public.KeyId), world.Customer);
        Assert.Contains("a replay", world.Refusal(added), StringComparison.Ordinal);
    }

    [Fact]
    public void An_expired_key_is_refused_whatever_date_it_writes()
    {
        var ann = world.Key();
        var end = world.Now.AddHours(1);
        world.Do(new MemberAdded(ann.Public.KeyId, Role.Owner, "Ann", end), world.Customer);
        world.Do(new MemberAdded(world.Key().Public.KeyId, Role.Viewer, "one more"), ann);
        world.Now = end;
        Assert.Contains("expired at", world.Refusal(new MemberAdded(world.Key().Public.KeyId, Role.Viewer, "x"), ann), StringComparison.Ordinal);
        Person(Role.Viewer);
        world.Now = end.AddMinutes(-30);
        Assert.Contains("expired at", world.Refusal(new MemberAdded(world.Key().Public.KeyId, Role.Viewer, "dated back"), ann), StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_does_what_its_scope_says_and_nothing_else()
    {
        var token = world.Key();
        world.Do(new TokenIssued(token.Public.KeyId, "nightly", [Permission.Look, Permission.Operate], world.Now.AddDays(30)), world.Vendor);
        var change = world.Request(ChangeAction.Create, token);
        Assert.Equal(Party.Vendor, world.State.Changes[change].RequestedFor);
        Assert.Contains("permission 'Approve'", world.Refusal(new ChangeApproved(change, "x"), token), StringComparison.Ordinal);
        Assert.Contains("permission 'Own'", world.Refusal(new MemberAdded(world.Key().Public.KeyId, Role.Owner, "x"), token), StringComparison.Ordinal);
        Assert.Contains("permission 'Own'", world.Refusal(new TokenIssued(world.Key().Public.KeyId, "more", [Permission.Look], world.Now.AddDays(1)), token), StringComparison.Ordinal);
        Assert.Contains("is issued anew", world.Refusal(new MemberRekeyed(Save(out var next).Public.KeyId), token, next), StringComparison.Ordinal);
        world.Do(new MemberRemoved(token.Public.KeyId), world.Vendor);
        Assert.Contains("no member", world.Refusal(new ChangeWithdrawn(change, "x"), token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("approve", "scope cannot hold 'Approve'")]
    [InlineData("own", "scope cannot hold 'Own'")]
    [InlineData("agent", "scope cannot hold 'Agent'")]
    [InlineData("nothing", "scope is empty")]
    [InlineData("for ever", "expiresAt must lie within 366 days")]
    [InlineData("over before it begins", "expiresAt must lie within 366 days")]
    public void A_token_that_may_too_much_is_not_issued(string how, string words)
    {
        Permission[] scope = how switch { "approve" => [Permission.Approve], "own" => [Permission.Look, Permission.Own], "agent" => [Permission.Agent], "nothing" => [], _ => [Permission.Look] };
        var end = how switch { "for ever" => world.Now.AddDays(400), "over before it begins" => world.Now.AddDays(-1), _ => world.Now.AddDays(1) };
        Assert.Contains(words, world.Refusal(new TokenIssued(world.Key().Public.KeyId, "t", [.. scope], end), world.Customer), StringComparison.Ordinal);
        Assert.NotEmpty(world.Refusal(new TokenIssued(world.Key().Public.KeyId, "t", [Permission.Look], world.Now.AddDays(1)), Person(Role.Operator)));
    }

    [Fact]
    public void A_lost_root_is_replaced_by_more_than_half_of_the_other_owners()
    {
        var (ann, bob, cid, next) = (Person(Role.Owner), Person(Role.Owner), Person(Role.Owner), world.Key());
        var data = new RootReplaced(world.Customer.Public.KeyId, next.Public.KeyId, "the safe burnt down");
        Assert.Contains("the new root has not signed", world.Refusal(data, ann, bob), StringComparison.Ordinal);
        Assert.Contains("1 of the 3 owners of the customer beside the root have signed, 2 are needed", world.Refusal(data, ann, next), StringComparison.Ordinal);
        Assert.Contains("1 of the 3 owners", world.Refusal(data, world.Customer, ann, next), StringComparison.Ordinal);
        world.Do(data, ann, cid, next);
        Assert.True(world.State.MemberOf(next.Public) is { IsRoot: true, Role: Role.Owner, Party: Party.Customer });
        Assert.Null(world.State.MemberOf(world.Customer.Public));
        Assert.Contains("no member", world.Refusal(new MemberAdded(world.Key().Public.KeyId, Role.Owner, "x"), world.Customer), StringComparison.Ordinal);
        world.Do(new MemberRemoved(bob.Public.KeyId), next);
    }

    [Fact]
    public void A_quorum_cannot_be_made_of_one_owner_or_of_the_other_party()
    {
        var (ann, next) = (Person(Role.Owner), world.Key());
        var data = new RootReplaced(world.Customer.Public.KeyId, next.Public.KeyId, "mine now");
        Assert.Contains("2 are needed", world.Refusal(data, ann, next), StringComparison.Ordinal);
        var (vic, val) = (Person(Role.Owner, world.Vendor), Person(Role.Owner, world.Vendor));
        Assert.Contains("whose owners alone can replace it", world.Refusal(data, vic, val, next), StringComparison.Ordinal);
        Assert.Contains("1 of the 1 owners", world.Refusal(data, ann, vic, val, next), StringComparison.Ordinal);
        Person(Role.Approver);
        Assert.Contains("1 of the 1 owners", world.Refusal(data, ann, Person(Role.Operator), next), StringComparison.Ordinal);
        Assert.NotEmpty(world.Refusal(new RootReplaced(ann.Public.KeyId, next.Public.KeyId, "x"), ann, next));
    }

    [Fact]
    public void An_owner_gives_a_person_who_has_lost_their_key_another_in_one_act()
    {
        world.Carry(ChangeAction.Create);
        var (ann, next) = (Person(Role.Approver), world.Key());
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        world.Do(new ChangeApproved(change, plan.Hash), ann).Do(new MemberReplaced(ann.Public.KeyId, next.Public.KeyId), world.Customer);
        Assert.Equal(ChangeStatus.Planned, world.State.Changes[change].Status);
        Assert.Contains("no member", world.Refusal(new ChangeApproved(change, plan.Hash), ann), StringComparison.Ordinal);
        Assert.True(world.State.MemberOf(next.Public) is { Role: Role.Approver, Party: Party.Customer, Name: "somebody" });
        world.Do(new ChangeApproved(change, plan.Hash), next);
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
    }

    /// <summary>Being given another key is no way to approve what one has asked for oneself.</summary>
    [Fact]
    public void A_requester_whose_lost_key_is_replaced_is_still_the_requester()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        world.Chartered(CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Owner = Owner.Both, Approval = rule.Approval.SetItem("instances.create", new ApprovalNeed(0, 1, [], true)) }) });
        var (ann, next) = (Person(Role.Owner), world.Key());
        var change = world.Request(ChangeAction.Create, ann);
        var plan = world.Planned(change);
        world.Do(new MemberReplaced(ann.Public.KeyId, next.Public.KeyId), world.Customer);
        Assert.NotEmpty(world.Refusal(new ChangeApproved(change, plan.Hash), next));
        world.Do(new ChangeApproved(change, plan.Hash), Person(Role.Approver));
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);
    }

    [Fact]
    public void A_lost_key_is_replaced_by_owners_of_its_own_party_alone_and_never_a_roots()
    {
        var (ann, next) = (Person(Role.Approver), world.Key());
        Assert.Contains("whose owners alone can replace it", world.Refusal(new MemberReplaced(ann.Public.KeyId, next.Public.KeyId), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("a quorum of owners replaces it", world.Refusal(new MemberReplaced(world.Customer.Public.KeyId, next.Public.KeyId), Person(Role.Owner)), StringComparison.Ordinal);
        Assert.Contains("needs the permission 'Own'", world.Refusal(new MemberReplaced(ann.Public.KeyId, next.Public.KeyId), Person(Role.Operator)), StringComparison.Ordinal);
        Assert.Contains("is a member already", world.Refusal(new MemberReplaced(ann.Public.KeyId, world.Vendor.Public.KeyId), world.Customer), StringComparison.Ordinal);
        var bob = Person(Role.Owner);
        Assert.Contains("one's own key is changed with both keys", world.Refusal(new MemberReplaced(bob.Public.KeyId, next.Public.KeyId), bob), StringComparison.Ordinal);
        var replaced = world.Write(new MemberReplaced(ann.Public.KeyId, next.Public.KeyId), world.Customer);
        world.Do(replaced).Do(new MemberRemoved(next.Public.KeyId), world.Customer).Do(new MemberAdded(ann.Public.KeyId, Role.Viewer, "Ann again"), world.Customer);
        Assert.Contains("a replay", world.Refusal(replaced), StringComparison.Ordinal);
    }

    [Fact]
    public void A_persons_time_is_set_and_a_tokens_only_shortened()
    {
        var (ann, token) = (Person(Role.Viewer), world.Key());
        var end = world.Now.AddDays(2);
        world.Do(new MemberExpirySet(ann.Public.KeyId, end), world.Customer);
        Assert.Equal(end, world.State.MemberOf(ann.Public)!.ExpiresAt);
        world.Do(new MemberExpirySet(ann.Public.KeyId, null), world.Customer);
        Assert.Null(world.State.MemberOf(ann.Public)!.ExpiresAt);
        world.Do(new TokenIssued(token.Public.KeyId, "t", [Permission.Look], end), world.Customer);
        Assert.Contains("only shortened", world.Refusal(new MemberExpirySet(token.Public.KeyId, end.AddDays(1)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("only shortened", world.Refusal(new MemberExpirySet(token.Public.KeyId, null), world.Customer), StringComparison.Ordinal);
        world.Do(new MemberExpirySet(token.Public.KeyId, end.AddDays(-1)), world.Customer);
        Assert.Contains("does not expire", world.Refusal(new MemberExpirySet(world.Customer.Public.KeyId, end), world.Customer), StringComparison.Ordinal);
        Assert.Contains("must lie within 366 days", world.Refusal(new MemberExpirySet(ann.Public.KeyId, world.Now.AddDays(400)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("must lie within 366 days", world.Refusal(new MemberExpirySet(ann.Public.KeyId, world.Now.AddDays(-1)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("whose owners alone can limit it", world.Refusal(new MemberExpirySet(ann.Public.KeyId, end), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_quorum_counts_an_owner_once_however_often_they_sign()
    {
        var (ann, _, next) = (Person(Role.Owner), Person(Role.Owner), world.Key());
        var data = new RootReplaced(world.Customer.Public.KeyId, next.Public.KeyId, "mine now");
        var draft = world.Write(data, ann, next);
        Assert.Equal(draft.Bytes.ToArray(), draft.Cosign(ann).Bytes.ToArray());
        var envelope = DsseEnvelope.Parse(draft.Bytes).Envelope!;
        var twice = DsseEnvelope.Of(Entry.PayloadType, envelope.Payload, envelope.Signatures[0], envelope.Signatures[1], envelope.Signatures[0]);
        Assert.Contains("twice", Entry.Read(twice.Bytes).Fault, StringComparison.Ordinal);
        Assert.Contains("1 of the 2 owners", world.Refusal(draft), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_may_do_what_is_reviewed()
    {
        var ann = Person(Role.Approver);
        world.Do(new TokenIssued(world.Key().Public.KeyId, "nightly", [Permission.Look, Permission.Operate], world.Now.AddDays(30)), world.Vendor);
        var lines = AccessReview.Of(world.State, world.Now);
        var approver = lines.Single(l => l.Key == ann.Public.KeyId);
        Assert.Empty(approver.MayRequest);
        Assert.Equal(["instances.delete", "emergency.bundle", "emergency.milvus", "emergency.terminal"], approver.MayApprove);
        var service = lines.Single(l => l.Role == "service");
        Assert.Equal(["look", "operate"], service.Permissions);
        Assert.Contains("instances.create", service.MayRequest);
        Assert.Empty(service.MayApprove);
        Assert.Equal([true, true, false, false], lines.Select(l => l.IsRoot));
        Assert.Empty(lines.Single(l => l.IsRoot && l.Party == Party.Customer).MayRequest.Where(a => a.StartsWith("instances.", StringComparison.Ordinal)));
        Assert.NotNull(lines.Single(l => l.IsRoot && l.Party == Party.Vendor).LastActedAt);
        Assert.Equal("expired: take it out", AccessReview.Of(world.State, world.Now.AddDays(31)).Single(l => l.Role == "service").Remark);
        Assert.StartsWith("unused for 100 days", AccessReview.Of(world.State, world.Now.AddDays(100)).Single(l => l.IsRoot && l.Party == Party.Vendor).Remark, StringComparison.Ordinal);
    }

    private SigningKey Person(Role role, SigningKey? by = null)
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, role, "somebody"), by ?? world.Customer);
        return key;
    }

    private SigningKey Save(out SigningKey key) => key = world.Key();
}
