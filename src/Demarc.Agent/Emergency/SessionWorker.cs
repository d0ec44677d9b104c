using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Protocol;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Emergency;

/// <summary>
/// Opens emergency sessions, carries out what is said in them and ends them. It decides by itself, from the verified ledger and its own clock, before it opens and
/// with every entry that arrives: a plane that lies gets no session, and one that keeps an entry back can only shorten one. The opening stands in the ledger
/// before anything happens, so that an agent that was killed finds at its next start what it has to take away.
/// </summary>
public sealed class SessionWorker(AgentLedger ledger, SessionTraffic traffic, PlanePresence plane, AgentIdentity identity, TimeProvider time, ILogger log)
{
    private readonly Dictionary<SessionId, LiveSession> live = [];
    private readonly List<Task> ending = [];
    private readonly HashSet<SessionId> refusedHere = [];
    private readonly List<Session> leftBehind = [];
    private readonly Dictionary<SessionId, (long Since, TimeSpan Left)> clocks = [];
    private readonly Signal changed = new();
    private bool stopping;
    private bool lingers;

    /// <summary>What sessions can do here; without any, none is opened and the worker does not run.</summary>
    public ISessionHands? Hands { get; set; }

    /// <summary>Collects bundles.</summary>
    public BundleMaker? Bundles { get; set; }

    /// <summary>The time from learning that a session is over until nothing of it ran any more, of the last one that ended.</summary>
    public TimeSpan? LastCut { get; private set; }

