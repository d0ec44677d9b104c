using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Monitoring;
using YamlDotNet.RepresentationModel;

namespace Demarc.Core.Charter;

/// <summary>Reads the rule of one task.</summary>
/// <param name="nodes">Where faults go.</param>
/// <param name="charter">What the charter says outside its tasks: the windows that rules refer to.</param>
internal sealed class CharterRuleReader(CharterNodes nodes, CharterDocument charter)
{
    private const string Common = "owner, parts, approval, window, on-stop, deferral, standing, limits";

    /// <summary>Whether people may be asked to approve an action: what a person asks for, and what is not the way around approvals.</summary>
    public static bool IsApprovable(ChangeAction action) => !action.Standing && action != ChangeAction.Override;

    public CharterRule Rule(YamlNode node, TaskId task, string path)
    {
        Owner? owner = null;
        var rule = CharterRule.OwnedBy(Owner.Both);
        var fields = Fields(task);
        foreach (var (key, value) in nodes.Map(node, path, fields))
        {
            var field = $"{path}.{key}";
            if (!fields.Split(", ").Contains(key))
            {
                nodes.Fault(value, field, $"is not a field of task {task.Slug()}; allowed are {fields}");
                continue;
            }

            if (key == "owner") owner = nodes.OwnerOf(value, field);
            else rule = With(rule, key, value, task, field);
        }

        if (owner is null && !nodes.HasFaultAt($"{path}.owner") && !nodes.HasFaultAt(path)) nodes.Fault(node, $"{path}.owner", "is missing; allowed are vendor, customer, both");
        return rule with { Owner = owner ?? Owner.Both };
    }

    private static string Fields(TaskId task) => task switch
    {
        TaskId.Emergency => $"{Common}, override",
        TaskId.Monitoring => $"{Common}, egress",
        _ => Common,
    };

    private CharterRule With(CharterRule rule, string key, YamlNode value, TaskId task, string field) => key switch
    {
        "parts" => rule with { Parts = Parts(value, field) },
        "approval" => rule with { Approval = Approval(value, task, field) },
        "window" => rule with { Windows = Windows(value, task, field) },
        "on-stop" => rule with { OnStop = nodes.Choice(value, field, ("roll-back", OnStop.RollBack), ("leave", OnStop.Leave)) ?? OnStop.RollBack },
        "deferral" => rule with { Deferral = nodes.Duration(value, field, CharterLimits.MaxDeferral) },
        "standing" => rule with { Standing = Standing(value, task, field) },
        "limits" => rule with { Limits = Limits(value, task, field) },
        "override" => rule with { Override = nodes.Choice(value, field, ("allowed", true), ("forbidden", false)) ?? false },
        "egress" => rule with { Egress = Egress(value, field) },
        _ => rule,
    };

    private ImmutableSortedDictionary<Party, string> Parts(YamlNode node, string path)
    {
        var parts = ImmutableSortedDictionary.CreateBuilder<Party, string>();
        foreach (var (word, value) in nodes.Map(node, path, "party: text"))
        {
            if (word is "vendor" or "customer") parts[word == "vendor" ? Party.Vendor : Party.Customer] = nodes.Text(value, $"{path}.{word}", 300);
            else nodes.Fault(value, $"{path}.{CharterNodes.Clip(word)}", "is not a party; allowed are vendor, customer");
        }

        return parts.ToImmutable();
    }

    private ImmutableSortedDictionary<string, ApprovalNeed> Approval(YamlNode node, TaskId task, string path)
    {
        var approval = ImmutableSortedDictionary.CreateBuilder<string, ApprovalNeed>(StringComparer.Ordinal);
        foreach (var (action, value) in nodes.Map(node, path, "action: who"))
        {
            var field = $"{path}.{CharterNodes.Clip(action)}";
            if (nodes.Action(value, field, action, task, IsApprovable) && Need(value, field) is { } need) approval[action] = need;
        }

        return approval.ToImmutable();
    }

