using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Changes;
using Demarc.Agent.Emergency;
using Demarc.Agent.Environments;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>Every question that can be asked at the agent's door, in one place; what answers it stands with its feature.</summary>
internal static class AgentAsks
{
    public static void Register(AgentDoor door, AgentCore core, EgressMirror mirror, AgentIdentity identity, AgentHome home, Joining joining, ILogger log)
    {
        door.On("status", (_, gone) => StatusAsync(core, identity, home, gone));
        new LedgerAsks(core.Ledger).Register(door);
        new HoldAsks(core.Ledger).Register(door);
        new EgressAsks(core.Egress, mirror).Register(door);
        if (core.Sessions.Hands is { } hands) new SessionAsks(core.Sessions, hands, core).Register(door);
        new SeveranceAsks(core, home, joining, log).Register(door);
    }

#pragma warning disable CS1998 // An answer of one line has nothing to wait for.
    private static async IAsyncEnumerable<JsonNode> StatusAsync(AgentCore core, AgentIdentity identity, AgentHome home, [EnumeratorCancellation] CancellationToken gone)
#pragma warning restore CS1998
    {
        gone.ThrowIfCancellationRequested();
        var ledger = core.Ledger;
        var status = new AgentStatusView(
            AgentVersion.Text, identity.Name, identity.Trust.Environment.Value, home.ReadMembership()?.Plane ?? "", core.Presence.Connected, ledger.InForce,
            ledger.Size, Convert.ToHexStringLower(ledger.Root), ledger.Outbox.Count, ledger.Refusal)
        {
            PlaneKey = ledger.State.PlaneKey,
            Severed = ledger.State.Severed is not null,
            AwaitsPlane = ledger.AwaitsPlane,
            Copy = core.Copy?.State,
            Held = ledger.State.Findings.GetValueOrDefault(AgentFindings.ChangesHeld)?.Reason,
        };
        yield return JsonSerializer.SerializeToNode(status, AgentDoorJson.Default.AgentStatusView)!;
    }
}
