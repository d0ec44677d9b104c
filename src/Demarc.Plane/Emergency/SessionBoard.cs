using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Demarc.Protocol;

namespace Demarc.Plane.Emergency;

/// <summary>
/// What the plane does for emergency sessions: it carries words to the agent and lines back, and keeps copies of recordings and released bundles. It decides
/// nothing: a word bears the signature of who works in the session, a line the agent's chain, and whether a session is open stands in the ledger.
/// </summary>
public sealed class SessionBoard(Sequencer sequencer, string folder, TimeProvider time)
{
    /// <summary>The protocol from which on agents know sessions.</summary>
    internal const int Since = 2;

    /// <summary>How long the last lines of a session may take to arrive behind the entry that ends it.</summary>
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(2);

    /// <summary>How long missing lines are waited for before they are asked for once more.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<(EnvironmentId Environment, SessionId Session), SessionTape> tapes = new();
    private readonly ConcurrentDictionary<(EnvironmentId Environment, SessionId Session), long> asked = new();
    private readonly ConcurrentDictionary<EnvironmentId, Line> lines = new();

    /// <summary>An agent's stream is there; what it says later by <see cref="Leave"/> is for this very one.</summary>
    internal async Task ArriveAsync(EnvironmentId environment, int protocol, Func<PlaneFrame, CancellationToken, ValueTask> send, object stream, CancellationToken stop)
    {
        if (protocol < Since) return;
        var line = new Line(send, stream);
        if (lines.TryGetValue(environment, out var before)) before.Lost.TrySetResult();
        lines[environment] = line;
        if (await sequencer.FindAsync(environment, stop) is not { } view) return;

        // What the agent showed while nobody listened is asked for again, of the newest sessions first.
        foreach (var session in view.State.Sessions.Values.Where(s => s.Status == SessionStatus.Ended).OrderByDescending(s => s.EndedAt).Take(20))
        {
            var tape = TapeOf(environment, session);
            if (tape.Mark != session.Recording) await send(new PlaneFrame { SessionRecall = new SessionRecall { Session = session.Id.Value, From = (ulong)tape.Next } }, stop);
        }
    }

    /// <summary>
    /// Asks, for as long as a stream lasts, for the lines of what has ended and is not here whole: those that an earlier stream took with it, of a session whose
    /// end the agent says only now.
    /// </summary>
    internal async Task<string> CompleteAsync(EnvironmentId environment, Func<PlaneFrame, CancellationToken, ValueTask> send, CancellationToken stop)
    {
        ImmutableList<SessionId> open = [];
        while (await sequencer.FindAsync(environment, stop) is { } view)
        {
            var over = open.Select(id => view.State.Sessions[id]).Where(session => session is { Status: SessionStatus.Ended, OpenedAt: not null }).ToList();
            // The last lines mostly come right behind the entry that says so.
            if (over.Count > 0) await Task.Delay(LastLines, time, stop);
            foreach (var session in over)
            {
                var tape = TapeOf(environment, session);
                if (tape.Mark != session.Recording) await send(new PlaneFrame { SessionRecall = new SessionRecall { Session = session.Id.Value, From = (ulong)tape.Next } }, stop);
            }

            open = view.State.OpenSessions;
            await view.SupersededAsync(stop);
        }

        return Goodbyes.Revoked;
    }

    /// <summary>The agent's stream has ended.</summary>
    internal void Leave(EnvironmentId environment, object stream)
    {
        if (!lines.TryGetValue(environment, out var line) || line.Stream != stream) return;
        lines.TryRemove(KeyValuePair.Create(environment, line));
        line.Lost.TrySetResult();
    }

    /// <summary>The way to an environment's agent; null when it is not here, or is of a version without sessions.</summary>
    internal Line? LineOf(EnvironmentId environment) => lines.GetValueOrDefault(environment);

