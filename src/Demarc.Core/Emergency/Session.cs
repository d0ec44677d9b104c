using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;

namespace Demarc.Core.Emergency;

/// <summary>Where a session stands. The first three are stages that somebody still acts in; the rest are ends.</summary>
public enum SessionStatus
{
    /// <summary>Asked for; waits for approvals.</summary>
    Requested,

    /// <summary>Has all approvals the charter asks for: its clock runs, and it may be opened.</summary>
    Approved,

    /// <summary>The agent has opened it.</summary>
    Open,

    /// <summary>It was open, and is over.</summary>
    Ended,

    /// <summary>An approver said no.</summary>
    Rejected,

    /// <summary>Who asked for it took it back.</summary>
    Withdrawn,

    /// <summary>A party took it away before it was opened.</summary>
    Revoked,

    /// <summary>The agent will not open it, and says which rule or fact stands against it.</summary>
    Refused,

    /// <summary>Nobody approved it, or nobody opened it, in time.</summary>
    Expired,
}

/// <summary>Why an open session ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SessionEndReason>))]
public enum SessionEndReason
{
    /// <summary>Who worked in it left, or its bundle has arrived.</summary>
    [JsonStringEnumMemberName("left")] Left,

    /// <summary>A party revoked it.</summary>
    [JsonStringEnumMemberName("revoked")] Revoked,

    /// <summary>The customer cut it at the agent itself.</summary>
    [JsonStringEnumMemberName("cut-at-agent")] CutAtAgent,

    /// <summary>Its time was over.</summary>
    [JsonStringEnumMemberName("expired")] Expired,

    /// <summary>The stream of who worked in it was lost.</summary>
    [JsonStringEnumMemberName("operator-lost")] OperatorLost,

    /// <summary>The agent's stream to the plane was lost.</summary>
    [JsonStringEnumMemberName("plane-lost")] PlaneLost,

    /// <summary>What it was approved by no longer holds: a key is gone, or the charter says otherwise now.</summary>
    [JsonStringEnumMemberName("authority-lost")] AuthorityLost,

    /// <summary>The agent, or this part of it, stopped in the middle of it.</summary>
    [JsonStringEnumMemberName("agent-stopped")] AgentStopped,

    /// <summary>It reached one of its bounds: recording, budget of what may leave.</summary>
    [JsonStringEnumMemberName("bound")] Bound,

    /// <summary>It could not be set up, or broke.</summary>
    [JsonStringEnumMemberName("failed")] Failed,
}

/// <summary>Who took a session away, and why.</summary>
/// <param name="By">Whose word it was: a party, or what happened to a key.</param>
/// <param name="Reason">Why.</param>
/// <param name="At">When.</param>
public sealed record SessionRevocation(string By, string Reason, DateTimeOffset At);

/// <summary>How far a recording goes: how many lines and bytes, and the hash over all of them.</summary>
/// <param name="Events">Lines after the header.</param>
/// <param name="Bytes">Bytes, header and line ends included.</param>
/// <param name="Head">Hex head of the hash chain; empty when nothing was recorded.</param>
public sealed record RecordingMark(long Events, long Bytes, string Head);

/// <summary>How a session ended.</summary>
/// <param name="Why">In a word.</param>
/// <param name="Detail">In a sentence.</param>
/// <param name="Difference">What the session has changed, as the agent sees it.</param>
public sealed record SessionEnd(SessionEndReason Why, string Detail, string Difference);

/// <summary>The customer's look at a session that is over.</summary>
/// <param name="By">Whose key signed it.</param>
/// <param name="At">When.</param>
/// <param name="Note">What they say.</param>
public sealed record SessionReview(string By, DateTimeOffset At, string Note);

/// <summary>A bundle that waits for the customer's word, or has it.</summary>
/// <param name="Hash">Hash of its bytes.</param>
/// <param name="Bytes">How many there are.</param>
/// <param name="Released">Whether the customer lets it leave.</param>
public sealed record SessionBundle(string Hash, long Bytes, bool Released);

