using System.Collections.Immutable;
using Demarc.Core.Environments;

namespace Demarc.Core.Charter;

/// <summary>An entry that proposed or signed a charter.</summary>
/// <param name="Party">For which party.</param>
/// <param name="Key">By which key.</param>
/// <param name="At">When, by its author's clock.</param>
/// <param name="Entry">Where it stands in the ledger.</param>
public sealed record CharterAct(Party Party, string Key, DateTimeOffset At, long Entry);

/// <summary>A charter that has been in force, from its last signature on.</summary>
/// <param name="Document">What it says.</param>
/// <param name="Sha256">Hex hash of its exact text.</param>
/// <param name="Proposed">The entry that proposed it.</param>
/// <param name="Signatures">The entries that signed it, in their order; the last one put it in force.</param>
public sealed record CharterTerm(CharterDocument Document, string Sha256, CharterAct Proposed, ImmutableArray<CharterAct> Signatures)
{
    /// <summary>Whether it is the severed form of the one before, which the customer's owner alone puts in force.</summary>
    public bool BySeverance { get; init; }
}

/// <summary>Who signed a charter, for showing.</summary>
/// <param name="Party">For which party.</param>
/// <param name="Key">The key.</param>
/// <param name="Name">What people call its owner, as far as the ledger knows; null for a stranger.</param>
/// <param name="At">When.</param>
/// <param name="Entry">Where it stands in the ledger.</param>
public sealed record CharterActView(Party Party, string Key, string? Name, DateTimeOffset At, long Entry);

/// <summary>One version of the charter.</summary>
/// <param name="Version">Its number.</param>
/// <param name="Status"><c>proposed</c>, <c>in-force</c> or <c>replaced</c>.</param>
/// <param name="Sha256">Hex hash of its exact text.</param>
/// <param name="Proposed">Who proposed it.</param>
/// <param name="Signatures">Who signed it.</param>
/// <param name="Since">When it came into force; null for one that has not.</param>
/// <param name="Until">When it was replaced; null for one that was not.</param>
/// <param name="BySeverance">Whether it is the severed form of the version before, by the customer's owner alone.</param>
/// <param name="Differences">What it changed against the version before, in sentences; empty for the first.</param>
public sealed record CharterVersionView(int Version, string Status, string Sha256, CharterActView Proposed, ImmutableArray<CharterActView> Signatures, DateTimeOffset? Since, DateTimeOffset? Until, bool BySeverance, ImmutableArray<CharterDifference> Differences);

/// <summary>Every charter of an environment, in its order.</summary>
public static class CharterHistory
{
    /// <summary>The versions, newest first; one that is on the table is the newest.</summary>
    public static ImmutableArray<CharterVersionView> Of(EnvironmentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var versions = ImmutableArray.CreateBuilder<CharterVersionView>();
        if (state.Proposal is { } proposal)
            versions.Add(new CharterVersionView(proposal.Document.Version, "proposed", proposal.Sha256, View(state, proposal.Proposed), [.. proposal.Signatures.Select(act => View(state, act))], null, null, false, Differences(state.Charter, proposal.Document)));
        for (var at = state.Charters.Count - 1; at >= 0; at--)
        {
            var term = state.Charters[at];
            var next = at + 1 < state.Charters.Count ? state.Charters[at + 1] : null;
            versions.Add(new CharterVersionView(
                term.Document.Version, next is null ? "in-force" : "replaced", term.Sha256, View(state, term.Proposed), [.. term.Signatures.Select(act => View(state, act))],
                term.Signatures[^1].At, next?.Signatures[^1].At, term.BySeverance, Differences(at == 0 ? null : state.Charters[at - 1].Document, term.Document)));
        }

        return versions.ToImmutable();
    }

    private static ImmutableArray<CharterDifference> Differences(CharterDocument? before, CharterDocument after) => before is null ? [] : CharterDiff.Between(before, after);

    private static CharterActView View(EnvironmentState state, CharterAct act) =>
        new(act.Party, act.Key, (state.Members.GetValueOrDefault(act.Key) ?? state.Former.GetValueOrDefault(act.Key))?.Name, act.At, act.Entry);
}
