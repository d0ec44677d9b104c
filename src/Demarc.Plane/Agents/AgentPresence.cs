using System.Collections.Immutable;
using Demarc.Core.Agents;

namespace Demarc.Plane.Agents;

/// <summary>How far a running change is, in the agent's words. Never in the ledger, forgotten when the plane restarts.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Step">Which step, from 1.</param>
/// <param name="Steps">Of how many.</param>
/// <param name="Fraction">Of the whole change, 0 to 1.</param>
/// <param name="Message">What it is doing.</param>
/// <param name="At">When the plane heard of it.</param>
public sealed record ChangeProgress(string Change, int Step, int Steps, double Fraction, string Message, DateTimeOffset At);

/// <summary>What the plane knows of an environment's agent apart from the ledger.</summary>
public sealed record AgentPresence
{
    /// <summary>Nothing heard yet.</summary>
    public static AgentPresence Unknown { get; } = new();

    /// <summary>Whether it has a stream open.</summary>
    public bool Connected { get; init; }

    /// <summary>When its present or last stream began.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Its version, as it says.</summary>
    public string? Version { get; init; }

    /// <summary>How many entries it has told us to have verified.</summary>
    public long VerifiedSize { get; init; }

    /// <summary>What it last saw.</summary>
    public Observation? Observation { get; init; }

    /// <summary>What it sees; null when it is not there to see anything, for what it saw before may be long past.</summary>
    public Observation? Sees => Connected ? Observation : null;

    /// <summary>Running changes, by id.</summary>
    public ImmutableSortedDictionary<string, ChangeProgress> Progress { get; init; } = ImmutableSortedDictionary<string, ChangeProgress>.Empty;

    /// <summary>Why it does not follow this plane, in its own words; null when it does.</summary>
    public string? Refusal { get; init; }

    /// <summary>Why its last stream ended.</summary>
    public string? LastGoodbye { get; init; }
}
