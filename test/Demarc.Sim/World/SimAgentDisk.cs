using System.Buffers.Binary;
using System.Security.Cryptography;
using Demarc.Agent.Ledger;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Sim;

/// <summary>What survives the agent: the content of its disk, and the fold over it that the inspector keeps for itself.</summary>
internal sealed class SimAgentDisk
{
    private readonly Dictionary<UInt128, EntryRead> read = [];
    private int folded;

    public List<ReadOnlyMemory<byte>> Entries { get; } = [];

    public List<OutboxRow> Outbox { get; } = [];

    public List<Evidence> Evidence { get; } = [];

    public Dictionary<string, string> Notes { get; } = [];

    public ReplicaHead Head { get; set; } = new(0, default, null);

    public string? Refusal { get; set; }

    /// <summary>The fold over the replica as it is on disk.</summary>
    public EnvironmentState Verified
    {
        get
        {
            while (folded < Entries.Count)
            {
                var entry = Read(Entries[folded]);
                if (entry.Entry is null || EnvironmentFold.Apply(field, entry.Entry).State is not { } next) throw new InvalidOperationException($"the replica on disk holds an entry {folded} that does not fold: {entry.Fault}");
                field = next;
                folded++;
            }

            return field;
        }
    } = EnvironmentState.Empty;

    /// <summary>
    /// What the same bytes say does not change: those who look on read each envelope once, however often they look. Where nobody is bad and nothing broken there is nobody who
    /// would forge a signature, and they do not look for one.
    /// </summary>
    public EntryRead Read(ReadOnlyMemory<byte> envelope)
    {
        var hash = BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(envelope.Span));
        if (!read.TryGetValue(hash, out var outcome)) read[hash] = outcome = AllGenuine ? new EntryRead(Entry.ReadTrusted(envelope), null) : Entry.Read(envelope);
        return outcome;
    }

    /// <summary>Whether every signature of this run is genuine.</summary>
    public required bool AllGenuine { get; init; }

    /// <summary>The fold over replica and outbox as they are on disk: all that the agent may act upon.</summary>
    public EnvironmentState Written()
    {
        var state = Verified;
        foreach (var row in Outbox)
        {
            if (EnvironmentFold.Apply(state, Read(row.Envelope).Entry!).State is { } next) state = next;
        }

        return state;
    }
}

/// <summary>
/// The agent's store for one life of the agent. Each call is durable when it returns, unless the disk is full or the process dies in it: before
/// the commit, or after it with nobody left to hear of it.
/// </summary>
internal sealed class SimAgentStore(SimWorld world, SimProcess process, SimAgentDisk disk) : IAgentStore
{
    public ReplicaHead ReadHead() => Live(disk.Head);

    public IEnumerable<ReadOnlyMemory<byte>> ReadEntries(long first) => Live(disk.Entries.Skip((int)first).ToList());

    public IReadOnlyList<OutboxRow> ReadOutbox() => Live(disk.Outbox.ToList());

    public string? ReadRefusal() => Live(disk.Refusal);

    public IReadOnlyList<Evidence> ReadEvidence() => Live(disk.Evidence.ToList());

    public string? ReadNote(string name) => Live(disk.Notes.GetValueOrDefault(name));

    public void WriteNote(string name, string value) => Commit(() => disk.Notes[name] = value);

    public void Extend(ReplicaHead head, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, IReadOnlyCollection<string> settled) => Commit(() =>
    {
        if (first != disk.Entries.Count) world.Loop.Violate($"the agent extends its replica at {first}, it holds {disk.Entries.Count}");
        disk.Entries.AddRange(entries.Select(bytes => (ReadOnlyMemory<byte>)bytes.ToArray()));
        disk.Head = head;
        disk.Outbox.RemoveAll(row => settled.Contains(row.EntryId));
        world.Inspector.ReplicaGrew(first);
        foreach (var bytes in world.Sessions is null ? [] : entries) world.Sessions!.Inspector.Arrived(disk.Read(bytes).Entry!);
    });

    public void AddToOutbox(OutboxRow row)
    {
        // The broken variant that the inspector has to find: it says that the entry is kept, and it is not.
        if (world.Plan.Broken == Broken.OutboxNotDurable) return;
        world.Inspector.Writes(disk.Read(row.Envelope).Entry!);
        world.Sessions?.Inspector.Writes(disk.Read(row.Envelope).Entry!);
        Commit(() => disk.Outbox.Add(row with { Envelope = row.Envelope.ToArray() }));
    }

    public void RefuseFromOutbox(string entryId, Evidence evidence) => Commit(() =>
    {
        disk.Outbox.RemoveAll(row => row.EntryId == entryId);
        disk.Evidence.Add(evidence);
    });

    public void RefusePlane(Evidence evidence) => Commit(() =>
    {
        disk.Evidence.Add(evidence);
        disk.Refusal = $"{evidence.Reason}: {evidence.Detail}";
    });

    public void ClearRefusal() => Commit(() => disk.Refusal = null);

    public void TakeSeverance(string envelope) => Commit(() =>
    {
        disk.Notes[AgentNotes.Severance] = envelope;
        disk.Refusal = null;
    });

    private T Live<T>(T value)
    {
        process.MustLive();
        return value;
    }

    private void Commit(Action write)
    {
        process.MustLive();
        world.Faults.Strike(process, write, "the agent's disk");
    }
}
