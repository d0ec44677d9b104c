using System.Collections.Immutable;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Emergency;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Agent.Monitoring;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Emergency;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Emergency;

/// <summary>A whole plane and a whole agent on its own disk and scheduler, with real transports and real processes between them, and people who sign.</summary>
internal sealed class SessionLab : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TaskScheduler exclusive = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
    private CancellationTokenSource stop = new();
    private Task running = Task.CompletedTask;
    private AgentHome? home;
    private SqliteAgentStore? store;

    private SessionLab(RunningPlane plane) => Plane = plane;

    public RunningPlane Plane { get; }

    public AgentCore Agent { get; private set; } = null!;

    public SessionBoard Board => Plane.App.Services.GetRequiredService<SessionBoard>();

    public PlaneWorld World => Plane.World;

    public AgentHome Home => home!;

    public string AgentFolder => folder.File("agent");

    public static async Task<SessionLab> StartAsync()
    {
        var lab = new SessionLab(await RunningPlane.StartAsync());
        var founding = lab.World.Founding(PlaneWorld.Acme);
        await lab.Plane.AppendAllAsync([founding, .. lab.World.Charter(), lab.World.Invite(TimeSpan.FromDays(1))]);
        using (var first = AgentHome.Take(lab.AgentFolder)!)
        {
            var joining = new Joining(first, new HttpPlaneDoor(new EgressToll()), TimeProvider.System, RandomNumberGenerator.Fill);
            var token = new JoinToken(lab.Plane.Client.BaseAddress!.ToString().TrimEnd('/'), "acme", Base64Text.EncodeUrl(lab.World.Invitation.ExportSeed()), Convert.ToHexStringLower(founding.LeafHash)).Encode();
            var (prepared, fault) = joining.Prepare(token, "machine");
            Assert.True(prepared is not null, fault);
            Assert.Null((await joining.AskAsync(prepared, CancellationToken.None)).Refusal);
        }

        await lab.StartAgentAsync();
        return lab;
    }

    /// <summary>Starts the agent on what is on its disk.</summary>
    public async Task StartAgentAsync()
    {
        stop = new CancellationTokenSource();
        home = AgentHome.Take(AgentFolder)!;
        store = new SqliteAgentStore(home.Database);
        var toll = new EgressToll();
        var joining = new Joining(home, new HttpPlaneDoor(toll), TimeProvider.System, RandomNumberGenerator.Fill);
        var identity = new AgentIdentity(home.ReadMembership()!.Trust, home.SigningKey(RandomNumberGenerator.Fill), "machine");
        var ledger = AgentLedger.Open(store, identity, TimeProvider.System, RandomNumberGenerator.Fill, NullLogger.Instance).Ledger!;
        var secrets = new KnownSecrets(RandomNumberGenerator.Fill);
        var files = new PrivateFiles(home.Instances);
        Agent = new AgentCore(identity, ledger, new GrpcPlaneLink(home, joining, toll, TimeProvider.System, NullLogger.Instance), new NoHands(), TimeProvider.System, RandomNumberGenerator.Fill, NullLogger.Instance, new EgressEye(secrets, null));
        toll.Attach(Agent.Egress);
        var (core, reader) = (Agent, new MilvusReader());
        var hands = new SessionHands(home.Sessions, () => core.Reports.Latest, () => ledger.State, files, reader, new TemporaryUsers(files), secrets, RandomNumberGenerator.Fill, Environment.UserName == "root");
        Agent.Sessions.Hands = hands;
        Agent.Sessions.Bundles = new BundleMaker(ledger, hands, Agent.Traffic, () => core.Reports.Latest, files, secrets, TimeProvider.System);
        running = OnAgent(() => core.RunAsync(stop.Token)).Unwrap();
        await Until(() => Board.LineOf(PlaneWorld.Acme) is not null && core.Presence.Connected && ledger.InForce);
    }

    /// <summary>The agent stops in good order.</summary>
    public async Task StopAgentAsync()
    {
        await stop.CancelAsync();
        await running.ContinueWith(static _ => { }, TaskScheduler.Default).WaitAsync(Patience.Limit);
        store?.Dispose();
        home?.Dispose();
    }

    /// <summary>Something done on the agent's one thread.</summary>
    public Task<T> OnAgent<T>(Func<T> act) => Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.None, exclusive);

    /// <summary>Appends a person's entry as of a moment, and waits until the agent has it.</summary>
    public async Task SayAsync(SigningKey by, EntryData data, DateTimeOffset? at = null)
    {
        var entry = Entry.Write(PlaneWorld.Acme, Entry.NewId(RandomNumberGenerator.Fill), at ?? TimeProvider.System.GetUtcNow(), data, by);
        var appended = await Plane.Sequencer.AppendAsync(PlaneWorld.Acme, entry, CancellationToken.None);
        Assert.Null(appended.Refusal);
        await Until(() => Agent.Ledger.Size > appended.Index);
    }

    /// <summary>A session that the vendor has asked for and the customer has approved.</summary>
    public async Task<Session> ApprovedAsync(SessionKind kind = SessionKind.Terminal, TimeSpan ago = default, SigningKey? by = null)
    {
        var id = SessionId.New(RandomNumberGenerator.Fill);
        var at = TimeProvider.System.GetUtcNow() - ago;
        await SayAsync(by ?? World.Vendor, new SessionRequested(id, new SessionTerms(kind, null, 1, false, null, "to see")), at);
        await SayAsync(World.Customer, new SessionApproved(id, Agent.Ledger.Verified.Sessions[id].TermsHash), at);
        return Agent.Ledger.Verified.Sessions[id];
    }

    public Session At(SessionId id) => Plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None).AsTask().GetAwaiter().GetResult()!.State.Sessions[id];

    /// <summary>The session is over at the plane, which is where everybody looks.</summary>
    public async Task<Session> EndedAsync(SessionId id)
    {
        await Until(() => At(id).IsEnded);
        return At(id);
    }

    /// <summary>Somebody who works in a session through the plane.</summary>
    public async Task<Worker> AttachAsync(Session session, SigningKey? by = null)
    {
        var worker = new Worker(this, session);
        await worker.ConnectAsync(by ?? World.Vendor);
        return worker;
    }

    /// <summary>Waits for what has to come about within moments.</summary>
    public static async Task Until(Func<bool> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience.Limit, "it did not come about");
            await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Plane.DisposeAsync();
        folder.Dispose();
    }

    private sealed class NoHands : IHands
    {
        public ValueTask<Observation> ObserveAsync(CancellationToken stop) => ValueTask.FromResult(new Observation(
            TimeProvider.System.GetUtcNow(), "local", new MachineFacts("machine", "Linux", "X64", 2, 1000, 900, 1), new NetworkFacts([], []), new ClusterFacts("demarc-agent", 0),
            new BucketFacts("/bucket", true, true, 1000, null), [], [], ImmutableSortedDictionary<Demarc.Core.Instances.InstanceId, ObservedInstance>.Empty));

        public ValueTask<StepOutcome?> CheckAsync(Demarc.Core.Instances.InstanceStep step, StepContext context, CancellationToken stop) => throw new NotSupportedException();

        public ValueTask<StepOutcome> ApplyAsync(Demarc.Core.Instances.InstanceStep step, StepContext context, CancellationToken stop) => throw new NotSupportedException();

        public ValueTask<StepOutcome> UndoAsync(Demarc.Core.Instances.InstanceStep step, StepContext context, CancellationToken stop) => throw new NotSupportedException();
    }
}

