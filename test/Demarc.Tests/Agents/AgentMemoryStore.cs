using Demarc.Agent.Ledger;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>A disk in memory: what is in it outlives the agent that a test kills. It is run through the same contract tests as the real one.</summary>
public sealed class AgentMemoryStore : IAgentStore
{
    private readonly List<ReadOnlyMemory<byte>> entries = [];
    private readonly List<OutboxRow> outbox = [];
    private readonly List<Evidence> evidence = [];
    private readonly Dictionary<string, string> notes = [];
    private ReplicaHead head = new(0, ReadOnlyMemory<byte>.Empty, null);
    private string? refusal;

    /// <summary>Called before and after each durable write: a test throws here to kill the agent.</summary>
    public Action<string>? Touch { get; set; }

    /// <summary>Everything the agent ever put into the outbox, in order.</summary>
    public List<Entry> Journal { get; } = [];

    public ReplicaHead ReadHead() => head;

    public IEnumerable<ReadOnlyMemory<byte>> ReadEntries(long first) => entries.Skip((int)first).ToList();

    public void Extend(ReplicaHead head, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, IReadOnlyCollection<string> settled) => Durably("extend", () =>
    {
        Assert.Equal(this.entries.Count, first);
        this.entries.AddRange(entries);
        this.head = head;
        outbox.RemoveAll(row => settled.Contains(row.EntryId));
    });

    public IReadOnlyList<OutboxRow> ReadOutbox() => [.. outbox];

    public void AddToOutbox(OutboxRow row) => Durably("journal", () =>
    {
        outbox.Add(row);
        Journal.Add(Entry.Read(row.Envelope).Entry!);
    });

    public void RefuseFromOutbox(string entryId, Evidence evidence) => Durably("refuse entry", () =>
    {
        this.evidence.Add(evidence);
        outbox.RemoveAll(row => row.EntryId == entryId);
    });

    public void RefusePlane(Evidence evidence) => Durably("refuse plane", () =>
    {
        this.evidence.Add(evidence);
        refusal = $"{evidence.Reason}: {evidence.Detail}";
    });

    public void ClearRefusal() => refusal = null;

    public void TakeSeverance(string envelope) => Durably("take severance", () =>
    {
        notes[AgentNotes.Severance] = envelope;
        refusal = null;
    });

    public string? ReadRefusal() => refusal;

    public IReadOnlyList<Evidence> ReadEvidence() => [.. evidence];

    public string? ReadNote(string name) => notes.GetValueOrDefault(name);

    public void WriteNote(string name, string value) => notes[name] = value;

    private void Durably(string what, Action write)
    {
        Touch?.Invoke($"before {what}");
        write();
        Touch?.Invoke($"after {what}");
    }
}
