using Demarc.Agent.Changes;
using Demarc.Agent.Local;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Sim;

/// <summary>What must be true when all has been calm for a while.</summary>
internal sealed class Verdict(SimWorld world)
{
    private readonly SimAgentDisk agent = world.AgentDisk;
    private readonly EnvironmentState state = world.AgentDisk.Verified;

    public void Reach()
    {
        PromisesKept();
        if (world.Plan.Treason == Treason.None) Honest();
        else Betrayed();
    }

    private void PromisesKept()
    {
        foreach (var (index, id) in world.Inspector.Promised)
        {
            Hold(index < world.PlaneDisk.Rows.Count && world.PlaneDisk.Rows[(int)index].Id == id, $"entry {id}, acknowledged to a person at {index}, is not there any more");
        }
    }

    private void Betrayed()
    {
        Hold(!agent.Entries.Any(bytes => bytes.Span.IndexOf("einjected"u8) >= 0), "an entry of the traitor stands in the replica");
        if (world.Traitor.DoneAt is null) return;
        // An entry that is held back shows when the next one comes, and not before; a stream that breaks first brings it after all, and nothing is missing.
        if (world.Traitor.HeldBack is { } end && (world.PlaneDisk.Rows.Count <= end || Arrived(end))) return;
        Hold(agent.Refusal is not null, $"{world.Plan.Treason} was done and the agent follows the plane as before");
        Hold(agent.Evidence.Any(evidence => evidence.Reason != Demarc.Agent.Ledger.RefusalReason.OwnEntryRefused), "the agent refuses the plane and keeps no evidence");
    }

    private bool Arrived(int end) => agent.Entries.Count >= end && agent.Entries.Zip(world.PlaneDisk.Rows).All(pair => pair.First.Span.SequenceEqual(pair.Second.Bytes.Span));

    private void Honest()
    {
        Hold(agent.Refusal is null, $"the agent refuses an honest plane: {agent.Refusal}");
        Hold(agent.Entries.Count == world.PlaneDisk.Rows.Count, $"the agent has {agent.Entries.Count} entries, the plane {world.PlaneDisk.Rows.Count}");
        Hold(agent.Outbox.Count == 0, $"{agent.Outbox.Count} entries still wait in the outbox");
        Hold(world.PlaneDisk.Head?.Countersigned?.Size == world.PlaneDisk.Rows.Count, $"the agent has countersigned {world.PlaneDisk.Head?.Countersigned?.Size} of {world.PlaneDisk.Rows.Count}");
        // The agent looks at the clock every few seconds, and running takes some: a window may have opened a moment ago.
        var lately = world.AgentWallTime - (2 * ChangeLimits.Look);
        WaitingView[] waiting = [.. ViewOf.Waiting(state, world.AgentWallTime), .. ViewOf.Waiting(state, lately)];
        foreach (var change in state.OpenChanges)
        {
            if (change.StartedAt > lately) continue;
            Hold(change.Status != ChangeStatus.Requested && waiting.Any(w => w.For is "vendor" or "customer" or "time" && w.What.Contains(change.Id.Value, StringComparison.Ordinal)), $"change {change.Id} ({change.Action.Name} {change.Request.Instance}) is {change.Status.Word()} and waits for nobody");
        }

        world.Sessions?.Inspector.Verdict();
        foreach (var instance in state.Instances.Values) Instance(instance);
        foreach (var engine in world.Machine.Engines) Hold(state.Instances.ContainsKey(engine.Launch.Instance), $"an engine of {engine.Launch.Instance} runs, which does not exist");
        foreach (var key in world.Machine.Folders.Keys) Hold(state.Instances.ContainsKey(key.Id) || world.Machine.Disturbed.Contains(key.Id), $"{key.Place} holds {key.Id}, which does not exist");
    }

    private void Instance(Instance instance)
    {
        var machine = world.Machine;
        var id = instance.Id;
        var engine = machine.Engines.Find(e => e.Launch.Instance == id);
        var place = instance.Status == InstanceStatus.Deleted ? FolderPlace.Recycle : FolderPlace.Instances;
        var folder = machine.Folders.GetValueOrDefault((place, id));
        // Somebody holds it up in the middle, and knows it.
        if (state.OpenChanges.Any(change => change.IsPaused && change.Request.Instance == id)) return;
        if (instance.Status is InstanceStatus.Suspended or InstanceStatus.Deleted) Hold(engine is null, $"{id} is {instance.Status.Word()} and its engine runs");
        if (instance.Status == InstanceStatus.Failed || machine.Disturbed.Contains(id)) return;
        Hold(instance.Status != InstanceStatus.Provisioning, $"{id} is provisioning and no change works on it");
        // One whose creation failed for want of a bucket never had any data, and can be deleted all the same.
        if (instance.Status == InstanceStatus.Deleted && folder is null && machine.Acknowledged.GetValueOrDefault(id) == 0) return;
        Hold(folder is not null, $"{id} is {instance.Status.Word()} and its data is not in {place}");
        Hold((folder?.Records ?? 0) == machine.Acknowledged.GetValueOrDefault(id), $"{id} holds {folder?.Records} writes, {machine.Acknowledged.GetValueOrDefault(id)} were acknowledged");
        if (instance.Status != InstanceStatus.Ready || !state.Charter![TaskId.Provision].Standing.Contains("instances.heal")) return;
        // A person may hold up healing too, before it has begun.
        if (state.OpenChanges.Any(change => change.Halt is { Kind: HaltKind.Pause } && change.Action == ChangeAction.Heal && change.Request.Instance == id)) return;
        Hold(engine is not null && machine.Serving(id) == engine, $"{id} is ready and does not serve");
        Hold(engine?.Launch.Port == instance.Port && engine.Launch.MemoryMib == instance.Order.Size.MemoryMib(), $"{id} runs with port {engine?.Launch.Port} and {engine?.Launch.MemoryMib} MiB, the ledger says {instance.Port} and {instance.Order.Size.MemoryMib()}");
        Hold(instance.Credential is not null, $"{id} is ready and has no credential");
    }

    private void Hold(bool belief, string otherwise)
    {
        if (!belief) world.Loop.Violate(otherwise);
    }
}
