using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Core.Emergency;

/// <summary>What a transition gives: the changed session, or why it is not allowed.</summary>
/// <param name="Session">After the transition; null when refused.</param>
/// <param name="Refusal">Why not; null when allowed.</param>
public readonly record struct SessionTransition(Session? Session, string? Refusal)
{
    internal static SessionTransition To(Session session) => new(session, null);

    internal static SessionTransition Refuse(string why) => new(null, why);
}

/// <summary>
/// The state machine of a session, pure. Every transition says from which states it is legal; everything else is refused with the state named. Who may cause
/// one is the fold's business; whether it makes sense is decided here, and time is the time that entries say.
/// </summary>
public static class SessionLifecycle
{
    /// <summary>A person approves exactly these terms for their side. With the last approval the clock starts.</summary>
    public static SessionTransition Approve(Session session, Approval approval)
    {
        if (session.Status != SessionStatus.Requested) return Illegal(session, "be approved");
        if (approval.PlanHash != session.TermsHash) return SessionTransition.Refuse($"the approval names terms {approval.PlanHash}, those of session {session.Id} are {session.TermsHash}");
        if (approval.At >= session.ExpiresAt) return SessionTransition.Refuse($"the request of session {session.Id} has lapsed at {session.ExpiresAt:u}");
        if (session.NeedsApproval!.Fault(approval, session.RequestedBy) is { } fault) return SessionTransition.Refuse(fault);
        if (session.Approvals.Any(a => a.Key == approval.Key)) return SessionTransition.Refuse($"{approval.Key} has approved session {session.Id} already: another person is needed");
        if (!session.Awaits.Contains(approval.Party)) return SessionTransition.Refuse($"no further approval of the {approval.Party.Word()} is awaited");
        var approved = session with { Approvals = session.Approvals.Add(approval) };
        if (!approved.Awaits.IsEmpty) return SessionTransition.To(approved);
        // An approval that is dated back starts no clock before there was anything to approve.
        return SessionTransition.To(approved with { Status = SessionStatus.Approved, ApprovedAt = approval.At > session.RequestedAt ? approval.At : session.RequestedAt });
    }

    /// <summary>Whoever has a say in it says no.</summary>
    public static SessionTransition Reject(Session session, Party party, string reason, DateTimeOffset at)
    {
        if (session.Status != SessionStatus.Requested) return Illegal(session, "be rejected");
        return session.NeedsApproval!.Includes(party)
            ? SessionTransition.To(NeverOpened(session, SessionStatus.Rejected, reason, at))
            : SessionTransition.Refuse($"the {party.Word()} has no say in session {session.Id}");
    }

    /// <summary>The side that asked takes it back before it is opened.</summary>
    public static SessionTransition Withdraw(Session session, Party party, string reason, DateTimeOffset at)
    {
        if (session.Status is not (SessionStatus.Requested or SessionStatus.Approved)) return Illegal(session, "be withdrawn");
        return session.RequestedFor == party
            ? SessionTransition.To(NeverOpened(session, SessionStatus.Withdrawn, reason, at))
            : SessionTransition.Refuse($"session {session.Id} was asked for by the {session.RequestedFor.Word()}, who alone can withdraw it");
    }

    /// <summary>Somebody takes it away. Before it is opened that ends it; an open one is over once the agent says that nothing of it runs any more.</summary>
    public static SessionTransition Revoke(Session session, SessionRevocation revocation)
    {
        if (session.Status == SessionStatus.Approved) return SessionTransition.To(NeverOpened(session, SessionStatus.Revoked, revocation.Reason, revocation.At) with { Revocation = revocation });
        if (session.Status != SessionStatus.Open) return Illegal(session, "be revoked");
        return session.Revocation is null
            ? SessionTransition.To(session with { Revocation = revocation })
            : SessionTransition.Refuse($"session {session.Id} is revoked already, by {session.Revocation.By}");
    }

    /// <summary>The agent will not open it.</summary>
    public static SessionTransition Refuse(Session session, string why, DateTimeOffset at) => session.Status is SessionStatus.Requested or SessionStatus.Approved
        ? SessionTransition.To(NeverOpened(session, SessionStatus.Refused, why, at))
        : Illegal(session, "be refused");

