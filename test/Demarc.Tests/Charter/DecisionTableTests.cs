using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Tests.Environments;
using Demarc.Tests.House;

namespace Demarc.Tests.Charter;

/// <summary>Every action × who asks × whose task it is × what is asked of approvals, as a file a person can read.</summary>
public sealed class DecisionTableTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_whole_table_is_as_agreed()
    {
        var text = new StringBuilder("# charter | action | asked by → decision (rule)\n");
        var world = new World().Joined();
        foreach (var (name, charter) in Charters())
        {
            foreach (var action in ChangeAction.All)
            {
                var state = world.State with { Charter = charter };
                foreach (var party in new Party?[] { Party.Vendor, Party.Customer, null })
                {
                    if (Asked(state, action, party) is { } decision) text.AppendLine($"{name} | {action.Name} | {party?.Word() ?? "agent"} → {Word(decision)}");
                }
            }
        }

        Golden.Check("decisions.txt", text.ToString());
    }

    [Fact]
    public void What_a_reviewer_is_told_a_party_may_ask_for_is_what_is_decided()
    {
        var world = new World().Joined();
        foreach (var (name, charter) in Charters())
        {
            var state = world.State with { Charter = charter };
            foreach (var party in Enum.GetValues<Party>())
            {
                var powers = PartyPowers.Of(state, party).ToDictionary(power => power.Action);
                foreach (var action in ChangeAction.All.Where(action => !action.Standing))
                {
                    var decision = Asked(state, action, party)!;
                    Assert.True(powers.ContainsKey(action) == decision is not Decision.Denied, $"{name}, {action.Name} by {party}: {decision}");
                    if (decision is Decision.NeedsApproval needs) Assert.Equal((needs.Who, needs.Rule), (powers[action].Needs, powers[action].Rule));
                    if (decision is Decision.Allowed { Preapproved: { } act }) Assert.Contains(act, powers[action].Beforehand.Select(b => b.Act.Name));
                    if (decision is Decision.Allowed { Preapproved: null, Rule: var rule }) Assert.Equal(rule, powers[action].Rule);
                }
            }

            Assert.All(PartyPowers.OfAgent(state), action => Assert.IsType<Decision.Allowed>(Asked(state, action, null)));
        }

        Assert.Empty(PartyPowers.Of(world.State with { Severed = new Severance(At, 7, "x", "x", null, 0, 0) }, Party.Vendor));
        Assert.Empty(PartyPowers.Of(world.State with { Charter = null }, Party.Vendor));
    }

    /// <summary>Every owner × what is asked of approvals × standing, and what the other rules add, each in a charter of its own.</summary>
    private static IEnumerable<(string Name, CharterDocument Charter)> Charters()
    {
        yield return ("default", CharterDocument.Default);
        foreach (var owner in Enum.GetValues<Owner>())
        {
            foreach (var approval in new Owner?[] { null, Owner.Vendor, Owner.Customer, Owner.Both })
            {
                foreach (var standing in new[] { true, false })
                    yield return ($"owner {owner.Word()}, approval {approval?.Word() ?? "-"}, standing {(standing ? "yes" : "no")}", All(owner, approval is { } who ? ApprovalNeed.Of(who) : null, standing));
            }
        }

        var asks = All(Owner.Both, new ApprovalNeed(1, 2, [Role.Owner], true), standing: false);
        yield return ("two owners of the customer and one of the vendor, not who asked", asks);
        var until = DateOnly.FromDateTime(At.UtcDateTime);
        yield return ("approved beforehand until today", asks with { Preapproved = [.. ChangeAction.All.Where(a => !a.Standing).Select(a => new PreapprovedAct(a.Name.Replace('.', '-'), a.Name, null, 1, until))] });
        yield return ("approved beforehand until yesterday", asks with { Preapproved = [.. ChangeAction.All.Where(a => !a.Standing).Select(a => new PreapprovedAct(a.Name.Replace('.', '-'), a.Name, null, 1, until.AddDays(-1)))] });
        yield return ("override allowed", CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Emergency, CharterDocument.Default[TaskId.Emergency] with { Override = true }) });
    }

    private static CharterDocument All(Owner owner, ApprovalNeed? need, bool standing)
    {
        var rules = CharterDocument.Default.Rules;
        foreach (var task in new[] { TaskId.Provision, TaskId.Emergency })
        {
            var rule = CharterRule.OwnedBy(owner);
            foreach (var action in ChangeAction.All.Where(a => a.Task == task))
            {
                if (standing) rule = rule with { Standing = rule.Standing.Add(action.Name) };
                if (need is not null) rule = rule with { Approval = rule.Approval.SetItem(action.Name, need) };
            }

            rules = rules.SetItem(task, rule);
        }

        return CharterDocument.Default with { Rules = rules };
    }

    private static Decision? Asked(EnvironmentState state, ChangeAction action, Party? party)
    {
        if (!action.IsSession)
            return CharterDecision.Decide(state, party, new InstanceRequest(action.Name, World.Docs, action == ChangeAction.Create || action == ChangeAction.Modify ? World.Small : null), At);
        return party is { } asker ? CharterDecision.DecideAct(state, state.Members.Values.First(m => m.Party == asker), action, World.Docs, At) : null;
    }

    [Fact]
    public void Limits_say_how_much_there_is_and_what_to_do()
    {
        var world = new World().Joined();
        var tight = CharterDocument.Default[TaskId.Provision] with { Limits = CharterDocument.Default[TaskId.Provision].Limits.SetItem(CharterLimits.MaxMemoryMib, 600).SetItem(CharterLimits.MaxInstances, 1) };
        world.Carry(ChangeAction.Create);
        var state = world.State with { Charter = CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, tight) } };
        var second = Assert.IsType<Decision.Denied>(CharterDecision.Decide(state, Party.Vendor, new InstanceRequest("instances.create", InstanceId.Parse("two"), World.Small), At));
        Assert.Equal("tasks.provision.limits.max-instances", second.Rule);
        Assert.Contains("allows 1", second.Why, StringComparison.Ordinal);
        var bigger = Assert.IsType<Decision.Denied>(CharterDecision.Decide(state, Party.Vendor, new InstanceRequest("instances.modify", World.Docs, World.Small with { Size = InstanceSize.Medium }), At));
        Assert.Contains("2048 MiB and the charter allows 600 MiB", bigger.Why, StringComparison.Ordinal);
    }

    private static string Word(Decision decision) => decision switch
    {
        Decision.Allowed allowed => $"allowed ({allowed.Rule})",
        Decision.NeedsApproval needs => $"needs approval of the {needs.Who.Word()} ({needs.Rule})",
        Decision.Denied denied => $"denied ({denied.Rule})",
        _ => "?",
    };
}
