using System.Collections.Immutable;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Instances;

/// <summary>What planning gives: a plan, or why there can be none here and now.</summary>
/// <param name="Plan">The plan; null when there is none.</param>
/// <param name="Rule">The fact against it.</param>
/// <param name="Why">In words, with the remedy.</param>
public readonly record struct Planned(Plan? Plan, string? Rule, string? Why);

/// <summary>
/// (desired, observed) → steps, pure and deterministic: the same input gives the same plan, byte for byte. That is how a plan is
/// found to be out of date: the agent plans again right before it starts, and runs only if the hash is still the approved one.
/// </summary>
public static class InstancePlanner
{
    /// <summary>The Milvus user every instance starts with, as Milvus itself does.</summary>
    public const string FirstUser = "root";

    /// <summary>Plans a change as things are.</summary>
    public static Planned Plan(EnvironmentState state, Change change, Observation observed)
    {
        var request = change.Request;
        var seen = observed.Instances.GetValueOrDefault(request.Instance);
        var instance = state.Instances.GetValueOrDefault(request.Instance);
        if (observed.Bucket.Problem is { } problem && change.Action != ChangeAction.Suspend) return No("bucket", problem);
        if (change.Action == ChangeAction.Create) return Create(state, request, observed, seen);
        if (instance is null) return No("instance", $"there is no instance {request.Instance}.");
        if (change.Action == ChangeAction.Modify) return Modify(instance, request.Order!, observed, seen);
        if (change.Action == ChangeAction.Suspend) return Yes(Stop(instance));
        if (change.Action == ChangeAction.Resume || change.Action == ChangeAction.Heal) return Start(instance, observed, seen);
        if (change.Action == ChangeAction.Delete) return Delete(instance, seen);
        if (change.Action == ChangeAction.Restore) return Restore(state, instance, observed, seen);
        if (change.Action == ChangeAction.Purge) return Yes(new EraseData(instance.Id));
        return No("action", $"{change.Action.Name} cannot be planned on {observed.Substrate}.");
    }

    private static Planned Create(EnvironmentState state, InstanceRequest request, Observation observed, ObservedInstance? seen)
    {
        var order = request.Order!;
        if (!observed.Versions.Contains(order.Version)) return No("version", $"Milvus {order.Version} is not to be had here: one of {string.Join(", ", observed.Versions)}.");
        if (seen is { Recycled: true } or { Data: true }) return No("data", $"the bucket already holds data named {request.Instance} that the ledger does not know: choose another name, or let the customer move it away.");
        if (Crowded(observed, order.Size.MemoryMib(), 0) is { } crowded) return crowded;
        if (Port(state, observed) is not { } port) return No("port", "no free port was found from 19530 on: free one.");
        return Yes(
            new CreateData(request.Instance),
            new MintCredential(request.Instance, FirstUser, state.Founding!.CustomerSealing),
            new StartEngine(request.Instance, order.Version, port, order.Size.MemoryMib()),
            new AwaitHealthy(request.Instance, port),
            new VerifyInstance(request.Instance, port));
    }

    private static Planned Modify(Instance instance, InstanceOrder order, Observation observed, ObservedInstance? seen)
    {
        if (order.Version != instance.Order.Version) return No("version", $"instances.modify keeps the version {instance.Order.Version}: upgrades are a task of their own.");
        if (seen is not { Data: true }) return NoData(instance);
        if (Crowded(observed, order.Size.MemoryMib(), instance.Order.Size.MemoryMib()) is { } crowded) return crowded;
        if (order.Size == instance.Order.Size) return Yes(new VerifyInstance(instance.Id, instance.Port));
        return Yes(
            Stop(instance),
            new StartEngine(instance.Id, order.Version, instance.Port, order.Size.MemoryMib()),
            new AwaitHealthy(instance.Id, instance.Port),
            new VerifyInstance(instance.Id, instance.Port));
    }

    private static Planned Start(Instance instance, Observation observed, ObservedInstance? seen)
    {
        if (seen is not { Data: true }) return NoData(instance);
        if (seen is not { Running: true } && Crowded(observed, instance.Order.Size.MemoryMib(), 0) is { } crowded) return crowded;
        return Yes(
            new StartEngine(instance.Id, instance.Order.Version, instance.Port, instance.Order.Size.MemoryMib()),
            new AwaitHealthy(instance.Id, instance.Port),
            new VerifyInstance(instance.Id, instance.Port));
    }

    private static Planned Delete(Instance instance, ObservedInstance? seen) =>
        seen is { Data: true } ? Yes(Stop(instance), new RecycleData(instance.Id)) : Yes(Stop(instance));

    private static Planned Restore(EnvironmentState state, Instance instance, Observation observed, ObservedInstance? seen)
    {
        if (seen is not { Recycled: true }) return No("data", $"the recycle bin holds no data of {instance.Id}: it was moved or erased outside Demarc.");
        if (Crowded(observed, instance.Order.Size.MemoryMib(), 0) is { } crowded) return crowded;
        var port = state.Instances.Values.Any(other => other.Id != instance.Id && other.Status != InstanceStatus.Deleted && other.Port == instance.Port)
            ? Port(state, observed)
            : instance.Port;
        if (port is null) return No("port", "no free port was found from 19530 on: free one.");
        return Yes(
            new ReturnData(instance.Id),
            new StartEngine(instance.Id, instance.Order.Version, port.Value, instance.Order.Size.MemoryMib()),
            new AwaitHealthy(instance.Id, port.Value),
            new VerifyInstance(instance.Id, port.Value));
    }

    private static StopEngine Stop(Instance instance) =>
        new(instance.Id, instance.Order.Version, instance.Port, instance.Order.Size.MemoryMib());

    private static int? Port(EnvironmentState state, Observation observed)
    {
        var taken = state.Instances.Values.Select(i => i.Port).ToHashSet();
        foreach (var port in observed.FreePorts)
        {
            if (!taken.Contains(port)) return port;
        }

        return null;
    }

    private static Planned? Crowded(Observation observed, int wantedMib, int givenBackMib) =>
        wantedMib - givenBackMib > observed.Machine.MemoryMib
            ? No("memory", $"the machine has {observed.Machine.MemoryMib} MiB and the order asks for {wantedMib} MiB: choose a smaller size.")
            : null;

    private static Planned NoData(Instance instance) =>
        No("data", $"the data of {instance.Id} is not in the bucket; nothing is started over it. See the open findings.");

    private static Planned Yes(params ImmutableArray<InstanceStep> steps) => new(Changes.Plan.Of(steps), null, null);

    private static Planned No(string rule, string why) => new(null, rule, why);
}
