using Demarc.Agent.Agents;
using Demarc.Core.Monitoring;
using Demarc.Protocol;

namespace Demarc.Agent.Monitoring;

/// <summary>One conversation behind the gate: what the gate lets pass goes to the transport, in order, and the answer says what became of it.</summary>
public sealed class EgressStream(EgressGate gate, IPlaneStream stream) : IAsyncDisposable
{
    /// <summary>Sends a frame, if it may leave. Throws <see cref="LinkException"/> when the stream is over.</summary>
    public async ValueTask<EgressVerdict> SendAsync(AgentFrame frame, CancellationToken stop)
    {
        var (verdict, passed) = gate.Pass(frame);
        if (passed is not null) await stream.SendAsync(passed, stop);
        return verdict;
    }

    /// <summary>The next frame of the plane; null when it has closed.</summary>
    public Task<PlaneFrame?> ReceiveAsync(CancellationToken stop) => stream.ReceiveAsync(stop);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
