using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Changes;

/// <summary>
/// Changes of one instance never interleave. What people ask for is refused while another person's change of the instance is open: the second of
/// two parties who ask at once is told about the first. What the agent asks for by itself is put in order: it may stand beside a person's change
/// that waits, and runs before or after it. Where order alone would lose data, it is refused too: nothing is erased while somebody wants it back.
/// </summary>
public static class ChangeOrder
{
    /// <summary>Why a request cannot stand beside what is open, or null.</summary>
    public static string? Conflict(EnvironmentState state, InstanceRequest request)
    {
        var standing = ChangeAction.ByName(request.Action)?.Standing == true;
        foreach (var open in state.OpenChanges.Where(change => change.Request.Instance == request.Instance))
        {
            var refused = standing
                ? open.Request.Action == request.Action || (request.Action == ChangeAction.Purge.Name && open.Action == ChangeAction.Restore)
                : open.RequestedFor is not null || (request.Action == ChangeAction.Restore.Name && open.Action == ChangeAction.Purge);
            if (refused) return $"change {open.Id} ({open.Request.Action}) of instance {request.Instance} has not ended: wait for it{(open.RequestedFor is null ? "" : ", withdraw or stop it")}.";
        }

        return null;
    }

    /// <summary>The change of the same instance that runs, or stands paused in the middle, so that this one cannot start; null when there is none.</summary>
    public static Change? Before(EnvironmentState state, Change change) =>
        state.OpenChanges.FirstOrDefault(other => other.Status == ChangeStatus.Running && other.Id != change.Id && other.Request.Instance == change.Request.Instance);
}
