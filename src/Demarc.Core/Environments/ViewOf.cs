using System.Collections.Immutable;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;

namespace Demarc.Core.Environments;

/// <summary>State → what people see. Pure, so that console, REST and CLI say the same.</summary>
public static class ViewOf
{
    /// <summary>Tasks that this version carries out; the others stand in the table and say so.</summary>
    public static ImmutableHashSet<TaskId> Carried { get; } =
        [TaskId.Network, TaskId.Machines, TaskId.Cluster, TaskId.Bucket, TaskId.Provision, TaskId.Identity, TaskId.Access, TaskId.Audit, TaskId.Emergency];

    /// <summary>The whole table, live.</summary>
    public static ImmutableArray<ResponsibilityView> Responsibilities(EnvironmentState state, DateTimeOffset? at = null)
    {
        var waiting = Waiting(state, at);
        return
        [
            .. Charter.Responsibilities.All.Select(row =>
            {
                var mine = waiting.Where(w => w.Task == row.Slug).ToImmutableArray();
                var open = state.OpenChanges.Where(c => c.Action.Task == row.Id).ToList();
                var stateWord = state.Findings.Values.Any(f => f.Task == row.Id) ? "attention"
                    : open.Any(c => ChangeViews.Waiting(state, c, at).Any(w => w.For == "agent")) || row.Id == TaskId.Emergency && state.OpenSessions.Any(id => state.Sessions[id].Status == SessionStatus.Open) ? "working"
                    : !mine.IsEmpty ? "waiting"
                    : Carried.Contains(row.Id) ? "ok" : "later";
                var (english, japanese) = row.Group.Name();
                return new ResponsibilityView(row.Number, row.Slug, english, japanese, row.English, row.Japanese, state.Charter?[row.Id].Owner ?? row.DefaultOwner, stateWord, state.LastActs.GetValueOrDefault(row.Id), mine);
            }),
        ];
    }

    /// <summary>Everything that waits for somebody; with a moment, also what waits for time to pass.</summary>
    public static ImmutableArray<WaitingView> Waiting(EnvironmentState state, DateTimeOffset? at = null)
    {
        var waiting = ImmutableArray.CreateBuilder<WaitingView>();
        if (state.Founding is not null && state.Proposal is null && state.Charter is null)
            waiting.Add(new WaitingView("access", "customer", "no charter is in force: propose and sign one", "demarc charter sign"));
        if (state.Proposal is { } proposal)
        {
            foreach (var party in Enum.GetValues<Party>().Where(p => !proposal.Signed.Contains(p)))
                waiting.Add(new WaitingView("access", party.Word(), $"charter version {proposal.Document.Version} awaits the {party.Word()}'s signature", $"demarc charter sign --as {party.Word()}"));
        }

        if (state.Charter is not null && state.Agent is null)
            waiting.Add(new WaitingView("identity", "customer", "no agent has joined: invite one", "demarc env invite"));
        foreach (var change in state.OpenChanges) waiting.AddRange(ChangeViews.Waiting(state, change, at));
        waiting.AddRange(SessionViews.Waiting(state));
        foreach (var finding in state.Findings.Values)
        {
            var owner = state.Charter?[finding.Task].Owner ?? Charter.Responsibilities.Of(finding.Task).DefaultOwner;
            waiting.Add(new WaitingView(finding.Task.Slug(), owner.Word(), $"{finding.Reason} {finding.Remedy}", null));
        }

        return waiting.ToImmutable();
    }

    /// <summary>One instance with what the agent last saw of it.</summary>
    public static InstanceView Instance(Instance instance, ObservedInstance? seen) => new(
        instance.Id.Value, instance.Status.Word(), instance.Order.Version, instance.Order.Size.Word(), instance.Order.Size.MemoryMib(), instance.Order.Labels,
        instance.Uri, instance.CreatedAt, instance.DeletedAt, instance.PurgeDueAt, instance.LastChange.Value, instance.Credential is not null, seen?.Healthy, seen?.MemoryMib);

    /// <summary>Open findings.</summary>
    public static ImmutableArray<FindingView> Findings(EnvironmentState state) =>
        [.. state.Findings.Values.Select(f => new FindingView(f.Name, f.Task.Slug(), state.Charter?[f.Task].Owner ?? Charter.Responsibilities.Of(f.Task).DefaultOwner, f.Resource, f.Reason, f.Remedy, f.RaisedAt))];

    /// <summary>Members, roots first, with the day of their last use as far as the plane has seen it.</summary>
    public static ImmutableArray<MemberView> Members(EnvironmentState state, Func<string, DateOnly?> lastUsed) =>
        [.. state.Members.Values.OrderByDescending(m => m.IsRoot).ThenBy(m => m.Key.KeyId, StringComparer.Ordinal).Select(m => new MemberView(m.Key.KeyId, m.Party, m.RoleWord, m.Name, m.IsRoot, m.ExpiresAt, m.LastActedAt, lastUsed(m.Key.KeyId)))];

    /// <summary>An answer of the charter.</summary>
    public static DecisionView Decision(Decision decision) => decision switch
    {
        Decision.Allowed allowed => new DecisionView("allowed", allowed.Rule, null, null),
        Decision.NeedsApproval needs => new DecisionView("needs-approval", needs.Rule, needs.Who.Word(), null),
        Decision.Denied denied => new DecisionView("denied", denied.Rule, null, denied.Why),
        _ => throw new BrokenBeliefException("A decision is one of three."),
    };
}
