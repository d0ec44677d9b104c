using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Monitoring;

/// <summary>
/// A real agent's link and a real plane, with a wire between them that counts: every byte that left is a frame that the gate has shown, or what gRPC,
/// HTTP/2 and TLS put around it, within stated bounds.
/// </summary>
public sealed class EgressWireTests
{
    // gRPC says the length in 5 bytes, HTTP/2 in 9; TLS 1.3 takes 22 a record, and may put several frames into one.
    private const int LeastAround = 5 + 9;
    private const int MostAround = 5 + 9 + 22;

    // One handshake with a client certificate, the connection's preface and settings, and the headers of one stream.
    private const int PerConnection = 3 * 1024;

    // What is received is answered with window updates and acknowledged settings and pings: 13 to 17 bytes in a record of 22, some for each frame that came.
    private const int PerFrameReceived = 17 + 9 + 22;

    // The head of one HTTP/1.1 request.
    private const int PerRequest = 512;

    private const string Password = "planted-password-Xq7Rz2LmVt9";

    [Fact]
    public async Task Every_byte_that_leaves_is_accounted_for()
    {
        await using var plane = await RunningPlane.StartAsync();
        var founding = plane.World.Founding(PlaneWorld.Acme);
        await plane.AppendAllAsync([founding, .. plane.World.Charter(), plane.World.Invite(TimeSpan.FromDays(1))]);
        await using var rest = new CountingProxy(plane.Client.BaseAddress!.Port);
        await using var hub = new CountingProxy(new Uri(plane.Identity.Hub).Port);
        using var folder = new TemporaryFolder();
        using var home = AgentHome.Take(folder.File("agent"))!;
        var toll = new EgressToll();
        var joining = new Joining(home, new HttpPlaneDoor(toll), TimeProvider.System, RandomNumberGenerator.Fill);
        var (prepared, fault) = joining.Prepare(
            new JoinToken($"http://127.0.0.1:{rest.Port}", "acme", Base64Text.EncodeUrl(plane.World.Invitation.ExportSeed()), Convert.ToHexStringLower(founding.LeafHash)).Encode(), "machine");
        Assert.True(prepared is not null, fault);
        var (joined, refusal) = await joining.AskAsync(prepared, CancellationToken.None);
        Assert.True(joined is not null, refusal);
        home.WriteMembership(joined with { Hub = $"https://127.0.0.1:{hub.Port}" });

        using var key = home.SigningKey(RandomNumberGenerator.Fill);
        using var store = new SqliteAgentStore(home.Database);
        var identity = new AgentIdentity(joined.Trust, key, "machine");
        var ledger = AgentLedger.Open(store, identity, TimeProvider.System, RandomNumberGenerator.Fill, NullLogger.Instance).Ledger!;
        var secrets = new KnownSecrets(RandomNumberGenerator.Fill);
        secrets.Know(Password);
        secrets.Know(key.ExportSeed());
        using var mirror = new EgressMirror(home.Egress);
        var link = new ReceivedCount(new GrpcPlaneLink(home, joining, toll, TimeProvider.System, NullLogger.Instance));
        var gate = new EgressGate(link, ledger, key.Public, secrets, mirror, TimeProvider.System, NullLogger.Instance);
        ledger.Secrets = secrets;
        toll.Attach(gate);

        await SpeakAsync(gate, ledger, identity);

        // What the gate counted is what its inspector showed, frame by frame.
        var totals = gate.Days(1)[0].Classes;
        var shown = mirror.Read().ToList();
        Assert.Equal(totals.Sum(total => total.Frames), shown.Count);
        var join = totals.Single(t => t.Class == EgressClass.Control).Frames - link.Connections;
        Assert.Equal(1, join);
        var request = long.Parse(System.Text.Json.Nodes.JsonNode.Parse(shown[0])!["bytes"]!.ToString(), System.Globalization.CultureInfo.InvariantCulture) - EgressLimits.FrameOverhead;
        Assert.InRange(rest.Outward, request, request + PerRequest);

        var frames = totals.Sum(total => total.Frames) - 1;
        var payload = totals.Sum(total => total.Bytes) - (totals.Sum(total => total.Frames) * EgressLimits.FrameOverhead) - request;
        TestContext.Current.TestOutputHelper?.WriteLine($"{frames} frames, {payload} bytes of payload, {hub.Outward} on the wire, {hub.Connections} connections, {link.Received} frames received");
        Assert.Equal(link.Connections, hub.Connections);
        Assert.InRange(hub.Outward, payload + (frames * LeastAround), payload + (frames * MostAround) + (hub.Connections * PerConnection) + (link.Received * PerFrameReceived));

        // And nothing that was planted is in any of it, at the plane, or in clear on either wire.
        var atPlane = new StringBuilder();
        await foreach (var bytes in plane.Sequencer.Store.ReadAsync(PlaneWorld.Acme, 0, 1000, CancellationToken.None)) atPlane.Append(Entry.Read(bytes).Entry!.Body.Data.GetRawText());
        Assert.Contains("log in as root:***", atPlane.ToString(), StringComparison.Ordinal);
        foreach (var planted in new[] { Password, Convert.ToBase64String(Encoding.UTF8.GetBytes(Password)).TrimEnd('='), Base64Text.EncodeUrl(key.ExportSeed()) })
        {
            Assert.DoesNotContain(planted, atPlane.ToString(), StringComparison.Ordinal);
            Assert.All(shown, line => Assert.DoesNotContain(planted, line, StringComparison.Ordinal));
            foreach (var wire in new[] { rest, hub }) Assert.DoesNotContain(planted, Encoding.Latin1.GetString(wire.Said.ToArray()), StringComparison.Ordinal);
        }
    }

