using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Changes;

/// <summary>
/// Moves changes along: plans what was requested, starts what is approved, runs one at a time. What a person asked for starts only when the start
/// stands in the verified replica, so that plane and people agree on it; what the agent does under standing authority needs its own disk alone,
/// so that healing works while the plane is away. What cannot be undone is never begun on the agent's word alone.
/// </summary>
public sealed class ChangeWorker(AgentLedger ledger, IHands hands, StepExecutor executor, PlanePresence plane, TimeProvider time, ILogger log)
{
    // Waiting is counted on the clock that never jumps: an hour set back must not be an hour of standing still.
    private readonly long began = time.GetTimestamp();
    private readonly Dictionary<ChangeId, TimeSpan> halted = [];
    private TimeSpan pausedUntil;

    private TimeSpan Clock => time.GetElapsedTime(began);

    /// <summary>Works until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            var changed = ledger.Changed.Next;
            if (await PassAsync(stop)) continue;
            await Signal.WaitAsync(ChangeLimits.Look, time, stop, changed);
        }
    }

    /// <summary>Does the next thing there is to do; false when there is nothing.</summary>
    public async Task<bool> PassAsync(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (!ledger.InForce || Clock < pausedUntil) return false;
        if (executor.IsHeld) return Answer() || Expire();
        return await RunStartedAsync(stop) || Answer() || Expire() || await PlanAsync(stop) || await StartAsync(stop);
    }

    private async Task<bool> RunStartedAsync(CancellationToken stop)
    {
        foreach (var change in ledger.State.OpenChanges.Where(c => c.Status == ChangeStatus.Running))
        {
            if (IsHalted(change.Id) || change.IsPaused || !MayRun(change)) continue;
            if (TooLate(change) is { } late)
            {
                AgentLog.ChangePostponed(log, change.Id.Value, late);
                if (Write(change.Id, new ChangePostponed(change.Id, late))) return true;
                continue;
            }

            if (await executor.RunAsync(change.Id, stop) is not null) Halt(change.Id);
            else Ended(change.Id);
            return true;
        }

        return false;
    }

    // The start of what a person asked for must be agreed on: had the person withdrawn or rejected in time, the plane would refuse our start. The same
    // start, not an earlier one that was taken back meanwhile.
    private bool MayRun(Change change) =>
        !NeedsAgreement(change) || ledger.Verified.Changes.GetValueOrDefault(change.Id) is { Status: ChangeStatus.Running } agreed && agreed.Starts == change.Starts;

    private static bool NeedsAgreement(Change change) =>
        change.RequestedFor is not null || change.Plan is not { } plan || plan.Steps.Any(step => !step.Reversible);

    // Agreeing on a start can take as long as the plane is away, and by then the window may have closed.
    private string? TooLate(Change change) =>
        change.Halt is null && change.Steps.All(step => step.Status == StepStatus.Waiting)
            ? ChangeWaits.TooLate(ledger.State, change, time.GetUtcNow())
            : null;

    // A stop of what had not begun, and yet might have: nothing was done, and the agent says so.
    private bool Answer()
    {
        foreach (var change in ledger.State.OpenChanges.Where(c => c is { IsWaiting: true, Halt.Kind: HaltKind.Stop } && !IsHalted(c.Id)))
        {
            if (Write(change.Id, new ChangeHalted(change.Id, change.Holds))) return true;
        }

        return false;
    }

    private bool Expire()
    {
        var now = time.GetUtcNow();
        foreach (var change in ledger.State.OpenChanges.Where(c => c.Status <= ChangeStatus.Approved && now >= c.ExpiresAt && !IsHalted(c.Id)))
        {
            if (Write(change.Id, new ChangeExpired(change.Id))) return true;
        }

        return false;
    }

    private async Task<bool> PlanAsync(CancellationToken stop)
    {
        if (Waiting(ChangeStatus.Requested).FirstOrDefault() is not { } first) return false;
        var observed = await hands.ObserveAsync(stop);
        // Looking takes time: the state may have moved meanwhile.
        if (ledger.State.Changes.GetValueOrDefault(first.Id) is not { Status: ChangeStatus.Requested } change) return true;
        return Pin(change, observed);
    }

    private async Task<bool> StartAsync(CancellationToken stop)
    {
        var busy = ledger.State.OpenChanges.Where(c => c.Status == ChangeStatus.Running).Select(c => c.Request.Instance).ToHashSet();
        var next = Waiting(ChangeStatus.Approved).FirstOrDefault(c => !busy.Contains(c.Request.Instance) && (plane.Connected || !NeedsAgreement(c)) && !Holds(c));
        if (next is null) return false;
        var observed = await hands.ObserveAsync(stop);
        if (ledger.State.Changes.GetValueOrDefault(next.Id) is not { Status: ChangeStatus.Approved } change || Holds(change)) return true;
        var planned = InstancePlanner.Plan(ledger.State, change, observed);
        if (planned.Plan?.Hash != change.PlanHash) return Pin(change, observed);
        var started = ledger.Write(new ChangeStarted(change.Id, change.PlanHash!));
        if (started.Entry is not null)
        {
            AgentLog.ChangeStarts(log, change.Id.Value, change.Action.Name, change.Request.Instance.Value, change.PlanHash!);
            return true;
        }

        // The window closed, or the clock moved, in the moment between.
        if (Holds(change)) return true;

        // What was allowed when it was asked for is not any more: the charter or the instance has changed since.
        return Write(change.Id, new ChangeRefused(change.Id, "start", started.Refusal!));
    }

    private bool Holds(Change change) => change.Halt is not null || ChangeWaits.Until(ledger.State, change, time.GetUtcNow()) is not null;

    private bool Pin(Change change, Observation observed)
    {
        var planned = InstancePlanner.Plan(ledger.State, change, observed);
        if (planned.Plan is { } plan)
        {
            AgentLog.ChangePlans(log, change.Id.Value, change.Action.Name, change.Request.Instance.Value, plan.Steps.Length, plan.Hash);
            return Write(change.Id, new ChangePlanned(change.Id, plan.Text, plan.Hash));
        }

        AgentLog.ChangeRefuses(log, change.Id.Value, change.Action.Name, planned.Rule!, planned.Why!);
        return Write(change.Id, new ChangeRefused(change.Id, planned.Rule!, planned.Why!));
    }

    private IEnumerable<Change> Waiting(ChangeStatus status) =>
        ledger.State.OpenChanges.Where(c => c.Status == status && !IsHalted(c.Id));

    private bool Write(ChangeId id, EntryData data)
    {
        if (ledger.Write(data).Refusal is not { } refusal) return true;
        AgentLog.ChangeHalted(log, id.Value, refusal);
        Halt(id);
        return false;
    }

    /// <summary>The plane refused an entry of ours, so it knows something we do not: nothing is begun until that has had time to arrive.</summary>
    public void Pause() => pausedUntil = Clock + ChangeLimits.AfterRefusal;

    private void Halt(ChangeId id) => halted[id] = Clock + ChangeLimits.AfterRefusal;

    private void Ended(ChangeId id) => halted.Remove(id);

    private bool IsHalted(ChangeId id)
    {
        if (!halted.TryGetValue(id, out var until)) return false;
        if (Clock < until) return true;
        halted.Remove(id);
        return false;
    }
}

/// <summary>Whether the plane listens just now.</summary>
public sealed class PlanePresence
{
    /// <summary>True between the plane's welcome and the end of the stream.</summary>
    public bool Connected { get; set; }
}
