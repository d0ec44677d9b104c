using System.Threading.Channels;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Protocol;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Agents;

/// <summary>The agent's side of the conversation, against a plane that a test plays frame by frame.</summary>
public sealed class AgentDiallerTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly AgentLedger ledger;
    private readonly ScriptedLink link = new();
    private readonly PlanePresence presence = new();
    private readonly Reports reports = new();
    private readonly CancellationTokenSource stop = new();
    private readonly PlaneDialler dialler;
    private readonly Task running;

    public AgentDiallerTests()
    {
        ledger = lab.Open(store);
        dialler = new PlaneDialler(lab.Gate(link, ledger), ledger, reports, presence, lab.Identity, lab.Time, lab.Fill, NullLogger.Instance);
        // As in the program: one thing at a time.
        running = Task.Factory.StartNew(() => dialler.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler).Unwrap();
    }

    public void Dispose()
    {
        stop.Cancel();
        Task.WhenAny(running).Wait(TimeSpan.FromSeconds(10));
        stop.Dispose();
        lab.Dispose();
    }

    [Fact]
    public async Task Catches_up_countersigns_and_submits_until_answered()
    {
        var plane = await link.AcceptAsync(lab);
        var hello = (await plane.NextAsync()).Hello;
        Assert.Equal((2, "lab-one", 0UL), (hello.Protocol, hello.Environment, hello.Size));
        plane.Welcome();
        plane.Batch(lab, 0);
        var countersigned = (await plane.NextAsync(AgentFrame.FrameOneofCase.Countersign)).Countersign.Checkpoint;
        var note = SignedNote.Parse(countersigned).Note!;
        Assert.True(note.IsSignedBy(lab.Plane.Key));
        Assert.True(note.IsSignedBy(new NoteKey("agent.lab-one", lab.AgentKey.Public, NoteKeyType.CosignatureV1)));
        Assert.True(presence.Connected);

        var own = ledger.Write(Finding("one")).Entry!;
        var submit = (await plane.NextAsync(AgentFrame.FrameOneofCase.Submit)).Submit;
        Assert.Equal(own.Id, submit.EntryId);
        Assert.Equal(own.Bytes.ToArray(), submit.Envelope.ToByteArray());

        // The stream breaks before the answer: it is sent again, with the head that was verified.
        plane.Close();
        var again = await link.AcceptAsync(lab);
        Assert.Equal(6UL, (await again.NextAsync()).Hello.Size);
        again.Welcome();
        Assert.Equal(own.Id, (await again.NextAsync(AgentFrame.FrameOneofCase.Submit)).Submit.EntryId);
        lab.Sequence(own);
        again.Send(new PlaneFrame { SubmitResult = new SubmitResult { EntryId = own.Id, Index = 6 } });
        again.Batch(lab, 6);
        await again.NextAsync(AgentFrame.FrameOneofCase.Countersign);
        Assert.Empty(ledger.Outbox);
        Assert.Equal(7, ledger.Size);
    }

    [Fact]
    public async Task Tells_a_doctored_plane_and_never_dials_it_again()
    {
        var plane = await link.AcceptAsync(lab);
        await plane.NextAsync();
        plane.Welcome();
        plane.Batch(lab, 0);
        await plane.NextAsync(AgentFrame.FrameOneofCase.Countersign);
        var forbidden = lab.Write(lab.Customer, new ChangeRequested(Demarc.Core.Changes.ChangeId.Parse("c-forbidden"), new Demarc.Core.Instances.InstanceRequest("instances.suspend", Demarc.Core.Instances.InstanceId.Parse("alpha"), null)));
        plane.Send(new PlaneFrame { Batch = new Batch { First = 6, Envelopes = { ByteString.CopyFrom(forbidden.Bytes.Span) }, Checkpoint = lab.Checkpoint([.. lab.Entries, forbidden]) } });
        var refuse = (await plane.NextAsync(AgentFrame.FrameOneofCase.Refuse)).Refuse;
        Assert.Equal(RefusalReason.UnauthorisedChange, refuse.Reason);
        Assert.Contains("c", refuse.Detail, StringComparison.Ordinal);
        await running.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(1, link.Dialled);
        Assert.False(presence.Connected);
        Assert.Single(store.ReadEvidence());
    }

    [Fact]
    public async Task Refused_entry_becomes_evidence_and_the_conversation_goes_on()
    {
        var told = 0;
        dialler.EntryRefused = () => told++;
        var plane = await link.AcceptAsync(lab);
        await plane.NextAsync();
        plane.Welcome();
        plane.Batch(lab, 0);
        await plane.NextAsync(AgentFrame.FrameOneofCase.Countersign);
        var own = ledger.Write(Finding("one")).Entry!;
        await plane.NextAsync(AgentFrame.FrameOneofCase.Submit);
        plane.Send(new PlaneFrame { SubmitResult = new SubmitResult { EntryId = own.Id, Refusal = "not today" } });
        var second = ledger.Write(Finding("two")).Entry!;
        Assert.Equal(second.Id, (await plane.NextAsync(AgentFrame.FrameOneofCase.Submit)).Submit.EntryId);
        // The answer to the first was read before or is now: one more exchange settles it.
        plane.Send(new PlaneFrame { SubmitResult = new SubmitResult { EntryId = second.Id, Refusal = "nor this" } });
        await link.TurnUntilAsync(lab, () => store.ReadEvidence().Count == 2);
        Assert.Equal(2, told);
        Assert.Empty(ledger.Outbox);
        Assert.Null(ledger.Refusal);
    }

    [Fact]
    public async Task Silent_plane_is_left_and_dialled_again()
    {
        var plane = await link.AcceptAsync(lab);
        await plane.NextAsync();
        plane.Welcome();
        plane.Batch(lab, 0);
        await plane.NextAsync(AgentFrame.FrameOneofCase.Countersign);
        // Nothing is heard; our own pings go out meanwhile.
        var pings = 0;
        await link.TurnUntilAsync(lab, () =>
        {
            while (plane.TryNext(out var frame)) pings += frame.FrameCase == AgentFrame.FrameOneofCase.Ping ? 1 : 0;
            return link.Dialled == 2;
        });
        Assert.InRange(pings, 2, 4);
    }

    [Fact]
    public void Waits_longer_after_each_failure_and_never_longer_than_the_limit()
    {
        using var own = new AgentLab(5);
        using var over = new CancellationTokenSource();
        var dials = new List<DateTimeOffset>();
        var away = new AbsentLink(() => dials.Add(own.Time.GetUtcNow()));
        var alone = own.Open(new AgentMemoryStore());
        var patient = new PlaneDialler(own.Gate(away, alone), alone, reports, presence, own.Identity, own.Time, own.Fill, NullLogger.Instance);
        // On a scheduler that runs only when asked, so that time passes between dials and never during one.
        var turns = new TurnScheduler();
        var task = Task.Factory.StartNew(() => patient.RunAsync(over.Token), CancellationToken.None, TaskCreationOptions.None, turns).Unwrap();
        while (dials.Count < 14)
        {
            turns.RunAll();
            own.Time.Advance(TimeSpan.FromMilliseconds(50));
        }

        over.Cancel();
        turns.RunAll();
        var waits = dials.Zip(dials.Skip(1), (a, b) => b - a).ToList();
        var grain = TimeSpan.FromMilliseconds(50);
        Assert.InRange(waits[0], DialLimits.FirstBackoff, DialLimits.FirstBackoff * 2 + grain);
        Assert.All(waits, wait => Assert.True(wait <= DialLimits.MaxBackoff + grain, $"{wait}"));
        Assert.All(waits.TakeLast(4), wait => Assert.True(wait >= DialLimits.MaxBackoff / 2, $"{wait}"));
        Assert.True(waits.TakeLast(4).Distinct().Count() > 1, "the wait is jittered");
        Assert.True(task.IsCanceled);
    }

    [Fact]
    public async Task Progress_and_status_are_sent_and_old_ones_forgotten()
    {
        var change = Demarc.Core.Changes.ChangeId.Parse("c-one");
        for (var i = 0; i <= 10; i++) reports.Progress(change, 0, 5, i / 10.0, $"part {i}");
        var plane = await link.AcceptAsync(lab);
        await plane.NextAsync();
        plane.Welcome();
        plane.Batch(lab, 0);
        var progress = (await plane.NextAsync(AgentFrame.FrameOneofCase.Progress)).Progress;
        Assert.Equal((1.0, "part 10", 5), (progress.Fraction, progress.Message, progress.Steps));
    }

    private sealed class AbsentLink(Action dialled) : IPlaneLink
    {
        public Task<IPlaneStream> ConnectAsync(CancellationToken stop)
        {
            dialled();
            throw new LinkException("nobody there");
        }

        public Task RenewIfDueAsync(CancellationToken stop) => Task.CompletedTask;
    }

    private sealed class TurnScheduler : TaskScheduler
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<Task> queue = new();

        public void RunAll()
        {
            while (queue.TryDequeue(out var task)) TryExecuteTask(task);
        }

        protected override IEnumerable<Task> GetScheduledTasks() => queue;

        protected override void QueueTask(Task task) => queue.Enqueue(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;
    }

    private static FindingRaised Finding(string name) => new($"finding-{name}", TaskId.Bucket, "bucket", "why", "remedy");
}

