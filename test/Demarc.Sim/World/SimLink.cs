using System.Runtime.CompilerServices;
using Demarc.Agent.Agents;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Sim;

/// <summary>One direction of a stream: frames arrive in order after a while, or the stream breaks at any of them, or nothing arrives for ever.</summary>
internal sealed class SimPipe<T>(SimWorld world, SimProcess receiver) where T : class
{
    private const int Most = 32;

    private readonly Queue<T> sent = new();
    private readonly Queue<T> arrived = new();
    private TaskCompletionSource changed = new();
    private TimeSpan lastArrival;

    public bool Stalled { get; set; }

    public bool Broken { get; private set; }

    public bool Closed { get; private set; }

    public async Task SendAsync(T frame, CancellationToken stop)
    {
        while (sent.Count + arrived.Count >= Most && !Broken && !Closed) await changed.Task.WaitAsync(stop);
        stop.ThrowIfCancellationRequested();
        if (Broken || Closed) throw new IOException("the stream is broken");
        if (Stalled) return;
        sent.Enqueue(frame);
        var at = world.Loop.Now + world.Dice.Between(0.0005, world.Dice.Chance(0.05) ? 1.5 : 0.02);
        lastArrival = at > lastArrival ? at : lastArrival;
        world.At(lastArrival, () =>
        {
            // Whichever of two arrivals of the same moment comes first, the frames keep their order.
            if (!sent.TryDequeue(out var next) || Broken || Stalled) return;
            arrived.Enqueue(next);
            Raise();
        });
    }

    /// <summary>The next frame; null at the end. Throws when the stream broke.</summary>
    public async Task<T?> ReceiveAsync(CancellationToken stop)
    {
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            receiver.MustLive();
            if (arrived.TryDequeue(out var frame))
            {
                Raise();
                return frame;
            }

            if (Broken) throw new IOException("the stream is broken");
            if (Closed && sent.Count == 0) return null;
            await changed.Task.WaitAsync(stop);
        }
    }

    public void Break()
    {
        Broken = true;
        arrived.Clear();
        Raise();
    }

    /// <summary>The sender has said all it had to say.</summary>
    public void Close()
    {
        Closed = true;
        world.At(lastArrival > world.Loop.Now ? lastArrival : world.Loop.Now, Raise);
    }

    private void Raise()
    {
        var before = changed;
        changed = new TaskCompletionSource();
        before.TrySetResult();
    }
}

/// <summary>A stream between one life of the agent and one life of the plane.</summary>
internal sealed class SimStream : IPlaneStream
{
    private readonly SimWorld world;
    private readonly SimProcess agent;

    public SimStream(SimWorld world, SimProcess agent, SimProcess plane)
    {
        this.world = world;
        this.agent = agent;
        Up = new SimPipe<AgentFrame>(world, plane);
        Down = new SimPipe<PlaneFrame>(world, agent);
    }

    public SimPipe<AgentFrame> Up { get; }

    public SimPipe<PlaneFrame> Down { get; }

    /// <summary>When the agent had it no more; what it begins right then it may not have heard of it.</summary>
    public TimeSpan? LostAt { get; private set; }

    public async Task SendAsync(AgentFrame frame, CancellationToken stop)
    {
        agent.MustLive();
        if (frame.BundlePart is { } part) world.Sessions?.Inspector.Leaves(part);
        try
        {
            await Up.SendAsync(AgentFrame.Parser.ParseFrom(frame.ToByteString()), stop);
        }
        catch (IOException broken)
        {
            throw new LinkException(broken.Message, broken);
        }
    }

    public async Task<PlaneFrame?> ReceiveAsync(CancellationToken stop)
    {
        try
        {
            var frame = await Down.ReceiveAsync(stop);
            if (frame is null) LostAt ??= world.Loop.Now;
            if (frame?.SessionInput is { } word) world.Sessions?.Inspector.Hears(word, this);
            return frame;
        }
        catch (IOException broken)
        {
            throw new LinkException(broken.Message, broken);
        }
    }

    public ValueTask DisposeAsync()
    {
        LostAt ??= world.Loop.Now;
        Up.Break();
        Down.Break();
        world.Streams.Remove(this);
        return default;
    }

    public void Cut()
    {
        LostAt ??= world.Loop.Now;
        Up.Break();
        Down.Break();
    }

    /// <summary>What the plane reads.</summary>
    public async IAsyncEnumerable<AgentFrame> FramesAsync([EnumeratorCancellation] CancellationToken stop = default)
    {
        while (await Up.ReceiveAsync(stop) is { } frame) yield return frame;
    }
}

/// <summary>The network between them.</summary>
internal sealed class SimLink(SimWorld world, SimProcess agent, Ed25519Key key, TimeProvider time) : IPlaneLink
{
    public async Task<IPlaneStream> ConnectAsync(CancellationToken stop)
    {
        await Task.Delay(world.Dice.Between(0.002, 0.1), time, stop);
        agent.MustLive();
        if (world.Partitioned || world.Plane is not { IsAlive: true } plane || world.Hub is not { } hub) throw new LinkException("the plane cannot be reached");
        var stream = new SimStream(world, agent, plane);
        world.Streams.Add(stream);
        var session = new AgentSession(hub, world.Environment, key);
        plane.Go("a session with the agent", async () =>
        {
            await session.RunAsync(stream.FramesAsync(), async (frame, cancellation) =>
            {
                plane.MustLive();
                foreach (var sent in world.Traitor.Pass(PlaneFrame.Parser.ParseFrom(frame.ToByteString()))) await stream.Down.SendAsync(sent, cancellation);
            }, CancellationToken.None);
            stream.Down.Close();
        });
        return stream;
    }

    public Task RenewIfDueAsync(CancellationToken stop) => Task.CompletedTask;
}
