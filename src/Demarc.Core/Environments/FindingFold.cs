using Demarc.Core.Ledger;

namespace Demarc.Core.Environments;

/// <summary>Findings are raised and cleared by the agent; one name, one trouble.</summary>
internal static class FindingFold
{
    /// <summary>Past this, the environment needs people rather than one more finding.</summary>
    private const int MaxOpen = 1000;

    public static Folded Raise(EnvironmentState state, Entry entry, FindingRaised data)
    {
        if (!Slug.IsValid(data.Finding, 3, 80)) return Folded.Refuse("finding must be 3 to 80 characters of a-z, 0-9 and '-'");
        if (state.Findings.ContainsKey(data.Finding)) return Folded.Refuse($"finding {data.Finding} is open already");
        if (state.Findings.Count >= MaxOpen) return Folded.Refuse($"{MaxOpen} findings are open already");
        return Folded.To(state with { Findings = state.Findings.Add(data.Finding, new Finding(data.Finding, data.Task, data.Resource, data.Reason, data.Remedy, entry.At)) });
    }

    public static Folded Clear(EnvironmentState state, FindingCleared data) =>
        state.Findings.ContainsKey(data.Finding)
            ? Folded.To(state with { Findings = state.Findings.Remove(data.Finding) })
            : Folded.Refuse($"finding {data.Finding} is not open");
}
