using System.Collections.Immutable;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Instances;

/// <summary>
/// Compares what the ledger says should be with what is. What has drifted in a vendor's task is healed by a change that the agent requests under
/// standing authority; what has drifted in a customer's task becomes a finding and is never touched. It writes entries and nothing else: every
/// effect is the executor's.
/// </summary>
public sealed class Reconciler(AgentLedger ledger, IHands hands, Reports reports, TimeProvider time, FillRandom random, ILogger log)
{
    private readonly Dictionary<InstanceId, Restarts> restarts = [];
    private readonly HashSet<InstanceId> noted = [];

    // Waiting is counted on the clock that never jumps: an hour set back must not be an hour without healing.
    private readonly long began = time.GetTimestamp();

    /// <summary>Told after every look.</summary>
    public Action? Looked { get; set; }

    /// <summary>Looks every few seconds until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        (Observation Seen, long At)? reported = null;
        while (true)
        {
            var observed = await LookAsync(stop);
            if (observed is not null)
            {
                if (reported is not { } last || IsNews(last.Seen, observed) || time.GetElapsedTime(last.At) >= ReconcileLimits.Report)
                {
                    reports.Observed(observed);
                    reported = (observed, time.GetTimestamp());
                }

                if (ledger.InForce) Compare(observed);
            }

            Looked?.Invoke();
            await Task.Delay(ReconcileLimits.Look, time, stop);
        }
    }

    /// <summary>Writes what the observation calls for.</summary>
    public void Compare(Observation observed)
    {
        var now = time.GetUtcNow();
        CompareBucket(observed.Bucket);
        foreach (var instance in ledger.State.Instances.Values)
        {
            var seen = observed.Instances.GetValueOrDefault(instance.Id) ?? Absent;
            if (observed.Bucket.Reachable) CompareData(instance, seen, observed.Bucket);
            if (instance.Status == InstanceStatus.Ready) CompareReady(instance, seen, time.GetElapsedTime(began));
            else if (instance.Status is InstanceStatus.Suspended or InstanceStatus.Deleted && seen.Running && !IsRunning(instance.Id))
            {
                if (noted.Add(instance.Id)) AgentLog.RunsUnasked(log, instance.Id.Value, instance.Status.Word());
            }
            else noted.Remove(instance.Id);

            if (instance.Status == InstanceStatus.Deleted && now >= instance.PurgeDueAt && Request(ChangeAction.Purge, instance.Id)) AgentLog.Purges(log, instance.Id.Value);
        }

        foreach (var finding in ledger.State.Findings.Keys.Where(name => name.StartsWith(ReconcileLimits.DataFinding, StringComparison.Ordinal)).ToList())
        {
            // The instance of the finding is gone from the ledger, and the trouble with it.
            if (!ledger.State.Instances.Keys.Any(id => finding == DataFinding(id))) Clear(finding);
        }
    }

    /// <summary>Whether somebody who watches should not wait for the next report: an instance came, went, fell ill or got well, or the bucket did.</summary>
    private static bool IsNews(Observation before, Observation now) =>
        before.Bucket.Problem != now.Bucket.Problem
        || before.Instances.Count != now.Instances.Count
        || now.Instances.Any(pair => before.Instances.GetValueOrDefault(pair.Key) is not { } was || (was.Data, was.Running, was.Healthy) != (pair.Value.Data, pair.Value.Running, pair.Value.Healthy));

    private static ObservedInstance Absent { get; } = new(false, false, false, false, 0, 0, 0);

    private async Task<Observation?> LookAsync(CancellationToken stop)
    {
        using var late = new CancellationTokenSource(ReconcileLimits.LookTakes, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            var observed = await hands.ObserveAsync(either.Token);
            return observed with { Instances = observed.Instances.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value with { Restarts = restarts.GetValueOrDefault(pair.Key)?.Count ?? 0 }) };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            AgentLog.LookFailed(log, $"it took longer than {ReconcileLimits.LookTakes.TotalSeconds:0} s");
        }
        catch (Exception unseen) when (unseen is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            AgentLog.LookFailed(log, unseen.Message);
        }

        return null;
    }

    private void CompareBucket(BucketFacts bucket)
    {
        Judge("bucket-unreachable", !bucket.Reachable, bucket.Location,
            bucket.Problem ?? "the bucket can not be read and written", "mount it again, or give the agent's user read and write access; Demarc never makes a new one in its place.");
        Judge("bucket-open", bucket.Reachable && !bucket.PrivateToOwner, bucket.Location,
            "others than the owner may enter the bucket", "take the rights of group and others away (chmod 700).");
        Judge("bucket-full", bucket.Reachable && bucket.FreeMib < ReconcileLimits.MinFreeMib, bucket.Location,
            $"the bucket has {bucket.FreeMib} MiB left, {ReconcileLimits.MinFreeMib} MiB are needed to keep writing safely", "free some space, or grow the disk.");
    }

    private void CompareData(Instance instance, ObservedInstance seen, BucketFacts bucket)
    {
        // Between the steps of a running change data is allowed to be on its way.
        if (IsRunning(instance.Id)) return;
        var should = instance.Status is InstanceStatus.Ready or InstanceStatus.Suspended;
        Judge(DataFinding(instance.Id), should && !seen.Data, $"{bucket.Location}/instances/{instance.Id}",
            $"the data of {instance.Id} is gone from the bucket, or its marker is; nothing is started in its place",
            "put the folder back as it was (from your own backup), or delete the instance.");
    }

    private void CompareReady(Instance instance, ObservedInstance seen, TimeSpan now)
    {
        var record = restarts.GetValueOrDefault(instance.Id);
        if (seen.Running && (seen.Healthy || record is null || now - record.SeenHealthy < ReconcileLimits.Hung))
        {
            record ??= restarts[instance.Id] = new Restarts { SeenHealthy = now };
            if (!seen.Healthy)
            {
                record.StableSince = null;
                return;
            }

            record.SeenHealthy = now;
            record.StableSince ??= now;
            if (now - record.StableSince >= ReconcileLimits.Stable) record.Count = 0;
            return;
        }

        if (!seen.Data || IsRunning(instance.Id) || IsHealing(instance.Id)) return;
        record ??= restarts[instance.Id] = new Restarts();
        if (now < record.NotBefore) return;
        if (!Request(ChangeAction.Heal, instance.Id)) return;
        record.Count++;
        record.StableSince = null;
        record.SeenHealthy = now;
        record.NotBefore = now + ReconcileLimits.Backoff(record.Count);
        AgentLog.Heals(log, instance.Id.Value, record.Count);
    }

    private bool IsRunning(InstanceId id) =>
        ledger.State.OpenChanges.Any(change => change.Request.Instance == id && change.Status == ChangeStatus.Running);

    private bool IsHealing(InstanceId id) =>
        ledger.State.OpenChanges.Any(change => change.Request.Instance == id && change.Action == ChangeAction.Heal);

    private bool Request(ChangeAction action, InstanceId id)
    {
        if (ledger.State.OpenChanges.Any(change => change.Request.Instance == id && (change.Action == action || change.Status == ChangeStatus.Running)) || ledger.HasStartInDoubt(id)) return false;
        return ledger.Write(new ChangeRequested(ChangeId.New(random), new InstanceRequest(action.Name, id, null))).Entry is not null;
    }

    private void Judge(string finding, bool wrong, string resource, string reason, string remedy)
    {
        if (!wrong) Clear(finding);
        else if (!ledger.State.Findings.ContainsKey(finding) && ledger.Write(new FindingRaised(finding, TaskId.Bucket, resource, reason, remedy)).Entry is not null)
            AgentLog.FindingRaised(log, finding, reason);
    }

    private void Clear(string finding)
    {
        if (ledger.State.Findings.ContainsKey(finding) && ledger.Write(new FindingCleared(finding)).Entry is not null) AgentLog.FindingCleared(log, finding);
    }

    private static string DataFinding(InstanceId id) => ReconcileLimits.DataFinding + id;

    private sealed class Restarts
    {
        public int Count { get; set; }

        public TimeSpan NotBefore { get; set; }

        public TimeSpan SeenHealthy { get; set; }

        public TimeSpan? StableSince { get; set; }
    }
}

