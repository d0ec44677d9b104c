using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Core.Agents;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Monitoring;

/// <summary>What the customer can ask about what leaves: live, since a moment, in sums, and what may leave at all.</summary>
internal sealed class EgressAsks(EgressGate gate, EgressMirror mirror)
{
    public void Register(AgentDoor door)
    {
        door.On("egress.watch", (_, gone) => WatchAsync(gone));
        door.On("egress.show", ShowAsync);
        door.On("egress.report", ReportAsync);
        door.On("egress.schema", SchemaAsync);
    }

    private async IAsyncEnumerable<JsonNode> WatchAsync([EnumeratorCancellation] CancellationToken gone)
    {
        await foreach (var line in gate.Watchers.WatchAsync(gone)) yield return JsonNode.Parse(line)!;
    }

    private async IAsyncEnumerable<JsonNode> ShowAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        var since = DateTimeOffset.MinValue;
        if (ask["since"] is JsonValue text && !(text.TryGetValue<string>(out var word) && DateTimeOffset.TryParse(word, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out since)))
        {
            yield return AgentDoor.Refusal("'since' is not a time.", "Give one such as 2026-11-25T08:00:00Z.");
            yield break;
        }

        var read = 0;
        foreach (var line in mirror.Read())
        {
            // Megabytes of lines are no reason to let an instance wait for its healing.
            if (++read % EgressWatchLimits.LinesAtOnce == 0) await Task.Yield();
            gone.ThrowIfCancellationRequested();
            if (JsonNode.Parse(line) is JsonObject frame && frame["at"]?.GetValue<DateTimeOffset>() >= since) yield return frame;
        }
    }

    private async IAsyncEnumerable<JsonNode> ReportAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        var days = ask["days"] is JsonValue number && number.TryGetValue<int>(out var asked) ? Math.Clamp(asked, 1, EgressLimits.Days) : 1;
        foreach (var day in gate.Days(days))
        {
            await Task.Yield();
            gone.ThrowIfCancellationRequested();
            yield return JsonSerializer.SerializeToNode(day, AgentDoorJson.Default.EgressDayTotals)!;
        }
    }

    private async IAsyncEnumerable<JsonNode> SchemaAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        await Task.Yield();
        gone.ThrowIfCancellationRequested();
        yield return new JsonObject { ["schema"] = EgressSchemaText.Write() };
    }
}
