using System.Globalization;
using Demarc.Core.Changes;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>How much a charter allows: instances, memory, cost, and requests a day.</summary>
internal static class CharterQuota
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>The first limit that a request goes beyond, or null.</summary>
    public static Decision.Denied? Beyond(EnvironmentState state, CharterRule rule, ChangeAction action, InstanceRequest request, DateTimeOffset at)
    {
        if (TooOften(state, rule, action, at) is { } often) return often;
        if (request.Order is not { } order) return null;
        var others = state.Instances.Values.Where(i => i.Id != request.Instance).ToList();
        if (action == ChangeAction.Create && rule.Limits.TryGetValue(CharterLimits.MaxInstances, out var most) && others.Count + 1 > most)
            return Denied(action, CharterLimits.MaxInstances, $"there are {others.Count} instances and the charter allows {most}: delete one, wait until the recycle bin is emptied, or amend the charter.");
        var memory = others.Where(i => i.Status != InstanceStatus.Deleted).Sum(i => (long)i.Order.Size.MemoryMib()) + order.Size.MemoryMib();
        if (rule.Limits.TryGetValue(CharterLimits.MaxMemoryMib, out var mostMib) && memory > mostMib)
            return Denied(action, CharterLimits.MaxMemoryMib, $"all instances together would take {memory} MiB and the charter allows {mostMib} MiB: choose a smaller size, or amend the charter.");
        var cost = others.Where(i => i.Status != InstanceStatus.Deleted).Sum(i => Price(state, i.Order)) + Price(state, order);
        return rule.Limits.TryGetValue(CharterLimits.MaxMonthlyCost, out var mostCost) && cost > mostCost
            ? Denied(action, CharterLimits.MaxMonthlyCost, $"all instances together would cost {cost} a month and the charter allows {mostCost}: choose a smaller size, or amend the charter.")
            : null;
    }

    /// <summary>The state with one more request of a person; what is older than a day is let go.</summary>
    public static EnvironmentState Count(EnvironmentState state, ChangeAction action, DateTimeOffset at)
    {
        var recent = state.RecentRequests;
        while (recent.Count > 0 && (recent[0].At <= at - Day || recent.Count >= CharterLimits.MostChangesPerDay)) recent = recent.RemoveAt(0);
        return state with { RecentRequests = recent.Add(new RecentRequest(action.Task, at)) };
    }

    /// <summary>The state as if a change that has not started had not been asked for: it is not to be held against itself.</summary>
    public static EnvironmentState Without(EnvironmentState state, Change change) =>
        state with { RecentRequests = state.RecentRequests.Remove(new RecentRequest(change.Action.Task, change.RequestedAt)) };

    // An entry that is dated back finds more requests of the day after its date, not fewer.
    private static Decision.Denied? TooOften(EnvironmentState state, CharterRule rule, ChangeAction action, DateTimeOffset at)
    {
        if (!rule.Limits.TryGetValue(CharterLimits.MaxChangesPerDay, out var most)) return null;
        var recent = state.RecentRequests.Where(r => r.Task == action.Task && r.At > at - Day).ToList();
        return recent.Count < most
            ? null
            : Denied(action, CharterLimits.MaxChangesPerDay, string.Create(CultureInfo.InvariantCulture, $"{recent.Count} changes were asked for within a day and the charter allows {most}: ask again after {(recent[0].At + Day).UtcDateTime:u}, or amend the charter."));
    }

    private static long Price(EnvironmentState state, InstanceOrder order) => state.Charter!.Prices.GetValueOrDefault(order.Size);

    private static Decision.Denied Denied(ChangeAction action, string limit, string why) => new($"tasks.{action.Task.Slug()}.limits.{limit}", why);
}