    /// <summary>Works until stopped; what is open then is ended.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        Hands?.Prepare();
        // What the ledger has ended over the head of an agent, that one may have died before it took away.
        leftBehind.AddRange(ledger.State.Sessions.Values.Where(session => session.End?.Why == SessionEndReason.AuthorityLost));
        try
        {
            while (true)
            {
                Task[] news = [ledger.Changed.Next, traffic.News.Next, changed.Next];
                stop.ThrowIfCancellationRequested();
                await PassAsync();
                await Signal.WaitAsync(NextLook(), time, stop, news);
            }
        }
        finally
        {
            stopping = true;
            foreach (var session in live.Values.Where(session => !session.IsEnding).ToList()) ending.Add(EndAsync(session, SessionEndReason.AgentStopped, "the agent stopped"));
            await Task.WhenAll(ending);
        }
    }

    /// <summary>The customer ends a session, or keeps it from being opened, at the agent itself. False when there is none to end.</summary>
    public bool CutHere(SessionId id)
    {
        if (live.TryGetValue(id, out var session))
        {
            session.Wanted ??= (SessionEndReason.CutAtAgent, "cut at the agent itself, by its own user");
            changed.Raise();
            return true;
        }

        if (ledger.State.Sessions.GetValueOrDefault(id) is not { Status: SessionStatus.Approved or SessionStatus.Requested }) return false;
        refusedHere.Add(id);
        changed.Raise();
        return true;
    }

    /// <summary>Whether a session is open in this process.</summary>
    public bool IsLive(SessionId id) => live.ContainsKey(id);

    private async Task PassAsync()
    {
        await TakeAsync(ending);
        foreach (var session in live.Values.ToList()) await TakeAsync(session.Work);
        StartClocks();
        while (traffic.Heard() is { } frame) Hear(frame);
        CleanUp();
        if (ledger.InForce)
        {
            Lapse();
            OpenBundles();
        }

        foreach (var session in live.Values.ToList()) Look(session);
    }

    // A part that ended by an exception ends the worker, and so the agent.
    private static async Task TakeAsync(List<Task> work)
    {
        foreach (var done in work.Where(task => task.IsCompleted).ToList())
        {
            work.Remove(done);
            await done;
        }
    }

    private void Hear(PlaneFrame frame)
    {
        switch (frame.FrameCase)
        {
            case PlaneFrame.FrameOneofCase.SessionInput:
                if (SessionId.TryParse(frame.SessionInput.Session, out var id)) HearWord(id, frame.SessionInput.Envelope.Memory);
                break;
            case PlaneFrame.FrameOneofCase.SessionGone:
                if (SessionId.TryParse(frame.SessionGone.Session, out var gone) && live.TryGetValue(gone, out var session) && session.Worker is not null)
                    session.Wanted ??= (SessionEndReason.OperatorLost, "the stream of who worked in it was lost");
                break;
            case PlaneFrame.FrameOneofCase.SessionRecall:
                if (SessionId.TryParse(frame.SessionRecall.Session, out var recalled)) Recall(recalled, (long)Math.Min(frame.SessionRecall.From, long.MaxValue));
                break;
            default:
                break;
        }
    }

    private void HearWord(SessionId id, ReadOnlyMemory<byte> envelope)
    {
        if (ledger.State.Sessions.GetValueOrDefault(id) is not { } session) return;
        var (word, fault) = SessionWord.Read(envelope);
        var here = live.GetValueOrDefault(id);
        fault ??= word!.Fault(identity.Trust.Environment, session, here?.Worker, here?.NextWord ?? 0, time.GetUtcNow());
        if (fault is not null)
        {
            SessionLog.BadWord(log, id.Value, fault);
            if (here is { IsAgreed: true, BadWords: < 10 })
            {
                here.BadWords++;
                here.Recorder.Write('m', $"refused a word that came through the plane: {fault}");
            }

            return;
        }

        if (here is null)
        {
            if (word!.Body.Says == SessionSays.Attach && session.Terms.Kind != SessionKind.Bundle && PublicKey.TryParse(word.Body.Text, out var worker)) Open(session, worker);
            return;
        }

        here.NextWord++;
        here.Heard = time.GetTimestamp();
        if (word!.Body.Says == SessionSays.Leave) here.Wanted ??= (SessionEndReason.Left, "who worked in it left");
        // What ends it may have arrived before this word, and nobody has looked yet.
        if (word.Body.Says == SessionSays.Command && here is { IsAgreed: true, IsEnding: false } && Over(here) is null) Carry(here, session, word.Body.Text);
    }

    // Decided again here, by the agent's own clock: what was allowed when it was asked for or approved need not be now.
    private void Open(Session session, PublicKey? worker)
    {
        if (ledger.Verified.Sessions.GetValueOrDefault(session.Id) is not { Status: SessionStatus.Approved } || session.Status != SessionStatus.Approved) return;
        if (refusedHere.Contains(session.Id) || !ledger.InForce) return;
        if (SessionRules.AgainstOpening(ledger.State, session, time.GetUtcNow()) is { } against)
        {
            Refuse(session, against.Rule, against.Why);
            return;
        }

        if (IsOver(session))
        {
            Refuse(session, "time", $"its {session.Terms.Minutes} minutes are over by the clock that nobody sets");
            return;
        }

        var (confinement, fault) = Hands?.Confine(session) ?? (null, "this agent opens no sessions");
        if (confinement is null)
        {
            Refuse(session, "confinement", fault!);
            return;
        }

        var recorder = SessionRecorder.Begin(Hands!, session, traffic, time);
        var written = ledger.Write(new SessionOpened(session.Id, session.TermsHash, session.ExpiresAt, confinement.Words, confinement.Account, recorder.Mark.Head));
        if (written.Refusal is { } refusal)
        {
            recorder.Dispose();
            Refuse(session, "opening", refusal);
            return;
        }

        SessionLog.Opens(log, session.Id.Value, session.What, session.RequestedBy);
        live[session.Id] = new LiveSession(session.Id, recorder, worker, traffic.Streams, time.GetTimestamp());
    }

    private void Refuse(Session session, string rule, string why)
    {
        SessionLog.Refuses(log, session.Id.Value, rule, why);
        ledger.Write(new SessionRefused(session.Id, rule, why));
    }

    private void OpenBundles()
    {
        foreach (var id in ledger.Verified.OpenSessions)
        {
            if (ledger.State.Sessions.GetValueOrDefault(id) is { Status: SessionStatus.Approved, Terms.Kind: SessionKind.Bundle } session && plane.Connected) Open(session, null);
        }
    }

    // From when a session may be opened, its time runs on the clock that nobody sets as well: one on the wall that is set back makes no session longer.
    private void StartClocks()
    {
        foreach (var id in clocks.Keys.Where(id => ledger.State.Sessions.GetValueOrDefault(id) is not { IsEnded: false, ApprovedAt: not null }).ToList()) clocks.Remove(id);
        foreach (var session in ledger.State.OpenSessions.Select(id => ledger.State.Sessions[id]).Where(s => s.ApprovedAt is not null && !clocks.ContainsKey(s.Id)))
        {
            var (whole, left) = (TimeSpan.FromMinutes(session.Terms.Minutes), session.ExpiresAt - time.GetUtcNow());
            clocks[session.Id] = (time.GetTimestamp(), left < whole ? left : whole);
        }
    }

    private bool IsOver(Session session) =>
        time.GetUtcNow() >= session.ExpiresAt || clocks.TryGetValue(session.Id, out var clock) && time.GetElapsedTime(clock.Since) >= clock.Left;

    // What an agent before this one has opened and not ended: what it gave is taken away, whether or not this one is in force, and the recording ends where it broke off.
    private void CleanUp()
    {
        leftBehind.RemoveAll(session => Hands!.Clean(session));
        lingers = leftBehind.Count > 0;
        foreach (var session in ledger.State.OpenSessions.Select(id => ledger.State.Sessions[id]).Where(s => s.Status == SessionStatus.Open && !live.ContainsKey(s.Id)).ToList())
        {
            if (!Hands!.Clean(session))
            {
                lingers = true;
                continue;
            }

            if (!ledger.InForce) continue;
            var recording = Hands.Recording(session.Id);
            var (chain, passed) = RecordingChain.Replay(recording, session.TermsHash, session.Recording!.Head);
            // One that was damaged stays as it is: it is evidence.
            if (passed) Hands.SettleRecording(session.Id, chain.Bytes);
            var detail = passed ? "the agent ended in the middle of it; at its next start nothing of it ran any more" : "the agent ended in the middle of it, and its recording does not go on from what stands in the ledger: it was damaged";
            var mark = passed ? chain.Mark : session.Recording;
            ledger.Write(new SessionEnded(session.Id, SessionEndReason.AgentStopped, detail, mark.Events, mark.Bytes, mark.Head, SessionDifference.Of(session)));
            SessionLog.Ends(log, session.Id.Value, detail, 0);
        }
    }

    private void Lapse()
    {
        var now = time.GetUtcNow();
        foreach (var session in ledger.State.OpenSessions.Select(id => ledger.State.Sessions[id]).Where(s => s.Status != SessionStatus.Open).ToList())
        {
            if (refusedHere.Remove(session.Id)) Refuse(session, "customer", "kept from being opened at the agent itself, by its own user");
            else if (now >= session.ExpiresAt) ledger.Write(new SessionEnded(session.Id, SessionEndReason.Expired, "its time was over before it was opened", 0, 0, "", ""));
        }
    }

    private void Look(LiveSession here)
    {
        if (here.IsEnding) return;
        if (Over(here) is var (why, detail))
        {
            ending.Add(EndAsync(here, why, detail));
            return;
        }

        var session = ledger.State.Sessions[here.Id];
        if (!here.IsAgreed && ledger.Verified.Sessions.GetValueOrDefault(here.Id) is { Status: SessionStatus.Open }) Begin(here, session);
        if (!here.IsAgreed) return;
        if (session.Terms.Kind == SessionKind.Bundle) Bundles!.Look(here, session, plane.Connected, changed);
        if (time.GetElapsedTime(here.Pinned.At) < SessionLimits.Pin || here.Recorder.Mark.Events <= here.Pinned.Events) return;
        here.Recorder.Sync();
        var mark = here.Recorder.Mark;
        here.Pinned = (time.GetTimestamp(), mark.Events);
        ledger.Write(new SessionRecorded(here.Id, mark.Events, mark.Bytes, mark.Head));
    }

    private void Begin(LiveSession here, Session session)
    {
        here.IsAgreed = true;
        here.Recorder.Stream(Hands!.Recording(here.Id));
        here.Recorder.Write('m', $"opened for {session.RequestedBy} until {session.ExpiresAt:u}; {session.Confinement}");
        if (session.Terms.Kind == SessionKind.Milvus)
        {
            var credential = Hands.OpenUser(session);
            here.Recorder.Write('m', $"made the temporary user {credential.User}");
            if (ledger.Write(new SessionCredentialIssued(here.Id, credential.User, credential.Sealed)).Refusal is { } refusal) here.Wanted ??= (SessionEndReason.Failed, refusal);
        }

        if (session.Terms.Kind == SessionKind.Bundle) here.Work.Add(Woken(Bundles!.CollectAsync(here, session, () => Over(here) is not null)));
    }

    // The first reason that holds, the sharpest first.
    private (SessionEndReason Why, string Detail)? Over(LiveSession here)
    {
        if (!ledger.InForce) return (SessionEndReason.AuthorityLost, "this agent is not in force any more");
        if (!ledger.State.Sessions.TryGetValue(here.Id, out var session) || session.Status != SessionStatus.Open) return (SessionEndReason.AuthorityLost, "the ledger has no place for its opening");
        if (session.Revocation is { } revoked) return (SessionEndReason.Revoked, $"revoked by {revoked.By}: {revoked.Reason}");
        if (here.Wanted is { } wanted) return wanted;
        var now = time.GetUtcNow();
        if (IsOver(session)) return (SessionEndReason.Expired, $"its {session.Terms.Minutes} minutes were over: it was to end at {session.ExpiresAt:u}");
        if (SessionRules.AgainstGoingOn(ledger.State, session, now) is { } against) return (SessionEndReason.AuthorityLost, $"{against.Rule}: {against.Why}");
        if (here.Recorder.IsFull) return (SessionEndReason.Bound, $"its recording has reached {SessionLimits.MaxRecordingBytes} bytes, or the stream takes no more of it");
        if (traffic.IsStopped(here.Id.Value)) return (SessionEndReason.Bound, "the egress gate lets no more of it leave; see 'demarc egress report'");
        if (here.Worker is null) return null;
        if (ledger.Refusal is not null) return (SessionEndReason.PlaneLost, "the agent follows its plane no further");
        if (here.Stream != traffic.Streams) return (SessionEndReason.PlaneLost, "the agent's stream to the plane was lost");
        return time.GetElapsedTime(here.Heard) >= SessionLimits.Silence ? (SessionEndReason.OperatorLost, $"nothing was heard of who worked in it for {SessionLimits.Silence.TotalSeconds:0} s") : null;
    }

    private async Task EndAsync(LiveSession here, SessionEndReason why, string detail)
    {
        var began = time.GetTimestamp();
        here.IsEnding = true;
        traffic.Withhold(here.Id.Value);
        var session = ledger.State.Sessions.GetValueOrDefault(here.Id);
        for (var lingers = false; here.Command?.Cut() == false || session is not null && !Hands!.Clean(session);)
        {
            var late = time.GetElapsedTime(began);
            if (!lingers && late > SessionLimits.Cut) SessionLog.Lingers(log, here.Id.Value);
            lingers |= late > SessionLimits.Cut;
            // What the kernel will not end now the next start finds in the ledger, and ends then.
            if (stopping && late > SessionLimits.Cut * 2) return;
            await Task.Delay(TimeSpan.FromMilliseconds(5), time);
        }

        LastCut = time.GetElapsedTime(began);
        if (here.IsAgreed) here.Recorder.Write('m', $"ended: {detail}");
        // The disk failed in the middle of a line, and with it the agent ends: the next start reads how far the recording goes, and says so.
        if (here.Recorder.IsBroken) return;
        here.Recorder.Sync();
        var mark = here.Recorder.Mark;
        here.Recorder.Dispose();
        here.Command?.Dispose();
        live.Remove(here.Id);
        if (session is not null) ledger.Write(new SessionEnded(here.Id, why, detail, mark.Events, mark.Bytes, mark.Head, SessionDifference.Of(session)));
        SessionLog.Ends(log, here.Id.Value, detail, LastCut.Value.TotalMilliseconds);
        changed.Raise();
    }

    private void Carry(LiveSession here, Session session, string line)
    {
        here.Recorder.Write('i', line + "\r\n");
        if (line.Trim() == "stop")
        {
            here.Command?.Cut();
            return;
        }

        var (typed, fault) = here.Command is null ? TerminalCommands.Read(SessionHands.CommandsOf(session.Terms.Kind), line) : (null, "a command runs still: 'stop' ends it");
        if (typed is null)
        {
            here.Recorder.Write('o', $"not run: {fault}\n");
            here.Recorder.Write('m', "ready");
            return;
        }

        try
        {
            here.Command = Hands!.Run(session, typed);
        }
        catch (IOException failed)
        {
            here.Recorder.Write('o', $"not run: {failed.Message}\n");
            here.Recorder.Write('m', "ready");
            return;
        }

        here.Work.Add(Woken(ShowAsync(here, here.Command)));
    }

    private async Task ShowAsync(LiveSession here, ISessionCommand command)
    {
        while (await command.NextAsync() is { } piece && !here.IsEnding) here.Recorder.Write('o', piece);
        if (here.IsEnding) return;
        // What a program leaves running ends with it.
        while (!command.Cut() && !here.IsEnding) await Task.Delay(TimeSpan.FromMilliseconds(5), time);
        if (here.IsEnding) return;
        command.Dispose();
        here.Command = null;
        here.Recorder.Write('m', "ready");
    }

    private async Task Woken(Task work)
    {
        try
        {
            await work;
        }
        finally
        {
            changed.Raise();
        }
    }

    private void Recall(SessionId id, long from)
    {
        if (Hands is null || ledger.State.Sessions.GetValueOrDefault(id) is not { OpenedAt: not null } session || live.ContainsKey(id)) return;
        foreach (var frame in SessionRecorder.Frames(id.Value, Hands.Recording(id), session.TermsHash, from)) traffic.Offer(frame);
    }

    // Nothing is looked for more often than it can come due.
    private TimeSpan NextLook()
    {
        if (lingers) return TimeSpan.FromMilliseconds(10);
        // A clock on the wall that is set ahead says so to nobody.
        var next = live.Count == 0 ? TimeSpan.FromSeconds(5) : SessionLimits.Cut / 2;
        var now = time.GetUtcNow();
        foreach (var id in ledger.State.OpenSessions)
        {
            var session = ledger.State.Sessions[id];
            if (session.ExpiresAt - now is var left && left > TimeSpan.Zero && left < next) next = left;
        }

        foreach (var here in live.Values.Where(here => here.Worker is not null))
        {
            if (SessionLimits.Silence - time.GetElapsedTime(here.Heard) is var left && left > TimeSpan.Zero && left < next) next = left;
        }

        return next < TimeSpan.FromMilliseconds(10) ? TimeSpan.FromMilliseconds(10) : next;
    }
}

