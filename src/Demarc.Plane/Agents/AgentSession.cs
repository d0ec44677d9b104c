using System.Threading.Channels;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Emergency;
using Demarc.Plane.Ledger;
using Demarc.Protocol;

namespace Demarc.Plane.Agents;

/// <summary>
/// The plane's side of one conversation with an agent, whatever carries it. Several small loops share two bounded queues: one reads frames, one feeds
/// entries, one answers submissions in order, one watches whether the agent is still the agent, one writes. The first that ends ends them all, with a reason
/// that is the last thing the agent hears.
/// </summary>
public sealed class AgentSession
{
    private readonly AgentHub hub;
    private readonly EnvironmentId environment;
    private readonly Ed25519Key agent;
    private readonly AgentReports reports;
    private readonly Channel<PlaneFrame> outgoing = Channel.CreateBounded<PlaneFrame>(AgentHubLimits.Outgoing);
    private readonly Channel<(string Id, Task<Appended> Outcome)> submitted = Channel.CreateBounded<(string, Task<Appended>)>(AgentHubLimits.Submits);
    private long lastHeard;
    private long fed;

    /// <summary>For an agent whose key and environment the transport has established.</summary>
    public AgentSession(AgentHub hub, EnvironmentId environment, Ed25519Key agent)
    {
        this.hub = hub;
        this.environment = environment;
        this.agent = agent;
        reports = new AgentReports(hub, environment, agent);
    }

    /// <summary>After the end: whether the other side took everything that was said to it. If not, only cutting the transport ends the stream.</summary>
    public bool WasHeard { get; private set; }

