using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;

namespace Demarc.Agent.Agents;

/// <summary>Every question that can be asked at the agent's door, in one place; what answers it stands with its feature.</summary>
internal static class AgentAsks
{
    public static void Register(AgentDoor door, AgentCore core, EgressMirror mirror, AgentIdentity identity, string plane)
    {
        door.On("status", (_, gone) => StatusAsync(core, identity, plane, gone));
        new EgressAsks(core.Egress, mirror).Register(door);
    }

#pragma warning disable CS1998 // An answer of one line has nothing to wait for.
    private static async IAsyncEnumerable<JsonNode> StatusAsync(AgentCore core, AgentIdentity identity, string plane, [EnumeratorCancellation] CancellationToken gone)
#pragma warning restore CS1998
    {
        gone.ThrowIfCancellationRequested();
        var ledger = core.Ledger;
        var status = new AgentStatusView(
            AgentVersion.Text, identity.Name, identity.Trust.Environment.Value, plane, core.Presence.Connected, ledger.InForce,
            ledger.Size, Convert.ToHexStringLower(ledger.Root), ledger.Outbox.Count, ledger.Refusal);
        yield return JsonSerializer.SerializeToNode(status, AgentDoorJson.Default.AgentStatusView)!;
    }
}
