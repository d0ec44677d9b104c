using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;

namespace Demarc.Agent.Ledger;

/// <summary>
/// The agent's own copy of the ledger, asked for at its door: the head that it has verified and signed, and the entries below it. Whoever asks holds them against
/// what the plane shows, with no plane in between.
/// </summary>
public sealed class LedgerAsks(AgentLedger ledger)
{
    /// <summary>Lines of an export between two looks at what else there is to do.</summary>
    private const int LinesAtOnce = 200;

    /// <summary>Names the questions.</summary>
    public void Register(AgentDoor door)
    {
        door.On("ledger.head", HeadAsync);
        door.On("ledger.export", ExportAsync);
    }

    private async IAsyncEnumerable<JsonNode> HeadAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        yield return ledger.Checkpoint is { } note ? Checkpoint(note) : NothingYet();
    }

    private async IAsyncEnumerable<JsonNode> ExportAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        // Size and note belong together; what is verified meanwhile is the next export's.
        var (size, note) = (ledger.Size, ledger.Checkpoint);
        if (note is null)
        {
            yield return NothingYet();
            yield break;
        }

        var at = 0L;
        foreach (var bytes in ledger.Store.ReadEntries(0))
        {
            if (at == size) break;
            if (++at % LinesAtOnce == 0) await Task.Yield();
            gone.ThrowIfCancellationRequested();
            yield return new JsonObject { ["entry"] = Convert.ToBase64String(bytes.Span) };
        }

        yield return Checkpoint(note);
    }

    private static JsonObject Checkpoint(string note) => new() { ["checkpoint"] = note };

    private static JsonNode NothingYet() => AgentDoor.Refusal("This agent has verified nothing yet.");
}
