using System.CommandLine;
using System.Net.WebSockets;
using System.Text;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Emergency;

/// <summary>
/// <c>demarc emergency open SESSION</c>: works in an approved session, line by line. The person's key signs once; every word behind it is signed by a key that
/// lives as long as this command, so that neither the plane nor anybody on the way can type a word.
/// </summary>
internal static class OpenCommand
{
    public static Command Create()
    {
        var id = SessionNames.Argument();
        var commands = new Option<string[]>("--command") { Description = "Run this and leave; may be given more than once. Without it, commands are read from standard input.", HelpName = "LINE", AllowMultipleArgumentsPerToken = false };
        var to = new Option<string?>("--to") { Description = "For a bundle: the file to write. Default: SESSION.bundle.json here.", HelpName = "FILE" };
        return new Verb("open", "Open an approved session and work in it; for a bundle, fetch it once it is released.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Acting(Party.Vendor);
            var view = await SessionNames.FindAsync(invocation, party, name);
            if (view.Kind == "bundle") return await FetchAsync(invocation, party, view, invocation.Get(to) ?? $"{name}.bundle.json");
            if (view.Status != "approved") throw new CommandFailedException(view.Status is "requested" or "refused" or "rejected" or "revoked" ? ExitCodes.Refused : ExitCodes.Failed, $"Session {name} is {view.Status}{(view.Detail is { } why ? $": {Terminal.Terminal.Printable(why)}" : "")}.", Remedy(view));
            return await WorkAsync(invocation, party, name, view, invocation.Get(commands) ?? []);
        }, [id, commands, to]);
    }

    private static string? Remedy(SessionView view) => view.Status switch
    {
        "requested" => $"It awaits {string.Join(" and ", view.Awaited.Select(awaited => awaited.Words))}.",
        "open" => "Somebody works in it already: 'demarc emergency watch' shows it.",
        _ => "A session is opened once: ask for another with 'demarc emergency request'.",
    };

    private static async Task<int> WorkAsync(Invocation invocation, Party party, SessionId id, SessionView view, string[] commands)
    {
        using var socket = await invocation.Client(party).SocketAsync($"{SessionNames.Path(invocation, id)}/attach", invocation.Stop);
        using var key = SigningKey.Generate(invocation.Host.Random);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(invocation.Stop);
        using var speaker = new Speaker(invocation, socket, id, view.TermsHash, key);
        await speaker.SayAsync(SessionSays.Attach, key.Public.KeyId, invocation.Key(party), over.Token);
        invocation.Terminal.Say($"-- asked the agent to open {id}, {SessionNames.What(view)}; 'exit' leaves");
        var screen = new Screen(invocation, showsTyped: commands.Length > 0);
        var beating = BeatAsync(invocation, speaker, over.Token);
        var typing = Task.CompletedTask;
        using var ready = new SemaphoreSlim(0);
        var opened = false;
        string? reason = null;
        try
        {
            while (await ReceiveAsync(socket, over.Token) is { } line)
            {
                var what = screen.Show(line);
                if (!opened && what is { Code: 'm' })
                {
                    opened = true;
                    typing = commands.Length > 0 ? RunAllAsync(speaker, commands, ready, over.Token) : TypeAsync(invocation, speaker, ready, over.Token);
                    ready.Release();
                }
                else if (what is { Code: 'm', Text: Screen.Ready })
                {
                    ready.Release();
                }
            }

            reason = socket.CloseStatusDescription;
        }
        catch (WebSocketException broken)
        {
            reason = broken.Message;
        }
        finally
        {
            await over.CancelAsync();
            foreach (var task in new[] { beating, typing }) await IgnoreAsync(task);
        }

        return await ConcludeAsync(invocation, party, id, reason);
    }

    private static async Task BeatAsync(Invocation invocation, Speaker speaker, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(SessionLimits.Beat, invocation.Host.Time, stop);
            await speaker.SayAsync(SessionSays.Beat, "", null, stop);
        }
    }

    private static async Task RunAllAsync(Speaker speaker, string[] commands, SemaphoreSlim ready, CancellationToken stop)
    {
        foreach (var command in commands)
        {
            await ready.WaitAsync(stop);
            await speaker.SayAsync(SessionSays.Command, command, null, stop);
        }

        await ready.WaitAsync(stop);
        await speaker.SayAsync(SessionSays.Leave, "", null, stop);
    }

    // Whoever types may type ahead at a terminal, to stop what runs; a pipe waits until each command is over.
    private static async Task TypeAsync(Invocation invocation, Speaker speaker, SemaphoreSlim ready, CancellationToken stop)
    {
        while (true)
        {
            if (!invocation.Host.InIsTerminal) await ready.WaitAsync(stop);
            var line = await Task.Run(invocation.Host.In.ReadLine, stop).WaitAsync(stop);
            if (line is null or "exit") break;
            if (line.Trim().Length == 0) ready.Release();
            else await speaker.SayAsync(SessionSays.Command, line.Trim(), null, stop);
        }

        await speaker.SayAsync(SessionSays.Leave, "", null, stop);
    }

    private static async Task<string?> ReceiveAsync(ClientWebSocket socket, CancellationToken stop)
    {
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer.AsMemory(), stop);
            if (got.MessageType == WebSocketMessageType.Close) return null;
            message.Write(buffer, 0, got.Count);
            if (message.Length > SessionLimits.MaxLineBytes) throw new WebSocketException("a line is longer than a line can be");
            if (got.EndOfMessage) return Encoding.UTF8.GetString(message.GetBuffer(), 0, (int)message.Length);
        }
    }

    // The entry that ends it follows within moments.
    private static async Task<int> ConcludeAsync(Invocation invocation, Party party, SessionId id, string? reason)
    {
        var view = await SessionNames.FindAsync(invocation, party, id);
        for (var asked = 0; asked < 20 && view.Status is "open" or "ending"; asked++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), invocation.Host.Time, invocation.Stop);
            view = await SessionNames.FindAsync(invocation, party, id);
        }

        var why = Terminal.Terminal.Printable(view.Detail ?? reason ?? "the stream ended");
        if (view.End == SessionEndReason.Left)
        {
            invocation.Terminal.Say($"-- {id} is over: {why}");
            return ExitCodes.Ok;
        }

        var code = view.Status is "refused" or "revoked" or "rejected" ? ExitCodes.Refused : view.End switch
        {
            SessionEndReason.Revoked or SessionEndReason.CutAtAgent or SessionEndReason.AuthorityLost => ExitCodes.Refused,
            SessionEndReason.Expired => ExitCodes.TimedOut,
            SessionEndReason.PlaneLost or SessionEndReason.OperatorLost or SessionEndReason.AgentStopped => ExitCodes.Unreachable,
            _ => ExitCodes.Failed,
        };
        throw new CommandFailedException(code, $"Session {id} is {view.Status}: {why}.", $"'demarc emergency show {id}' says what stands in the ledger; 'demarc emergency request' asks for another.");
    }

    private static async Task<int> FetchAsync(Invocation invocation, Party party, SessionView view, string file)
    {
        var id = SessionNames.Parsed(view.Id);
        var began = invocation.Host.Time.GetTimestamp();
        var told = "";
        while (!(view.Bundle is { Released: true } && view.Status == "ended"))
        {
            if (view.Status is not ("requested" or "approved" or "open")) throw new CommandFailedException(ExitCodes.Failed, $"Session {id} is {view.Status}: {Terminal.Terminal.Printable(view.Detail ?? "no bundle has left")}.", "Ask for another with 'demarc emergency request bundle'.");
            var waits = view.Status == "requested" ? $"awaits {string.Join(" and ", view.Awaited.Select(awaited => awaited.Words))}" : view.Bundle is null ? "the agent collects it" : "awaits the customer's release";
            if (waits != told) invocation.Terminal.Say($"-- {id} {told = waits}");
            if (invocation.Host.Time.GetElapsedTime(began) > invocation.Patience) throw new CommandFailedException(ExitCodes.TimedOut, $"Session {id} {waits}.", "It may still come: run this again, with a longer --timeout.");
            await Task.Delay(TimeSpan.FromMilliseconds(300), invocation.Host.Time, invocation.Stop);
            view = await SessionNames.FindAsync(invocation, party, id);
        }

        var text = await invocation.Client(party).GetTextAsync($"{SessionNames.Path(invocation, id)}/bundle", invocation.Stop);
        var bytes = Encoding.UTF8.GetBytes(text);
        var hash = ContentHash.Of(bytes);
        if (hash != view.Bundle!.Hash) throw new CommandFailedException(ExitCodes.NotVerified, $"The bundle that the plane gives has the hash {hash}, the customer released {view.Bundle.Hash}.", "Do not use it.");
        await File.WriteAllBytesAsync(file, bytes, invocation.Stop);
        invocation.Terminal.Result(view, terminal => terminal.Line($"{bytes.Length} bytes, {hash}, in {file}"));
        return ExitCodes.Ok;
    }

    private static async Task IgnoreAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception over) when (over is OperationCanceledException or WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The session is over: that is what is told.
        }
    }

    /// <summary>Says words in their order.</summary>
    private sealed class Speaker(Invocation invocation, ClientWebSocket socket, SessionId id, string termsHash, SigningKey key) : IDisposable
    {
        private readonly SemaphoreSlim one = new(1, 1);
        private long seq;

        public void Dispose() => one.Dispose();

        public async Task SayAsync(SessionSays says, string text, ISigner? person, CancellationToken stop)
        {
            if (text.Length > SessionLimits.MaxCommand) text = text[..SessionLimits.MaxCommand];
            await one.WaitAsync(stop);
            try
            {
                var word = SessionWord.Write(invocation.Environment, id, termsHash, seq++, invocation.Host.Now, says, text, person ?? key);
                await socket.SendAsync(word, WebSocketMessageType.Binary, true, stop);
            }
            finally
            {
                one.Release();
            }
        }
    }
}
