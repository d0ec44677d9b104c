using System.Collections.Immutable;

namespace Demarc.Core.Agents;

/// <summary>Where the agent stands between two planes.</summary>
/// <param name="Size">Entries verified.</param>
/// <param name="Root">Hex root hash over them.</param>
/// <param name="PlaneKey">The plane in force, the severance that was handed in included.</param>
/// <param name="Severed">Whether the vendor is severed.</param>
/// <param name="AwaitsPlane">Whether the severance was handed in and no plane has given it a place yet.</param>
/// <param name="Withdrawn">How many changes of the vendor ended with it.</param>
/// <param name="Goes">How many had begun and go on.</param>
public sealed record SeveranceState(long Size, string Root, string PlaneKey, bool Severed, bool AwaitsPlane, int Withdrawn, int Goes);

/// <summary>What a severance would do, as the running agent judges it.</summary>
/// <param name="Refusal">Why the ledger has no place for it; null when it has.</param>
/// <param name="HeadRefusal">Why the agent would not follow the rehearsed plane's head; null when it would.</param>
/// <param name="Size">Entries that the agent has verified.</param>
/// <param name="CharterBefore">The version in force; 0 for none.</param>
/// <param name="CharterAfter">The severed form's version.</param>
/// <param name="Invitations">Open invitations, which would be void.</param>
/// <param name="Withdrawn">Changes of the vendor that would end.</param>
/// <param name="Goes">Changes that have begun and would go on.</param>
/// <param name="Instances">All instances.</param>
/// <param name="Running">Those that run now.</param>
/// <param name="Lost">What would be gone; empty when nothing would.</param>
public sealed record RehearsedSeverance(
    string? Refusal, string? HeadRefusal, long Size, int CharterBefore, int CharterAfter, int Invitations, ImmutableArray<string> Withdrawn, ImmutableArray<string> Goes,
    ImmutableArray<string> Instances, ImmutableArray<string> Running, ImmutableArray<string> Lost);