/// <summary>Bounds of reconciling.</summary>
public static class ReconcileLimits
{
    /// <summary>Start of the name of a finding about an instance's data.</summary>
    public const string DataFinding = "instance-data-";

    /// <summary>Below this an engine could fail to write its log.</summary>
    public const long MinFreeMib = 256;

    /// <summary>Between looks: a killed engine is back within seconds, an idle agent costs next to nothing.</summary>
    public static TimeSpan Look { get; } = TimeSpan.FromSeconds(3);

    /// <summary>One look may take this long before it is given up.</summary>
    public static TimeSpan LookTakes { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Between status reports to the plane.</summary>
    public static TimeSpan Report { get; } = TimeSpan.FromSeconds(10);

    /// <summary>A process that has not answered for this long counts as gone.</summary>
    public static TimeSpan Hung { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Healthy for this long, an instance's restarts are forgotten.</summary>
    public static TimeSpan Stable { get; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest wait between two restarts of an instance that keeps crashing.</summary>
    public static TimeSpan MaxBackoff { get; } = TimeSpan.FromMinutes(5);

    /// <summary>How long after its n-th restart an instance may be restarted again: 5 s, doubled each time.</summary>
    public static TimeSpan Backoff(int restarts)
    {
        var wait = TimeSpan.FromSeconds(5) * Math.Pow(2, Math.Clamp(restarts - 1, 0, 10));
        return wait < MaxBackoff ? wait : MaxBackoff;
    }
}
