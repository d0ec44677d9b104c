using System.Collections.Immutable;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;
using System.Text.Json;

namespace Demarc.Agent.Agents;

/// <summary>
/// What is worth telling and never in the ledger. Only the latest of each kind is kept, so that a plane that is away or slow costs no memory.
/// </summary>
public sealed class Reports
{
    private readonly Dictionary<ChangeId, Progress> progress = [];
    private Status? status;

    /// <summary>Raised when there is something to send.</summary>
    public Signal Changed { get; } = new();

    /// <summary>How far a step is.</summary>
    public void Progress(ChangeId change, int step, int steps, double fraction, string message)
    {
        // A bound for the case that nobody ever collects: one change runs at a time, so older ones are over.
        if (progress.Count >= 16 && !progress.ContainsKey(change)) progress.Clear();
        progress[change] = new Progress { Change = change.Value, Step = step, Steps = steps, Fraction = fraction, Message = message };
        Changed.Raise();
    }

    /// <summary>What has left, told with every observation.</summary>
    public Func<ImmutableArray<EgressDayTotals>>? Egress { get; set; }

    /// <summary>What is seen now.</summary>
    public void Observed(Observation observation)
    {
        if (Egress is not null) observation = observation with { Egress = Egress() };
        Latest = observation;
        status = new Status { ObservationJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(observation, LedgerJson.Default.Observation)) };
        Changed.Raise();
    }

    /// <summary>The latest observation; null before the first.</summary>
    public Observation? Latest { get; private set; }

    /// <summary>Takes what is to be sent.</summary>
    public IReadOnlyList<AgentFrame> Take()
    {
        if (progress.Count == 0 && status is null) return [];
        List<AgentFrame> frames = [.. progress.Values.Select(p => new AgentFrame { Progress = p })];
        if (status is not null) frames.Add(new AgentFrame { Status = status });
        progress.Clear();
        status = null;
        return frames;
    }
}
