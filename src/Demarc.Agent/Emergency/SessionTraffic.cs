using Demarc.Agent.Agents;
using Demarc.Core.Monitoring;
using Demarc.Protocol;

namespace Demarc.Agent.Emergency;

/// <summary>
/// What emergency sessions say to the plane and hear from it, between the stream and the sessions. A stream that ends takes with it what was on its way; who
/// waits here learns of that, and nothing is said twice. Runs on the agent's one logical thread.
/// </summary>
public sealed class SessionTraffic
{
    /// <summary>Frames that may wait to leave: a recording that is recalled fits; whoever shows more than the stream takes is ended.</summary>
    private const int MaxOutgoing = 20_000;

    /// <summary>Frames that may wait to be heard: nobody types that fast.</summary>
    private const int MaxIncoming = 512;

    private readonly Queue<AgentFrame> outgoing = [];
    private readonly Queue<PlaneFrame> incoming = [];
    private readonly HashSet<string> stopped = [];

    /// <summary>Raised when something is to be sent.</summary>
    public Signal Outgoing { get; } = new();

    /// <summary>Raised when something was heard, sent, or lost.</summary>
    public Signal News { get; } = new();

    /// <summary>How many streams have ended: who sees another number than before has lost theirs.</summary>
    public int Streams { get; private set; }

    /// <summary>Whether everything has left.</summary>
    public bool IsEmpty => outgoing.Count == 0;

    /// <summary>Puts a frame on its way; false when too many wait.</summary>
    public bool Offer(AgentFrame frame)
    {
        if (outgoing.Count >= MaxOutgoing) return false;
        outgoing.Enqueue(frame);
        Outgoing.Raise();
        return true;
    }

    /// <summary>What a session has yet to give away of a bundle stays here: it is over. Lines of its recording leave all the same.</summary>
    public void Withhold(string session)
    {
        for (var waiting = outgoing.Count; waiting > 0; waiting--)
        {
            var frame = outgoing.Dequeue();
            if (frame.BundlePart?.Session != session) outgoing.Enqueue(frame);
        }
    }

    /// <summary>The next frame to send, or null.</summary>
    public AgentFrame? Next() => outgoing.TryDequeue(out var frame) ? frame : null;

    /// <summary>What the gate said to a frame. A session that may show no more is over: its recording would have a hole at the plane.</summary>
    public void Became(AgentFrame frame, EgressVerdict verdict)
    {
        if (verdict != EgressVerdict.Sent) stopped.Add(frame.SessionOutput?.Session ?? frame.BundlePart?.Session ?? "");
        if (verdict != EgressVerdict.Sent || outgoing.Count == 0) News.Raise();
    }

    /// <summary>Whether the gate has stopped a session.</summary>
    public bool IsStopped(string session) => stopped.Contains(session);

    /// <summary>Takes a frame of the plane in. What comes faster than it is heard is let go.</summary>
    public void Receive(PlaneFrame frame)
    {
        if (incoming.Count >= MaxIncoming) return;
        incoming.Enqueue(frame);
        News.Raise();
    }

    /// <summary>The next frame that was heard, or null.</summary>
    public PlaneFrame? Heard() => incoming.TryDequeue(out var frame) ? frame : null;

    /// <summary>The stream has ended.</summary>
    public void Lost()
    {
        Streams++;
        outgoing.Clear();
        incoming.Clear();
        stopped.Clear();
        News.Raise();
    }
}
