using System.CommandLine;
using System.Text;
using Demarc.Cli.Agents;
using Demarc.Core.Emergency;

namespace Demarc.Cli.Emergency;

/// <summary>
/// <c>demarc emergency play SESSION</c>: plays a recording after checking it, line by line, against the head that the agent has put into the ledger, which is itself
/// verified first. A recording that was altered anywhere is not played.
/// </summary>
internal static class PlayCommand
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var id = SessionNames.Argument();
        var fromAgent = new Option<bool>("--from-agent") { Description = "Take the recording from the agent on this machine, not from the plane." };
        var fast = new Option<bool>("--fast") { Description = "Without the pauses." };
        var to = new Option<string?>("--to") { Description = "Write the checked recording to this file (asciicast v2) instead of playing it.", HelpName = "FILE" };
        return new Verb("play", "Play the recording of a session, checked against the ledger.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var (session, _) = await CheckedSession.FindAsync(invocation, invocation.Looking, name);
            if (session.Recording is not { Head.Length: > 0 } mark) throw new CommandFailedException(ExitCodes.NotFound, $"Session {name} is {session.Word}: nothing was recorded.");
            var recording = invocation.Get(fromAgent) ? await AgentFiles.ReadAsync(invocation, "session.recording", name) : Encoding.UTF8.GetBytes(await invocation.Client(invocation.Looking).GetTextAsync($"{SessionNames.Path(invocation, name)}/recording", invocation.Stop));
            Check(session, mark, recording, invocation.Get(fromAgent));
            if (invocation.Get(to) is { } file)
            {
                await File.WriteAllBytesAsync(file, recording, invocation.Stop);
                invocation.Terminal.Line($"{recording.Length} bytes in {file}, checked against the ledger.");
                return ExitCodes.Ok;
            }

            await PlayAsync(invocation, recording, invocation.Get(fast) || invocation.Terminal.Json);
            invocation.Terminal.Say($"-- the recording is whole: {mark.Events} lines, as the agent has put into the ledger");
            return ExitCodes.Ok;
        }, [id, fromAgent, fast, to, AgentDoorClient.Data]);
    }

    // Of a session that is still open the ledger pins a part: the recording has to pass through there.
    private static void Check(Session session, RecordingMark mark, byte[] recording, bool fromAgent)
    {
        var fault = session.Status == SessionStatus.Ended ? RecordingChain.Fault(recording, session.TermsHash, mark)
            : RecordingChain.Replay(recording, session.TermsHash, mark.Head).Passed ? null
            : "it does not pass through the head that stands in the ledger";
        if (fault is null) return;
        throw new CommandFailedException(ExitCodes.NotVerified, $"NOT VERIFIED. The recording of session {session.Id} from {(fromAgent ? "the agent" : "the plane")} is not the one that the ledger names: {fault}.", fromAgent ? "Keep it as evidence; the plane may have a whole one." : "Keep it as evidence; take the agent's with --from-agent, on its machine.");
    }

    private static async Task PlayAsync(Invocation invocation, byte[] recording, bool fast)
    {
        var screen = new Screen(invocation, showsTyped: true);
        var at = TimeSpan.Zero;
        foreach (var line in RecordingChain.Lines(recording))
        {
            var next = RecordingChain.Event(line.Span)?.At ?? at;
            if (!fast && next > at) await Task.Delay(next - at < LongestPause ? next - at : LongestPause, invocation.Host.Time, invocation.Stop);
            at = next;
            screen.Show(Encoding.UTF8.GetString(line.Span));
        }
    }
}

/// <summary>Files of sessions at the agent's own door.</summary>
internal static class AgentFiles
{
    public static async Task<byte[]> ReadAsync(Invocation invocation, string ask, SessionId id)
    {
        var question = AgentDoorClient.Ask(ask);
        question["session"] = id.Value;
        using var bytes = new MemoryStream();
        await foreach (var line in AgentDoorClient.Of(invocation).AskAsync(question, invocation.Stop)) bytes.Write(Convert.FromBase64String((string)line["data"]!));
        return bytes.ToArray();
    }
}
