using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Sim;

/// <summary>
/// Stands beside the machine and between the two disks, and lets nothing pass that the ledger does not bear out. It believes no process: it reads
/// what is durable, and it knows which entries the people really signed.
/// </summary>
internal sealed class Inspector(SimWorld world)
{
    private readonly Dictionary<string, string> minted = [];
    private readonly HashSet<InstanceId> takenBack = [];

    /// <summary>Ids of all entries that people have signed with their own hands.</summary>
    public HashSet<string> Signed { get; } = [];

    public HashSet<ChangeId> Wished { get; } = [];

    public HashSet<(ChangeId Change, string Plan, string Key)> Approved { get; } = [];

    /// <summary>Entries that the plane has promised a place.</summary>
    public Dictionary<long, string> Promised { get; } = [];

    public int Effects { get; private set; }

    public int Halts { get; private set; }

    public int Postponed { get; private set; }

    /// <summary>The agent is about to touch the world.</summary>
    public void Effect(InstanceId instance, string what, string[] does, string[] undoes)
    {
        Effects++;
        world.Loop.Trace.Line(world.Loop.Now, "effect", $"{what} for {instance}");
        var state = world.AgentDisk.Written();
        var running = state.OpenChanges.Where(change => change.Status == ChangeStatus.Running && change.Request.Instance == instance).ToList();
        if (running.Count != 1)
        {
            world.Loop.Violate($"the agent does '{what}' for {instance}, and on its disk {running.Count} changes of it run");
            return;
        }

        var change = running[0];
        var undoing = change.IsUndoing;
        if (change.IsPaused) world.Loop.Violate($"the agent does '{what}' for {instance} while {change.Id} is {change.Halt!.Words}");
        var entitled = change.Steps.Where((step, at) => undoing
            ? change.MustUndo(at) && undoes.Contains(change.Plan!.Steps[at].Kind)
            : step.Status == StepStatus.Started && does.Contains(change.Plan!.Steps[at].Kind));
        if (!entitled.Any()) world.Loop.Violate($"the agent does '{what}' for {instance}, and no step of {change.Id} that is {(undoing ? "to be undone" : "started")} on its disk says so");
        Authority(change, what);
    }

    // A person's change must be agreed on, wished by a person who exists, and approved by people who did so.
    private void Authority(Change change, string what)
    {
        if (change.RequestedFor is null)
        {
            if (!change.Action.Standing) world.Loop.Violate($"the agent does '{what}' under {change.Id}, which no person asked for");
            if (change.Plan!.Steps.Any(step => !step.Reversible)) Agreed(change, what);
            return;
        }

        Agreed(change, what);
        if (!Wished.Contains(change.Id)) world.Loop.Violate($"the agent does '{what}' under {change.Id}, which no person has signed");
        foreach (var approval in change.Approvals.Where(approval => approval.PlanHash != change.PlanHash || !Approved.Contains((change.Id, approval.PlanHash, approval.Key))))
            world.Loop.Violate($"the agent does '{what}' under {change.Id}, whose plan {approval.Key} has not approved");
        if (change.Approvals.Select(approval => approval.Key).Distinct().Count() != change.Approvals.Length) world.Loop.Violate($"{change.Id} was approved twice by the same person");
        if (change.NeedsApproval is { } need && !need.IsMetBy(change.Approvals, change.RequestedBy)) world.Loop.Violate($"the agent does '{what}' under {change.Id}, whose plan was not approved by the {need.Word()}");
    }

    private void Agreed(Change change, string what)
    {
        if (world.AgentDisk.Verified.Changes.GetValueOrDefault(change.Id) is not { Status: ChangeStatus.Running } agreed || agreed.Starts != change.Starts)
            world.Loop.Violate($"the agent does '{what}' under {change.Id} before its start stands in the verified replica");
    }

    /// <summary>The agent is about to say something that it will then act on.</summary>
    public void Writes(Entry entry)
    {
        var state = world.AgentDisk.Written();
        switch (entry.Data)
        {
            case ChangeHalted:
                Halts++;
                break;
            case ChangePostponed:
                Postponed++;
                break;
            case ChangeStarted started when state.Changes.TryGetValue(started.Change, out var change):
                if (change.Halt is not null) world.Loop.Violate($"{change.Id} is started while it is {change.Halt.Words}");
                if (Window(state, change) is { } window && !window.IsOpen(entry.At)) world.Loop.Violate($"{change.Id} is started at {entry.At:u}, outside its window");
                // What a plane would do that wants a start to count when it must not: it keeps it back until the window has closed.
                if (Window(state, change) is not null && world.Stormy && world.Dice.Chance(0.3)) world.HoldBack(world.Dice.Between(30, 200));
                if (change.DeferredUntil > entry.At) world.Loop.Violate($"{change.Id} is started at {entry.At:u}, and it is put off until {change.DeferredUntil:u}");
                break;
            case StepStarted step when state.Changes.TryGetValue(step.Change, out var change):
                if (step.Step == 0 && Window(state, change) is { } span && !span.IsOpen(entry.At) && !span.IsOpen(entry.At - ChangeWaits.Tolerance)) world.Loop.Violate($"{change.Id} begins at {entry.At:u}, outside its window by more than the tolerance");
                if (change.Halt is not null) world.Loop.Violate($"step {step.Step + 1} of {change.Id} is started while it is {change.Halt.Words}");
                break;
            case StepUndone undone when state.Changes.TryGetValue(undone.Change, out var change):
                if (change.IsPaused) world.Loop.Violate($"step {undone.Step + 1} of {change.Id} is undone while it is {change.Halt!.Words}");
                break;
            default:
                break;
        }
    }

    private static TimeWindow? Window(EnvironmentState state, Change change) => state.Charter?.WindowOf(change.Action)?.Window;

    /// <summary>
    /// A password was minted for this change: there is one and no second, unless the first was taken back. An agent that is revoked while it rolls back
    /// leaves a ledger that does not know of it, and its successor mints anew.
    /// </summary>
    public void Minted(ChangeId change, InstanceId instance, string sealedText)
    {
        if (!minted.TryAdd(change.Value, sealedText) && minted[change.Value] != sealedText && !takenBack.Contains(instance)) world.Loop.Violate($"two different passwords were minted for {change}");
    }

    /// <summary>The password of an instance is forgotten.</summary>
    public void TakenBack(InstanceId instance) => takenBack.Add(instance);

    /// <summary>The agent's replica has grown on disk: what it holds must be what the plane holds.</summary>
    public void ReplicaGrew(long from)
    {
        var rows = world.PlaneDisk.Rows;
        for (var i = (int)from; i < world.AgentDisk.Entries.Count; i++)
        {
            if (i >= rows.Count || !rows[i].Bytes.Span.SequenceEqual(world.AgentDisk.Entries[i].Span))
            {
                if (world.Plan.Treason == Treason.None) world.Loop.Violate($"entry {i} of the agent's replica is not the plane's");
                return;
            }

            if (world.AgentDisk.Read(rows[i].Bytes).Entry?.Data is CredentialIssued issued) Minted(issued.Change, issued.Instance, issued.Sealed);
        }
    }
}
