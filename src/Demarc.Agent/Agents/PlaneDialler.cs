using System.Buffers.Binary;
using Demarc.Agent.Changes;
using Demarc.Agent.Emergency;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core;
using Demarc.Core.Agents;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>
/// Keeps one stream to the plane: dials with backoff and jitter, says where its replica stands, takes batches, sends the outbox in order until each
/// entry is answered, and countersigns what it has verified and stored. A plane that is refused is told so once and then left alone.
/// </summary>
public sealed class PlaneDialler(
    EgressGate gate,
    AgentLedger ledger,
    Reports reports,
    PlanePresence presence,
    AgentIdentity identity,
    TimeProvider time,
    FillRandom random,
    ILogger log)
{
    /// <summary>What emergency sessions say and hear; empty where there are none.</summary>
    public SessionTraffic Sessions { get; init; } = new();

    /// <summary>Told when the plane refuses an entry of ours.</summary>
    public Action? EntryRefused { get; set; }

    /// <summary>Dials until stopped, or until the plane is refused.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var failures = 0;
        var told = false;
        while (ledger.Refusal is null)
        {
            var changed = ledger.Changed.Next;
            if (!Leads)
            {
                if (!told) AgentLog.NoPlane(log);
                told = true;
                await Signal.WaitAsync(DialLimits.MaxBackoff, time, stop, changed);
                continue;
            }

            told = false;
            var began = time.GetTimestamp();
            var following = ledger.Following;
            var reason = await TalkAsync(following, stop);
            stop.ThrowIfCancellationRequested();
            if (ledger.Refusal is not null) break;
            if (following.IsCancellationRequested)
            {
                failures = 0;
                continue;
            }

            failures = time.GetElapsedTime(began) >= DialLimits.Healthy ? 0 : failures + 1;
            var wait = Backoff(failures);
            AgentLog.PlaneLost(log, reason, wait.TotalSeconds);
            await Task.Delay(wait, time, stop);
        }

        AgentLog.NotFollowing(log, ledger.Refusal);
    }

    // The address that the agent has may be that of a plane that is not, or no longer, in force.
    private bool Leads => ledger.State.Founding is not { } founding || (gate.PlaneKey ?? founding.PlaneKey) == ledger.State.PlaneKey || IsCatchingUp;

    // A new agent is still on its way to the head that it was invited at, through the time of planes before this one.
    private bool IsCatchingUp => identity.Trust.Head is { } head && ledger.Size < head.Size && gate.PlaneKey == head.PlaneKey;

    /// <summary>One conversation; returns why it ended. It is cut in the middle of a word when another plane is in force.</summary>
    private async Task<string> TalkAsync(CancellationToken following, CancellationToken ending)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(following, ending);
        var stop = over.Token;
        try
        {
            await gate.RenewIfDueAsync(stop);
            using var welcome = new CancellationTokenSource(DialLimits.Welcome, time);
            using var dialling = CancellationTokenSource.CreateLinkedTokenSource(welcome.Token, stop);
            await using var stream = await gate.ConnectAsync(dialling.Token);
            if (await stream.SendAsync(Hello(), dialling.Token) != EgressVerdict.Sent) return "the agent's own gate let no hello pass; see 'demarc egress report'";
            var first = await stream.ReceiveAsync(dialling.Token);
            if (first is null) return "the plane closed the stream before its welcome";
            if (first.FrameCase == PlaneFrame.FrameOneofCase.Goodbye) return $"the plane says goodbye: {Clip(first.Goodbye.Reason)}";
            if (first.FrameCase != PlaneFrame.FrameOneofCase.Welcome) return $"the plane began with {first.FrameCase} instead of its welcome";
            AgentLog.PlaneFound(log, Clip(first.Welcome.PlaneVersion), first.Welcome.Protocol, ledger.Size);
            presence.Connected = true;
            reports.Again();
            ledger.Changed.Raise();
            return await ConverseAsync(stream, stop);
        }
        catch (LinkException broken)
        {
            return broken.Message;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            return following.IsCancellationRequested ? "another plane is in force" : "the plane did not answer in time";
        }
        finally
        {
            presence.Connected = false;
        }
    }

    private async Task<string> ConverseAsync(EgressStream stream, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var conversation = new Conversation();
        var receiving = ReceiveAsync(stream, conversation, over.Token);
        var sending = SendAsync(stream, conversation, over.Token);
        await Task.WhenAny(receiving, sending);
        if (ledger.FreshEvidence is { } evidence)
        {
            // The sender says it, in its turn, and ends; a plane that would not hear it is not waited for.
            conversation.Refuse = new Refuse { Reason = evidence.Reason, Detail = evidence.Detail };
            conversation.Changed.Raise();
            await Signal.WaitAsync(DialLimits.Goodbye, time, stop, sending);
        }

        over.Cancel();
        Sessions.Lost();
        var reason = "";
        foreach (var task in new[] { receiving, sending })
        {
            try
            {
                reason = reason.Length == 0 ? await task : reason;
                await task;
            }
            catch (LinkException broken)
            {
                if (reason.Length == 0) reason = broken.Message;
            }
            catch (OperationCanceledException)
            {
                // The other half ended first; its reason counts.
            }
        }

        return reason;
    }

    private async Task<string> ReceiveAsync(EgressStream stream, Conversation conversation, CancellationToken stop)
    {
        while (true)
        {
            using var silence = new CancellationTokenSource(DialLimits.Silence, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, stop);
            PlaneFrame? frame;
            try
            {
                frame = await stream.ReceiveAsync(either.Token);
            }
            catch (OperationCanceledException) when (silence.IsCancellationRequested && !stop.IsCancellationRequested)
            {
                return $"the plane has been silent for {DialLimits.Silence.TotalSeconds:0} s";
            }

            // What a plane had said before it was cut off counts as little as what it says afterwards.
            stop.ThrowIfCancellationRequested();
            switch (frame?.FrameCase)
            {
                case null:
                    return "the plane closed the stream";
                case PlaneFrame.FrameOneofCase.Goodbye:
                    return $"the plane says goodbye: {Clip(frame.Goodbye.Reason)}";
                case PlaneFrame.FrameOneofCase.Batch:
                    if (!Take(frame.Batch, conversation)) return "the plane is refused";
                    break;
                case PlaneFrame.FrameOneofCase.SubmitResult:
                    if (!Take(frame.SubmitResult, conversation)) return "the plane is refused";
                    break;
                case PlaneFrame.FrameOneofCase.SessionInput:
                case PlaneFrame.FrameOneofCase.SessionGone:
                case PlaneFrame.FrameOneofCase.SessionRecall:
                    Sessions.Receive(frame);
                    break;
                default:
                    // Pings need no answer, and frames of later versions are let pass.
                    break;
            }
        }
    }

    private bool Take(Batch batch, Conversation conversation)
    {
        // A number beyond the signed range is beyond every ledger; as -1 it is refused like any other wrong place.
        var first = batch.First > long.MaxValue ? -1 : (long)batch.First;
        if (!ledger.Accept(first, [.. batch.Envelopes.Select(e => e.Memory)], batch.Checkpoint)) return false;
        conversation.Countersign = ledger.Checkpoint;
        if (conversation.Sent.Count > DialLimits.MaxInFlight * 4) conversation.Sent.IntersectWith(ledger.Outbox.Select(entry => entry.Id));
        conversation.Changed.Raise();
        return true;
    }

    private bool Take(SubmitResult result, Conversation conversation)
    {
        conversation.InFlight.Remove(result.EntryId);
        conversation.Changed.Raise();
        if (result.OutcomeCase == SubmitResult.OutcomeOneofCase.Index)
            return ledger.Acknowledged(result.EntryId, result.Index > long.MaxValue ? long.MaxValue : (long)result.Index);
        if (result.OutcomeCase == SubmitResult.OutcomeOneofCase.Refusal)
        {
            EntryRefused?.Invoke();
            ledger.RefusedByPlane(result.EntryId, Clip(result.Refusal));
        }

        return true;
    }

    private async Task<string> SendAsync(EgressStream stream, Conversation conversation, CancellationToken stop)
    {
        var pinged = time.GetTimestamp();
        while (true)
        {
            if (conversation.Refuse is { } refuse)
            {
                await SendOneAsync(stream, new AgentFrame { Refuse = refuse }, stop);
                return "the plane is refused";
            }

            Task[] news = [ledger.Changed.Next, reports.Changed.Next, Sessions.Outgoing.Next, conversation.Changed.Next];
            if (Next(conversation) is { } frame)
            {
                Sent(frame, await SendOneAsync(stream, frame, stop), conversation);
                continue;
            }

            if (Sessions.Next() is { } shown)
            {
                Sessions.Became(shown, await SendOneAsync(stream, shown, stop));
                continue;
            }

            foreach (var report in reports.Take()) await SendOneAsync(stream, report, stop);
            var wait = DialLimits.Ping - time.GetElapsedTime(pinged);
            if (wait <= TimeSpan.Zero)
            {
                pinged = time.GetTimestamp();
                // What was countersigned last may have been lost with the stream before. Not at once: a plane with another history shall have shown it first.
                if (!conversation.HasCountersigned) conversation.Countersign ??= ledger.Checkpoint;
                await SendOneAsync(stream, new AgentFrame { Ping = new Ping { UnixMs = time.GetUtcNow().ToUnixTimeMilliseconds() } }, stop);
                await gate.RenewIfDueAsync(stop);
                continue;
            }

            await Signal.WaitAsync(wait, time, stop, news);
            // Whatever woke us may have made room: a new day, a consent, another charter.
            conversation.Held = false;
        }
    }

    private void Sent(AgentFrame frame, EgressVerdict verdict, Conversation conversation)
    {
        if (verdict == EgressVerdict.Sent) return;
        if (frame.FrameCase == AgentFrame.FrameOneofCase.Countersign)
        {
            // The newest is worth more than this one: it goes when there is room.
            conversation.Countersign ??= frame.Countersign.Checkpoint;
            conversation.Held = true;
            return;
        }

        var id = frame.Submit.EntryId;
        conversation.InFlight.Remove(id);
        conversation.Sent.Remove(id);
        if (verdict != EgressVerdict.Withheld)
        {
            conversation.Held = true;
            return;
        }

        // What never leaves counts no more, at once and with all its like: an agent in another's place must not act on what that one left unsaid.
        EntryRefused?.Invoke();
        ledger.Withheld(id, "the egress gate let it not pass; see 'demarc egress show'");
    }

    // The outbox goes first and in order, a bounded number at a time; then what was verified meanwhile.
    private AgentFrame? Next(Conversation conversation)
    {
        if (conversation.Held) return null;
        if (conversation.InFlight.Count < DialLimits.MaxInFlight)
        {
            foreach (var entry in ledger.Outbox)
            {
                if (!conversation.Sent.Add(entry.Id)) continue;
                conversation.InFlight.Add(entry.Id);
                return new AgentFrame { Submit = new Submit { EntryId = entry.Id, Envelope = UnsafeByteOperations.UnsafeWrap(entry.Bytes) } };
            }
        }

        if (conversation.Countersign is not { } note) return null;
        conversation.Countersign = null;
        conversation.HasCountersigned = true;
        return new AgentFrame { Countersign = new Countersign { Checkpoint = note } };
    }

    private async Task<EgressVerdict> SendOneAsync(EgressStream stream, AgentFrame frame, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(DialLimits.Send, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            return await stream.SendAsync(frame, either.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new LinkException($"the plane took no frame for {DialLimits.Send.TotalSeconds:0} s");
        }
    }

    private AgentFrame Hello() => new()
    {
        Hello = new Hello
        {
            Protocol = AgentLimits.Protocol,
            Environment = identity.Trust.Environment.Value,
            AgentVersion = AgentVersion.Text,
            Size = (ulong)ledger.Size,
            Root = ByteString.CopyFrom(ledger.Root),
        },
    };

    private TimeSpan Backoff(int failures)
    {
        if (failures == 0) return DialLimits.FirstBackoff;
        var longest = DialLimits.FirstBackoff * Math.Pow(2, Math.Min(failures, 20));
        if (longest > DialLimits.MaxBackoff) longest = DialLimits.MaxBackoff;
        // Between half and all of it, so that a thousand agents do not come back in the same second.
        Span<byte> bytes = stackalloc byte[4];
        random(bytes);
        return longest * (0.5 + BinaryPrimitives.ReadUInt32LittleEndian(bytes) / (2.0 * uint.MaxValue));
    }

    private static string Clip(string text) => text.Length <= 300 ? text : text[..300];

    private sealed class Conversation
    {
        public Signal Changed { get; } = new();

        public HashSet<string> Sent { get; } = [];

        public HashSet<string> InFlight { get; } = [];

        public string? Countersign { get; set; }

        public bool HasCountersigned { get; set; }

        /// <summary>Whether something found no room today: nothing more is offered until there is news.</summary>
        public bool Held { get; set; }

        public Refuse? Refuse { get; set; }
    }
}
