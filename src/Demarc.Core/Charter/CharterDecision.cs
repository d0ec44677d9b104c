using Demarc.Core.Access;
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
    /// <param name="Preapproved">The preapproved act that it uses up once; null when it needs none.</param>
    public sealed record Allowed(string Rule, string? Preapproved = null) : Decision;

    /// <summary>It may run once these have approved its plan.</summary>
    /// <param name="Who">Whose approval.</param>
    /// <param name="Rule">The rule that asks for it.</param>
    public sealed record NeedsApproval(ApprovalNeed Who, string Rule) : Decision;

    /// <summary>It may not run.</summary>
    /// <param name="Rule">The rule against it.</param>
    /// <param name="Why">Why, and what would change the answer.</param>
    public sealed record Denied(string Rule, string Why) : Decision;
}

/// <summary>
/// The one decision function. The plane calls it for quick answers, the agent calls it for real, the CLI for a dry run: same code,
/// same answer. It looks at the charter, at who asks, at how much there already is, and at the time that the asker's entry says.
/// </summary>
public static class CharterDecision
{
    /// <summary>Decides a request of a party, or of the agent under standing authority when <paramref name="party"/> is null.</summary>
    public static Decision Decide(EnvironmentState state, Party? party, InstanceRequest request, DateTimeOffset at)
    {
        if (NoCharter(state) is { } none) return none;
        if (request.Fault() is { } fault) return new Decision.Denied("request", fault);
        var action = ChangeAction.ByName(request.Action)!;
        var rule = state.Charter![action.Task];
        var path = $"tasks.{action.Task.Slug()}";
        if (party is null)
        {
            return rule.Standing.Contains(action.Name)
                ? new Decision.Allowed($"{path}.standing")
                : new Decision.Denied($"{path}.standing", $"the charter gives the agent no standing authority for {action.Name}.");
        }

        if (action.Standing)
            return new Decision.Denied($"{path}.standing", $"{action.Name} is started by the agent alone, never by a person.");
        return NotTheirs(rule, party.Value, action)
            ?? CharterQuota.Beyond(state, rule, action, request, at)
            ?? Approved(state, rule, action, request.Instance, at);
    }

    /// <summary>Decides an act of a member that changes no instance, such as opening an emergency session; limits of such acts are their own feature's.</summary>
    public static Decision DecideAct(EnvironmentState state, Member member, ChangeAction action, InstanceId? instance, DateTimeOffset at)
    {
        if (NoCharter(state) is { } none) return none;
        var rule = state.Charter![action.Task];
        if (NotTheirs(rule, member.Party, action) is { } notTheirs) return notTheirs;
        if (action != ChangeAction.Override) return Approved(state, rule, action, instance, at);
        var path = $"tasks.{action.Task.Slug()}.override";
        return rule.Override
            ? new Decision.Allowed(path)
            : new Decision.Denied(path, "the charter forbids to open an emergency session before it is approved: ask for approval, or amend the charter (override: allowed).");
    }

    /// <summary>Whether what was allowed by a preapproved act at its request still is: the act stands in the charter in force and its day has not come.</summary>
    public static bool StillPreapproved(EnvironmentState state, string name, ChangeAction action, InstanceId? instance, DateTimeOffset at) =>
        state.Charter is { } charter && charter.Preapproved.Any(act => act.Name == name && Fits(act, action, instance, at));

    private static Decision.Denied? NoCharter(EnvironmentState state) => state.Charter is null
        ? new Decision.Denied("charter", "no charter is in force: both parties' owners must sign one first (demarc charter sign).")
        : null;

    private static Decision.Denied? NotTheirs(CharterRule rule, Party party, ChangeAction action) => rule.Owner.Includes(party)
        ? null
        : new Decision.Denied($"tasks.{action.Task.Slug()}.owner", $"{action.Name} falls under task {action.Task.Slug()}, which the charter gives to the {rule.Owner.Word()}; the {party.Word()} cannot request it. Ask the {rule.Owner.Word()}, or amend the charter.");

    private static Decision Approved(EnvironmentState state, CharterRule rule, ChangeAction action, InstanceId? instance, DateTimeOffset at)
    {
        var path = $"tasks.{action.Task.Slug()}";
        if (!rule.Approval.TryGetValue(action.Name, out var who)) return new Decision.Allowed($"{path}.owner");
        foreach (var act in state.Charter!.Preapproved)
        {
            if (Fits(act, action, instance, at) && state.PreapprovedUses.GetValueOrDefault(act.Name) < act.Uses) return new Decision.Allowed($"preapproved.{act.Name}", act.Name);
        }

        return new Decision.NeedsApproval(who, $"{path}.approval.{action.Name}");
    }

    private static bool Fits(PreapprovedAct act, ChangeAction action, InstanceId? instance, DateTimeOffset at) =>
        act.Action == action.Name && (act.Instance is null || act.Instance == instance) && DateOnly.FromDateTime(at.UtcDateTime) <= act.Until;
}
