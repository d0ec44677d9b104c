using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Demarc.Core.Agents;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Monitoring;

/// <summary>
/// Whoever looks at what leaves: the mirror on disk, and people who watch live. A frame is written out in clear once for all of them, and only when
/// somebody looks. A watcher who is slow loses frames and is told how many; the agent waits for nobody.
/// </summary>
public sealed class EgressWatchers(EgressMirror? mirror)
{
    private readonly HashSet<Watcher> watching = [];
    private string? lastHeld;

    /// <summary>Shows a frame.</summary>
    internal void Show(EgressRecord record, Func<JsonNode>? clear)
    {
        if (mirror is null && watching.Count == 0) return;
        // What waits for room is offered again every few seconds. Once is enough to see it by.
        var held = record.Verdict == EgressVerdict.Held ? $"{record.Class} {record.Frame} {record.Bytes}" : null;
        if (held is not null && held == lastHeld) return;
        if (held is not null) lastHeld = held;
        var line = (JsonObject)JsonSerializer.SerializeToNode(record, AgentDoorJson.Default.EgressRecord)!;
        if (clear is not null) line["clear"] = clear();
        var text = line.ToJsonString();
        mirror?.Write(text);
        foreach (var watcher in watching)
        {
            if (watcher.Lines.Writer.TryWrite(text)) continue;
            watcher.Missed++;
        }
    }

    /// <summary>Every frame from now on, as a line of JSON; what was missed is said as a number.</summary>
    public async IAsyncEnumerable<string> WatchAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken gone)
    {
        var watcher = new Watcher();
        watching.Add(watcher);
        try
        {
            while (true)
            {
                var next = await watcher.Lines.Reader.ReadAsync(gone);
                if (watcher.Missed > 0)
                {
                    yield return new JsonObject { ["missed"] = watcher.Missed }.ToJsonString();
                    watcher.Missed = 0;
                }

                yield return next;
            }
        }
        finally
        {
            watching.Remove(watcher);
        }
    }

    private sealed class Watcher
    {
        public Channel<string> Lines { get; } = Channel.CreateBounded<string>(new BoundedChannelOptions(EgressWatchLimits.Lines) { FullMode = BoundedChannelFullMode.Wait });

        public long Missed { get; set; }
    }
}

/// <summary>Bounds of watching.</summary>
public static class EgressWatchLimits
{
    /// <summary>Frames that one watcher may be behind.</summary>
    public const int Lines = 256;

    /// <summary>One file of the mirror.</summary>
    public const int FileBytes = 4 * 1024 * 1024;

    /// <summary>Files of the mirror: with one of them being written, the last 12 to 16 MiB can be looked at, weeks of a quiet environment.</summary>
    public const int Files = 4;

    /// <summary>Lines read from the mirror before others have their turn.</summary>
    public const int LinesAtOnce = 100;
}
