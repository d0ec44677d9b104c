using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Core.Agents;

namespace Demarc.Agent.Agents;

/// <summary>Whoever asked has closed the connection, or takes nothing any more.</summary>
internal sealed class AskerLeftException : Exception
{
    public AskerLeftException(string message) : base(message)
    {
    }

    public AskerLeftException(string message, Exception inner) : base(message, inner)
    {
    }

    public AskerLeftException()
    {
    }
}

/// <summary>One connection at the agent's door: a bounded line in, lines out.</summary>
internal sealed class AgentDoorAsker(NetworkStream stream, TimeProvider time)
{
    /// <summary>The question; a fault says what is wrong with it, and neither means that nobody asked.</summary>
    public async Task<(JsonObject? Ask, string? Fault)> ReadAsync(CancellationToken stop)
    {
        using var late = new CancellationTokenSource(AgentDoorLimits.AskTakes, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        var buffer = new byte[AgentDoorForm.MaxAskBytes + 1];
        var length = 0;
        try
        {
            while (true)
            {
                var got = await ReadSomeAsync(buffer.AsMemory(length), either.Token);
                if (got == 0) return (null, null);
                var end = Array.IndexOf(buffer, (byte)'\n', length, got);
                length += got;
                if (end >= 0) return Parse(buffer.AsSpan(0, end));
                if (length == buffer.Length) return (null, $"The question is longer than {AgentDoorForm.MaxAskBytes} bytes.");
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            return (null, $"No question came within {AgentDoorLimits.AskTakes.TotalSeconds:0} s.");
        }
    }

    /// <summary>Writes one line. Throws <see cref="AskerLeftException"/> when nobody takes it.</summary>
    public async Task WriteAsync(JsonNode line, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(AgentDoorLimits.LineTakes, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes)) line.WriteTo(writer);
        bytes.WriteByte((byte)'\n');
        try
        {
            await stream.WriteAsync(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), either.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new AskerLeftException($"nothing was read for {AgentDoorLimits.LineTakes.TotalMinutes:0} min");
        }
        catch (Exception left) when (left is IOException or SocketException or ObjectDisposedException)
        {
            throw new AskerLeftException("the asker has closed", left);
        }
    }

    /// <summary>Ends when the asker closes. What else it may say is not listened to.</summary>
    public async Task ReadUntilGoneAsync(CancellationToken stop)
    {
        var ignored = new byte[256];
        while (await ReadSomeAsync(ignored, stop) > 0)
        {
        }
    }

    /// <summary>A name as far as it is worth repeating.</summary>
    public static string Clip(string name) => name.Length <= 80 ? name : name[..80] + "…";

    private static (JsonObject? Ask, string? Fault) Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            return JsonNode.Parse(ref reader) is JsonObject ask && ask[AgentDoorForm.Ask] is JsonValue name && name.GetValueKind() == JsonValueKind.String
                ? (ask, null)
                : (null, "The question is not a JSON object with a text 'ask'.");
        }
        catch (Exception wrong) when (wrong is JsonException or ArgumentException or InvalidOperationException)
        {
            return (null, "The question is not one line of JSON.");
        }
    }

    private async Task<int> ReadSomeAsync(Memory<byte> into, CancellationToken stop)
    {
        try
        {
            return await stream.ReadAsync(into, stop);
        }
        catch (Exception left) when (left is IOException or SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