    /// <summary>Speaks until either side has enough; gives the reason of the end. Frames are sent one at a time.</summary>
    public async Task<string> RunAsync(IAsyncEnumerable<AgentFrame> frames, Func<PlaneFrame, CancellationToken, ValueTask> send, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var cut = new CancellationTokenSource();
        lastHeard = hub.Time.GetTimestamp();
        var incoming = frames.GetAsyncEnumerator(end.Token);
        var writing = WriteAsync(send, cut.Token);
        var reason = Goodbyes.HungUp;
        AgentLease? lease = null;
        try
        {
            (var hello, reason) = await HelloAsync(incoming, end.Token);
            if (hello is not null)
            {
                lease = hub.Board.Enter(environment, Text(hello.AgentVersion), (long)hello.Size);
                reason = await ConverseAsync(incoming, hello, lease, writing, end);

                // A revoked agent is told so, whichever of its ends was seen first.
                if (reason == Goodbyes.Silent && await hub.Sequencer.FindAsync(environment, stop) is { } view && !IsAgent(view)) reason = Goodbyes.Revoked;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            reason = Goodbyes.Stopping;
        }
        catch (Exception failure) when (failure is LedgerUnavailableException or LedgerDamagedException)
        {
            reason = failure.Message;
        }
        catch (IOException)
        {
            reason = Goodbyes.HungUp;
        }
        finally
        {
            lease?.Leave(reason);
            hub.Sessions?.Leave(environment, this);
            await LastWordsAsync(writing, reason, lease is not null);
            end.Cancel();
            cut.Cancel();
            await LeaveAsync(incoming);
        }

        return reason;
    }

    private async Task<string> ConverseAsync(IAsyncEnumerator<AgentFrame> incoming, Hello hello, AgentLease lease, Task<string> writing, CancellationTokenSource end)
    {
        fed = (long)hello.Size;
        await outgoing.Writer.WriteAsync(new PlaneFrame { Welcome = new Welcome { Protocol = AgentLimits.Protocol, PlaneVersion = hub.Version } }, end.Token);
        if (hub.Sessions is { } sessions) await sessions.ArriveAsync(environment, hello.Protocol, (frame, cut) => outgoing.Writer.WriteAsync(frame, cut), this, end.Token);
        Task<string>[] loops =
        [
            ReadAsync(incoming, end.Token),
            FeedAsync(end.Token),
            AnswerAsync(end.Token),
            WatchAsync(end.Token),
            PingAsync(end.Token),
            SupersededAsync(lease, end.Token),
            .. hub.Sessions is { } board && hello.Protocol >= SessionBoard.Since ? [board.CompleteAsync(environment, (frame, cut) => outgoing.Writer.WriteAsync(frame, cut), end.Token)] : Array.Empty<Task<string>>(),
        ];
        var first = await Task.WhenAny([.. loops, writing]);
        end.Cancel();
        try
        {
            await Task.WhenAll(loops).WaitAsync(AgentHubLimits.LastWords / 2, hub.Time);
        }
        catch (Exception)
        {
            // They end because the first one did; how is of no interest. One that hangs in the transport ends when the stream is cut.
        }

        return await first;
    }

    private static async ValueTask LeaveAsync(IAsyncEnumerator<AgentFrame> incoming)
    {
        try
        {
            await incoming.DisposeAsync();
        }
        catch (Exception failure) when (failure is NotSupportedException or IOException or OperationCanceledException)
        {
            // A read still hangs in the transport and ends with it.
        }
    }

    private async Task<(Hello? Hello, string Reason)> HelloAsync(IAsyncEnumerator<AgentFrame> incoming, CancellationToken cancellation)
    {
        try
        {
            var first = incoming.MoveNextAsync().AsTask();
            if (!await first.WaitAsync(AgentHubLimits.Hello, hub.Time, cancellation)) return (null, Goodbyes.HungUp);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException or IOException)
        {
            return (null, failure is TimeoutException ? "no hello came" : failure is IOException ? Goodbyes.HungUp : Goodbyes.Stopping);
        }

        if (incoming.Current.Hello is not { } hello) return (null, "the first frame must be hello");
        if (hello.Protocol < 1) return (null, $"protocol {hello.Protocol} is not spoken here: this plane speaks 1 to {AgentLimits.Protocol}");
        if (hello.Environment != environment.Value) return (null, $"the certificate is for environment {environment}, not for the one in hello");
        if (await hub.Sequencer.FindAsync(environment, cancellation) is not { } view || !IsAgent(view)) return (null, Goodbyes.Revoked);
        if (hello.Size > (ulong)view.Size)
        {
            // This plane's store was set back. The agent keeps the longer history, with our own signature on it.
            await reports.NoteAsync(NoticeKinds.HistoryDiffers, $"the agent has verified {hello.Size} entries, this plane has {view.Size}: its store was set back, restore it from the agent's replica", cancellation);
            return (null, $"this plane has {view.Size} entries and the agent {hello.Size}: its store was set back");
        }

        var size = (long)hello.Size;
        var root = size == 0 ? MerkleHash.Empty : await LedgerTree.RootAsync(hub.Sequencer.Store, environment, size, cancellation);
        // The agent goes on reading all the same: it is the one who has to see, and keep, the proof that the histories differ.
        if (size > 0 && !hello.Root.Span.SequenceEqual(root))
            await reports.NoteAsync(NoticeKinds.HistoryDiffers, $"the agent's root at {size} entries is {Convert.ToHexStringLower(hello.Root.Span)[..Math.Min(16, hello.Root.Length * 2)]}…, this plane's is {Convert.ToHexStringLower(root)[..16]}…", cancellation);
        return (hello, "");
    }

    private async Task<string> ReadAsync(IAsyncEnumerator<AgentFrame> incoming, CancellationToken cancellation)
    {
        var second = hub.Time.GetTimestamp();
        var frames = 0;
        while (await incoming.MoveNextAsync())
        {
            Volatile.Write(ref lastHeard, hub.Time.GetTimestamp());
            if (++frames > AgentHubLimits.FramesPerSecond)
            {
                var rest = TimeSpan.FromSeconds(1) - hub.Time.GetElapsedTime(second);
                if (rest > TimeSpan.Zero) await Task.Delay(rest, hub.Time, cancellation);
                (second, frames) = (hub.Time.GetTimestamp(), 0);
            }

            var frame = incoming.Current;
            if (frame.FrameCase == AgentFrame.FrameOneofCase.Submit)
                await submitted.Writer.WriteAsync((Text(frame.Submit.EntryId), reports.SubmitAsync(frame.Submit, cancellation).AsTask()), cancellation);
            else if (await reports.HandleAsync(frame, cancellation) is { } enough)
                return enough;
        }

        return Goodbyes.HungUp;
    }

    private async Task<string> AnswerAsync(CancellationToken cancellation)
    {
        while (await submitted.Reader.WaitToReadAsync(cancellation))
        {
            while (submitted.Reader.TryRead(out var next))
            {
                var appended = await next.Outcome.WaitAsync(cancellation);
                var result = new SubmitResult { EntryId = next.Id };
                if (appended.Index is { } index) result.Index = (ulong)index;
                else result.Refusal = appended.Refusal;
                await outgoing.Writer.WriteAsync(new PlaneFrame { SubmitResult = result }, cancellation);
            }
        }

        return Goodbyes.HungUp;
    }

    private async Task<string> FeedAsync(CancellationToken cancellation)
    {
        while (await hub.Sequencer.FindAsync(environment, cancellation) is { } view)
        {
            while (fed < view.Size) await FeedOnceAsync(view, cancellation);
            await view.SupersededAsync(cancellation);
        }

        return Goodbyes.Revoked;
    }

    private async ValueTask FeedOnceAsync(LedgerView view, CancellationToken cancellation)
    {
        var batch = await hub.BatchAsync(view, fed, cancellation);
        await outgoing.Writer.WriteAsync(new PlaneFrame { Batch = batch }, cancellation);
        fed += batch.Envelopes.Count;
    }

    private async Task<string> WatchAsync(CancellationToken cancellation)
    {
        while (await hub.Sequencer.FindAsync(environment, cancellation) is { } view && IsAgent(view)) await view.SupersededAsync(cancellation);
        return Goodbyes.Revoked;
    }

    private async Task<string> PingAsync(CancellationToken cancellation)
    {
        while (hub.Time.GetElapsedTime(Volatile.Read(ref lastHeard)) < AgentHubLimits.Silence)
        {
            await Task.Delay(AgentHubLimits.Ping, hub.Time, cancellation);
            // A full queue means that the agent does not read: a ping behind it would tell it nothing.
            outgoing.Writer.TryWrite(new PlaneFrame { Ping = new Ping { UnixMs = hub.Time.GetUtcNow().ToUnixTimeMilliseconds() } });
        }

        return Goodbyes.Silent;
    }

    private static async Task<string> SupersededAsync(AgentLease lease, CancellationToken cancellation)
    {
        await lease.Superseded.WaitAsync(cancellation);
        await Task.Yield();
        return Goodbyes.Superseded;
    }

    private async Task<string> WriteAsync(Func<PlaneFrame, CancellationToken, ValueTask> send, CancellationToken cut)
    {
        // Not ReadAllAsync, here and above: it goes on wherever the writer is.
        while (await outgoing.Reader.WaitToReadAsync(cut))
        {
            while (outgoing.Reader.TryRead(out var frame)) await send(frame, cut);
        }

        return Goodbyes.HungUp;
    }

    /// <summary>What waits to be sent, for a revoked agent the entry that revokes it, and the reason; as much of it as goes in a moment.</summary>
    private async Task LastWordsAsync(Task<string> writing, string reason, bool conversed)
    {
        var words = SayAsync();
        await Task.WhenAny(words, Task.Delay(AgentHubLimits.LastWords, hub.Time));

        async Task SayAsync()
        {
            try
            {
                if (conversed && reason == Goodbyes.Revoked && await hub.Sequencer.FindAsync(environment, CancellationToken.None) is { } view)
                {
                    while (fed < view.Size) await FeedOnceAsync(view, CancellationToken.None);
                }

                await outgoing.Writer.WriteAsync(new PlaneFrame { Goodbye = new Goodbye { Reason = reason } });
                outgoing.Writer.TryComplete();
                await writing;
                WasHeard = true;
            }
            catch (Exception failure) when (failure is OperationCanceledException or IOException or InvalidOperationException or LedgerUnavailableException or LedgerDamagedException)
            {
                // The other side does not hear us any more; the stream is cut either way.
            }
        }
    }

    private bool IsAgent(LedgerView view) => view.State.Agent?.Key == agent;

    private static string Text(string text) => AgentReports.Clip(text);
}

/// <summary>Why the plane ends a conversation.</summary>
public static class Goodbyes
{
    /// <summary>The ledger says that this is not, or no longer, the environment's agent.</summary>
    public const string Revoked = "revoked";

    /// <summary>A newer stream of the same agent has taken over.</summary>
    public const string Superseded = "superseded";

    /// <summary>Nothing was heard of the agent for too long.</summary>
    public const string Silent = "silent";

    /// <summary>The plane stops.</summary>
    public const string Stopping = "stopping";

    /// <summary>The agent ended it.</summary>
    public const string HungUp = "hung up";
}