    // Entries, countersignatures, progress and observations, over two conversations.
    private static async Task SpeakAsync(EgressGate gate, AgentLedger ledger, AgentIdentity identity)
    {
        for (var talk = 0; talk < 2; talk++)
        {
            var reports = new Reports();
            var dialler = new PlaneDialler(gate, ledger, reports, new PlanePresence(), identity, TimeProvider.System, RandomNumberGenerator.Fill, NullLogger.Instance);
            using var stop = new CancellationTokenSource();
            var first = talk == 0 ? 0 : 50;
            var written = Enumerable.Range(first, 50).Select(n => new FindingRaised($"finding-{n}", TaskId.Bucket, "the bucket", $"log in as root:{Password}", "make room")).ToList();
            var scheduler = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
            var running = Task.Factory.StartNew(() => dialler.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, scheduler).Unwrap();
            await OnAsync(scheduler, () => ledger.InForce);
            await Task.Factory.StartNew(() => written.ForEach(data => Assert.Null(ledger.Write(data).Refusal)), CancellationToken.None, TaskCreationOptions.None, scheduler);
            for (var i = 0; i < 20; i++)
            {
                await Task.Factory.StartNew(() =>
                {
                    reports.Progress(ChangeId.Parse("c-one"), 1, 5, 0.5, $"importing, password {Password}");
                    reports.Observed(Seen);
                }, CancellationToken.None, TaskCreationOptions.None, scheduler);
                await Task.Delay(5);
            }

            await OnAsync(scheduler, () => ledger.Outbox.Count == 0);
            await Task.Delay(100);
            stop.Cancel();
            await running.ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static Observation Seen { get; } = new(
        DateTimeOffset.UnixEpoch, "local", new MachineFacts("m", "test", "X64", 2, 1, 1, 1), new NetworkFacts(["127.0.0.1"], []), new ClusterFacts("s", 0),
        new BucketFacts("b", true, true, 1000, $"cannot log in with {Password}"), [], ["2.6.4"], ImmutableSortedDictionary<InstanceId, ObservedInstance>.Empty);

    private static async Task OnAsync(TaskScheduler scheduler, Func<bool> holds)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!await Task.Factory.StartNew(holds, CancellationToken.None, TaskCreationOptions.None, scheduler))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), "it does not happen");
            await Task.Delay(5);
        }
    }

    private sealed class ReceivedCount(IPlaneLink link) : IPlaneLink
    {
        public int Connections { get; private set; }

        public int Received { get; private set; }

        public async Task<IPlaneStream> ConnectAsync(CancellationToken stop)
        {
            Connections++;
            return new Stream(this, await link.ConnectAsync(stop));
        }

        public Task RenewIfDueAsync(CancellationToken stop) => link.RenewIfDueAsync(stop);

        private sealed class Stream(ReceivedCount count, IPlaneStream inner) : IPlaneStream
        {
            public Task SendAsync(Protocol.AgentFrame frame, CancellationToken stop) => inner.SendAsync(frame, stop);

            public async Task<Protocol.PlaneFrame?> ReceiveAsync(CancellationToken stop)
            {
                var frame = await inner.ReceiveAsync(stop);
                count.Received++;
                return frame;
            }

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
