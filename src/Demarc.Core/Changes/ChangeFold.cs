using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Core.Changes;

/// <summary>Folds everything that happens to changes: the charter decides requests and starts, the lifecycle decides the rest.</summary>
internal static class ChangeFold
{
    /// <summary>Open changes per environment; beyond it requests are refused until some have ended.</summary>
    private const int MaxOpen = 200;

    /// <summary>The change an entry is about, or null.</summary>
    public static ChangeId? ChangeOf(EntryData data) => data switch
    {
        ChangeRequested d => d.Change,
        ChangePlanned d => d.Change,
        ChangeApproved d => d.Change,
        ChangeRejected d => d.Change,
        ChangeWithdrawn d => d.Change,
        ChangeRefused d => d.Change,
        ChangeStarted d => d.Change,
        StepStarted d => d.Change,
        StepFinished d => d.Change,
        StepFailed d => d.Change,
        StepUndone d => d.Change,
        ChangeSucceeded d => d.Change,
        ChangeFailed d => d.Change,
        ChangeRolledBack d => d.Change,
        ChangeExpired d => d.Change,
        ChangePaused d => d.Change,
        ChangeResumed d => d.Change,
        ChangeStopped d => d.Change,
        ChangeDeferred d => d.Change,
        ChangeHalted d => d.Change,
        ChangePostponed d => d.Change,
        CredentialIssued d => d.Change,
        _ => null,
    };

    public static Folded Apply(EnvironmentState state, Entry entry, EntryData data, Member? member)
    {
        if (data is ChangeRequested requested) return Request(state, entry, requested, member);
        if (ChangeOf(data) is not { } id || !state.Changes.TryGetValue(id, out var change)) return Folded.Refuse($"there is no change {ChangeOf(data)}");
        var transition = data switch
        {
            ChangePlanned d => Planned(change, d, entry.At),
            ChangeApproved d => ChangeLifecycle.Approve(change, new Approval(entry.Author.KeyId, member!.Party, d.Plan, entry.At, member.Role)),
            ChangeRejected d => ChangeLifecycle.Reject(change, member!.Party, d.Reason, entry.At),
            ChangeWithdrawn d => ChangeLifecycle.Withdraw(change, member!.Party, d.Reason, entry.At),
            ChangeRefused d => ChangeLifecycle.Refuse(change, $"{d.Rule}: {d.Why}", entry.At),
            ChangeStarted d => Started(state, change, d, entry.At),
            StepStarted d => ChangeLifecycle.StartStep(change, d.Step, entry.At),
            StepFinished d => ChangeLifecycle.FinishStep(change, d.Step, d.Receipt, entry.At),
            StepFailed d => ChangeLifecycle.FailStep(change, d.Step, d.Why, entry.At),
            StepUndone d => ChangeLifecycle.UndoStep(change, d.Step, d.Receipt, entry.At),
            ChangeSucceeded d => ChangeLifecycle.Succeed(change, d.Proof, entry.At),
            ChangeFailed d => ChangeLifecycle.Fail(change, d.Why, entry.At),
            ChangeRolledBack d => ChangeLifecycle.RollBack(change, d.Why, entry.At),
            ChangeExpired => ChangeLifecycle.Expire(change, entry.At),
            ChangePaused d => Said(d.Reason) ?? ChangeLifecycle.Pause(change, member!.Party, d.Reason, entry.At),
            ChangeResumed d => Said(d.Reason) ?? ChangeLifecycle.Resume(change, member!.Party),
            ChangeStopped d => Said(d.Reason) ?? ChangeLifecycle.Stop(change, member!.Party, d.Reason, entry.At, ChangeTerms.RollsBack(state, change)),
            ChangeDeferred d => Said(d.Reason) ?? ChangeLifecycle.Defer(change, member!.Party, d.Until, ChangeTerms.Deferral(state, change)),
            ChangeHalted d => ChangeLifecycle.StandStill(change, d.Hold, entry.At),
            ChangePostponed d => ChangeLifecycle.Postpone(change, d.Why, entry.At),
            _ => new Transition(null, $"{entry.Body.Kind} is not about a change"),
        };
        if (transition.Change is not { } next) return Folded.Refuse(transition.Refusal!);
        if (data is ChangePlanned) next = next with { PlanIndex = state.Size };
        var after = state with
        {
            Changes = state.Changes.SetItem(id, next),
            Open = next.IsEnded ? state.Open.Remove(id) : state.Open,
        };
        return Folded.To(next.Status == change.Status ? after : InstanceFold.Follow(after, change, next, entry.At));
    }

