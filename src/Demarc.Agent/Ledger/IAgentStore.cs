namespace Demarc.Agent.Ledger;

/// <summary>
/// Everything the agent must not lose, on its own disk. Each call is one transaction that is durable when it returns; one that throws leaves the
/// agent to end and to start again from what is on disk, because what it holds in memory may no longer be the same.
/// </summary>
public interface IAgentStore
{
    /// <summary>The verified head; size 0 for a new store.</summary>
    ReplicaHead ReadHead();

    /// <summary>The bytes of the replica's entries, in order, from an index on.</summary>
    IEnumerable<ReadOnlyMemory<byte>> ReadEntries(long first);

    /// <summary>Appends verified entries from <paramref name="first"/> on, moves the head, and drops outbox entries that now stand in the replica.</summary>
    void Extend(ReplicaHead head, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, IReadOnlyCollection<string> settled);

    /// <summary>Entries that the agent wrote and that do not stand in the replica yet, in the order they were written.</summary>
    IReadOnlyList<OutboxRow> ReadOutbox();

    /// <summary>Keeps one more entry. Nothing may be done on its strength before this has returned.</summary>
    void AddToOutbox(OutboxRow row);

    /// <summary>Drops an entry that the plane will never sequence, and keeps it as evidence.</summary>
    void RefuseFromOutbox(string entryId, Evidence evidence);

    /// <summary>Keeps evidence against the plane, and that this agent no longer follows it.</summary>
    void RefusePlane(Evidence evidence);

    /// <summary>Follows the plane again, by a person's decision. The evidence stays.</summary>
    void ClearRefusal();

    /// <summary>Keeps the customer's severance before any plane has given it a place, and forgets that the plane it cuts off was refused.</summary>
    void TakeSeverance(string envelope);

    /// <summary>Why the plane is not followed; null while it is.</summary>
    string? ReadRefusal();

    /// <summary>All evidence, oldest first.</summary>
    IReadOnlyList<Evidence> ReadEvidence();

    /// <summary>A small value by name, or null.</summary>
    string? ReadNote(string name);

    /// <summary>Keeps a small value by name.</summary>
    void WriteNote(string name, string value);
}

/// <summary>How far the replica is verified.</summary>
/// <param name="Size">Number of entries.</param>
/// <param name="Frontier">The right edge of the tree over them, as the frontier exports it.</param>
/// <param name="Checkpoint">The plane's signed note over them with our countersignature; null before the first.</param>
public sealed record ReplicaHead(long Size, ReadOnlyMemory<byte> Frontier, string? Checkpoint);

/// <summary>An entry on its way to the plane.</summary>
/// <param name="EntryId">Its id.</param>
/// <param name="Envelope">Its exact bytes.</param>
public sealed record OutboxRow(string EntryId, ReadOnlyMemory<byte> Envelope);

/// <summary>What the agent keeps when the other side does what it must not, so that a third person can judge.</summary>
/// <param name="At">When it was met.</param>
/// <param name="Reason">What it is, as in <c>forked history</c>.</param>
/// <param name="Detail">In words: what, where, and what was expected.</param>
/// <param name="Held">The agent's own verified checkpoint at that moment; null before the first.</param>
/// <param name="Checkpoint">The note that came; null when none did.</param>
/// <param name="First">The index of the first envelope that came.</param>
/// <param name="Envelopes">The exact bytes that came.</param>
public sealed record Evidence(
    DateTimeOffset At,
    string Reason,
    string Detail,
    string? Held,
    string? Checkpoint,
    long First,
    IReadOnlyList<ReadOnlyMemory<byte>> Envelopes);

/// <summary>Names of the small values.</summary>
public static class AgentNotes
{
    /// <summary>Base64 of the customer's severance, from the moment in which it was handed to this agent. One that stands in the replica by now has done its work.</summary>
    public const string Severance = "severance";

    /// <summary>How far the copy in the customer's bucket is, and where that is.</summary>
    public const string Copy = "copy";
}

/// <summary>Bounds of what the agent keeps.</summary>
public static class LedgerCopyLimits
{
    /// <summary>
    /// Entries written while the plane is away. A heal is ten of them, so this is weeks of an instance that crashes at the longest backoff; when it
    /// is full nothing new is begun, because nothing may be done that cannot be written down first.
    /// </summary>
    public const int MaxOutbox = 2000;

    /// <summary>Pieces of evidence kept; beyond it the agent keeps the oldest, which tell how it began.</summary>
    public const int MaxEvidence = 1000;

    /// <summary>Entries of one batch; the plane sends a longer tail in several.</summary>
    public const int MaxBatch = 4096;
}
