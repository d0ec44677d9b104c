extern alias cli;

using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Core.Agents;
using Demarc.Tests.Cli;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Agents;

/// <summary>The agent's own door: who gets in, what is answered, and what an asker who is slow, rude or gone does to the agent.</summary>
public sealed class AgentDoorTests : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("door-").FullName;
    private readonly FakeTimeProvider time = new();
    private readonly CancellationTokenSource stop = new();
    private readonly TaskScheduler exclusive = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
    private readonly TaskCompletionSource left = new();
    private AgentHome home;
    private AgentDoor door;
    private Task running;

    public AgentDoorTests()
    {
        home = AgentHome.Take(folder)!;
        (door, running) = Open();
    }

    public async ValueTask DisposeAsync()
    {
        stop.Cancel();
        await Task.WhenAny(running);
        door.Dispose();
        home.Dispose();
        stop.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_question_has_its_lines_and_a_last_one()
    {
        Assert.Equal(["""{"n":0,"exclusive":true}""", """{"n":1,"exclusive":true}""", """{"done":true}"""], await AskAsync("""{"ask":"count","to":2}"""));
        Assert.Equal(["""{"error":"no","remedy":"ask for less"}"""], await AskAsync("""{"ask":"count","to":99}"""));
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("[]")]
    [InlineData("""{"ask":1}""")]
    [InlineData("""{"ask":"count","ask":"count"}""")]
    [InlineData("""{"ask":"nothing of the kind"}""")]
    public async Task What_is_no_question_is_refused_and_the_door_stays_open(string line)
    {
        Assert.StartsWith("""{"error":""", Assert.Single(await AskAsync(line)), StringComparison.Ordinal);
        Assert.Equal(3, (await AskAsync("""{"ask":"count","to":2}""")).Length);
    }

    [Fact]
    public async Task A_question_without_end_is_refused_at_its_limit()
    {
        using var asker = await ConnectAsync();
        await asker.SendAsync(new byte[AgentDoorForm.MaxAskBytes + 1]);
        Assert.Contains($"{AgentDoorForm.MaxAskBytes} bytes", await ReadAllAsync(asker), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_asks_nothing_is_let_go_after_a_while()
    {
        using var asker = await ConnectAsync();
        var answer = ReadAllAsync(asker);
        while (!answer.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1);
        }

        Assert.Contains("No question came", await answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_answer_ends_when_the_asker_leaves()
    {
        using (var asker = await ConnectAsync())
        {
            await asker.SendAsync("{\"ask\":\"watch\"}\n"u8.ToArray());
            await asker.ReceiveAsync(new byte[100]);
        }

        await left.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task An_asker_who_reads_nothing_holds_nobody_else_up()
    {
        using var asker = await ConnectAsync();
        await asker.SendAsync("{\"ask\":\"flood\"}\n"u8.ToArray());
        for (var i = 0; i < 5; i++) Assert.Equal(3, (await AskAsync("""{"ask":"count","to":2}""")).Length);
    }

    [Fact]
    public async Task One_more_than_the_limit_is_told_so()
    {
        var askers = new List<Socket>();
        for (var i = 0; i < AgentDoorLimits.MaxAskers; i++)
        {
            var asker = await ConnectAsync();
            askers.Add(asker);
            await asker.SendAsync("{\"ask\":\"watch\"}\n"u8.ToArray());
            await asker.ReceiveAsync(new byte[100]);
        }

        using var more = await ConnectAsync();
        Assert.Contains("16 others", await ReadAllAsync(more), StringComparison.Ordinal);
        askers.ForEach(asker => asker.Dispose());
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while ((await AskAsync("""{"ask":"count","to":2}""")).Length != 3) Assert.True(patience.Elapsed < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_question_that_fails_ends_that_question_and_a_disk_that_fails_ends_the_agent()
    {
        Assert.Contains("KeyNotFoundException", Assert.Single(await AskAsync("""{"ask":"bug"}""")), StringComparison.Ordinal);
        Assert.False(running.IsCompleted);
        Assert.Empty(await AskAsync("""{"ask":"disk"}"""));
        await Assert.ThrowsAsync<IOException>(() => running.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void Only_its_owner_can_open_it()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(home.Door));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
    }

    [Fact]
    public async Task A_socket_left_over_is_replaced_by_the_holder_of_the_folder_alone()
    {
        // Killed: the socket stays behind, the lock does not.
        stop.Cancel();
        await Task.WhenAny(running);
        Assert.Null(AgentHome.Take(folder));
        home.Dispose();
        using var looker = AgentHome.Look(folder);
        Assert.Null(looker);
        home = AgentHome.Take(folder)!;
        Assert.True(File.Exists(home.Door));
        var stale = door;
        using var again = new CancellationTokenSource();
        (door, running) = Open(again.Token);
        Assert.Equal(3, (await AskAsync("""{"ask":"count","to":2}""")).Length);
        again.Cancel();
        await Task.WhenAny(running);
        stale.Dispose();
    }

    [Fact]
    public async Task A_path_too_long_is_said_on_both_sides_and_the_agent_goes_without()
    {
        var deep = Path.Combine(folder, new string('d', 100));
        using var far = AgentHome.Take(deep)!;
        var (none, fault) = AgentDoor.Open(far, time, NullLogger.Instance);
        Assert.Null(none);
        Assert.Contains("107 at most", fault, StringComparison.Ordinal);
        using var shell = new CommandLine();
        await shell.RefusedAsync(2, "107 at most", "agent", "status", "--agent-data", deep);
    }

    [Fact]
    public async Task The_command_line_asks_and_says_what_is_wrong()
    {
        using var shell = new CommandLine();
        var status = await shell.MustAsync("agent", "status", "--agent-data", folder);
        Assert.Contains("lab, version 1", status.Out, StringComparison.Ordinal);
        Assert.Contains("REFUSED: forked", status.Out, StringComparison.Ordinal);
        Assert.Equal(7, (await shell.MustAsync("agent", "status", "--agent-data", folder, "-o", "json")).Json.GetProperty("size").GetInt32());
        await shell.RefusedAsync(4, "no agent's data folder", "agent", "status", "--agent-data", folder + "/absent");
        Directory.CreateDirectory(folder + "/empty");
        await shell.RefusedAsync(5, "No agent answers", "agent", "status", "--agent-data", folder + "/empty");
    }

    private (AgentDoor Door, Task Running) Open(CancellationToken? until = null)
    {
        var (opened, fault) = AgentDoor.Open(home, time, NullLogger.Instance);
        Assert.True(opened is not null, fault);
        opened.On("count", CountAsync);
        opened.On("watch", WatchAsync);
        opened.On("flood", FloodAsync);
        opened.On("bug", (_, _) => throw new KeyNotFoundException("a bug"));
        opened.On("disk", (_, _) => throw new IOException("the disk is full"));
        opened.On("status", (_, _) => OneAsync(System.Text.Json.JsonSerializer.SerializeToNode(
            new AgentStatusView("1", "lab", "lab-one", "http://plane.test", true, true, 7, "00", 0, "forked"), AgentDoorJson.Default.AgentStatusView)!));
        return (opened, Task.Factory.StartNew(() => opened.RunAsync(until ?? stop.Token), CancellationToken.None, TaskCreationOptions.None, exclusive).Unwrap());
    }

    private async IAsyncEnumerable<JsonNode> CountAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        var to = (int)ask["to"]!;
        if (to > 10) yield return AgentDoor.Refusal("no", "ask for less");
        for (var n = 0; n < to; n++)
        {
            await Task.Yield();
            yield return new JsonObject { ["n"] = n, ["exclusive"] = TaskScheduler.Current == exclusive };
        }
    }

    private async IAsyncEnumerable<JsonNode> WatchAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        yield return new JsonObject { ["watching"] = true };
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, gone);
        }
        finally
        {
            left.TrySetResult();
        }
    }

    private static async IAsyncEnumerable<JsonNode> FloodAsync(JsonObject ask, [EnumeratorCancellation] CancellationToken gone)
    {
        while (!gone.IsCancellationRequested)
        {
            yield return new JsonObject { ["much"] = new string('x', 100_000) };
            await Task.Yield();
        }
    }

    private static async IAsyncEnumerable<JsonNode> OneAsync(JsonNode line)
    {
        await Task.Yield();
        yield return line;
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(home.Door));
        return socket;
    }

    private async Task<string[]> AskAsync(string line)
    {
        using var socket = await ConnectAsync();
        await socket.SendAsync(Encoding.UTF8.GetBytes(line + "\n"));
        return (await ReadAllAsync(socket)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task<string> ReadAllAsync(Socket socket)
    {
        var (all, buffer) = (new StringBuilder(), new byte[1000]);
        try
        {
            while (await socket.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(30)) is > 0 and var got) all.Append(Encoding.UTF8.GetString(buffer, 0, got));
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed before it had read our question: what it said stands.
        }

        return all.ToString();
    }
}
