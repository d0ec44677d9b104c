using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Changes;

/// <summary>
/// The customer holds all changes at their own agent, with no plane in between: nothing is begun, and what runs stands still at the next safe place, until they
/// let go at the same door. Whoever can open this socket is the agent's own user, who could end its process as well; this way it is on record.
/// </summary>
public sealed class HoldAsks(AgentLedger ledger)
{
    /// <summary>Names its questions at a door.</summary>
    public void Register(AgentDoor door)
    {
        door.On("changes.hold", HoldAsync);
        door.On("changes.release", ReleaseAsync);
    }

    private async IAsyncEnumerable<JsonNode> HoldAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        var reason = ask["reason"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
        if (HaltLimits.Fault(reason) is { } fault) yield return AgentDoor.Refusal($"{fault}.");
        else if (Open is { } open) yield return AgentDoor.Refusal($"Changes are {open.Reason} (since {open.RaisedAt:u}).", "'demarc agent release' lets them go on.");
        else yield return Answer(ledger.Write(AgentFindings.Held(reason)));
    }

    private async IAsyncEnumerable<JsonNode> ReleaseAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        if (Open is null) yield return AgentDoor.Refusal("Changes are not held at this agent.");
        else yield return Answer(ledger.Write(new FindingCleared(AgentFindings.ChangesHeld)));
    }

    private Core.Environments.Finding? Open => ledger.State.Findings.GetValueOrDefault(AgentFindings.ChangesHeld);

    // What runs at this moment ends its step first, so the answer says of what that is.
    private JsonNode Answer(Written written)
    {
        if (written.Entry is null) return AgentDoor.Refusal($"The ledger has no place for it: {written.Refusal}.");
        var running = ledger.State.OpenChanges.Where(change => change.Status == ChangeStatus.Running).Select(change => change.Id.Value);
        return JsonSerializer.SerializeToNode(new AgentHoldView(Open is not null, [.. running]), AgentDoorJson.Default.AgentHoldView)!;
    }
}
