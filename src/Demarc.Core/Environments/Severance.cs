using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Core.Environments;

/// <summary>The customer has taken over: the vendor may do nothing here until both parties have signed another charter.</summary>
/// <param name="At">Since when, as the entry says.</param>
/// <param name="Index">Where the entry stands in the ledger.</param>
/// <param name="By">The owner who signed it.</param>
/// <param name="Reason">Why.</param>
/// <param name="CharterBefore">The charter that was in force before, in its exact text; null when none was.</param>
/// <param name="Withdrawn">How many changes of the vendor that had not begun ended with it.</param>
/// <param name="Goes">How many changes had begun and go on to their end.</param>
public sealed record Severance(DateTimeOffset At, long Index, string By, string Reason, string? CharterBefore, int Withdrawn, int Goes);

/// <summary>What severing the vendor would do to an environment as it stands: for whoever weighs it. What it does is the fold's to say.</summary>
/// <param name="Ends">Changes of the vendor that have not begun, and would end.</param>
/// <param name="Goes">Changes that have begun, and would go on to their end.</param>
/// <param name="Invitations">Open invitations of agents, which would be void.</param>
/// <param name="VendorPeople">Keys of the vendor's people and services that would count for nothing but signing another charter.</param>
/// <param name="CharterBefore">The charter's version in force; null for none.</param>
public sealed record SeverancePreview(ImmutableArray<Change> Ends, ImmutableArray<Change> Goes, int Invitations, int VendorPeople, int? CharterBefore)
{
    /// <summary>As things stand.</summary>
    public static SeverancePreview Of(EnvironmentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var open = state.OpenChanges.ToLookup(SeveranceFold.Ends);
        return new SeverancePreview([.. open[true]], [.. open[false].Where(change => change.Status == ChangeStatus.Running)], state.Invitations.Count, state.Members.Values.Count(member => member.Party == Party.Vendor), state.Charter?.Version);
    }
}

/// <summary>
/// What a charter becomes when the vendor is severed: the same limits, windows and standing authority, with every task the customer's. Derived by one pure
/// function, so that plane, agent and every verifier come to the same text without anybody having to write it.
/// </summary>
public static class SeveredCharter
{
    /// <summary>The severed form, with the next version number.</summary>
    public static CharterDocument Of(CharterDocument charter)
    {
        ArgumentNullException.ThrowIfNull(charter);
        return charter with
        {
            Version = charter.Version + 1,
            Rules = charter.Rules.ToImmutableDictionary(pair => pair.Key, pair => Rule(pair.Value)),
        };
    }

    /// <summary>The text of a severed form, as <c>charter show</c> prints it.</summary>
    public static string Text(CharterDocument severed)
    {
        ArgumentNullException.ThrowIfNull(severed);
        return string.Create(CultureInfo.InvariantCulture, $"# The severed form of version {severed.Version - 1}: every task is the customer's until both parties sign another charter.\n{CharterYaml.Write(severed)}");
    }

    /// <summary>What is left of an approval when the vendor has no say; null when nothing is.</summary>
    public static ApprovalNeed? Need(ApprovalNeed? need) => need is null || need.Customer == 0 ? null : need with { Vendor = 0 };

    // Parts, deferral and override only say something between two parties.
    private static CharterRule Rule(CharterRule rule) => rule with
    {
        Owner = Owner.Customer,
        Approval = rule.Approval.Where(a => a.Value.Customer > 0).ToImmutableSortedDictionary(a => a.Key, a => Need(a.Value)!, StringComparer.Ordinal),
        Parts = ImmutableSortedDictionary<Party, string>.Empty,
        Deferral = TimeSpan.Zero,
        Override = false,
    };
}

/// <summary>Bounds of taking over and moving.</summary>
public static class SeveranceLimits
{
    /// <summary>Characters of the reason: a sentence or two, which stands in the ledger for both parties.</summary>
    public const int MaxReason = 1000;

    /// <summary>From handing the severance to the agent to the last frame that leaves for the vendor, at the 99th percentile.</summary>
    public static TimeSpan Cut { get; } = TimeSpan.FromSeconds(1);

    /// <summary>What is wrong with a plane's key as the next one, or null.</summary>
    internal static string? PlaneFault(string? key, string inForce) =>
        !NoteKey.TryParse(key, out var parsed) || parsed.Type != NoteKeyType.Ed25519 ? "planeKey is not the verifier key of a plane"
        : key == inForce ? "planeKey is the key in force already: name the one of the plane that goes on"
        : null;
}
