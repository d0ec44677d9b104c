using System.Collections.Immutable;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Emergency;

/// <summary>One approval of a session.</summary>
public sealed record SessionApprovalView(string Key, Party Party, string Role, DateTimeOffset At);

/// <summary>An emergency session. <c>TermsText</c> is the exact text that its hash covers.</summary>
public sealed record SessionView(
    string Id, string Kind, string? Instance, int Minutes, bool Override, string Reason, string Status, string RequestedBy, Party RequestedFor, DateTimeOffset RequestedAt,
    string TermsHash, string TermsText, string? NeedsApproval, ImmutableArray<Party> Awaits, ImmutableArray<SessionApprovalView> Approvals)
{
    /// <summary>Exactly whose approval is missing.</summary>
    public ImmutableArray<AwaitedView> Awaited { get; init; } = [];

    /// <summary>The preapproved act that let it through; null when none did.</summary>
    public string? Preapproved { get; init; }

    /// <summary>When its clock began.</summary>
    public DateTimeOffset? ApprovedAt { get; init; }

    /// <summary>When the agent opened it.</summary>
    public DateTimeOffset? OpenedAt { get; init; }

    /// <summary>When it ends, or its request lapses, if nothing else ends it before; null once it has ended.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>How the agent confines what runs in it.</summary>
    public string? Confinement { get; init; }

    /// <summary>Who took it away, and why.</summary>
    public string? Revoked { get; init; }

    /// <summary>When it was over.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Why it ended, in a word; null for one that is not over or was never open.</summary>
    public SessionEndReason? End { get; init; }

    /// <summary>Why it ended, in a sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>What it has changed, as the agent sees it.</summary>
    public string? Difference { get; init; }

    /// <summary>How far its recording stands in the ledger.</summary>
    public RecordingMark? Recording { get; init; }

    /// <summary>Its bundle, once collected.</summary>
    public SessionBundle? Bundle { get; init; }

    /// <summary>The user of its temporary credential.</summary>
    public string? CredentialUser { get; init; }

    /// <summary>Its password, an armored age file for who asked. It is good for nothing once the session is over.</summary>
    public string? CredentialSealed { get; init; }

    /// <summary>The port on which the instance of a Milvus session listens, on the customer's side.</summary>
    public int? Port { get; init; }

    /// <summary>What the customer said of it afterwards.</summary>
    public string? Review { get; init; }

    /// <summary>Whose key reviewed it.</summary>
    public string? ReviewedBy { get; init; }

    /// <summary>Whether nothing of the vendor's begins until the customer has reviewed it.</summary>
    public bool AwaitsReview { get; init; }
}

/// <summary>Sessions → what people see of them and whom they wait for. One source for console, REST and CLI.</summary>
public static class SessionViews
{
    /// <summary>One session.</summary>
    public static SessionView Of(EnvironmentState state, Session session)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(session);
        var terms = session.Terms;
        return new SessionView(
            session.Id.Value, terms.Kind.Word(), terms.Instance?.Value, terms.Minutes, terms.Override, terms.Reason, session.Word, session.RequestedBy, session.RequestedFor, session.RequestedAt,
            session.TermsHash, Text(session), session.NeedsApproval?.Word(), session.Awaits,
            [.. session.Approvals.Select(a => new SessionApprovalView(a.Key, a.Party, a.Role.ToString().ToLowerInvariant(), a.At))])
        {
            Awaited = session.Status == SessionStatus.Requested ? AwaitedViews.Of(session.NeedsApproval!, session.Approvals, session.RequestedBy) : [],
            Preapproved = session.Preapproved,
            ApprovedAt = session.ApprovedAt,
            OpenedAt = session.OpenedAt,
            ExpiresAt = session.IsEnded ? null : session.ExpiresAt,
            Confinement = session.Confinement,
            Revoked = session.Revocation is { } revoked ? $"{revoked.By}: {revoked.Reason}" : null,
            EndedAt = session.EndedAt,
            End = session.End?.Why,
            Detail = session.End?.Detail ?? session.Reason,
            Difference = session.End?.Difference,
            Recording = session.Recording,
            Bundle = session.Bundle,
            CredentialUser = session.Credential?.User,
            CredentialSealed = session.Credential?.Sealed,
            Port = terms.Instance is { } id && state.Instances.TryGetValue(id, out var instance) ? instance.Port : null,
            Review = session.Review?.Note,
            ReviewedBy = session.Review?.By,
            AwaitsReview = session.AwaitsForcedReview && session.IsEnded,
        };
    }

    /// <summary>Whom the sessions of an environment wait for.</summary>
    public static IEnumerable<WaitingView> Waiting(EnvironmentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var task = TaskId.Emergency.Slug();
        foreach (var session in state.OpenSessions.Select(id => state.Sessions[id]))
        {
            foreach (var awaited in session.Status == SessionStatus.Requested ? AwaitedViews.Of(session.NeedsApproval!, session.Approvals, session.RequestedBy) : [])
                yield return new WaitingView(task, awaited.Party.Word(), $"{session.What} ({session.Id}) awaits {awaited.Words}", $"demarc emergency approve {session.Id} --as {awaited.Party.Word()}");
            if (session.Status == SessionStatus.Approved) yield return new WaitingView(task, session.RequestedFor.Word(), $"{session.What} ({session.Id}) may be opened until {session.ExpiresAt:u}", $"demarc emergency open {session.Id} --as {session.RequestedFor.Word()}");
            if (session is { Status: SessionStatus.Open, Bundle.Released: false }) yield return new WaitingView(task, "customer", $"the bundle of {session.Id} awaits the customer's release", $"demarc emergency release {session.Id}");
        }

        foreach (var id in state.AwaitReview.Where(id => state.Sessions[id].IsEnded))
            yield return new WaitingView(task, "customer", $"session {id} was opened by override and awaits the customer's review", $"demarc emergency review {id}");
    }

    // What was signed is the text under the key that asked then; a key that has changed since is not in it.
    private static string Text(Session session) => session.Terms.Text(session.Id, session.AskedWith);
}