/// <summary>A link whose other end a test plays.</summary>
public sealed class ScriptedLink : IPlaneLink
{
    private readonly Channel<ScriptedStream> streams = Channel.CreateUnbounded<ScriptedStream>();
    private int dialled;

    public int Dialled => Volatile.Read(ref dialled);

    public Task<IPlaneStream> ConnectAsync(CancellationToken stop)
    {
        Interlocked.Increment(ref dialled);
        var stream = new ScriptedStream();
        streams.Writer.TryWrite(stream);
        return Task.FromResult<IPlaneStream>(stream);
    }

    public Task RenewIfDueAsync(CancellationToken stop) => Task.CompletedTask;

    /// <summary>The next stream that the agent dials; time passes meanwhile.</summary>
    public async Task<ScriptedStream> AcceptAsync(AgentLab lab)
    {
        ScriptedStream? stream = null;
        await TurnUntilAsync(lab, () => streams.Reader.TryRead(out stream));
        return stream!;
    }

    /// <summary>Turns the clock until something holds.</summary>
    public async Task TurnUntilAsync(AgentLab lab, Func<bool> holds)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), "it does not happen");
            lab.Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(1);
        }
    }
}

/// <summary>One conversation of it.</summary>
public sealed class ScriptedStream : IPlaneStream
{
    private readonly Channel<AgentFrame> toPlane = Channel.CreateUnbounded<AgentFrame>();
    private readonly Channel<PlaneFrame> toAgent = Channel.CreateUnbounded<PlaneFrame>();

