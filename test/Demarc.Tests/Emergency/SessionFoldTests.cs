using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Emergency;

/// <summary>What the ledger lets happen to sessions, and whom. Attacks are named after what they try.</summary>
public sealed class SessionFoldTests
{
    private readonly World world = new World().Joined();

    [Fact]
    public void A_vendor_approves_itself()
    {
        var id = Request();
        Assert.Contains("no approval of the vendor is awaited", world.Refusal(new SessionApproved(id, Hash(id)), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("cannot be opened", world.Refusal(Opened(id), world.Agent), StringComparison.Ordinal);
        Assert.Contains("written by the joined agent", world.Refusal(Opened(id), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void A_customer_s_operator_who_may_not_approve_does()
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, Role.Operator, "ops"), world.Customer);
        var id = Request();
        Assert.Contains("needs the permission 'Approve'", world.Refusal(new SessionApproved(id, Hash(id)), key), StringComparison.Ordinal);
    }

    [Fact]
    public void An_approval_is_replayed()
    {
        var first = Request();
        world.Do(new SessionApproved(first, Hash(first)), world.Customer).Do(Opened(first), world.Agent).Do(Ended(first), world.Agent);
        var second = Request();

        // The same words for another session: its terms have another hash, because they name it.
        Assert.NotEqual(Hash(first), Hash(second));
        Assert.Contains("the approval names terms", world.Refusal(new SessionApproved(second, Hash(first)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("is ended and cannot be approved", world.Refusal(new SessionApproved(first, Hash(first)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("exists already", world.Refusal(new SessionRequested(first, Terms()), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("is ended and cannot be opened", world.Refusal(Opened(first), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plane_forges_an_approval()
    {
        var id = Request();
        Assert.Contains("no member", world.Refusal(new SessionApproved(id, Hash(id)), world.Plane), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(new SessionRevoked(id, "x"), world.Plane), StringComparison.Ordinal);
    }

    [Fact]
    public void The_terms_that_are_opened_are_the_ones_that_were_approved()
    {
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer);
        Assert.Contains("names terms", world.Refusal(Opened(id) with { Terms = "sha256:00" }, world.Agent), StringComparison.Ordinal);
        Assert.Contains("the clock", world.Refusal(Opened(id) with { Until = world.Now.AddDays(1) }, world.Agent), StringComparison.Ordinal);
        world.Do(Opened(id), world.Agent);
    }

    [Fact]
    public void More_is_asked_for_than_the_charter_allows()
    {
        Assert.Contains("tasks.emergency.limits.max-session-minutes: 61 minutes were asked for and the charter allows 60", world.Refusal(new SessionRequested(SessionId.New(world.Fill), Terms() with { Minutes = 61 }), world.Vendor), StringComparison.Ordinal);
        Request();
        Request();
        Assert.Contains("tasks.emergency.limits.max-open-sessions: 2 sessions", world.Refusal(new SessionRequested(SessionId.New(world.Fill), Terms()), world.Vendor), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "why", "minutes is 0")]
    [InlineData(5, " ", "reason is empty")]
    public void Terms_that_make_no_sense_are_refused(int minutes, string reason, string words) =>
        Assert.Contains(words, world.Refusal(new SessionRequested(SessionId.New(world.Fill), Terms() with { Minutes = minutes, Reason = reason }), world.Vendor), StringComparison.Ordinal);

    [Fact]
    public void A_milvus_session_names_a_ready_instance_and_a_recipient()
    {
        var milvus = new SessionTerms(SessionKind.Milvus, World.Docs, 5, false, AgeIdentity.Generate(world.Fill).Recipient.ToString(), "why");
        Assert.Contains("there is no instance docs", world.Refusal(new SessionRequested(SessionId.New(world.Fill), milvus), world.Vendor), StringComparison.Ordinal);
        world.Carry(ChangeAction.Create);
        Assert.Contains("age1", world.Refusal(new SessionRequested(SessionId.New(world.Fill), milvus with { Recipient = null }), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("neither an instance nor", world.Refusal(new SessionRequested(SessionId.New(world.Fill), milvus with { Kind = SessionKind.Terminal }), world.Vendor), StringComparison.Ordinal);
        var id = Request(milvus);
        world.Do(new SessionApproved(id, Hash(id)), world.Customer).Do(Opened(id), world.Agent);
        Assert.Contains("armored age file", world.Refusal(new SessionCredentialIssued(id, "u", "the password in clear"), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_people_of_the_customer_where_the_charter_asks_for_two()
    {
        var strict = Charter(rule => rule with { Approval = rule.Approval.SetItem("emergency.terminal", new ApprovalNeed(0, 2, [Role.Approver, Role.Owner], true)) });
        world.Chartered(strict);
        var ann = world.Key();
        world.Do(new MemberAdded(ann.Public.KeyId, Role.Approver, "ann"), world.Customer);
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer);
        Assert.Equal(SessionStatus.Requested, world.State.Sessions[id].Status);
        Assert.Contains("has approved session", world.Refusal(new SessionApproved(id, Hash(id)), world.Customer), StringComparison.Ordinal);
        Assert.Contains("cannot be opened", world.Refusal(Opened(id), world.Agent), StringComparison.Ordinal);
        world.Do(new SessionApproved(id, Hash(id)), ann);
        Assert.Equal(SessionStatus.Approved, world.State.Sessions[id].Status);
        Assert.Equal(world.Now, world.State.Sessions[id].ApprovedAt);

        // The key that gave one of two approvals goes: the other alone is not enough.
        world.Do(new MemberRemoved(ann.Public.KeyId), world.Customer);
        Assert.Equal(SessionStatus.Requested, world.State.Sessions[id].Status);
    }

    [Fact]
    public void What_was_approved_before_an_override_was_opened_waits_for_its_review_too()
    {
        world.Chartered(Charter(rule => rule with { Override = true }));
        var before = Request();
        world.Do(new SessionApproved(before, Hash(before)), world.Customer);
        var forced = Request(Terms() with { Override = true });
        world.Do(Opened(forced), world.Agent);
        Assert.Contains("emergency.review", world.Refusal(Opened(before), world.Agent), StringComparison.Ordinal);
        world.Do(Ended(forced), world.Agent).Do(new SessionReviewed(forced, world.State.Sessions[forced].Recording!.Head, "seen"), world.Customer).Do(Opened(before), world.Agent);
    }

    [Fact]
    public void A_preapproved_session_is_used_up_by_being_opened_and_not_by_being_asked_for()
    {
        world.Chartered(CharterDocument.Default with { Version = 2, Preapproved = [new PreapprovedAct("night", "emergency.terminal", null, 1, new DateOnly(2026, 12, 31))] });
        var first = Request();
        Assert.Equal(SessionStatus.Approved, world.State.Sessions[first].Status);
        Assert.Equal(SessionStatus.Requested, StatusOf(Request()));
        world.Do(new SessionWithdrawn(first, "not needed"), world.Vendor);
        Assert.Equal(0, world.State.PreapprovedUses["night"]);
        var again = Request();
        Assert.Equal(SessionStatus.Approved, world.State.Sessions[again].Status);
        world.Do(Opened(again), world.Agent).Do(Ended(again), world.Agent);
        Assert.Equal(1, world.State.PreapprovedUses["night"]);
        Assert.Equal(SessionStatus.Requested, StatusOf(Request()));
    }

    [Fact]
    public void An_override_is_refused_where_the_charter_does_not_allow_it()
    {
        Assert.Contains("tasks.emergency.override", world.Refusal(new SessionRequested(SessionId.New(world.Fill), Terms() with { Override = true }), world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public void An_override_opens_at_once_and_holds_the_vendor_up_until_the_customer_has_reviewed_it()
    {
        world.Chartered(Charter(rule => rule with { Override = true }));
        var waiting = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.Planned(waiting);
        var id = Request(Terms() with { Override = true });
        Assert.Equal(SessionStatus.Approved, world.State.Sessions[id].Status);
        world.Do(Opened(id), world.Agent);
        Assert.Contains(Demarc.Core.Monitoring.AwaitedThing.Of(world.State), thing => thing.Kind == "review" && thing.Party == Party.Customer);
        Assert.Contains("emergency.review", world.Refusal(new Demarc.Core.Ledger.ChangeRequested(Demarc.Core.Changes.ChangeId.New(world.Fill), new Demarc.Core.Instances.InstanceRequest("instances.create", Demarc.Core.Instances.InstanceId.Parse("other"), World.Small)), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("waits for the review", world.Refusal(new ChangeStarted(waiting, plan.Hash), world.Agent), StringComparison.Ordinal);
        Assert.Contains("emergency.review", world.Refusal(new SessionRequested(SessionId.New(world.Fill), Terms() with { Override = true }), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("cannot be reviewed", world.Refusal(new SessionReviewed(id, "h0", "x"), world.Customer), StringComparison.Ordinal);
        world.Do(Ended(id), world.Agent);
        Assert.Contains("by the customer", world.Refusal(new SessionReviewed(id, "h2", "all well"), world.Vendor), StringComparison.Ordinal);
        world.Do(new SessionReviewed(id, "h2", "all well"), world.Customer).Do(new ChangeStarted(waiting, plan.Hash), world.Agent);
        Assert.Empty(world.State.AwaitReview);
    }

    [Fact]
    public void A_revoked_session_is_over_only_when_the_agent_says_so_and_never_opens_again()
    {
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer).Do(Opened(id), world.Agent).Do(new SessionRevoked(id, "enough"), world.Customer);
        Assert.Equal(("ending", false), (world.State.Sessions[id].Word, world.State.Sessions[id].IsEnded));
        Assert.Contains("revoked already", world.Refusal(new SessionRevoked(id, "me too"), world.Vendor), StringComparison.Ordinal);
        world.Do(Ended(id) with { Why = SessionEndReason.Revoked }, world.Agent);
        Assert.Contains("is ended", world.Refusal(Opened(id), world.Agent), StringComparison.Ordinal);
        var unopened = Request();
        world.Do(new SessionApproved(unopened, Hash(unopened)), world.Customer).Do(new SessionRevoked(unopened, "no"), world.Customer);
        Assert.Contains("is revoked and cannot be opened", world.Refusal(Opened(unopened), world.Agent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_session_outlives_its_clock()
    {
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer);
        Assert.Contains("is approved until", world.Refusal(Ended(id) with { Why = SessionEndReason.Expired }, world.Agent), StringComparison.Ordinal);
        world.Now = world.Now.AddMinutes(31);
        Assert.Contains("was over at", world.Refusal(Opened(id), world.Agent), StringComparison.Ordinal);
        world.Do(Ended(id) with { Why = SessionEndReason.Expired }, world.Agent);
        Assert.Equal(SessionStatus.Expired, world.State.Sessions[id].Status);
    }

    [Fact]
    public void Whoever_leaves_takes_no_session_along()
    {
        var (bob, carol) = (world.Key(), world.Key());
        world.Do(new MemberAdded(bob.Public.KeyId, Role.Operator, "bob"), world.Vendor).Do(new MemberAdded(carol.Public.KeyId, Role.Operator, "carol"), world.Vendor);
        var (open, waiting) = (Request(by: bob), Request(by: carol));
        world.Do(new SessionApproved(open, Hash(open)), world.Customer).Do(Opened(open), world.Agent).Do(new SessionApproved(waiting, Hash(waiting)), world.Customer);
        world.Do(new MemberRemoved(bob.Public.KeyId), world.Vendor);
        Assert.Equal("ending", world.State.Sessions[open].Word);
        Assert.NotNull(SessionRules.AgainstGoingOn(world.State, world.State.Sessions[open], world.Now));

        // A changed key goes on being the same person's; a lost one does not.
        var next = world.Key();
        world.Do(new MemberRekeyed(next.Public.KeyId), carol, next);
        Assert.Equal(next.Public.KeyId, world.State.Sessions[waiting].RequestedBy);
        Assert.Equal(Hash(waiting), SessionTerms.HashOf(SessionViews.Of(world.State, world.State.Sessions[waiting]).TermsText));
        world.Do(new MemberReplaced(next.Public.KeyId, world.Key().Public.KeyId), world.Vendor);
        Assert.Equal(SessionStatus.Withdrawn, world.State.Sessions[waiting].Status);
    }

    [Fact]
    public void Severing_the_vendor_and_revoking_the_agent_end_what_is_open()
    {
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer).Do(Opened(id), world.Agent);
        var orphaned = world.State;
        world.Do(new VendorSevered(new NoteKey("plane.own", world.Key().Public).ToString(), "the contract ended"), world.Customer);
        Assert.Equal("ending", world.State.Sessions[id].Word);
        world.State = orphaned;
        world.Do(new AgentRevoked(world.Agent.Public.KeyId, "lost"), world.Customer);
        Assert.Equal((SessionStatus.Ended, SessionEndReason.AuthorityLost), (world.State.Sessions[id].Status, world.State.Sessions[id].End!.Why));
        Assert.Empty(world.State.OpenSessions);
    }

    [Fact]
    public void What_the_charter_says_now_counts_when_a_session_is_opened()
    {
        var id = Request();
        world.Do(new SessionApproved(id, Hash(id)), world.Customer);
        world.Chartered(Charter(rule => rule with { Owner = Owner.Customer }));
        Assert.Contains("tasks.emergency.owner", world.Refusal(Opened(id), world.Agent), StringComparison.Ordinal);
        world.Do(new SessionRefused(id, "tasks.emergency.owner", "no"), world.Agent);
    }

    [Fact]
    public void A_bundle_leaves_only_as_released_by_the_customer()
    {
        var id = Request(Terms() with { Kind = SessionKind.Bundle });
        world.Do(new SessionApproved(id, Hash(id)), world.Customer).Do(Opened(id), world.Agent);
        Assert.Contains("no bundle to release", world.Refusal(new SessionReleased(id, "b"), world.Customer), StringComparison.Ordinal);
        world.Do(new SessionPrepared(id, "b", 100), world.Agent);
        Assert.Contains("the customer's to release", world.Refusal(new SessionReleased(id, "b"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("the collected one is b", world.Refusal(new SessionReleased(id, "c"), world.Customer), StringComparison.Ordinal);
        world.Do(new SessionReleased(id, "b"), world.Customer);
    }

    private static CharterDocument Charter(Func<CharterRule, CharterRule> change) =>
        CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Emergency, change(CharterDocument.Default[TaskId.Emergency])) };

    private static SessionTerms Terms() => new(SessionKind.Terminal, null, 30, false, null, "searches time out");

    private SessionId Request(SessionTerms? terms = null, SigningKey? by = null)
    {
        var id = SessionId.New(world.Fill);
        world.Do(new SessionRequested(id, terms ?? Terms()), by ?? world.Vendor);
        return id;
    }

    private SessionStatus StatusOf(SessionId id) => world.State.Sessions[id].Status;

    private string Hash(SessionId id) => world.State.Sessions[id].TermsHash;

    private SessionOpened Opened(SessionId id) => new(id, Hash(id), world.State.Sessions[id].ExpiresAt, "shut in", null, "h0");

    private static SessionEnded Ended(SessionId id) => new(id, SessionEndReason.Left, "left", 2, 20, "h2", "nothing");
}
