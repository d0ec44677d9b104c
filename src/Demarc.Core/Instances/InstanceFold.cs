using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Instances;

/// <summary>What the start and the end of a change mean for its instance.</summary>
internal static class InstanceFold
{
    public static EnvironmentState Follow(EnvironmentState state, Change before, Change after, DateTimeOffset at) => after.Status switch
    {
        ChangeStatus.Running when after.Action == ChangeAction.Create => Begin(state, after, at),
        ChangeStatus.Succeeded => Succeed(state, before, after, at),
        ChangeStatus.RolledBack or ChangeStatus.Approved when before.Status == ChangeStatus.Running && after.Action == ChangeAction.Create =>
            state with { Instances = state.Instances.Remove(after.Request.Instance) },
        ChangeStatus.Stopped => Stop(state, before, after),
        ChangeStatus.Failed => Set(state, after, instance => instance with { Status = InstanceStatus.Failed }),
        _ => state,
    };

    public static Folded Issue(EnvironmentState state, CredentialIssued data)
    {
        if (!state.Changes.TryGetValue(data.Change, out var change) || change.Status != ChangeStatus.Running) return Folded.Refuse($"change {data.Change} is not running");
        if (change.Request.Instance != data.Instance || !state.Instances.TryGetValue(data.Instance, out var instance)) return Folded.Refuse($"change {data.Change} is not about instance {data.Instance}");
        return Folded.To(state with { Instances = state.Instances.SetItem(data.Instance, instance with { Credential = new SealedCredential(data.User, data.Sealed) }) });
    }

    private static EnvironmentState Begin(EnvironmentState state, Change change, DateTimeOffset at)
    {
        var port = change.Plan!.Steps.OfType<StartEngine>().FirstOrDefault()?.Port ?? 0;
        var instance = new Instance(change.Request.Instance, change.Request.Order!, InstanceStatus.Provisioning, port, at, null, change.Id, null);
        return state with { Instances = state.Instances.SetItem(instance.Id, instance) };
    }

    // Left where it stood, it is neither what it was nor what was wanted. Stopped before its first step it is what it was, unless a former agent may have gone further.
    private static EnvironmentState Stop(EnvironmentState state, Change before, Change after)
    {
        if (before.Status != ChangeStatus.Running) return state;
        if (after.Inherited || after.Steps.Any(step => step.Status != StepStatus.Waiting)) return Set(state, after, instance => instance with { Status = InstanceStatus.Failed });
        return after.Action == ChangeAction.Create ? state with { Instances = state.Instances.Remove(after.Request.Instance) } : state;
    }

    private static EnvironmentState Succeed(EnvironmentState state, Change before, Change after, DateTimeOffset at)
    {
        if (after.Action == ChangeAction.Purge) return state with { Instances = state.Instances.Remove(after.Request.Instance) };
        var port = before.Plan!.Steps.OfType<StartEngine>().FirstOrDefault()?.Port;
        return Set(state, after, instance =>
        {
            instance = instance with { Port = port ?? instance.Port, Order = after.Request.Order ?? instance.Order };
            if (after.Action == ChangeAction.Suspend) return instance with { Status = InstanceStatus.Suspended };
            if (after.Action == ChangeAction.Delete) return instance with { Status = InstanceStatus.Deleted, DeletedAt = at };
            return instance with { Status = InstanceStatus.Ready, DeletedAt = null };
        });
    }

    private static EnvironmentState Set(EnvironmentState state, Change change, Func<Instance, Instance> set) =>
        state.Instances.TryGetValue(change.Request.Instance, out var instance)
            ? state with { Instances = state.Instances.SetItem(instance.Id, set(instance) with { LastChange = change.Id }) }
            : state;
}