/// <summary>Somebody at the other end of a session: says signed words, beats, and hears lines.</summary>
internal sealed class Worker(SessionLab lab, Session session) : IAsyncDisposable
{
    private readonly ClientWebSocket socket = new();
    private readonly CancellationTokenSource over = new();
    private readonly List<string> heard = [];
    private Task listening = Task.CompletedTask;
    private Task beating = Task.CompletedTask;
    private long seq;

    public SigningKey Key { get; } = SigningKey.Generate(RandomNumberGenerator.Fill);

    public bool Beats { get; set; } = true;

    /// <summary>Everything that was shown so far.</summary>
    public string Shown
    {
        get
        {
            lock (heard) return string.Concat(heard.Select(line => RecordingChain.Event(Encoding.UTF8.GetBytes(line)) is (_, var code, var text) ? $"{code}:{text}\n" : ""));
        }
    }

    public bool IsClosed => listening.IsCompleted;

    public async Task ConnectAsync(SigningKey by)
    {
        var path = $"/v1/environments/acme/sessions/{session.Id}/attach";
        socket.Options.SetRequestHeader("Authorization", RequestToken.Write(by, "plane.test", "GET", path, lab.World.Time.GetUtcNow(), RandomNumberGenerator.Fill));
        await socket.ConnectAsync(new UriBuilder(new Uri(lab.Plane.Client.BaseAddress!, path)) { Scheme = "ws" }.Uri, CancellationToken.None);
        await SayAsync(SessionSays.Attach, Key.Public.KeyId, by);
        listening = ListenAsync();
        beating = BeatAsync();
    }

    public Task SayAsync(SessionSays says, string text = "", SigningKey? by = null)
    {
        lock (over) return SendAsync(Word(says, text, by, seq++));
    }

    public ReadOnlyMemory<byte> Word(SessionSays says, string text, SigningKey? by, long number) =>
        SessionWord.Write(PlaneWorld.Acme, session.Id, session.TermsHash, number, TimeProvider.System.GetUtcNow(), says, text, by ?? Key);

    public Task SendAsync(ReadOnlyMemory<byte> word) => socket.SendAsync(word, WebSocketMessageType.Binary, true, CancellationToken.None).AsTask();

    /// <summary>Runs a command and gives what it showed.</summary>
    public async Task<string> RunAsync(string command)
    {
        await ShowsAsync("opened for");
        var before = Count(":ready\n");
        await SayAsync(SessionSays.Command, command);
        await SessionLab.Until(() => Count(":ready\n") > before);
        return Shown;
    }

    public Task ShowsAsync(string text) => SessionLab.Until(() => Shown.Contains(text, StringComparison.Ordinal));

    /// <summary>The connection breaks without a word.</summary>
    public void Break() => socket.Abort();

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        socket.Abort();
        await Task.WhenAll(listening, beating).WaitAsync(Patience.Limit);
        socket.Dispose();
        Key.Dispose();
        over.Dispose();
    }

    private int Count(string text) => Shown.Split(text).Length;

    private async Task BeatAsync()
    {
        try
        {
            while (!over.IsCancellationRequested)
            {
                await Task.Delay(SessionLimits.Beat, over.Token);
                if (Beats) await SayAsync(SessionSays.Beat);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ListenAsync()
    {
        var buffer = new byte[SessionLimits.MaxLineBytes];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult got;
                do
                {
                    got = await socket.ReceiveAsync(buffer.AsMemory(length), over.Token);
                    length += got.Count;
                }
                while (!got.EndOfMessage);
                if (got.MessageType == WebSocketMessageType.Close) return;
                lock (heard) heard.Add(Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
        }
    }
}
