using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Changes;

/// <summary>Changes → what people see of them and whom they wait for. One source for console, REST and CLI.</summary>
public static class ChangeViews
{
    /// <summary>One change as of a moment; its plan is read again from the ledger's text when it has ended and <paramref name="endedPlan"/> is given.</summary>
    public static ChangeView Of(EnvironmentState state, Change change, DateTimeOffset at, Plan? endedPlan = null)
    {
        var plan = change.Plan ?? endedPlan;
        var waits = Wait(state, change, at);
        return new ChangeView(
            change.Id.Value, change.Action.Name, change.Action.Task.Slug(), change.Request.Instance.Value, change.Request.Order, change.Word(),
            change.RequestedFor?.Word() ?? "agent", change.RequestedAt, change.NeedsApproval?.Word(), change.Awaits, change.PlanHash, plan?.Text,
            [.. change.Steps.Select((progress, i) => Step(i, progress, plan?.Steps[i]))], change.StartedAt, change.EndedAt, change.Reason)
        {
            Awaited = Awaited(change),
            Held = change.Halt?.Words,
            HeldBy = [.. change.Halt?.By ?? []],
            Waits = waits?.What,
            WaitsUntil = waits?.Until,
            WaitingFor = [.. Waiting(state, change, at).Select(waiting => waiting.For)],
            Voided = change.Voided?.Words,
            DeferredUntil = change.DeferredUntil,
            ExpiresAt = change.IsWaiting ? change.ExpiresAt : null,
        };
    }

    /// <summary>Whom an open change waits for: each party whose approval is missing, each that holds it, the agent, or <c>time</c>.</summary>
    public static ImmutableArray<WaitingView> Waiting(EnvironmentState state, Change change, DateTimeOffset? at)
    {
        if (change.IsEnded) return [];
        var task = change.Action.Task.Slug();
        var what = $"{change.Request.Action} {change.Request.Instance} ({change.Id})";
        var waiting = ImmutableArray.CreateBuilder<WaitingView>();
        foreach (var awaited in Awaited(change)) waiting.Add(new WaitingView(task, awaited.Party.Word(), $"{what} awaits {awaited.Words}", $"demarc approve {change.Id} --as {awaited.Party.Word()}"));
        if (change.Halt is { Kind: HaltKind.Pause } halt && (change.IsWaiting || halt.StandsStill))
        {
            foreach (var party in halt.By) waiting.Add(new WaitingView(task, party.Word(), $"{what} is {halt.Words}", $"demarc changes resume {change.Id} --as {party.Word()} --reason TEXT"));
        }

        if (waiting.Count > 0) return waiting.ToImmutable();
        if (change.IsWaiting && ChangeOrder.Before(state, change) is { IsPaused: true } before)
        {
            return [.. before.Halt!.By.Select(party => new WaitingView(task, party.Word(), $"{what} waits for change {before.Id} of the same instance, which is {before.Halt.Words}", $"demarc changes resume {before.Id} --as {party.Word()} --reason TEXT"))];
        }

        if (change is { IsWaiting: true, RequestedFor: Party.Vendor } && SessionRules.Blocked(state) is { } blocked)
            return [new WaitingView(task, "customer", $"{what} waits for the review: {blocked}", $"demarc emergency review {state.AwaitReview[0]}")];
        return change.Status == ChangeStatus.Approved && at is { } now && Wait(state, change, now) is { } wait
            ? [new WaitingView(task, "time", $"{what} {wait.What}", null)]
            : [new WaitingView(task, "agent", $"{what} is {change.Word()}", null)];
    }

    /// <summary>Exactly who is awaited: of which party, how many, in which roles.</summary>
    public static ImmutableArray<AwaitedView> Awaited(Change change) =>
        change.Awaits.IsEmpty ? [] : AwaitedViews.Of(change.NeedsApproval!, change.Approvals, change.RequestedBy);

    private static ChangeWait? Wait(EnvironmentState state, Change change, DateTimeOffset at) => change.IsWaiting ? ChangeWaits.Until(state, change, at) : null;

    private static StepView Step(int index, StepProgress progress, InstanceStep? step) => new(
        index + 1, step?.Kind ?? "", step?.Touches ?? [], step?.Reversible ?? false, step?.Expected.TotalSeconds ?? 0,
        progress.Status.ToString().ToLowerInvariant(), progress.StartedAt, progress.EndedAt, progress.Receipt);
}
