using System.Collections.Immutable;
using Demarc.Core.Charter;

namespace Demarc.Core.Changes;

/// <summary>What a transition gives: the changed change, or why it is not allowed.</summary>
/// <param name="Change">After the transition; null when refused.</param>
/// <param name="Refusal">Why not; null when allowed.</param>
public readonly record struct Transition(Change? Change, string? Refusal)
{
    internal static Transition To(Change change) => new(change, null);

    internal static Transition Refuse(string why) => new(null, why);
}

/// <summary>
/// The state machine of a change, pure. Every transition says from which states it is legal; everything else is refused with the
/// state named. Who may cause a transition is the fold's business; whether it makes sense is decided here.
/// </summary>
public static class ChangeLifecycle
{
    /// <summary>The agent pins a plan. Before the start a new plan may replace it: approvals of the old one are void.</summary>
    public static Transition Plan(Change change, Plan plan) => change.Status switch
    {
        ChangeStatus.Requested or ChangeStatus.Planned or ChangeStatus.Approved when change.PlanHash == plan.Hash =>
            Transition.Refuse($"change {change.Id} already has this plan"),
        ChangeStatus.Requested or ChangeStatus.Planned or ChangeStatus.Approved => Transition.To(change with
        {
            Plan = plan,
            PlanHash = plan.Hash,
            Approvals = [],
            Steps = [.. Enumerable.Repeat(StepProgress.Waiting, plan.Steps.Length)],
            Status = change.NeedsApproval is null ? ChangeStatus.Approved : ChangeStatus.Planned,
        }),
        _ => Illegal(change, "be planned"),
    };

    /// <summary>A person approves exactly this plan for their side.</summary>
    public static Transition Approve(Change change, Approval approval)
    {
        if (change.Status != ChangeStatus.Planned) return Illegal(change, "be approved");
        if (approval.PlanHash != change.PlanHash) return Transition.Refuse($"the approval names plan {approval.PlanHash}, the present one is {change.PlanHash}");
        if (change.NeedsApproval!.Fault(approval, change.RequestedBy) is { } fault) return Transition.Refuse(fault);
        if (change.Approvals.Any(a => a.Key == approval.Key)) return Transition.Refuse($"{approval.Key} has approved change {change.Id} already: another person is needed");
        if (!change.Awaits.Contains(approval.Party)) return Transition.Refuse($"no further approval of the {approval.Party.Word()} is awaited");
        var approved = change with { Approvals = change.Approvals.Add(approval) };
        return Transition.To(approved.Awaits.IsEmpty ? approved with { Status = ChangeStatus.Approved } : approved);
    }

