using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Emergency;

/// <summary>Folds everything that happens to sessions: the charter decides requests and openings, the lifecycle the rest.</summary>
internal static class SessionFold
{
    /// <summary>The session an entry is about, or null.</summary>
    public static SessionId? SessionOf(EntryData data) => data switch
    {
        SessionRequested d => d.Session,
        SessionApproved d => d.Session,
        SessionRejected d => d.Session,
        SessionWithdrawn d => d.Session,
        SessionRevoked d => d.Session,
        SessionRefused d => d.Session,
        SessionOpened d => d.Session,
        SessionCredentialIssued d => d.Session,
        SessionRecorded d => d.Session,
        SessionPrepared d => d.Session,
        SessionReleased d => d.Session,
        SessionEnded d => d.Session,
        SessionReviewed d => d.Session,
        _ => null,
    };

    public static Folded Apply(EnvironmentState state, Entry entry, EntryData data, Member? member)
    {
        if (data is SessionRequested requested) return Request(state, entry, requested, member!);
        if (SessionOf(data) is not { } id || !state.Sessions.TryGetValue(id, out var session)) return Folded.Refuse($"there is no session {SessionOf(data)}");
        var transition = data switch
        {
            SessionApproved d => SessionLifecycle.Approve(session, new Approval(entry.Author.KeyId, member!.Party, d.Terms, entry.At, member.Role)),
            SessionRejected d => Said(d.Reason) ?? SessionLifecycle.Reject(session, member!.Party, d.Reason, entry.At),
            SessionWithdrawn d => Said(d.Reason) ?? SessionLifecycle.Withdraw(session, member!.Party, d.Reason, entry.At),
            SessionRevoked d => Said(d.Reason) ?? SessionLifecycle.Revoke(session, new SessionRevocation($"the {member!.Party.Word()}", d.Reason, entry.At)),
            SessionRefused d => SessionLifecycle.Refuse(session, $"{d.Rule}: {d.Why}", entry.At),
            SessionOpened d => Opened(state, session, d, entry.At),
            SessionCredentialIssued d => Issued(session, d),
            SessionRecorded d => SessionLifecycle.Record(session, new RecordingMark(d.Events, d.Bytes, d.Head)),
            SessionPrepared d => SessionLifecycle.Prepare(session, d.Bundle, d.Bytes),
            SessionReleased d => SessionLifecycle.Release(session, member!.Party, d.Bundle),
            SessionEnded d => SessionLifecycle.End(session, new SessionEnd(d.Why, d.Detail, d.Difference), new RecordingMark(d.Events, d.Bytes, d.Head), entry.At),
            SessionReviewed d => Said(d.Note) ?? SessionLifecycle.Review(session, member!.Party, d.Head, new SessionReview(entry.Author.KeyId, entry.At, d.Note)),
            _ => SessionTransition.Refuse($"{entry.Body.Kind} is not about a session"),
        };
        return transition.Session is { } next ? Folded.To(With(state, next)) : Folded.Refuse(transition.Refusal!);
    }

    /// <summary>The state with a session as it is now, and what follows from that.</summary>
    public static EnvironmentState With(EnvironmentState state, Session next)
    {
        var before = state.Sessions.GetValueOrDefault(next.Id);
        state = state with { Sessions = state.Sessions.SetItem(next.Id, next) };
        if (next.AwaitsForcedReview != (before?.AwaitsForcedReview == true))
            state = state with { AwaitReview = next.AwaitsForcedReview ? state.AwaitReview.Add(next.Id) : state.AwaitReview.Remove(next.Id) };
        if (!next.IsEnded || before is not { IsEnded: false }) return state;
        state = state with { OpenSessions = state.OpenSessions.Remove(next.Id) };
        // What was approved beforehand for so many sessions is used up by one that was opened, not by one that was only asked for.
        return next is { Preapproved: { } act, OpenedAt: null } && state.PreapprovedUses.GetValueOrDefault(act) is > 0 and var uses
            ? state with { PreapprovedUses = state.PreapprovedUses.SetItem(act, uses - 1) }
            : state;
    }

