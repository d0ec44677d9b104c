using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>One rule on the way to an answer.</summary>
/// <param name="Rule">Its path, as in <c>tasks.provision.owner</c>.</param>
/// <param name="Verdict"><c>yes</c>, <c>no</c>, <c>ask</c> where somebody must approve, <c>wait</c> where the time has not come.</param>
/// <param name="Says">What it says, in a sentence.</param>
/// <param name="Otherwise">What would change it; null when nothing needs to.</param>
public sealed record ExplainedRule(string Rule, string Verdict, string Says, string? Otherwise);

/// <summary>Why the charter answers as it does.</summary>
/// <param name="Action">What was asked about.</param>
/// <param name="Asker">For whom, as in <c>vendor operator</c>.</param>
/// <param name="Answer"><c>allowed</c>, <c>needs-approval</c>, <c>waits</c> or <c>denied</c>.</param>
/// <param name="Path">The rules, in the order in which they are asked.</param>
public sealed record Explanation(string Action, string Asker, string Answer, ImmutableArray<ExplainedRule> Path);

/// <summary>
/// Says why, rule by rule: what allows, what refuses, and what would change the answer. The answer itself is that of <see cref="CharterDecision"/>; here it
/// only gets words, so that the two cannot differ.
/// </summary>
public static class CharterExplanation
{
    private static readonly InstanceId AnyInstance = InstanceId.Parse("any-instance");

    /// <summary>Explains an action for a person of a party in a role; null for the party stands for the agent. Without an instance nothing is said of its state.</summary>
    public static Explanation Of(EnvironmentState state, Party? party, Role role, ChangeAction action, InstanceId? instance, InstanceSize size, DateTimeOffset at)
    {
        var path = ImmutableArray.CreateBuilder<ExplainedRule>();
        var asker = party is { } p ? $"{p.Word()} {role.ToString().ToLowerInvariant()}" : "agent";
        if (state.Charter is not { } charter)
        {
            path.Add(new ExplainedRule("charter", "no", "No charter is in force.", "Both parties' owners sign one: demarc charter propose, demarc charter sign."));
            return new Explanation(action.Name, asker, "denied", path.ToImmutable());
        }

        var rule = charter[action.Task];
        path.Add(new ExplainedRule("charter", "yes", state.Severed is { } severed
            ? $"Version {charter.Version} '{charter.Name}' is in force: the severed form, since the customer severed the vendor at entry {severed.Index}."
            : $"Version {charter.Version} '{charter.Name}' is in force, signed by both parties.", null));
        if (state.Severed is not null && party == Party.Vendor)
            path.Add(new ExplainedRule("severed", "no", "The customer has severed the vendor: nothing that its people sign counts, but a charter that the customer proposes.", "Both parties sign such a charter (demarc rejoin)."));
        if (party is not null) path.Add(OfRole(role));
        if (party is { } asking && !action.Standing) path.Add(OfOwner(rule, action, asking));
        var decision = Decide(state, party, role, action, instance, size, at);
        path.Add(OfDecision(rule, action, decision));
        if (decision is not Decision.Denied && OfState(state, action, instance, size, at) is { } notNow) path.Add(notNow);
        if (decision is not Decision.Denied && charter.WindowOf(action) is { } window) path.Add(OfWindow(action, window.Name, window.Window, at));
        path = Distinct(path);
        var answer = path.Any(r => r.Verdict == "no") ? "denied" : path.Any(r => r.Verdict == "ask") ? "needs-approval" : path.Any(r => r.Verdict == "wait") ? "waits" : "allowed";
        return new Explanation(action.Name, asker, answer, path.ToImmutable());
    }

    private static Decision Decide(EnvironmentState state, Party? party, Role role, ChangeAction action, InstanceId? instance, InstanceSize size, DateTimeOffset at)
    {
        if (!action.IsSession) return CharterDecision.Decide(state, party, Request(action, instance, size), at);
        if (party is not { } asking) return new Decision.Denied($"tasks.{action.Task.Slug()}.standing", $"{action.Name} is asked for by a person, never by the agent.");
        var root = state.Members.Values.First(m => m.Party == asking);
        return CharterDecision.DecideAct(state, root with { Role = role }, action, instance, at);
    }

    private static InstanceRequest Request(ChangeAction action, InstanceId? instance, InstanceSize size) => new(
        action.Name, instance ?? AnyInstance, action == ChangeAction.Create || action == ChangeAction.Modify ? new InstanceOrder("0.0.0", size, ImmutableSortedDictionary<string, string>.Empty) : null);