    private static Folded Request(EnvironmentState state, Entry entry, ChangeRequested data, Member? member)
    {
        if (state.Changes.ContainsKey(data.Change)) return Folded.Refuse($"change {data.Change} exists already");
        if (state.Open.Count >= MaxOpen) return Folded.Refuse($"{MaxOpen} changes are open already: wait until some have ended");
        var decision = CharterDecision.Decide(state, member?.Party, data.Request, entry.At);
        if (decision is Decision.Denied denied) return Folded.Refuse($"{denied.Rule}: {denied.Why}");
        if (InstanceRules.Fault(state, data.Request, entry.At) is { } fault) return Folded.Refuse(fault);
        if (member is { Party: Party.Vendor } && SessionRules.Blocked(state) is { } blocked) return Folded.Refuse($"emergency.review: {blocked}");
        if (member is not null && ChangeWaits.NeverOpens(state, data.Request, entry.At) is { } never) return Folded.Refuse($"{never.Rule}: {never.Why}");
        var change = new Change(
            data.Change,
            ChangeAction.ByName(data.Request.Action)!,
            data.Request,
            entry.Author.KeyId,
            member?.Party,
            entry.At,
            ChangeStatus.Requested,
            (decision as Decision.NeedsApproval)?.Who,
            null,
            null,
            [],
            ImmutableArray<StepProgress>.Empty,
            null,
            null,
            null)
        {
            Preapproved = (decision as Decision.Allowed)?.Preapproved,
        };
        if (member is not null) state = CharterQuota.Count(state, change.Action, entry.At);
        if (change.Preapproved is { } act) state = state with { PreapprovedUses = state.PreapprovedUses.SetItem(act, state.PreapprovedUses.GetValueOrDefault(act) + 1) };
        return Folded.To(state with { Changes = state.Changes.Add(data.Change, change), Open = state.Open.Add(data.Change) });
    }

    private static Transition? Said(string reason) => HaltLimits.Fault(reason) is { } fault ? new Transition(null, fault) : null;

    private static Transition Planned(Change change, ChangePlanned data, DateTimeOffset at)
    {
        if (Plan.Read(data.Plan) is not { } plan) return new Transition(null, "plan cannot be read");
        if (plan.Hash != data.Hash) return new Transition(null, $"the plan's hash is {plan.Hash}, the entry says {data.Hash}");
        return plan.Steps.Any(step => step.Instance != change.Request.Instance)
            ? new Transition(null, $"the plan touches another instance than {change.Request.Instance}")
            : ChangeLifecycle.Plan(change, plan, at);
    }

    private static Transition Started(EnvironmentState state, Change change, ChangeStarted data, DateTimeOffset at)
    {
        var start = ChangeLifecycle.Start(change, data.Plan, at);
        if (start.Change is null) return start;

        if (NotAllowedNow(state, change, at) is { } not) return new Transition(null, not);
        if (ChangeOrder.Before(state, change) is { } running) return new Transition(null, $"change {running.Id} of the same instance is {running.Word()}");
        if (ChangeWaits.Until(state, change, at) is { } wait) return new Transition(null, wait.What);

        // Who asked in time for something back gets it: the purge has to wait meanwhile.
        var asOf = change.Action == ChangeAction.Restore ? change.RequestedAt : at;
        return InstanceRules.StateFault(state, change.Request, asOf) is { } fault ? new Transition(null, fault) : start;
    }

    // The charter may have been amended since the request: what counts is what it says at the start.
    private static string? NotAllowedNow(EnvironmentState state, Change change, DateTimeOffset at)
    {
        var decision = CharterDecision.Decide(CharterQuota.Uncounted(state), change.RequestedFor, change.Request, at);
        if (decision is Decision.Denied denied) return $"{denied.Rule}: {denied.Why}";
        if (decision is not Decision.NeedsApproval needs || needs.Who.IsMetBy(change.Approvals, change.RequestedBy)) return null;
        return change.Preapproved is { } act && CharterDecision.StillPreapproved(state, act, change.Action, change.Request.Instance, at)
            ? null
            : $"{needs.Rule} now asks for the approval of the {needs.Who.Word()}";
    }
}
