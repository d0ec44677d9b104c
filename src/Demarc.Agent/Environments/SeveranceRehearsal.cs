using System.Collections.Immutable;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Environments;

/// <summary>
/// What would become of everything if this severance were handed in now: folded on the agent's own state, judged by its own replica, compared with what it sees
/// running. Nothing is kept and nothing is touched.
/// </summary>
internal static class SeveranceRehearsal
{
    public static RehearsedSeverance Of(AgentLedger ledger, Observation? seen, Entry entry, string checkpoint)
    {
        var before = ledger.Verified;
        var folded = EnvironmentFold.Apply(before, entry);
        if (folded.State is not { Severed: { } severed } after) return new RehearsedSeverance(folded.Refusal ?? "the entry does not sever", null, before.Size, 0, 0, 0, [], [], [], [], []);
        var withdrawn = before.OpenChanges.Where(c => !after.Open.Contains(c.Id)).Select(Words).ToImmutableArray();
        var goes = after.OpenChanges.Where(c => c.Status == ChangeStatus.Running).Select(Words).ToImmutableArray();
        return new RehearsedSeverance(
            null, ledger.Rehearse(entry, checkpoint), before.Size, before.Charter?.Version ?? 0, after.Charter?.Version ?? 0, before.Invitations.Count, withdrawn, goes,
            [.. after.Instances.Keys.Select(id => id.Value)],
            [.. after.Instances.Values.Where(i => i.Status == InstanceStatus.Ready && seen?.Instances.GetValueOrDefault(i.Id) is { Running: true }).Select(i => i.Id.Value)],
            Lost(before, after, severed));
    }

    // The fold is a function and cannot forget; that nothing the customer has depends on the vendor is looked at all the same, thing by thing.
    private static ImmutableArray<string> Lost(EnvironmentState before, EnvironmentState after, Severance severed)
    {
        var lost = ImmutableArray.CreateBuilder<string>();
        lost.AddRange(before.Instances.Where(i => !i.Value.Equals(after.Instances.GetValueOrDefault(i.Key))).Select(i => $"instance {i.Key}"));
        lost.AddRange(before.Members.Keys.Where(key => !after.Members.ContainsKey(key)).Select(key => $"member {key}"));
        lost.AddRange(before.Findings.Keys.Where(name => !after.Findings.ContainsKey(name)).Select(name => $"finding {name}"));
        if (before.Changes.Count != after.Changes.Count) lost.Add("changes");
        if (before.Agent != after.Agent) lost.Add("the agent");
        if (before.CharterYaml != severed.CharterBefore) lost.Add("the charter before");
        return lost.ToImmutable();
    }

    private static string Words(Change change) => $"{change.Id} ({change.Action.Name} {change.Request.Instance}, {change.Word()})";
}
