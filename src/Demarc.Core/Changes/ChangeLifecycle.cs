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
    public static Transition Plan(Change change, Plan plan, DateTimeOffset at) => change.Status switch
    {
        ChangeStatus.Requested or ChangeStatus.Planned or ChangeStatus.Approved when change.PlanHash == plan.Hash =>
            Transition.Refuse($"change {change.Id} already has this plan"),
        ChangeStatus.Requested or ChangeStatus.Planned or ChangeStatus.Approved => Transition.To(change with
        {
            Plan = plan,
            PlanHash = plan.Hash,
            PlannedAt = change.PlannedAt ?? at,
            Voided = change.Plan is { } old ? VoidedPlan.Between(old, plan, change.Approvals.Length, at) : change.Voided,
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
        if (change.DeferredUntil > at) return Transition.Refuse($"change {change.Id} is put off until {change.DeferredUntil:O}");
        // The agent may have begun what it does by itself before it heard of the hold; what a person asked for waits for both sides to agree.
        if (change.Halt is { } halt && change.RequestedFor is not null) return Transition.Refuse($"change {change.Id} is {halt.Words}");
        return Transition.To(change with { Status = ChangeStatus.Running, StartedAt = at, Starts = change.Starts + 1 });
    }

    /// <summary>
    /// The agent takes its start back: it was agreed on too late, and nothing was done. The plan and its approvals stand. What another agent had started
    /// may have begun: that is undone instead, and has to be asked for again.
    /// </summary>
    public static Transition Postpone(Change change, string why, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running) return Illegal(change, "be postponed");
        if (change.Steps.Any(s => s.Status != StepStatus.Waiting) || change.Halt is { StandsStill: true }) return Transition.Refuse($"change {change.Id} has begun and cannot be postponed");
        return Transition.To(change.Inherited
            ? change with { Halt = new Halt(HaltKind.Stop, [], why, at, true, true) }
            : change with { Status = ChangeStatus.Approved, StartedAt = null });
    }

    /// <summary>The agent that runs it is revoked.</summary>
    public static Transition Inherit(Change change) =>
        change is { Status: ChangeStatus.Running, Inherited: false } ? Transition.To(change with { Inherited = true }) : Illegal(change, "be inherited");

    /// <summary>A step begins: the first that waits, and only when all before it are finished.</summary>
    public static Transition StartStep(Change change, int step, DateTimeOffset at)
    {
        if (OutOfPlace(change, step) is { } refusal) return refusal;
        if (change.IsUndoing) return Transition.Refuse($"change {change.Id} is being undone");
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

    /// <summary>
    /// A finished or failed step's effect was taken back: after a failure or a stop only, last step first. Of an inherited change also one that waits, since
    /// nobody can tell whether it has one.
    /// </summary>
    public static Transition UndoStep(Change change, int step, string receipt, DateTimeOffset at)
    {
        if (OutOfPlace(change, step) is { } refusal) return refusal;
        if (!change.IsUndoing) return Transition.Refuse($"no step of change {change.Id} has failed");
        if (!change.MustUndo(step)) return Transition.Refuse($"step {step + 1} of change {change.Id} has no effect to undo");
        for (var after = step + 1; after < change.Steps.Length; after++)
        {
            if (change.MustUndo(after)) return Transition.Refuse($"step {after + 1} of change {change.Id} must be undone first");
        }

        return Transition.To(With(change, step, change.Steps[step] with { Status = StepStatus.Undone, EndedAt = at, Receipt = receipt }));
    }

    /// <summary>All steps are finished and the outcome was checked.</summary>
    public static Transition Succeed(Change change, string proof, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running || change.IsPaused) return Illegal(change, "succeed");
        return change.Steps.All(s => s.Status == StepStatus.Finished)
            ? Transition.To(End(change, ChangeStatus.Succeeded, proof, at))
            : Transition.Refuse($"change {change.Id} has steps that are not finished");
    }

    /// <summary>A step failed, and not everything could be undone.</summary>
    public static Transition Fail(Change change, string why, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running || change.IsPaused) return Illegal(change, "fail");
        return change.IsUndoing
            ? Transition.To(End(change, ChangeStatus.Failed, why, at))
            : Transition.Refuse($"no step of change {change.Id} has failed");
    }

    /// <summary>A step failed or a party stopped it, and all that was done is undone.</summary>
    public static Transition RollBack(Change change, string why, DateTimeOffset at)
    {
        if (change.Status != ChangeStatus.Running || change.IsPaused) return Illegal(change, "be rolled back");
        return change.IsUndoing && !Enumerable.Range(0, change.Steps.Length).Any(change.MustUndo)
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

    /// <summary>A side wants it to stand still. Both sides may; each lifts its own hold.</summary>
    public static Transition Pause(Change change, Party by, string why, DateTimeOffset at)
    {
        if (change.IsEnded) return Illegal(change, "be paused");
        if (change.Halt is { Kind: HaltKind.Stop }) return Transition.Refuse($"change {change.Id} is being stopped");
        if (change.Halt is not { } halt) return Transition.To(change with { Halt = new Halt(HaltKind.Pause, [by], why, at, false, false), Holds = change.Holds + 1 });
        return halt.By.Contains(by)
            ? Transition.Refuse($"change {change.Id} is paused by the {by.Word()} already")
            : Transition.To(change with { Halt = halt with { By = halt.By.Add(by), Why = why } });
    }

    /// <summary>A side lifts the hold that it has put on.</summary>
    public static Transition Resume(Change change, Party by)
    {
        if (change.IsEnded) return Illegal(change, "be resumed");
        if (change.Halt is not { Kind: HaltKind.Pause } halt) return Transition.Refuse($"change {change.Id} is not paused");
        if (!halt.By.Contains(by)) return Transition.Refuse($"change {change.Id} is {halt.Words}; the {by.Word()} cannot resume it");
        return Transition.To(change with { Halt = halt.By.Count == 1 ? null : halt with { By = halt.By.Remove(by) } });
    }

    /// <summary>
    /// A side wants it to end. What a person asked for and has not begun ends at once; everything else when the agent has halted, since it may
    /// have gone on before it heard of this.
    /// </summary>
    public static Transition Stop(Change change, Party by, string why, DateTimeOffset at, bool rollsBack)
    {
        if (change.IsEnded) return Illegal(change, "be stopped");
        if (change.Halt is { Kind: HaltKind.Stop }) return Transition.Refuse($"change {change.Id} is being stopped already");
        if (change.IsUndoing) return Transition.Refuse($"change {change.Id} is being undone already: pause it if it must stand still");
        var halt = new Halt(HaltKind.Stop, [by], why, at, rollsBack, false);
        return Transition.To(change.IsWaiting && change.RequestedFor is not null
            ? End(change, ChangeStatus.Stopped, halt.Words, at)
            : change with { Halt = halt, Holds = change.Holds + 1 });
    }

    /// <summary>The agent has halted where it is safe: between steps, or in one that only waits and so has done nothing.</summary>
    public static Transition StandStill(Change change, int hold, DateTimeOffset at)
    {
        if (change.IsEnded) return Illegal(change, "stand still");
        if (hold != change.Holds) return Transition.Refuse($"this answers hold {hold} of change {change.Id}, which is over");
        if (change.Halt is not { } halt) return Transition.Refuse($"nobody has asked change {change.Id} to stand still");
        if (change.IsWaiting)
        {
            return halt.Kind == HaltKind.Stop
                ? Transition.To(End(change, ChangeStatus.Stopped, halt.Words, at))
                : Transition.Refuse($"change {change.Id} has not begun");
        }

        if (halt.StandsStill) return Transition.Refuse($"change {change.Id} stands still already");
        if (change.Steps.All(s => s.Status == StepStatus.Finished)) return Transition.Refuse($"all steps of change {change.Id} are finished");
        for (var step = 0; step < change.Steps.Length; step++)
        {
            if (change.Steps[step].Status != StepStatus.Started) continue;
            if (!change.Plan!.Steps[step].Touches.IsEmpty) return Transition.Refuse($"step {step + 1} of change {change.Id} is under way");
            change = With(change, step, StepProgress.Waiting);
        }

        if (halt.Kind == HaltKind.Stop && change.IsUndoing) return Transition.Refuse($"change {change.Id} is being undone already");
        return Transition.To(halt.Kind == HaltKind.Stop && !halt.RollsBack
            ? End(change, ChangeStatus.Stopped, halt.Words, at)
            : change with { Halt = halt with { StandsStill = true } });
    }

    /// <summary>The customer puts a vendor's change off. In all by no more than the charter allows, counted from the first plan: nobody's own clock stretches it.</summary>
    public static Transition Defer(Change change, Party by, DateTimeOffset until, TimeSpan allowed)
    {
        if (by != Party.Customer) return Transition.Refuse("only the customer puts off a change: the vendor can pause or withdraw its own");
        if (change.RequestedFor != Party.Vendor) return Transition.Refuse($"change {change.Id} was not requested by the vendor: only a vendor's change is put off");
        if (!change.IsWaiting) return Illegal(change, "be put off");
        if (change.PlannedAt is not { } planned) return Transition.Refuse($"change {change.Id} has no plan yet: it is put off when it can be seen what it does");
        if (allowed <= TimeSpan.Zero) return Transition.Refuse($"the charter gives no right to put {change.Action.Name} off (tasks.{change.Action.Task.Slug()}.deferral): pause, stop or reject it, or amend the charter");
        if (until > planned + allowed) return Transition.Refuse($"until {until:u} is too late: the charter lets the customer put it off by {(long)allowed.TotalHours} h in all, until {planned + allowed:u}");
        if (until <= planned) return Transition.Refuse($"until {until:u} is before the change was planned ({planned:u})");
        return Transition.To(change with { DeferredUntil = until });
    }

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
        if (change.Status != ChangeStatus.Running || change.IsPaused) return Illegal(change, "have steps reported");
        return step >= 0 && step < change.Steps.Length ? null : Transition.Refuse($"change {change.Id} has {change.Steps.Length} steps, not a step {step + 1}");
    }

    private static Change With(Change change, int step, StepProgress progress) => change with { Steps = change.Steps.SetItem(step, progress) };

    private static Change End(Change change, ChangeStatus status, string? reason, DateTimeOffset at) =>
        change with { Status = status, Reason = reason, EndedAt = at, Plan = null, Halt = null };

    private static Transition Illegal(Change change, string verb) =>
        Transition.Refuse($"change {change.Id} is {change.Word()} and cannot {verb}");
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
        ChangeStatus.Stopped => "stopped",
    };

    /// <summary>The status with a hold on it: <c>pausing</c> and <c>stopping</c> until the agent has halted, then <c>paused</c>.</summary>
    public static string Word(this Change change) => change switch
    {
        { IsEnded: true } or { Halt: null } => change.Status.Word(),
        { Halt.Kind: HaltKind.Stop } => "stopping",
        { Status: ChangeStatus.Running, Halt.StandsStill: false } => "pausing",
        _ => "paused",
    };
}
