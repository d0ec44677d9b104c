using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Emergency;

/// <summary>
/// What the charter and the state say to a session: when it is asked for, when it is opened, and for as long as it is open. Plane, agent and CLI ask the same
/// functions; the agent asks them for real, by its own clock.
/// </summary>
public static class SessionRules
{
    /// <summary>Decides a request as of a moment.</summary>
    public static Decision Decide(EnvironmentState state, Member member, SessionTerms terms, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(terms);
        if (Fault(terms) is { } fault) return new Decision.Denied("request", fault);
        if (Beyond(state, terms, state.OpenSessions.Count) is { } beyond) return beyond;
        if (Unfit(state, terms) is { } unfit) return new Decision.Denied("instance", unfit);
        if (member.Party == Party.Vendor && Blocked(state) is { } blocked) return new Decision.Denied("emergency.review", blocked);
        return ByCharter(state, member, terms, at);
    }

    /// <summary>Why a session that is approved must not be opened at this moment, or null. The charter may have been amended, a key may have gone, an instance may have moved.</summary>
    public static Decision.Denied? AgainstOpening(EnvironmentState state, Session session, DateTimeOffset at)
    {
        if (AgainstGoingOn(state, session, at) is { } against) return against;
        if (Unfit(state, session.Terms) is { } unfit) return new Decision.Denied("instance", unfit);
        if (session.RequestedFor == Party.Vendor && Blocked(state) is { } blocked) return new Decision.Denied("emergency.review", blocked);
        return Beyond(state, session.Terms, state.OpenSessions.Count(id => id != session.Id));
    }

    /// <summary>Why a session must not be, or go on being, open at this moment, or null.</summary>
    public static Decision.Denied? AgainstGoingOn(EnvironmentState state, Session session, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(session);
        if (state.Members.GetValueOrDefault(session.RequestedBy) is not { } member) return new Decision.Denied("member", $"{session.RequestedBy}, who asked for it, is no member any more");
        if (member.IsExpired(at)) return new Decision.Denied("member", $"{session.RequestedBy} expired at {member.ExpiresAt:u}");
        if (!member.Allows(Permission.Operate)) return new Decision.Denied("member", $"the role '{member.RoleWord}' may not ask for sessions");
        if (state.Severed is not null && member.Party == Party.Vendor) return new Decision.Denied("severed", "the customer has severed the vendor");
        return ByCharter(state, member, session.Terms, at) switch
        {
            Decision.Denied denied => denied,
            Decision.NeedsApproval needs when !needs.Who.IsMetBy(session.Approvals, session.RequestedBy) && !StillPreapproved(state, session, at) =>
                new Decision.Denied(needs.Rule, $"the charter now asks for the approval of the {needs.Who.Word()}"),
            _ => null,
        };
    }

    /// <summary>Why the vendor may change nothing for now: a session was opened by override and the customer has not reviewed it. Null when there is none.</summary>
    public static string? Blocked(EnvironmentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.AwaitReview.IsEmpty ? null : $"session {state.AwaitReview[0]} was opened by override: nothing of the vendor's begins until the customer has reviewed it (demarc emergency review {state.AwaitReview[0]})";
    }

    // The use is consumed with the request, so that what counts later is whether the act still stands.
    private static bool StillPreapproved(EnvironmentState state, Session session, DateTimeOffset at) =>
        session.Preapproved is { } act && CharterDecision.StillPreapproved(state, act, session.Terms.Kind.Action(), session.Terms.Instance, at);

    private static Decision ByCharter(EnvironmentState state, Member member, SessionTerms terms, DateTimeOffset at)
    {
        var usual = CharterDecision.DecideAct(state, member, terms.Kind.Action(), terms.Instance, at);
        return !terms.Override || usual is Decision.Denied ? usual : CharterDecision.DecideAct(state, member, ChangeAction.Override, terms.Instance, at);
    }

    private static string? Fault(SessionTerms terms)
    {
        if (string.IsNullOrWhiteSpace(terms.Reason)) return "reason is empty: say why, the other side reads it";
        if (terms.Reason.Length > Changes.HaltLimits.MaxReason) return $"reason has {terms.Reason.Length} characters, at most {Changes.HaltLimits.MaxReason} are allowed";
        if (terms.Minutes is < 1 or > SessionLimits.MaxMinutes) return $"minutes is {terms.Minutes}, not within 1 to {SessionLimits.MaxMinutes}";
        if (terms.Kind != SessionKind.Milvus) return terms.Instance is null && terms.Recipient is null ? null : $"a {terms.Kind.Word()} session names neither an instance nor a recipient";
        if (terms.Instance is null) return "a milvus session names its instance";
        return AgeRecipient.TryParse(terms.Recipient, out _) ? null : "a milvus session names the recipient of its credential, an 'age1…' key";
    }

    private static string? Unfit(EnvironmentState state, SessionTerms terms)
    {
        if (terms.Instance is not { } id) return null;
        if (!state.Instances.TryGetValue(id, out var instance)) return $"there is no instance {id}";
        return instance.Status == InstanceStatus.Ready ? null : $"instance {id} is {instance.Status.ToString().ToLowerInvariant()}, not ready";
    }

    private static Decision.Denied? Beyond(EnvironmentState state, SessionTerms terms, int others)
    {
        var limits = state.Charter?[TaskId.Emergency].Limits;
        var minutes = limits?.GetValueOrDefault(CharterLimits.MaxSessionMinutes, SessionLimits.MaxMinutes) ?? SessionLimits.MaxMinutes;
        var open = limits?.GetValueOrDefault(CharterLimits.MaxOpenSessions, SessionLimits.MaxOpen) ?? SessionLimits.MaxOpen;
        if (terms.Minutes > minutes) return Limit(CharterLimits.MaxSessionMinutes, $"{terms.Minutes} minutes were asked for and the charter allows {minutes}: ask for less, or amend the charter.");
        return others >= open ? Limit(CharterLimits.MaxOpenSessions, $"{others} sessions are asked for or open and the charter allows {open}: wait until one has ended, or amend the charter.") : null;
    }

    private static Decision.Denied Limit(string limit, string why) => new($"tasks.{TaskId.Emergency.Slug()}.limits.{limit}", why);
}
