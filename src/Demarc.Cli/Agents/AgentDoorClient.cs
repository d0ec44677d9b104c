using System.Buffers;
using System.CommandLine;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Cli.Quickstart;
using Demarc.Core.Agents;

namespace Demarc.Cli.Agents;

/// <summary>
/// Asks the agent on this machine at its own door. No plane is in between: what comes back is what the customer's own program says, and only the
/// agent's user can ask.
/// </summary>
internal sealed class AgentDoorClient
{
    /// <summary>The option of every command that asks an agent.</summary>
    public static Option<string?> Data { get; } = new("--agent-data")
    {
        Description = "The agent's data folder on this machine. Default: that of the quickstart.",
        HelpName = "DIR",
    };

    private readonly string path;

    private AgentDoorClient(string path) => this.path = path;

    /// <summary>The agent of the folder named, else that of the quickstart.</summary>
    public static AgentDoorClient Of(Invocation invocation) =>
        new(Path.Combine(Path.GetFullPath(invocation.Get(Data) ?? QuickstartFolder.Of(invocation, null).Agent), AgentDoorForm.SocketName));

    /// <summary>Asks, and gives each line of the answer as it comes. A refusal, and an answer that breaks off, end the command.</summary>
    public async IAsyncEnumerable<JsonObject> AskAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken stop)
    {
        using var socket = await ConnectAsync(stop);
        await using var stream = new NetworkStream(socket);
        var reader = PipeReader.Create(stream);
        await WriteAsync(stream, ask, stop);
        while (await ReadAsync(reader, stop) is { } line)
        {
            if (line[AgentDoorForm.Error] is { } error) throw new CommandFailedException(ExitCodes.Failed, Text(error), line[AgentDoorForm.Remedy] is { } remedy ? Text(remedy) : null);
            if (line[AgentDoorForm.Done] is not null) yield break;
            yield return line;
        }

        throw new CommandFailedException(ExitCodes.Unreachable, $"The agent at {path} ended in the middle of its answer.", "Its log says why; 'demarc up' starts it again.");
    }

    /// <summary>Asks what has an answer of one line.</summary>
    public async Task<JsonObject> OneAsync(JsonObject ask, CancellationToken stop)
    {
        JsonObject? only = null;
        await foreach (var line in AskAsync(ask, stop)) only ??= line;
        return only ?? throw new CommandFailedException(ExitCodes.Failed, $"The agent at {path} gave an empty answer.");
    }

    /// <summary>A question without anything beside its name.</summary>
    public static JsonObject Ask(string name) => new() { [AgentDoorForm.Ask] = name };

    private async Task<Socket> ConnectAsync(CancellationToken stop)
    {
        if (AgentDoorForm.PathFault(path) is { } fault) throw CommandFailedException.Usage($"The agent's door cannot be used: {fault}.");
        if (!Directory.Exists(Path.GetDirectoryName(path))) throw new CommandFailedException(ExitCodes.NotFound, $"There is no agent's data folder at {Path.GetDirectoryName(path)}.", "Name it with --agent-data, or run 'demarc up' to start one.");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
            return socket;
        }
        catch (SocketException closed)
        {
            socket.Dispose();
            throw closed.SocketErrorCode == SocketError.AccessDenied
                ? new CommandFailedException(ExitCodes.Refused, $"Only the agent's own user may open {path}.", "Run this as that user.")
                : new CommandFailedException(ExitCodes.Unreachable, $"No agent answers at {path}: {closed.Message}.", "Start it, or name another with --agent-data.");
        }
    }

    private static async Task WriteAsync(NetworkStream stream, JsonObject ask, CancellationToken stop)
    {
        try
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(ask.ToJsonString() + "\n"), stop);
        }
        catch (IOException)
        {
            // An agent that turns us away says why before it reads.
        }
    }

    private async Task<JsonObject?> ReadAsync(PipeReader reader, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(stop);
                if (read.Buffer.PositionOf((byte)'\n') is { } end)
                {
                    var line = Parse(read.Buffer.Slice(0, end));
                    reader.AdvanceTo(read.Buffer.GetPosition(1, end));
                    return line;
                }

                if (read.IsCompleted) return null;
                if (read.Buffer.Length > AgentDoorForm.MaxAnswerBytes) throw new JsonException($"a line of more than {AgentDoorForm.MaxAnswerBytes} bytes");
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
        catch (IOException)
        {
            return null;
        }
        catch (JsonException wrong)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"What answers at {path} does not speak as an agent: {wrong.Message}.");
        }
    }

    private static JsonObject Parse(ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        return JsonNode.Parse(ref reader) as JsonObject ?? throw new JsonException("not an object");
    }

    private static string Text(JsonNode node) => Terminal.Terminal.Printable(node.GetValueKind() == JsonValueKind.String ? (string)node! : node.ToJsonString());
}