    /// <summary>The agent opens it: within its time, under exactly the approved terms.</summary>
    public static SessionTransition Open(Session session, SessionOpened opening, DateTimeOffset at)
    {
        if (session.Status != SessionStatus.Approved) return Illegal(session, "be opened");
        if (opening.Terms != session.TermsHash) return SessionTransition.Refuse($"the opening names terms {opening.Terms}, the approved ones are {session.TermsHash}");
        if (opening.Until != session.ExpiresAt) return SessionTransition.Refuse($"the opening says until {opening.Until:O}, the clock that began with the approval ends at {session.ExpiresAt:O}");
        if (at >= session.ExpiresAt) return SessionTransition.Refuse($"the time of session {session.Id} was over at {session.ExpiresAt:u}");
        if (at < session.ApprovedAt - SessionLimits.ClockTolerance) return SessionTransition.Refuse($"the clock of session {session.Id} begins at {session.ApprovedAt:u}");
        return SessionTransition.To(session with { Status = SessionStatus.Open, OpenedAt = at, Confinement = opening.Confinement, Account = opening.Account, Recording = new RecordingMark(0, 0, opening.Head) });
    }

    /// <summary>The agent pins how far the recording goes: forwards only.</summary>
    public static SessionTransition Record(Session session, RecordingMark mark)
    {
        if (session.Status != SessionStatus.Open) return Illegal(session, "be recorded");
        return mark.Events > session.Recording!.Events && mark.Bytes > session.Recording.Bytes
            ? SessionTransition.To(session with { Recording = mark })
            : SessionTransition.Refuse($"the recording of session {session.Id} stands at {session.Recording.Events} lines, {mark.Events} is not further");
    }

    /// <summary>The agent has collected the bundle.</summary>
    public static SessionTransition Prepare(Session session, string hash, long bytes)
    {
        if (session.Status != SessionStatus.Open) return Illegal(session, "be prepared");
        if (session.Terms.Kind != SessionKind.Bundle) return SessionTransition.Refuse($"session {session.Id} is a {session.Terms.Kind.Word()}, not a bundle");
        if (bytes is <= 0 or > SessionLimits.MaxBundleBytes) return SessionTransition.Refuse($"a bundle has 1 to {SessionLimits.MaxBundleBytes} bytes, not {bytes}");
        return session.Bundle is null ? SessionTransition.To(session with { Bundle = new SessionBundle(hash, bytes, false) }) : SessionTransition.Refuse($"session {session.Id} has its bundle already");
    }

    /// <summary>The customer lets exactly this bundle leave.</summary>
    public static SessionTransition Release(Session session, Party party, string hash)
    {
        if (session.Status != SessionStatus.Open || session.Revocation is not null) return Illegal(session, "be released");
        if (party != Party.Customer) return SessionTransition.Refuse("what leaves the customer's account is the customer's to release");
        if (session.Bundle is not { } bundle) return SessionTransition.Refuse($"session {session.Id} has no bundle to release");
        if (bundle.Released) return SessionTransition.Refuse($"the bundle of session {session.Id} is released already");
        return bundle.Hash == hash ? SessionTransition.To(session with { Bundle = bundle with { Released = true } }) : SessionTransition.Refuse($"the release names bundle {hash}, the collected one is {bundle.Hash}");
    }

    /// <summary>The agent says that it is over; before it was opened only because its time is.</summary>
    public static SessionTransition End(Session session, SessionEnd end, RecordingMark mark, DateTimeOffset at)
    {
        if (session.Status is SessionStatus.Requested or SessionStatus.Approved)
        {
            if (end.Why != SessionEndReason.Expired || at < session.ExpiresAt) return SessionTransition.Refuse($"session {session.Id} is {session.Word} until {session.ExpiresAt:u}");
            return SessionTransition.To(NeverOpened(session, SessionStatus.Expired, session.ApprovedAt is null ? "nobody approved it in time" : "nobody opened it in time", at));
        }

        if (session.Status != SessionStatus.Open) return Illegal(session, "end");
        if (mark.Events < session.Recording!.Events) return SessionTransition.Refuse($"the recording of session {session.Id} stands at {session.Recording.Events} lines, it cannot end with {mark.Events}");
        return SessionTransition.To(session with { Status = SessionStatus.Ended, EndedAt = at, End = end, Recording = mark });
    }

    /// <summary>The customer has looked at it.</summary>
    public static SessionTransition Review(Session session, Party party, string head, SessionReview review)
    {
        if (session.Status != SessionStatus.Ended) return Illegal(session, "be reviewed");
        if (party != Party.Customer) return SessionTransition.Refuse("a session is reviewed by the customer, in whose account it was");
        if (session.Review is not null) return SessionTransition.Refuse($"session {session.Id} is reviewed already");
        return head == session.Recording!.Head
            ? SessionTransition.To(session with { Review = review })
            : SessionTransition.Refuse($"the review names the recording {head}, the one of session {session.Id} is {session.Recording.Head}");
    }

    internal static Session NeverOpened(Session session, SessionStatus status, string reason, DateTimeOffset at) => session with { Status = status, Reason = reason, EndedAt = at };

    private static SessionTransition Illegal(Session session, string verb) => SessionTransition.Refuse($"session {session.Id} is {session.Word} and cannot {verb}");
}
