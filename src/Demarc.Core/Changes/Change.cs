using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Instances;

namespace Demarc.Core.Changes;

/// <summary>Where a change stands. The first three wait; <see cref="Running"/> acts; the rest are ends.</summary>
public enum ChangeStatus
{
    /// <summary>Asked for; the agent has yet to plan it.</summary>
    Requested,

    /// <summary>Planned; waits for approvals.</summary>
    Planned,

    /// <summary>Has a plan and all approvals the charter asks for; the agent may start it.</summary>
    Approved,

    /// <summary>The agent works on it.</summary>
    Running,

    /// <summary>Done, and an independent check passed.</summary>
    Succeeded,

    /// <summary>Ended half way; what could be undone was.</summary>
    Failed,

    /// <summary>A step failed and everything done was undone.</summary>
    RolledBack,

    /// <summary>The agent will not do it, and says which rule or fact stands against it.</summary>
    Refused,

    /// <summary>An approver said no.</summary>
    Rejected,

    /// <summary>Who asked for it took it back.</summary>
    Withdrawn,

    /// <summary>It waited too long.</summary>
    Expired,

    /// <summary>A party stopped it: before it began, or where it stood.</summary>
    Stopped,
}

/// <summary>How far one step is.</summary>
public enum StepStatus
{
    /// <summary>Not begun.</summary>
    Waiting,

    /// <summary>Begun; its effect may or may not have happened.</summary>
    Started,

    /// <summary>Its effect was seen.</summary>
    Finished,

    /// <summary>It failed for good.</summary>
    Failed,

    /// <summary>Its effect was taken back.</summary>
    Undone,
}

/// <summary>One step's progress with what it left behind.</summary>
/// <param name="Status">How far.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="Receipt">What it says of its effect, or why it failed; one line.</param>
public sealed record StepProgress(StepStatus Status, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Receipt)
{
    /// <summary>Not begun.</summary>
    public static StepProgress Waiting { get; } = new(StepStatus.Waiting, null, null, null);
}

/// <summary>A signature of a person on a plan.</summary>
/// <param name="Key">Whose.</param>
/// <param name="Party">For which side.</param>
/// <param name="PlanHash">On which plan, exactly.</param>
/// <param name="At">When.</param>
/// <param name="Role">What that person was to their party then.</param>
public sealed record Approval(string Key, Party Party, string PlanHash, DateTimeOffset At, Role Role);

/// <summary>One change, from the wish to its end.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Action">What it does.</param>
/// <param name="Request">To what, with which order.</param>
/// <param name="RequestedBy">The key that asked.</param>
/// <param name="RequestedFor">The side that asked; null when the agent did so under standing authority.</param>
/// <param name="RequestedAt">When.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="NeedsApproval">Whose approval the charter asks for; null for nobody's.</param>
/// <param name="Plan">What it will do; dropped from memory when it has ended (the ledger keeps it).</param>
/// <param name="PlanHash">The hash of the plan.</param>
/// <param name="Approvals">Approvals of the present plan.</param>
/// <param name="Steps">Progress of each step of the plan.</param>
/// <param name="StartedAt">When the agent started it.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="Reason">Why it ended as it did, or the proof that it succeeded.</param>
public sealed record Change(
    ChangeId Id,
    ChangeAction Action,
    InstanceRequest Request,
    string RequestedBy,
    Party? RequestedFor,
    DateTimeOffset RequestedAt,
    ChangeStatus Status,
    ApprovalNeed? NeedsApproval,
    Plan? Plan,
    string? PlanHash,
    ImmutableArray<Approval> Approvals,
    ImmutableArray<StepProgress> Steps,
    DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt,
    string? Reason)
{
    /// <summary>Where the entry with its present plan stands in the ledger; null before it is planned.</summary>
    public long? PlanIndex { get; init; }

    /// <summary>When the agent first planned it; null before. From here on both sides could see what it does, so deferral counts from here.</summary>
    public DateTimeOffset? PlannedAt { get; init; }

    /// <summary>The customer puts it off until then; null when it does not.</summary>
    public DateTimeOffset? DeferredUntil { get; init; }

    /// <summary>A hold that a party has put on it; null when none is.</summary>
    public Halt? Halt { get; init; }

    /// <summary>The last plan of it that did not fit any more; null when there was none.</summary>
    public VoidedPlan? Voided { get; init; }

    /// <summary>How often it has been started: a start that was agreed on too late is taken back, and another follows.</summary>
    public int Starts { get; init; }

    /// <summary>How often somebody has paused or stopped it.</summary>
    public int Holds { get; init; }

    /// <summary>The preapproved act that it used up once; null when it used none.</summary>
    public string? Preapproved { get; init; }

    /// <summary>
    /// Whether the agent that ran it was revoked meanwhile. That agent may have done more than it could still report, so a step that waits may have its
    /// effect all the same: undoing such a change undoes every step.
    /// </summary>
    public bool Inherited { get; init; }

    /// <summary>Whether nothing more can happen to it.</summary>
    public bool IsEnded => Status > ChangeStatus.Running;

    /// <summary>Whether it has not begun.</summary>
    public bool IsWaiting => Status <= ChangeStatus.Approved;

    /// <summary>Whether what was done is being taken back: after a failed step, or after a stop where the charter rolls back.</summary>
    public bool IsUndoing => Status == ChangeStatus.Running
        && (Halt is { Kind: HaltKind.Stop, RollsBack: true, StandsStill: true } || Steps.Any(step => step.Status is StepStatus.Failed or StepStatus.Undone));

    /// <summary>Whether undoing it has yet to take back the effect that a step has, or may have.</summary>
    /// <param name="step">Which step, from zero.</param>
    public bool MustUndo(int step) => Steps[step].Status switch
    {
        StepStatus.Undone => false,
        StepStatus.Waiting => Inherited && !Plan!.Steps[step].Touches.IsEmpty,
        _ => true,
    };

    /// <summary>Whether it began and stands still until it is resumed or stopped.</summary>
    public bool IsPaused => Status == ChangeStatus.Running && Halt is { Kind: HaltKind.Pause, StandsStill: true };

    /// <summary>When it expires if it has not started by then. What the customer puts off is not held against it.</summary>
    public DateTimeOffset ExpiresAt => RequestedAt + InstanceLimits.ChangeExpiresAfter
        + (DeferredUntil > PlannedAt ? DeferredUntil.Value - PlannedAt.Value : TimeSpan.Zero);

    /// <summary>The parties whose approval of the present plan is still missing.</summary>
    public ImmutableArray<Party> Awaits => Status == ChangeStatus.Planned && NeedsApproval is { } need
        ? [.. Enum.GetValues<Party>().Where(party => need.Missing(party, Approvals, RequestedBy) > 0)]
        : [];
}