    /// <summary>A line of a recording has come; a sentence says what is wrong with it.</summary>
    internal async ValueTask<string?> TakeAsync(EnvironmentId environment, SessionOutput output, CancellationToken stop)
    {
        if (!SessionId.TryParse(output.Session, out var id) || await sequencer.FindAsync(environment, stop) is not { } view || view.State.Sessions.GetValueOrDefault(id) is not { OpenedAt: not null } session)
            return $"session output: there is no open session '{Problems.Clip(output.Session)}'";
        if (output.Line.Length > SessionLimits.MaxLineBytes) return $"session output: a line has {output.Line.Length} bytes, at most {SessionLimits.MaxLineBytes} are taken";
        var tape = TapeOf(environment, session);
        if ((long)output.Seq < tape.Next) return null;
        if ((long)output.Seq == tape.Next) return tape.Take((long)output.Seq, output.Line.Span, Convert.ToHexStringLower(output.Head.Span)) ? null : $"session output: line {output.Seq} of {id} does not go on from the recording before it";

        // A line before it was lost with a stream: the agent has it still.
        if (asked.TryGetValue((environment, id), out var at) && time.GetElapsedTime(at) < AskAgain) return null;
        asked[(environment, id)] = time.GetTimestamp();
        if (LineOf(environment) is { } line) await line.Send(new PlaneFrame { SessionRecall = new SessionRecall { Session = id.Value, From = (ulong)tape.Next } }, stop);
        return null;
    }

    /// <summary>A piece of a bundle has come; a sentence says what is wrong with it.</summary>
    internal async ValueTask<string?> TakeAsync(EnvironmentId environment, BundlePart part, CancellationToken stop)
    {
        if (!SessionId.TryParse(part.Session, out var id) || await sequencer.FindAsync(environment, stop) is not { } view || view.State.Sessions.GetValueOrDefault(id) is not { Bundle: { Released: true } bundle })
            return "bundle: the customer has released none of that session";
        var path = BundlePath(environment, id);
        if (part.Part == 0) File.Delete(path + ".part");
        using (var file = File.Exists(path + ".part") ? new FileStream(path + ".part", FileMode.Append) : PrivateFile.Create(path + ".part"))
        {
            if (file.Length + part.Data.Length > bundle.Bytes) return $"bundle: more than the {bundle.Bytes} bytes that were released";
            file.Write(part.Data.Span);
            if (file.Length < bundle.Bytes) return null;
        }

        var bytes = File.ReadAllBytes(path + ".part");
        var hash = ContentHash.Of(bytes);
        if (hash != bundle.Hash) return $"bundle: its hash is {hash}, released was {bundle.Hash}";
        File.Move(path + ".part", path, overwrite: true);
        return null;
    }

    /// <summary>The released bundle of a session, once it is here.</summary>
    internal byte[]? Bundle(EnvironmentId environment, SessionId session) => File.Exists(BundlePath(environment, session)) ? File.ReadAllBytes(BundlePath(environment, session)) : null;

    /// <summary>The copy of a recording.</summary>
    internal SessionTape TapeOf(EnvironmentId environment, Session session) =>
        tapes.GetOrAdd((environment, session.Id), key => SessionTape.Open(Path.Combine(FolderOf(key.Environment), key.Session.Value + ".cast"), session.TermsHash));

    /// <summary>Every line of a recording, and those that come, until the session is over and all of it has been given.</summary>
    internal async IAsyncEnumerable<string> FollowAsync(EnvironmentId environment, SessionId id, Func<EnvironmentState, bool> may, [EnumeratorCancellation] CancellationToken stop)
    {
        long given = 0;
        long? since = null;
        while (await sequencer.FindAsync(environment, stop) is { } view && view.State.Sessions.GetValueOrDefault(id) is { } session && may(view.State))
        {
            var tape = TapeOf(environment, session);
            var length = tape.Length.Current;
            var piece = tape.Read(given);
            foreach (var line in RecordingChain.Lines(piece)) yield return Encoding.UTF8.GetString(line.Span);
            given += piece.Length;
            if (session.IsEnded)
            {
                since ??= time.GetTimestamp();
                if (session.Recording is not { } mark || given >= mark.Bytes || time.GetElapsedTime(since.Value) >= LastLines) yield break;
            }

            if (tape.Length.Current.Value > given) continue;
            await Task.WhenAny(view.Superseded, length.Superseded, Task.Delay(since is null ? TimeSpan.FromSeconds(15) : TimeSpan.FromMilliseconds(200), time, stop));
            stop.ThrowIfCancellationRequested();
        }
    }

    private string BundlePath(EnvironmentId environment, SessionId session) => Path.Combine(FolderOf(environment), session.Value + ".bundle.json");

    private string FolderOf(EnvironmentId environment)
    {
        var path = Path.Combine(folder, environment.Value);
        if (!Directory.Exists(path))
        {
            PrivateFile.PrepareFolder(folder);
            PrivateFile.PrepareFolder(path);
        }

        return path;
    }

    /// <summary>The way to an agent that is here.</summary>
    internal sealed record Line(Func<PlaneFrame, CancellationToken, ValueTask> Send, object Stream)
    {
        /// <summary>Completes when it is lost.</summary>
        public TaskCompletionSource Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
