using System.Threading.Channels;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;

namespace Demarc.Tests.Agents;

/// <summary>One conversation with a plane without any transport: frames in, frames out, and a switch that makes the agent stop taking any.</summary>
internal sealed class HubConversation : IAsyncDisposable
{
    private readonly Channel<AgentFrame> toPlane = Channel.CreateUnbounded<AgentFrame>();
    private readonly Channel<PlaneFrame> fromPlane = Channel.CreateUnbounded<PlaneFrame>();
    private readonly CancellationTokenSource stop = new();
    private readonly AgentSession session;

    public HubConversation(Demarc.Plane.Agents.AgentHub hub, EnvironmentId environment, Ed25519Key agent)
    {
        session = new AgentSession(hub, environment, agent);
        Ended = session.RunAsync(
            toPlane.Reader.ReadAllAsync(),
            async (frame, cut) =>
            {
                if (Stalled is { } stalled) await stalled.Task.WaitAsync(cut);
                await fromPlane.Writer.WriteAsync(frame, cut);
            },
            stop.Token);
    }

    /// <summary>When set, the plane's frames are not taken until it completes.</summary>
    public TaskCompletionSource? Stalled { get; set; }

    public Task<string> Ended { get; }

    public bool WasHeard => session.WasHeard;

    /// <summary>The plane's pings that were passed over or awaited so far.</summary>
    public int Pings { get; private set; }

    public void Say(AgentFrame frame) => Assert.True(toPlane.Writer.TryWrite(frame));

    public void Hello(LedgerView? verified = null, string environment = "acme") => Say(new AgentFrame
    {
        Hello = new Hello { Protocol = 1, Environment = environment, AgentVersion = "1.2.3", Size = (ulong)(verified?.Size ?? 0), Root = ByteString.CopyFrom(verified?.Root ?? []) },
    });

    public void Submit(Entry entry) => Say(new AgentFrame { Submit = new Submit { EntryId = entry.Id, Envelope = ByteString.CopyFrom(entry.Bytes.Span) } });

    public void HangUp() => toPlane.Writer.Complete();

    public void StopPlane() => stop.Cancel();

    public async Task<PlaneFrame> NextAsync()
    {
        while (true)
        {
            var frame = await fromPlane.Reader.ReadAsync().AsTask().WaitAsync(Patience.Limit);
            if (frame.FrameCase != PlaneFrame.FrameOneofCase.Ping) return frame;
        }
    }

    public async Task<PlaneFrame> NextAsync(PlaneFrame.FrameOneofCase kind)
    {
        while (true)
        {
            var frame = await fromPlane.Reader.ReadAsync().AsTask().WaitAsync(Patience.Limit);
            if (frame.FrameCase == PlaneFrame.FrameOneofCase.Ping) Pings++;
            if (frame.FrameCase == kind) return frame;
        }
    }

    public async Task<SubmitResult> ResultAsync() => (await NextAsync(PlaneFrame.FrameOneofCase.SubmitResult)).SubmitResult;

    public async Task<string> GoodbyeAsync() => (await NextAsync(PlaneFrame.FrameOneofCase.Goodbye)).Goodbye.Reason;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        Stalled?.TrySetResult();
        toPlane.Writer.TryComplete();
        await Ended.WaitAsync(Patience.Limit);
        stop.Dispose();
    }
}

/// <summary>A plane in memory with a joined agent, for conversations.</summary>
internal sealed class HubWorld : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly SqliteLedgerStore store;

    private HubWorld()
    {
        store = SqliteLedgerStore.Open(folder.File("ledger.db"));
        Running = new RunningSequencer(store, World);
        Hub = new Demarc.Plane.Agents.AgentHub(Running.Sequencer, new AgentBoard(store, World.Time), World.Time, "0.1.0");
    }

    public PlaneWorld World { get; } = new();

    public RunningSequencer Running { get; }

    public Demarc.Plane.Agents.AgentHub Hub { get; }

    public ILedgerStore Store => store;

    public AgentPresence Presence => Hub.Board.Of(PlaneWorld.Acme).Current.Value;

    public static async Task<HubWorld> CreateAsync()
    {
        var world = new HubWorld();
        await world.Running.AppendAllAsync(world.World.UpToAgent());
        return world;
    }

    public HubConversation Dial() => new(Hub, PlaneWorld.Acme, World.Agent.Public);

    public Task<LedgerView> ViewAsync() => Running.ViewAsync(PlaneWorld.Acme);

    /// <summary>A conversation that is past its greeting, with everything there is already verified.</summary>
    public async Task<HubConversation> ConversingAsync()
    {
        var conversation = Dial();
        conversation.Hello(await ViewAsync());
        Assert.Equal(PlaneFrame.FrameOneofCase.Welcome, (await conversation.NextAsync()).FrameCase);
        return conversation;
    }

    /// <summary>Waits until the presence is as described.</summary>
    public async Task UntilAsync(Func<AgentPresence, bool> holds)
    {
        var presence = Hub.Board.Of(PlaneWorld.Acme);
        while (true)
        {
            var seen = presence.Current;
            if (holds(seen.Value)) return;
            await seen.Superseded.WaitAsync(Patience.Limit);
        }
    }

    public async Task<IReadOnlyList<Notice>> NoticesAsync() => await store.NoticesAsync(PlaneWorld.Acme, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Running.DisposeAsync();
        await store.DisposeAsync();
        folder.Dispose();
    }
}
