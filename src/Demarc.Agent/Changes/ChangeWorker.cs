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
/// so that healing works while the plane is away.
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
        return await RunStartedAsync(stop) || Expire() || await PlanAsync(stop) || await StartAsync(stop);
    }

    private async Task<bool> RunStartedAsync(CancellationToken stop)
    {
        foreach (var change in ledger.State.OpenChanges.Where(c => c.Status == ChangeStatus.Running))
        {
            if (IsHalted(change.Id) || !MayRun(change)) continue;
            if (await executor.RunAsync(change.Id, stop) is not null) Halt(change.Id);
            else Ended(change.Id);
            return true;
        }

        return false;
    }

    // The start of what a person asked for must be agreed on: had the person withdrawn or rejected in time, the plane would refuse our start.
    private bool MayRun(Change change) =>
        change.RequestedFor is null || ledger.Verified.Changes.GetValueOrDefault(change.Id)?.Status == ChangeStatus.Running;

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
        var next = Waiting(ChangeStatus.Approved).FirstOrDefault(c => !busy.Contains(c.Request.Instance) && (c.RequestedFor is null || plane.Connected));
        if (next is null) return false;
        var observed = await hands.ObserveAsync(stop);
        if (ledger.State.Changes.GetValueOrDefault(next.Id) is not { Status: ChangeStatus.Approved } change) return true;
        var planned = InstancePlanner.Plan(ledger.State, change, observed);
        if (planned.Plan?.Hash != change.PlanHash) return Pin(change, observed);
        var started = ledger.Write(new ChangeStarted(change.Id, change.PlanHash!));
        if (started.Entry is not null)
        {
            AgentLog.ChangeStarts(log, change.Id.Value, change.Action.Name, change.Request.Instance.Value, change.PlanHash!);
            return true;
        }

        // What was allowed when it was asked for is not any more: the charter or the instance has changed since.
        return Write(change.Id, new ChangeRefused(change.Id, "start", started.Refusal!));
    }

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
