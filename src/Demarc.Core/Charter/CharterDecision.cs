using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>What the charter says to a request.</summary>
public abstract record Decision
{
    private Decision()
    {
    }

    /// <summary>It may run as it is.</summary>
    /// <param name="Rule">The rule that allows it.</param>
    public sealed record Allowed(string Rule) : Decision;

    /// <summary>It may run once these have approved its plan.</summary>
    /// <param name="Who">Whose approval.</param>
    /// <param name="Rule">The rule that asks for it.</param>
    public sealed record NeedsApproval(Owner Who, string Rule) : Decision;

    /// <summary>It may not run.</summary>
    /// <param name="Rule">The rule against it.</param>
    /// <param name="Why">Why, and what would change the answer.</param>
    public sealed record Denied(string Rule, string Why) : Decision;
}

/// <summary>
/// The one decision function. The plane calls it for quick answers, the agent calls it for real, the CLI for a dry run: same code,
/// same answer. It looks at the charter, at who asks, and at how much there already is.
/// </summary>
public static class CharterDecision
{
    /// <summary>Decides a request of a party, or of the agent under standing authority when <paramref name="party"/> is null.</summary>
    public static Decision Decide(EnvironmentState state, Party? party, InstanceRequest request)
    {
        if (state.Charter is not { } charter)
            return new Decision.Denied("charter", "no charter is in force: both parties' owners must sign one first (demarc charter sign).");
        if (request.Fault() is { } fault) return new Decision.Denied("request", fault);
        var action = ChangeAction.ByName(request.Action)!;
        var rule = charter[action.Task];
        var path = $"tasks.{action.Task.Slug()}";
        if (party is null)
        {
            return rule.Standing.Contains(action.Name)
                ? new Decision.Allowed($"{path}.standing")
                : new Decision.Denied($"{path}.standing", $"the charter gives the agent no standing authority for {action.Name}.");
        }

        if (action.Standing)
            return new Decision.Denied($"{path}.standing", $"{action.Name} is started by the agent alone, never by a person.");
        if (!rule.Owner.Includes(party.Value))
            return new Decision.Denied($"{path}.owner", $"{action.Name} falls under task {action.Task.Slug()}, which the charter gives to the {rule.Owner.Word()}; the {party.Value.Word()} cannot request it. Ask the {rule.Owner.Word()}, or amend the charter.");
        if (BeyondLimit(state, rule, action, request) is { } beyond) return beyond;
        return rule.Approval.TryGetValue(action.Name, out var who)
            ? new Decision.NeedsApproval(who, $"{path}.approval.{action.Name}")
            : new Decision.Allowed($"{path}.owner");
    }

    private static Decision.Denied? BeyondLimit(EnvironmentState state, CharterRule rule, ChangeAction action, InstanceRequest request)
    {
        if (request.Order is not { } order) return null;
        var path = $"tasks.{action.Task.Slug()}.limits";
        var others = state.Instances.Values.Where(i => i.Id != request.Instance).ToList();
        if (action == ChangeAction.Create && rule.Limits.TryGetValue(CharterLimits.MaxInstances, out var most) && others.Count + 1 > most)
            return new Decision.Denied($"{path}.{CharterLimits.MaxInstances}", $"there are {others.Count} instances and the charter allows {most}: delete one, wait until the recycle bin is emptied, or amend the charter.");
        var memory = others.Where(i => i.Status != InstanceStatus.Deleted).Sum(i => (long)i.Order.Size.MemoryMib()) + order.Size.MemoryMib();
        return rule.Limits.TryGetValue(CharterLimits.MaxMemoryMib, out var most2) && memory > most2
            ? new Decision.Denied($"{path}.{CharterLimits.MaxMemoryMib}", $"all instances together would take {memory} MiB and the charter allows {most2} MiB: choose a smaller size, or amend the charter.")
            : null;
    }
}
