using System.Text;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Tests.Environments;
using Demarc.Tests.House;

namespace Demarc.Tests.Charter;

/// <summary>Every action × who asks × whose task it is × what is asked of approvals, as a file a person can read.</summary>
public sealed class DecisionTableTests
{
    [Fact]
    public void The_whole_table_is_as_agreed()
    {
        var text = new StringBuilder("# owner | approval | standing | action | asked by → decision (rule)\n");
        var world = new World().Joined();
        foreach (var owner in Enum.GetValues<Owner>())
        {
            foreach (var approval in new Owner?[] { null, Owner.Vendor, Owner.Customer, Owner.Both })
            {
                foreach (var standing in new[] { true, false })
                {
                    foreach (var action in ChangeAction.All)
                    {
                        var rule = CharterRule.OwnedBy(owner) with { Standing = standing ? [action.Name] : [] };
                        if (approval is { } who) rule = rule with { Approval = rule.Approval.Add(action.Name, who) };
                        var state = world.State with { Charter = CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule) } };
                        foreach (var party in new Party?[] { Party.Vendor, Party.Customer, null })
                        {
                            var request = new InstanceRequest(action.Name, World.Docs, action == ChangeAction.Create || action == ChangeAction.Modify ? World.Small : null);
                            text.AppendLine($"{owner.Word()} | {approval?.Word() ?? "-"} | {(standing ? "yes" : "no")} | {action.Name} | {party?.Word() ?? "agent"} → {Word(CharterDecision.Decide(state, party, request))}");
                        }
                    }
                }
            }
        }

        Golden.Check("decisions.txt", text.ToString());
    }

    [Fact]
    public void Limits_say_how_much_there_is_and_what_to_do()
    {
        var world = new World().Joined();
        var tight = CharterDocument.Default[TaskId.Provision] with { Limits = CharterDocument.Default[TaskId.Provision].Limits.SetItem(CharterLimits.MaxMemoryMib, 600).SetItem(CharterLimits.MaxInstances, 1) };
        world.Carry(ChangeAction.Create);
        var state = world.State with { Charter = CharterDocument.Default with { Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, tight) } };
        var second = Assert.IsType<Decision.Denied>(CharterDecision.Decide(state, Party.Vendor, new InstanceRequest("instances.create", InstanceId.Parse("two"), World.Small)));
        Assert.Equal("tasks.provision.limits.max-instances", second.Rule);
        Assert.Contains("allows 1", second.Why, StringComparison.Ordinal);
        var bigger = Assert.IsType<Decision.Denied>(CharterDecision.Decide(state, Party.Vendor, new InstanceRequest("instances.modify", World.Docs, World.Small with { Size = InstanceSize.Medium })));
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