    private static ExplainedRule OfRole(Role role) => role.Allows(Permission.Operate)
        ? new ExplainedRule("role", "yes", $"The role {role.ToString().ToLowerInvariant()} may ask for changes.", null)
        : new ExplainedRule("role", "no", $"The role {role.ToString().ToLowerInvariant()} may not ask for changes.", "Somebody in the role owner or operator asks, or an owner gives the person that role (demarc members add).");

    private static ExplainedRule OfOwner(CharterRule rule, ChangeAction action, Party party)
    {
        var path = $"tasks.{action.Task.Slug()}.owner";
        var says = $"{action.Name} belongs to task {action.Task.Slug()}, which is the task of {(rule.Owner == Owner.Both ? "both parties" : $"the {rule.Owner.Word()}")}.";
        return rule.Owner.Includes(party)
            ? new ExplainedRule(path, "yes", says, null)
            : new ExplainedRule(path, "no", says, $"The {rule.Owner.Word()} asks for it, or both parties amend {path} to {party.Word()} or both.");
    }

    private static ExplainedRule OfDecision(CharterRule rule, ChangeAction action, Decision decision) => decision switch
    {
        Decision.Denied denied => new ExplainedRule(denied.Rule, "no", Sentence(denied.Why), null),
        Decision.NeedsApproval needs => new ExplainedRule(needs.Rule, "ask", $"It runs once its {action.ApprovedThing} approved by the {needs.Who.Word()}.", $"Both parties amend {needs.Rule}, or add an act approved beforehand for {action.Name}."),
        Decision.Allowed { Preapproved: { } act } => new ExplainedRule($"preapproved.{act}", "yes", $"It uses up one of the uses of '{act}', which was approved beforehand.", null),
        Decision.Allowed { Rule: var path } when action.Standing => new ExplainedRule(path, "yes", "The agent may do it alone, under standing authority.", $"Both parties take it out of tasks.{action.Task.Slug()}.standing."),
        Decision.Allowed { Rule: var path } => new ExplainedRule(path, "yes", $"Nobody has to approve it{(rule.Limits.IsEmpty ? "." : ", and it is within the limits.")}", $"Both parties ask for approval under tasks.{action.Task.Slug()}.approval.{action.Name}."),
        _ => throw new BrokenBeliefException("A decision is one of three."),
    };

    private static ExplainedRule? OfState(EnvironmentState state, ChangeAction action, InstanceId? instance, InstanceSize size, DateTimeOffset at) =>
        instance is not null && !action.IsSession && InstanceRules.Fault(state, Request(action, instance, size), at) is { } fault ? new ExplainedRule("state", "no", Sentence(fault), null) : null;

    private static ExplainedRule OfWindow(ChangeAction action, string name, TimeWindow window, DateTimeOffset at)
    {
        var path = $"tasks.{action.Task.Slug()}.window.{action.Name}";
        if (window.IsOpen(at)) return new ExplainedRule(path, "yes", $"The window {name} is open until {Clock(window, window.Closing(at)!.Value)}.", null);
        return window.NextOpening(at) is { } opening
            ? new ExplainedRule(path, "wait", $"It begins only in the window {name}, which opens {Clock(window, opening)}.", $"It waits there, or both parties amend {path}.")
            : new ExplainedRule(path, "no", $"It begins only in the window {name}, which does not open within two years.", $"Both parties amend windows.{name}.");
    }

    // A refusal for the owner's sake is the owner's rule said again.
    private static ImmutableArray<ExplainedRule>.Builder Distinct(ImmutableArray<ExplainedRule>.Builder path)
    {
        var kept = ImmutableArray.CreateBuilder<ExplainedRule>();
        foreach (var rule in path)
        {
            if (!kept.Any(k => k.Rule == rule.Rule && k.Verdict == "no")) kept.Add(rule);
        }

        return kept;
    }

    private static string Clock(TimeWindow window, DateTimeOffset at) => at.ToOffset(window.Zone.OffsetAt(at)).ToString("yyyy-MM-dd HH:mmzzz", System.Globalization.CultureInfo.InvariantCulture);

    private static string Sentence(string text) => char.ToUpperInvariant(text[0]) + text[1..] + (text[^1] == '.' ? "" : ".");
}
