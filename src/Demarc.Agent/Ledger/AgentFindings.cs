using System.Text.Json;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Ledger;

/// <summary>What the agent says of itself in the ledger, as findings: open as long as it is so, and both moments are on record.</summary>
public static class AgentFindings
{
    /// <summary>The agent does not follow its plane.</summary>
    public const string PlaneRefused = "plane-refused";

    /// <summary>The customer has told the agent itself to begin nothing.</summary>
    public const string ChangesHeld = "changes-held";

    private const int MaxDetail = 600;

    /// <summary>The finding of a plane that was refused; it names the evidence by its hash.</summary>
    public static FindingRaised Refused(string planeKey, Evidence evidence)
    {
        var detail = evidence.Detail.Length <= MaxDetail ? evidence.Detail : evidence.Detail[..(MaxDetail - 1)] + "…";
        return new FindingRaised(
            PlaneRefused,
            TaskId.Audit,
            planeKey.Length == 0 ? "plane" : planeKey,
            $"the agent refused this plane at {evidence.At:u}: {evidence.Reason}: {detail.ReplaceLineEndings(" ")}",
            $"'demarc-agent status' on the agent's machine shows the evidence {HashOf(evidence)}; the runbook 'the agent refuses the plane' says what to do.");
    }

    /// <summary>The finding of a hold at the agent.</summary>
    public static FindingRaised Held(string reason) => new(
        ChangesHeld,
        TaskId.Monitoring,
        "changes",
        $"held at the agent itself: {reason}",
        "'demarc agent release' on the agent's machine lets changes go on.");

    /// <summary>The name of a piece of evidence: the hash of its JSON as the agent keeps it.</summary>
    public static string HashOf(Evidence evidence) => ContentHash.Of(JsonSerializer.Serialize(evidence, EvidenceJson.Default.Evidence));
}