    private static Folded Request(EnvironmentState state, Entry entry, SessionRequested data, Member member)
    {
        if (state.Sessions.ContainsKey(data.Session)) return Folded.Refuse($"session {data.Session} exists already");
        var decision = SessionRules.Decide(state, member, data.Terms, entry.At);
        if (decision is Decision.Denied denied) return Folded.Refuse($"{denied.Rule}: {denied.Why}");
        var needs = (decision as Decision.NeedsApproval)?.Who;
        var key = entry.Author.KeyId;
        var session = new Session(data.Session, data.Terms, data.Terms.Hash(data.Session, key), key, member.Party, entry.At, needs is null ? SessionStatus.Approved : SessionStatus.Requested, needs, [])
        {
            ApprovedAt = needs is null ? entry.At : null,
            Preapproved = (decision as Decision.Allowed)?.Preapproved,
        };
        if (session.Preapproved is { } act) state = state with { PreapprovedUses = state.PreapprovedUses.SetItem(act, state.PreapprovedUses.GetValueOrDefault(act) + 1) };
        return Folded.To(With(state with { OpenSessions = state.OpenSessions.Add(session.Id) }, session));
    }

    private static SessionTransition Opened(EnvironmentState state, Session session, SessionOpened data, DateTimeOffset at)
    {
        if (data.Confinement.Length > SessionLimits.MaxCommand) return SessionTransition.Refuse($"confinement has {data.Confinement.Length} characters, at most {SessionLimits.MaxCommand} are allowed");
        var opened = SessionLifecycle.Open(session, data, at);
        return opened.Session is not null && SessionRules.AgainstOpening(state, session, at) is { } against ? SessionTransition.Refuse($"{against.Rule}: {against.Why}") : opened;
    }

    private static SessionTransition Issued(Session session, SessionCredentialIssued data)
    {
        if (session is not { Status: SessionStatus.Open, Terms.Kind: SessionKind.Milvus, Credential: null }) return SessionTransition.Refuse($"session {session.Id} has no place for a credential");
        return AgeFile.IsSealed(data.Sealed) ? SessionTransition.To(session with { Credential = new Instances.SealedCredential(data.User, data.Sealed) }) : SessionTransition.Refuse("sealed is not an armored age file");
    }

    private static SessionTransition? Said(string reason) => HaltLimits.Fault(reason) is { } fault ? SessionTransition.Refuse(fault) : null;
}

/// <summary>What becomes of sessions when a key changes or goes, when the vendor is severed, and when the agent is revoked.</summary>
internal static class SessionKeys
{
    /// <summary>The same person under another key.</summary>
    public static EnvironmentState Moved(EnvironmentState state, string from, string to) => Each(state, session => session with
    {
        RequestedBy = session.RequestedBy == from ? to : session.RequestedBy,
        Approvals = [.. session.Approvals.Select(a => a.Key == from ? a with { Key = to } : a)],
    });

    /// <summary>A key that counts for nothing any more: what it asked for ends, and what it approved and is not open waits again.</summary>
    public static EnvironmentState Without(EnvironmentState state, string key, DateTimeOffset at) => Each(state, session =>
    {
        if (session.RequestedBy == key) return TakenAway(session, "the roles", "the key that asked for it counts for nothing any more", at);
        if (session.IsEnded || session.Status == SessionStatus.Open || !session.Approvals.Any(a => a.Key == key)) return session;
        return session with { Approvals = session.Approvals.RemoveAll(a => a.Key == key), Status = SessionStatus.Requested, ApprovedAt = null };
    });

    /// <summary>The vendor is severed: nothing of its goes on, and what was open is taken away.</summary>
    public static EnvironmentState Severed(EnvironmentState state, DateTimeOffset at) => Each(state, session =>
        session.RequestedFor == Party.Vendor ? TakenAway(session, "the customer", "the customer has severed the vendor", at) : session);

    /// <summary>The agent is revoked, and can say nothing of its sessions any more: they are over for everybody.</summary>
    public static EnvironmentState Orphaned(EnvironmentState state, DateTimeOffset at) => Each(state, session => session.Status == SessionStatus.Open
        ? session with
        {
            Status = SessionStatus.Ended,
            EndedAt = at,
            End = new SessionEnd(SessionEndReason.AuthorityLost, "the agent was revoked in the middle of it; what it recorded after its last pin is its own word only", "not known"),
        }
        : session);

    private static Session TakenAway(Session session, string by, string why, DateTimeOffset at)
    {
        if (session.Status == SessionStatus.Open) return session.Revocation is null ? session with { Revocation = new SessionRevocation(by, why, at) } : session;
        return SessionLifecycle.NeverOpened(session, SessionStatus.Withdrawn, why, at);
    }

    private static EnvironmentState Each(EnvironmentState state, Func<Session, Session> next)
    {
        foreach (var id in state.OpenSessions)
        {
            var session = state.Sessions[id];
            if (next(session) is var after && after != session) state = SessionFold.With(state, after);
        }

        return state;
    }
}
