using System.Text.Json.Nodes;

namespace Demarc.Agent.Monitoring;

/// <summary>
/// The gate for what leaves beside the stream: a request to join, or for another certificate. An agent that joins has no ledger and so no gate yet; what
/// it says until then is remembered, bounded, and counted as soon as there is one.
/// </summary>
public sealed class EgressToll
{
    private const int MaxRemembered = 1000;
    private readonly Queue<(string Request, long Bytes, JsonObject Clear)> before = [];
    private EgressGate? gate;

    /// <summary>Whether the request may leave.</summary>
    /// <param name="request">Its name in the schema.</param>
    /// <param name="bytes">How long its body is.</param>
    /// <param name="clear">What it says.</param>
    public bool Pass(string request, long bytes, JsonObject clear)
    {
        if (gate is not null) return gate.Pass(request, bytes, clear);
        if (before.Count >= MaxRemembered) return false;
        before.Enqueue((request, bytes, clear));
        return true;
    }

    /// <summary>From now on the gate decides; what has left before is told to it.</summary>
    public void Attach(EgressGate to)
    {
        gate = to;
        while (before.TryDequeue(out var one)) to.Pass(one.Request, one.Bytes, one.Clear);
    }
}
