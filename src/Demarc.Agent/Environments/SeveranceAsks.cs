using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Environments;

/// <summary>
/// What the customer does with their own agent when they take over: hand it the severance, tell it where the plane in force is, and rehearse
/// all of it. None of it needs the vendor's plane, and nothing is taken on the word of who asks: the entry bears the customer's owner's signature, and the fold judges it.
/// </summary>
internal sealed class SeveranceAsks(AgentCore core, AgentHome home, Joining joining, ILogger log)
{
    private AgentLedger Ledger => core.Ledger;

    public void Register(AgentDoor door)
    {
        door.On("plane.sever", SeverAsync);
        door.On("plane.rehearse", RehearseAsync);
        door.On("plane.follow", FollowAsync);
    }

    /// <summary>What the agent says of the two planes.</summary>
    public static SeveranceState StateOf(AgentLedger ledger) => new(
        ledger.Size, Convert.ToHexStringLower(ledger.Root), ledger.State.PlaneKey, ledger.State.Severed is not null, ledger.AwaitsPlane, ledger.State.Severed?.Withdrawn ?? 0, ledger.State.Severed?.Goes ?? 0);

    private async IAsyncEnumerable<JsonNode> SeverAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        if (Read(ask) is not { } entry)
        {
            yield return AgentDoor.Refusal("'entry' is not the base64 of a signed entry.");
            yield break;
        }

        if (Ledger.Sever(entry) is { } refusal)
        {
            yield return AgentDoor.Refusal($"The agent does not take this severance: {refusal}.");
            yield break;
        }

        yield return Line(StateOf(Ledger));
    }

    private async IAsyncEnumerable<JsonNode> RehearseAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        if (Read(ask) is not { } entry || ask["checkpoint"] is not JsonValue note || note.GetValueKind() != JsonValueKind.String)
        {
            yield return AgentDoor.Refusal("'entry' is not the base64 of a signed entry, or 'checkpoint' is missing.");
            yield break;
        }

        yield return Line(SeveranceRehearsal.Of(Ledger, core.Reports.Latest, entry, (string)note!));
    }

    private async IAsyncEnumerable<JsonNode> FollowAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        if (ask["plane"] is not JsonValue text || !text.TryGetValue<string>(out var plane) || !Uri.TryCreate(plane, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            yield return AgentDoor.Refusal("'plane' is not the http(s) address of a plane.");
            yield break;
        }

        if (await FollowAsync(plane, gone) is { } refusal)
        {
            yield return AgentDoor.Refusal($"The agent cannot follow the plane at {plane}: {refusal}.", "Is it the plane that the ledger names, and does it hold this environment?");
            yield break;
        }

        yield return Line(StateOf(Ledger));
    }

    // The agent's own entry of joining, which stands in the ledger, brings it a certificate of whichever plane holds that ledger.
    private async Task<string?> FollowAsync(string plane, CancellationToken gone)
    {
        if (home.ReadMembership() is not { } membership) return "it has not joined";
        try
        {
            var (joined, refusal) = await joining.AskAsync(membership with { Plane = plane, PlaneKey = Ledger.State.PlaneKey, Hub = null, HubAuthority = null }, gone);
            if (joined is null) return refusal;
        }
        catch (LinkException away)
        {
            return away.Message;
        }

        AgentLog.Follows(log, plane);
        Ledger.Changed.Raise();
        return null;
    }

    private static Entry? Read(JsonObject ask)
    {
        if (ask["entry"] is not JsonValue text || !text.TryGetValue<string>(out var base64) || Base64Text.Decode(base64.AsSpan(), Base64Form.Standard) is not { } bytes) return null;
        return Core.Ledger.Entry.Read(bytes).Entry;
    }

    private static JsonNode Line(SeveranceState state) => JsonSerializer.SerializeToNode(state, AgentDoorJson.Default.SeveranceState)!;

    private static JsonNode Line(RehearsedSeverance rehearsed) => JsonSerializer.SerializeToNode(rehearsed, AgentDoorJson.Default.RehearsedSeverance)!;
}
