using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Instances;

/// <summary>Which actions make sense for an instance in which state.</summary>
public static class InstanceRules
{
    /// <summary>Why the request makes no sense now, or null: the instance's state, or another person's unfinished change of it.</summary>
    public static string? Fault(EnvironmentState state, InstanceRequest request, DateTimeOffset at) =>
        StateFault(state, request, at) ?? ChangeOrder.Conflict(state, request);

    /// <summary>Why the request does not fit the instance's state, or null.</summary>
    public static string? StateFault(EnvironmentState state, InstanceRequest request, DateTimeOffset at)
    {
        var instance = state.Instances.GetValueOrDefault(request.Instance);
        if (request.Action == ChangeAction.Create.Name)
        {
            return instance switch
            {
                null => null,
                { Status: InstanceStatus.Deleted } => $"instance {request.Instance} is in the recycle bin until {instance.PurgeDueAt:u}: restore it, or choose another name.",
                _ => $"instance {request.Instance} exists already: choose another name, or modify it.",
            };
        }

        if (instance is null) return $"there is no instance {request.Instance}: 'demarc instances list' shows those there are.";
        var fits = request.Action switch
        {
            "instances.modify" or "instances.suspend" or "instances.heal" => instance.Status == InstanceStatus.Ready,
            "instances.resume" => instance.Status == InstanceStatus.Suspended,
            "instances.delete" => instance.Status is InstanceStatus.Ready or InstanceStatus.Suspended or InstanceStatus.Failed,
            "instances.restore" => instance.Status == InstanceStatus.Deleted && at < instance.PurgeDueAt,
            "instances.purge" => instance.Status == InstanceStatus.Deleted && at >= instance.PurgeDueAt,
            _ => false,
        };
        return fits ? null : $"instance {request.Instance} is {instance.Status.Word()}, which does not fit {request.Action}.";
    }
}

/// <summary>Statuses as people read them.</summary>
public static class InstanceWords
{
    /// <summary>As in <c>suspended</c>.</summary>
    public static string Word(this InstanceStatus status) => status switch
    {
        InstanceStatus.Provisioning => "provisioning",
        InstanceStatus.Ready => "ready",
        InstanceStatus.Suspended => "suspended",
        InstanceStatus.Deleted => "deleted",
        InstanceStatus.Failed => "failed",
    };
}