/// <summary>What a session has changed, as the agent knows it.</summary>
internal static class SessionDifference
{
    public static string Of(Session session) => session.Terms.Kind switch
    {
        SessionKind.Terminal => "nothing: commands of the list only read, and no byte could be written to a file",
        SessionKind.Milvus => session.Credential is { } credential ? $"nothing: the engine let {credential.User} only read, and that user is gone" : "nothing: no user was made",
        SessionKind.Bundle => session.Bundle switch
        {
            null => "nothing: no bundle was collected",
            { Released: true } bundle => $"nothing; the bundle {bundle.Hash} was released and is deleted here",
            var bundle => $"nothing; the bundle {bundle.Hash} was not released and is deleted",
        },
    };
}

internal static partial class SessionLog
{
    [LoggerMessage(70, LogLevel.Warning, "Session {Session} ({What}) is opened for {Key}")]
    public static partial void Opens(ILogger log, string session, string what, string key);

    [LoggerMessage(71, LogLevel.Warning, "Session {Session} is over: {Why} (cut in {Milliseconds:0} ms)")]
    public static partial void Ends(ILogger log, string session, string why, double milliseconds);

    [LoggerMessage(72, LogLevel.Warning, "Session {Session} is not opened, {Rule}: {Why}")]
    public static partial void Refuses(ILogger log, string session, string rule, string why);

    [LoggerMessage(73, LogLevel.Warning, "Session {Session}: a word that came through the plane was refused: {Why}")]
    public static partial void BadWord(ILogger log, string session, string why);

    [LoggerMessage(74, LogLevel.Error, "Session {Session}: something of it still runs; it is killed again and again until it does not")]
    public static partial void Lingers(ILogger log, string session);
}
