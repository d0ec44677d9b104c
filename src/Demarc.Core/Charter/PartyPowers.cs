using System.Collections.Immutable;
using Demarc.Core.Environments;

namespace Demarc.Core.Charter;

/// <summary>Something that people of a party may ask for, and on which terms.</summary>
/// <param name="Action">What.</param>
/// <param name="Needs">Whose approval its plan needs; null when nobody's.</param>
/// <param name="Window">The window that it begins in; null when it may at any time.</param>
/// <param name="Beforehand">Acts approved beforehand that spare it the approval, with how often each was used.</param>
public sealed record Power(ChangeAction Action, ApprovalNeed? Needs, (string Name, TimeWindow Window)? Window, ImmutableArray<(PreapprovedAct Act, int Used)> Beforehand)
{
    /// <summary>The rule that says so, as in <c>tasks.provision.approval.instances.delete</c>.</summary>
    public string Rule => Action == ChangeAction.Override ? $"tasks.{Action.Task.Slug()}.override"
        : Needs is null ? $"tasks.{Action.Task.Slug()}.owner" : $"tasks.{Action.Task.Slug()}.approval.{Action.Name}";
}

/// <summary>
/// The charter read from one party's side: everything that its people may ask for, and nothing else. For whoever has to judge the other side's reach; each
/// request is still decided by <see cref="CharterDecision"/>, and a test holds the two together.
/// </summary>
public static class PartyPowers
{
    /// <summary>What a party may ask for under the charter in force; nothing without one, and nothing for a severed vendor.</summary>
    public static ImmutableArray<Power> Of(EnvironmentState state, Party party)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Charter is not { } charter || (state.Severed is not null && party == Party.Vendor)) return [];
        return
        [
            .. ChangeAction.All.Where(action => !action.Standing && charter[action.Task].Owner.Includes(party) && (action != ChangeAction.Override || charter[action.Task].Override))
                .Select(action => new Power(action, charter[action.Task].Approval.GetValueOrDefault(action.Name), charter.WindowOf(action), Beforehand(state, charter, action))),
        ];
    }

    /// <summary>What the agent does by itself.</summary>
    public static ImmutableArray<ChangeAction> OfAgent(EnvironmentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Charter is { } charter ? [.. ChangeAction.All.Where(action => action.Standing && charter[action.Task].Standing.Contains(action.Name))] : [];
    }

    private static ImmutableArray<(PreapprovedAct Act, int Used)> Beforehand(EnvironmentState state, CharterDocument charter, ChangeAction action) =>
        [.. charter.Preapproved.Where(act => act.Action == action.Name).Select(act => (act, state.PreapprovedUses.GetValueOrDefault(act.Name)))];
}