/// <summary>One emergency session, from the wish to the review.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Terms">What was asked for.</param>
/// <param name="TermsHash">The hash that approvals name.</param>
/// <param name="RequestedBy">The key that asked, and the only one that may work in it.</param>
/// <param name="RequestedFor">For which side.</param>
/// <param name="RequestedAt">When.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="NeedsApproval">Whose approval the charter asks for; null for nobody's.</param>
/// <param name="Approvals">Who has approved.</param>
public sealed record Session(
    SessionId Id,
    SessionTerms Terms,
    string TermsHash,
    string RequestedBy,
    Party RequestedFor,
    DateTimeOffset RequestedAt,
    SessionStatus Status,
    ApprovalNeed? NeedsApproval,
    ImmutableArray<Approval> Approvals)
{
    /// <summary>The key that signed the request: the terms that approvals sign name it, also when its holder has another by now.</summary>
    public string AskedWith { get; init; } = RequestedBy;

    /// <summary>When its clock began: with the last approval, or with the request where none was needed.</summary>
    public DateTimeOffset? ApprovedAt { get; init; }

    /// <summary>The preapproved act of the charter that it uses up once; null for none.</summary>
    public string? Preapproved { get; init; }

    /// <summary>When the agent opened it.</summary>
    public DateTimeOffset? OpenedAt { get; init; }

    /// <summary>How the agent confines what runs in it.</summary>
    public string? Confinement { get; init; }

    /// <summary>The user id that the agent made for its commands; null where it made none.</summary>
    public int? Account { get; init; }

    /// <summary>Who took it away; an open one is over only once the agent says so.</summary>
    public SessionRevocation? Revocation { get; init; }

    /// <summary>How far its recording stands in the ledger.</summary>
    public RecordingMark? Recording { get; init; }

    /// <summary>The temporary credential, sealed to who asked.</summary>
    public SealedCredential? Credential { get; init; }

    /// <summary>Its bundle, once the agent has collected it.</summary>
    public SessionBundle? Bundle { get; init; }

    /// <summary>When it was over.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>How, for one that was open.</summary>
    public SessionEnd? End { get; init; }

    /// <summary>Why it was never opened; null while it may be, and for one that was.</summary>
    public string? Reason { get; init; }

    /// <summary>The customer's review.</summary>
    public SessionReview? Review { get; init; }

    /// <summary>Whether nothing more can be opened by it.</summary>
    public bool IsEnded => Status > SessionStatus.Open;

    /// <summary>Whether it opened before anybody had approved it and the customer has yet to look at it.</summary>
    public bool AwaitsForcedReview => Terms.Override && OpenedAt is not null && Review is null;

    /// <summary>When it is over, or its request lapses, if nothing else ends it before.</summary>
    public DateTimeOffset ExpiresAt => ApprovedAt is { } from ? from + TimeSpan.FromMinutes(Terms.Minutes) : RequestedAt + SessionLimits.AwaitsApproval;

    /// <summary>The parties whose approval is still missing.</summary>
    public ImmutableArray<Party> Awaits => Status == SessionStatus.Requested && NeedsApproval is { } need
        ? [.. Enum.GetValues<Party>().Where(party => need.Missing(party, Approvals, RequestedBy) > 0)]
        : [];

    /// <summary>As in <c>terminal for 30 minutes</c>.</summary>
    public string What => $"{Terms.Kind.Word()}{(Terms.Instance is { } instance ? $" on {instance}" : "")} for {Terms.Minutes} {(Terms.Minutes == 1 ? "minute" : "minutes")}{(Terms.Override ? ", by override" : "")}";

    /// <summary>Where it stands, in a word: an open one that was revoked is <c>ending</c>.</summary>
    public string Word => Status == SessionStatus.Open && Revocation is not null ? "ending" : Status.ToString().ToLowerInvariant();
}
