using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Core.Agents;
using Demarc.Core.Emergency;

namespace Demarc.Agent.Emergency;

/// <summary>
/// What the customer does with sessions at their own agent, with no plane in between: end one, read its recording as it grows, and read a bundle before it
/// leaves. Whoever can open this socket is the agent's own user; ending a session never needs more.
/// </summary>
public sealed class SessionAsks(SessionWorker worker, ISessionHands hands, AgentCore core)
{
    private const int Piece = 48 * 1024;

    /// <summary>Names its questions at a door.</summary>
    public void Register(AgentDoor door)
    {
        door.On("session.cut", CutAsync);
        door.On("session.recording", (ask, gone) => FileAsync(ask, hands.Recording, "recording", gone));
        door.On("session.bundle", (ask, gone) => FileAsync(ask, hands.Bundle, "bundle", gone));
    }

    private async IAsyncEnumerable<JsonNode> CutAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        if (Named(ask) is not { } id)
        {
            yield return AgentDoor.Refusal("'session' is not the id of a session.");
            yield break;
        }

        if (!worker.CutHere(id))
        {
            yield return AgentDoor.Refusal($"No session {id} is open or may be opened at this agent.", "'demarc emergency list' shows which there are.");
            yield break;
        }

        while (worker.IsLive(id) && !gone.IsCancellationRequested) await Signal.WaitAsync(TimeSpan.FromSeconds(1), core.Time, gone, core.Ledger.Changed.Next);
        var ended = core.Ledger.State.Sessions[id];
        yield return new JsonObject { ["session"] = id.Value, ["status"] = ended.Word, ["cutMilliseconds"] = ended.OpenedAt is null ? null : worker.LastCut?.TotalMilliseconds };
    }

    private async IAsyncEnumerable<JsonNode> FileAsync(JsonObject ask, Func<SessionId, byte[]> read, string what, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        if (Named(ask) is not { } id || !core.Ledger.State.Sessions.ContainsKey(id) || read(id) is not { Length: > 0 } bytes)
        {
            yield return AgentDoor.Refusal($"This agent has no {what} of that session.", "'demarc emergency list' shows which there are.");
            yield break;
        }

        for (var at = 0; at < bytes.Length; at += Piece)
            yield return new JsonObject { ["data"] = Convert.ToBase64String(bytes.AsSpan(at, Math.Min(Piece, bytes.Length - at))) };
    }

    private static SessionId? Named(JsonObject ask) =>
        ask["session"] is JsonValue value && value.TryGetValue<string>(out var text) && SessionId.TryParse(text, out var id) ? id : null;
}