    public Task SendAsync(AgentFrame frame, CancellationToken stop) => toPlane.Writer.TryWrite(frame) ? Task.CompletedTask : throw new LinkException("closed");

    public async Task<PlaneFrame?> ReceiveAsync(CancellationToken stop)
    {
        try
        {
            return await toAgent.Reader.ReadAsync(stop);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public ValueTask DisposeAsync()
    {
        toPlane.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public void Send(PlaneFrame frame) => toAgent.Writer.TryWrite(frame);

    public void Welcome() => Send(new PlaneFrame { Welcome = new Welcome { Protocol = 1, PlaneVersion = "test" } });

    public void Batch(AgentLab lab, int first)
    {
        var batch = new Batch { First = (ulong)first, Checkpoint = lab.Checkpoint(lab.Entries) };
        batch.Envelopes.AddRange(lab.Entries.Skip(first).Select(entry => ByteString.CopyFrom(entry.Bytes.Span)));
        Send(new PlaneFrame { Batch = batch });
    }

    public void Close()
    {
        toAgent.Writer.TryComplete();
        toPlane.Writer.TryComplete();
    }

    public bool TryNext(out AgentFrame frame) => toPlane.Reader.TryRead(out frame!);

    public async Task<AgentFrame> NextAsync(AgentFrame.FrameOneofCase? kind = null)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var frame = await toPlane.Reader.ReadAsync(patience.Token);
            if (kind is null || frame.FrameCase == kind) return frame;
        }
    }
}
