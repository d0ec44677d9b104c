using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Core.Environments;

/// <summary>What an entry is about, for those who look for it.</summary>
/// <param name="Task">The row of the table it falls under.</param>
/// <param name="Change">The change, or null.</param>
/// <param name="Instance">The instance, or null.</param>
public readonly record struct EntrySubject(TaskId Task, ChangeId? Change, InstanceId? Instance)
{
    /// <summary>Worked out with the state after the entry.</summary>
    public static EntrySubject Of(EnvironmentState state, Entry entry)
    {
        var change = ChangeFold.ChangeOf(entry.Data) is { } id && state.Changes.TryGetValue(id, out var found) ? found : null;
        var task = entry.Kind?.Task ?? entry.Data switch
        {
            FindingRaised finding => finding.Task,
            FindingCleared => TaskId.Monitoring,
            _ => change?.Action.Task ?? TaskId.Audit,
        };
        return new EntrySubject(task, change?.Id, change?.Request.Instance);
    }
}
