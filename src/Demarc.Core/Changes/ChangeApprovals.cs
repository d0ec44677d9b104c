namespace Demarc.Core.Changes;

/// <summary>What becomes of approvals that were given when the key that gave them changes or goes.</summary>
internal static class ChangeApprovals
{
    /// <summary>A change that has not begun, without what a key has approved; it waits again if that was needed.</summary>
    public static Change Without(Change change, string key)
    {
        if (change.Status > ChangeStatus.Approved || !change.Approvals.Any(a => a.Key == key)) return change;
        var left = change with { Approvals = change.Approvals.RemoveAll(a => a.Key == key) };
        return left.Status == ChangeStatus.Approved && left.NeedsApproval?.IsMetBy(left.Approvals, left.RequestedBy) == false ? left with { Status = ChangeStatus.Planned } : left;
    }

    /// <summary>The same person under another key: what they asked for and approved stays theirs, so that nobody counts twice.</summary>
    public static Change Moved(Change change, string from, string to) => change with
    {
        RequestedBy = change.RequestedBy == from ? to : change.RequestedBy,
        Approvals = [.. change.Approvals.Select(a => a.Key == from ? a with { Key = to } : a)],
    };
}