    private ApprovalNeed? Need(YamlNode node, string path)
    {
        if (node is not YamlMappingNode) return nodes.OwnerOf(node, path) is { } owner ? ApprovalNeed.Of(owner) : null;
        var need = new ApprovalNeed(0, 0, [], false);
        foreach (var (key, value) in nodes.Map(node, path, "vendor, customer, roles, not-requester"))
        {
            var field = $"{path}.{key}";
            switch (key)
            {
                case "vendor":
                    need = need with { Vendor = (int)nodes.Number(value, field, 0, ApprovalNeed.MaxOfParty) };
                    break;
                case "customer":
                    need = need with { Customer = (int)nodes.Number(value, field, 0, ApprovalNeed.MaxOfParty) };
                    break;
                case "roles":
                    need = need with { Roles = [.. nodes.List(value, field).Select(role => nodes.Choice(role, field, ("owner", Role.Owner), ("approver", Role.Approver))).OfType<Role>()] };
                    break;
                case "not-requester":
                    need = need with { NotRequester = nodes.Choice(value, field, ("true", true), ("false", false)) ?? false };
                    break;
                default:
                    nodes.Fault(value, field, "is not a field of an approval; allowed are vendor, customer, roles, not-requester");
                    break;
            }
        }

        if (need.Vendor + need.Customer > 0 || nodes.HasFaults) return need;
        nodes.Fault(node, path, "asks nobody: say how many of vendor and customer, or leave it out");
        return null;
    }

    private ImmutableSortedDictionary<string, string> Windows(YamlNode node, TaskId task, string path)
    {
        var windows = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (action, value) in nodes.Map(node, path, "action: window"))
        {
            var field = $"{path}.{CharterNodes.Clip(action)}";
            var name = nodes.Text(value, field, 40);
            if (name.Length == 0 || !nodes.Action(value, field, action, task, a => !a.IsSession)) continue;
            if (charter.Windows.ContainsKey(name)) windows[action] = name;
            else nodes.Fault(value, field, charter.Windows.IsEmpty ? $"there is no window '{name}': the charter has no windows" : $"there is no window '{name}'; there are {string.Join(", ", charter.Windows.Keys)}");
        }

        return windows.ToImmutable();
    }

    private ImmutableSortedSet<string> Standing(YamlNode node, TaskId task, string field)
    {
        var standing = ImmutableSortedSet<string>.Empty;
        foreach (var item in nodes.List(node, field))
        {
            var action = nodes.Text(item, field, 80);
            if (nodes.Action(item, field, action, task, a => a.Standing)) standing = standing.Add(action);
        }

        return standing;
    }

    private ImmutableSortedDictionary<string, long> Limits(YamlNode node, TaskId task, string path)
    {
        var limits = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var known = CharterLimits.Known.GetValueOrDefault(task, []);
        foreach (var (limit, value) in nodes.Map(node, path, "limit: number"))
        {
            var field = $"{path}.{CharterNodes.Clip(limit)}";
            if (!known.Contains(limit)) nodes.Fault(value, field, known.IsEmpty ? $"task {task.Slug()} knows no limits" : $"is not a limit of {task.Slug()}; allowed are {string.Join(", ", known)}");
            else limits[limit] = nodes.Number(value, field, 0, limit == CharterLimits.MaxChangesPerDay ? CharterLimits.MostChangesPerDay : 1_000_000_000);
        }

        return limits.ToImmutable();
    }

    private ImmutableSortedDictionary<string, long> Egress(YamlNode node, string path)
    {
        var egress = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (var (name, value) in nodes.Map(node, path, "class: bytes a day"))
        {
            if (EgressClasses.Words.Contains(name)) egress[name] = nodes.Bytes(value, $"{path}.{name}");
            else nodes.Fault(value, $"{path}.{CharterNodes.Clip(name)}", $"is not a class of what leaves; allowed are {string.Join(", ", EgressClasses.Words)}");
        }

        return egress.ToImmutable();
    }
}
