using Demarc.Agent.Ledger;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Agents;

/// <summary>Who the agent is and whom it believes: fixed when it joined.</summary>
/// <param name="Trust">The environment, the plane's key and the founding entry it pinned.</param>
/// <param name="Key">Its own signing key, which never leaves this machine.</param>
/// <param name="Name">The machine's name.</param>
public sealed record AgentIdentity(ReplicaTrust Trust, SigningKey Key, string Name);
