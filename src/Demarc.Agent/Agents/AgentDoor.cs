using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Local;
using Demarc.Core;
using Demarc.Core.Agents;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>Answers one question, line by line, until it is answered or the one who asked has gone.</summary>
/// <param name="ask">The whole question, <c>ask</c> included.</param>
/// <param name="gone">Cancelled when the asker leaves or the agent stops.</param>
public delegate IAsyncEnumerable<JsonNode> AgentAnswer(JsonObject ask, CancellationToken gone);

/// <summary>
/// How the customer talks to the running agent: a Unix socket in the agent's data folder that only the agent's own user can open. Nothing listens on a
/// network. Features name their questions with <see cref="On"/>; answers are made on the scheduler that calls <see cref="RunAsync"/>, which is the
/// agent's exclusive one, so that they may look at the core and write through it.
/// </summary>
public sealed class AgentDoor : IDisposable
{
    private readonly Dictionary<string, AgentAnswer> answers = new(StringComparer.Ordinal);
    private readonly Socket listener;
    private readonly string path;
    private readonly TimeProvider time;
    private readonly ILogger log;

    private AgentDoor(Socket listener, string path, TimeProvider time, ILogger log)
    {
        this.listener = listener;
        this.path = path;
        this.time = time;
        this.log = log;
    }

    /// <summary>
    /// Opens the door of a folder that this process holds: a socket found there is left over from an agent that has ended, and is replaced. The fault
    /// says why there can be none; the agent then works without.
    /// </summary>
    public static (AgentDoor? Door, string? Fault) Open(AgentHome home, TimeProvider time, ILogger log)
    {
        Must.Hold(home.IsHeld, "only the agent that holds the folder opens its door");
        var path = home.Door;
        if (AgentDoorForm.PathFault(path) is { } fault) return (null, fault);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(path);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            // Before it listens, so that there is no moment in which somebody else could connect.
            PrivateDisk.KeepFromOthers(path);
            listener.Listen(AgentDoorLimits.MaxAskers);
            return (new AgentDoor(listener, path, time, log), null);
        }
        catch (Exception closed) when (closed is SocketException or IOException or UnauthorizedAccessException)
        {
            listener.Dispose();
            return (null, $"{path} cannot be opened: {closed.Message}");
        }
    }

    /// <summary>Names a question and who answers it. Before <see cref="RunAsync"/>.</summary>
    public void On(string name, AgentAnswer answer) => answers.Add(name, answer);

    /// <summary>The line that refuses a question.</summary>
    public static JsonNode Refusal(string error, string? remedy = null)
    {
        var line = new JsonObject { [AgentDoorForm.Error] = error };
        if (remedy is not null) line[AgentDoorForm.Remedy] = remedy;
        return line;
    }

    /// <summary>Answers until stopped. It throws what a disk throws while an answer is made: what the agent holds in memory may then no longer be what is on disk.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var (askers, turnedAway) = (new HashSet<Task>(), new HashSet<Task>());
        var accepting = listener.AcceptAsync(over.Token).AsTask();
        try
        {
            while (true)
            {
                await Task.WhenAny([accepting, .. askers, .. turnedAway]);
                foreach (var left in askers.Concat(turnedAway).Where(asker => asker.IsCompleted).ToList())
                {
                    if (!askers.Remove(left)) turnedAway.Remove(left);
                    await left;
                }

                if (!accepting.IsCompleted) continue;
                var socket = await accepting;
                accepting = listener.AcceptAsync(over.Token).AsTask();
                if (askers.Count < AgentDoorLimits.MaxAskers) askers.Add(ServeAsync(socket, over.Token));
                else turnedAway.Add(TurnAwayAsync(socket, over.Token));
            }
        }
        finally
        {
            over.Cancel();
            await Task.WhenAll([.. askers, .. turnedAway, accepting]).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Current);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        listener.Dispose();
        File.Delete(path);
    }

    private async Task ServeAsync(Socket socket, CancellationToken stop)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var asker = new AgentDoorAsker(stream, time);
        Task? leaving = null;
        try
        {
            var (ask, fault) = await asker.ReadAsync(gone.Token);
            if (ask is null)
            {
                if (fault is not null) await asker.WriteAsync(Refusal(fault, "Ask with one line such as {\"ask\":\"status\"}."), gone.Token);
                return;
            }

            leaving = LeaveAsync(asker, gone);
            await AnswerAsync(asker, ask, gone.Token);
        }
        catch (AskerLeftException)
        {
            // Nobody is left to tell.
        }
        catch (OperationCanceledException)
        {
            // The asker left, or the agent stops.
        }
        finally
        {
            gone.Cancel();
            if (leaving is not null) await leaving;
        }
    }

    private async Task AnswerAsync(AgentDoorAsker asker, JsonObject ask, CancellationToken gone)
    {
        var name = (string)ask[AgentDoorForm.Ask]!;
        if (!answers.TryGetValue(name, out var answer))
        {
            await asker.WriteAsync(Refusal($"This agent has no answer to '{AgentDoorAsker.Clip(name)}'.", $"It answers: {string.Join(", ", answers.Keys.Order(StringComparer.Ordinal))}. Another version of it may know more."), gone);
            return;
        }

        try
        {
            await foreach (var line in answer(ask, gone))
            {
                await asker.WriteAsync(line, gone);
                if (line is JsonObject refused && refused.ContainsKey(AgentDoorForm.Error)) return;
            }
        }
        catch (Exception bug) when (bug is not (OperationCanceledException or AskerLeftException or IOException or UnauthorizedAccessException or SqliteException))
        {
            // One question that cannot be answered is no reason to stop healing instances.
            AgentLog.AnswerFailed(log, name, $"{bug.GetType().Name}: {bug.Message}");
            await asker.WriteAsync(Refusal($"The agent failed to answer '{name}' ({bug.GetType().Name}).", "Its log says more; please report it."), gone);
            return;
        }

        await asker.WriteAsync(new JsonObject { [AgentDoorForm.Done] = true }, gone);
    }

    private static async Task LeaveAsync(AgentDoorAsker asker, CancellationTokenSource gone)
    {
        try
        {
            await asker.ReadUntilGoneAsync(gone.Token);
        }
        catch (OperationCanceledException)
        {
            // The answer was over first.
        }

        gone.Cancel();
    }

    private async Task TurnAwayAsync(Socket socket, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(AgentDoorLimits.TurnedAwayWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var asker = new AgentDoorAsker(stream, time);
        try
        {
            await asker.WriteAsync(Refusal($"{AgentDoorLimits.MaxAskers} others ask the agent already.", "Close one of them."), either.Token);

            // Closed at once, whoever is just about to ask would get a broken pipe instead of the reason.
            socket.Shutdown(SocketShutdown.Send);
            await asker.ReadUntilGoneAsync(either.Token);
        }
        catch (Exception left) when (left is AskerLeftException or OperationCanceledException or SocketException)
        {
            // Gone already.
        }
    }
}

/// <summary>Bounds of the door.</summary>
public static class AgentDoorLimits
{
    /// <summary>Who may ask at once: some people with a few windows each.</summary>
    public const int MaxAskers = 16;

    /// <summary>How long the question may take to arrive.</summary>
    public static TimeSpan AskTakes { get; } = TimeSpan.FromSeconds(10);

    /// <summary>How long who is turned away may take to close.</summary>
    public static TimeSpan TurnedAwayWithin { get; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an asker may leave a line unread before it counts as gone: a person who holds a pager still comes back within this.</summary>
    public static TimeSpan LineTakes { get; } = TimeSpan.FromMinutes(10);
}
