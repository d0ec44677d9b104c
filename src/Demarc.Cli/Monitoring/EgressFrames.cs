using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Core.Agents;
using Demarc.Core.Monitoring;

namespace Demarc.Cli.Monitoring;

/// <summary>Frames as the agent's gate saw them, one after the other, in clear.</summary>
internal static class EgressFrames
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Prints the lines of an answer: as they are for machines, in words for people.</summary>
    public static async Task PrintAsync(Invocation invocation, IAsyncEnumerable<JsonObject> lines, Func<JsonObject, bool> wanted)
    {
        await foreach (var line in lines)
        {
            if (!wanted(line)) continue;
            if (invocation.Terminal.Json) invocation.Terminal.Line(line.ToJsonString());
            else Print(invocation.Terminal, line);
        }
    }

    /// <summary>Whether a line is of a class; every line is, when none is named.</summary>
    public static Func<JsonObject, bool> OfClass(string? word) => line => word is null || line["missed"] is not null || (string?)line["class"] == word;

    private static void Print(Terminal.Terminal terminal, JsonObject line)
    {
        if (line["missed"] is { } missed)
        {
            terminal.Line($"… {missed} frames were not shown: this terminal took them too slowly. 'demarc egress show' has them.");
            return;
        }

        var record = line.Deserialize(AgentDoorJson.Default.EgressRecord)!;
        var verdict = record.Verdict == EgressVerdict.Sent ? "" : $"  {record.Verdict.ToString().ToUpperInvariant()}";
        terminal.Line($"{record.At.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z  {record.Class.Word(),-16} {record.Frame,-12} {record.Bytes,8:N0} bytes  ({record.Spent:N0} of {record.Cap:N0} today){verdict}");
        if (record.Why is { } why) terminal.Line($"    {Terminal.Terminal.Printable(why)}");
        if (line["clear"] is not { } clear) return;
        foreach (var text in clear.ToJsonString(Indented).Split('\n')) terminal.Line("    " + Terminal.Terminal.Printable(text));
    }
}