    /// <summary>The agent starts the approved plan.</summary>
    public static Transition Start(Change change, string planHash, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Approved) return Illegal(change, "start");
        if (planHash != change.PlanHash) return Transition.Refuse($"the start names plan {planHash}, the approved one is {change.PlanHash}");
        return Transition.To(change with { Status = ChangeStatus.Running, StartedAt = at });
    }

    /// <summary>A step begins: the first that waits, and only when all before it are finished.</summary>
    public static Transition StartStep(Change change, int step, DateTimeOffset at)
    {
        if (OutOfPlace(change, step) is { } refusal) return refusal;
        if (change.Steps.Any(s => s.Status is StepStatus.Failed or StepStatus.Undone)) return Transition.Refuse($"change {change.Id} is being undone");
        for (var before = 0; before < step; before++)
        {
            if (change.Steps[before].Status != StepStatus.Finished) return Transition.Refuse($"step {before + 1} of change {change.Id} is not finished");
        }

        return change.Steps[step].Status == StepStatus.Waiting
            ? Transition.To(With(change, step, new StepProgress(StepStatus.Started, at, null, null)))
            : Transition.Refuse($"step {step + 1} of change {change.Id} has begun before");
    }

    /// <summary>A step's effect was seen.</summary>
    public static Transition FinishStep(Change change, int step, string receipt, DateTimeOffset at) =>
        EndStep(change, step, StepStatus.Finished, receipt, at);

    /// <summary>A step failed for good.</summary>
    public static Transition FailStep(Change change, int step, string why, DateTimeOffset at) =>
        EndStep(change, step, StepStatus.Failed, why, at);

    /// <summary>A finished or failed step's effect was taken back: after a failure only, last step first.</summary>
    public static Transition UndoStep(Change change, int step, string receipt, DateTimeOffset at)
    {
        if (OutOfPlace(change, step) is { } refusal) return refusal;
        if (!change.Steps.Any(s => s.Status is StepStatus.Failed or StepStatus.Undone)) return Transition.Refuse($"no step of change {change.Id} has failed");
        if (change.Steps[step].Status is not (StepStatus.Finished or StepStatus.Failed)) return Transition.Refuse($"step {step + 1} of change {change.Id} has no effect to undo");
        for (var after = step + 1; after < change.Steps.Length; after++)
        {
            if (change.Steps[after].Status is not (StepStatus.Waiting or StepStatus.Undone)) return Transition.Refuse($"step {after + 1} of change {change.Id} must be undone first");
        }

        return Transition.To(With(change, step, change.Steps[step] with { Status = StepStatus.Undone, EndedAt = at, Receipt = receipt }));
    }

    /// <summary>All steps are finished and the outcome was checked.</summary>
    public static Transition Succeed(Change change, string proof, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running) return Illegal(change, "succeed");
        return change.Steps.All(s => s.Status == StepStatus.Finished)
            ? Transition.To(End(change, ChangeStatus.Succeeded, proof, at))
            : Transition.Refuse($"change {change.Id} has steps that are not finished");
    }

    /// <summary>A step failed, and not everything could be undone.</summary>
    public static Transition Fail(Change change, string why, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running) return Illegal(change, "fail");
        return change.Steps.Any(s => s.Status == StepStatus.Failed || s.Status == StepStatus.Undone)
            ? Transition.To(End(change, ChangeStatus.Failed, why, at))
            : Transition.Refuse($"no step of change {change.Id} has failed");
    }

    /// <summary>A step failed, and all that was done is undone.</summary>
    public static Transition RollBack(Change change, string why, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running) return Illegal(change, "be rolled back");
        return change.Steps.Any(s => s.Status == StepStatus.Undone) && change.Steps.All(s => s.Status is StepStatus.Undone or StepStatus.Waiting)
            ? Transition.To(End(change, ChangeStatus.RolledBack, why, at))
            : Transition.Refuse($"change {change.Id} has steps that are not undone");
    }

    /// <summary>The agent will not do it.</summary>
    public static Transition Refuse(Change change, string why, DateTimeOffset at) => EndWaiting(change, ChangeStatus.Refused, why, at, "be refused");

    /// <summary>An approver whose approval the charter asks for says no.</summary>
    public static Transition Reject(Change change, Party by, string why, DateTimeOffset at) =>
        change.NeedsApproval is { } need && need.Includes(by)
            ? EndWaiting(change, ChangeStatus.Rejected, why, at, "be rejected")
            : Transition.Refuse($"the charter asks for no approval of the {by.Word()} here, so it cannot reject");

    /// <summary>The side that asked takes it back.</summary>
    public static Transition Withdraw(Change change, Party by, string why, DateTimeOffset at) =>
        change.RequestedFor == by
            ? EndWaiting(change, ChangeStatus.Withdrawn, why, at, "be withdrawn")
            : Transition.Refuse($"change {change.Id} was not requested by the {by.Word()}");

    /// <summary>It waited too long.</summary>
    public static Transition Expire(Change change, DateTimeOffset at) =>
        at < change.ExpiresAt
            ? Transition.Refuse($"change {change.Id} expires at {change.ExpiresAt:O}, not before")
            : EndWaiting(change, ChangeStatus.Expired, $"not started by {change.ExpiresAt:O}", at, "expire");

    private static Transition EndWaiting(Change change, ChangeStatus status, string why, DateTimeOffset at, string verb) =>
        change.Status <= ChangeStatus.Approved ? Transition.To(End(change, status, why, at)) : Illegal(change, verb);

    private static Transition EndStep(Change change, int step, StepStatus status, string receipt, DateTimeOffset at)
    {
        if (OutOfPlace(change, step) is { } refusal) return refusal;
        return change.Steps[step].Status == StepStatus.Started
            ? Transition.To(With(change, step, change.Steps[step] with { Status = status, EndedAt = at, Receipt = receipt }))
            : Transition.Refuse($"step {step + 1} of change {change.Id} is not under way");
    }

    private static Transition? OutOfPlace(Change change, int step)
    {
        if (change.Status != ChangeStatus.Running) return Illegal(change, "have steps reported");
        return step >= 0 && step < change.Steps.Length ? null : Transition.Refuse($"change {change.Id} has {change.Steps.Length} steps, not a step {step + 1}");
    }

    private static Change With(Change change, int step, StepProgress progress) => change with { Steps = change.Steps.SetItem(step, progress) };

    private static Change End(Change change, ChangeStatus status, string? reason, DateTimeOffset at) =>
        change with { Status = status, Reason = reason, EndedAt = at, Plan = null };

    private static Transition Illegal(Change change, string verb) =>
        Transition.Refuse($"change {change.Id} is {change.Status.Word()} and cannot {verb}");
}

/// <summary>Statuses as people read them.</summary>
public static class ChangeWords
{
    /// <summary>As in <c>rolled back</c>.</summary>
    public static string Word(this ChangeStatus status) => status switch
    {
        ChangeStatus.Requested => "requested",
        ChangeStatus.Planned => "planned",
        ChangeStatus.Approved => "approved",
        ChangeStatus.Running => "running",
        ChangeStatus.Succeeded => "succeeded",
        ChangeStatus.Failed => "failed",
        ChangeStatus.RolledBack => "rolled back",
        ChangeStatus.Refused => "refused",
        ChangeStatus.Rejected => "rejected",
        ChangeStatus.Withdrawn => "withdrawn",
        ChangeStatus.Expired => "expired",
    };
}
