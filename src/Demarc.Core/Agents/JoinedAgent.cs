using Demarc.Core.Ledger;

namespace Demarc.Core.Agents;

/// <summary>The agent that acts in an environment.</summary>
/// <param name="Key">Its signing key.</param>
/// <param name="Name">The machine's name.</param>
/// <param name="JoinedAt">Since when.</param>
public sealed record JoinedAgent(Ed25519Key Key, string Name, DateTimeOffset JoinedAt);
