using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Ledger;

/// <summary>
/// Whom the agent believes, pinned when it joined and never learnt from the plane afterwards. The founding entry's hash fixes the environment, both
/// roots, and the key whose checkpoints count.
/// </summary>
/// <param name="Environment">The environment it joined.</param>
/// <param name="FoundingHash">Leaf hash of the environment's first entry.</param>
public sealed record ReplicaTrust(EnvironmentId Environment, ReadOnlyMemory<byte> FoundingHash)
{
    /// <summary>First line of every checkpoint of this ledger.</summary>
    public string Origin => $"demarc/{Environment}";
}

/// <summary>What came of a batch: it stands now, or the plane is refused.</summary>
/// <param name="Entries">The entries that are new.</param>
/// <param name="Note">The plane's note over all of them.</param>
/// <param name="Refused">Why the plane is not followed any further; null when all is well.</param>
public readonly record struct BatchVerdict(IReadOnlyList<Entry> Entries, SignedNote? Note, Evidence? Refused);

/// <summary>
/// The agent's own full copy of the ledger. It takes nothing on trust: each batch must be signed by the pinned key, continue exactly what is held,
/// hash to the root that was signed, and fold; whatever does not is evidence against the plane, and the copy stays as it was.
/// </summary>
public sealed class Replica
{
    private readonly IAgentStore store;
    private readonly ReplicaTrust trust;
    private readonly TimeProvider time;
    private MerkleFrontier frontier;
    private string? held;

    private Replica(IAgentStore store, ReplicaTrust trust, TimeProvider time, MerkleFrontier frontier, EnvironmentState state, string? held)
    {
        this.store = store;
        this.trust = trust;
        this.time = time;
        this.frontier = frontier;
        this.held = held;
        State = state;
    }

    /// <summary>The fold over all verified entries.</summary>
    public EnvironmentState State { get; private set; }

    /// <summary>How many entries are verified.</summary>
    public long Size => frontier.Size;

    /// <summary>The root over them.</summary>
    public byte[] Root => frontier.Root();

    /// <summary>The latest verified checkpoint, countersigned; null before the first.</summary>
    public string? HeldCheckpoint => held;

    /// <summary>
    /// Opens the copy and checks it against its own head: entries, hashes, signatures and fold. The fault says what is wrong with the disk's copy.
    /// </summary>
    public static (Replica? Replica, string? Fault) Open(IAgentStore store, ReplicaTrust trust, TimeProvider time)
    {
        var head = store.ReadHead();
        var frontier = new MerkleFrontier();
        var state = EnvironmentState.Empty;
        foreach (var bytes in store.ReadEntries(0))
        {
            var read = Entry.Read(bytes);
            if (read.Entry is not { } entry) return (null, $"entry {frontier.Size} on disk cannot be read: {read.Fault}");
            var folded = EnvironmentFold.Apply(state, entry);
            if (folded.State is not { } next) return (null, $"entry {frontier.Size} on disk does not fold: {folded.Refusal}");
            frontier.AppendLeafHash(entry.LeafHash);
            state = next;
        }

        if (state.Founding is not null && state.Id != trust.Environment) return (null, $"the disk holds the ledger of {state.Id}, the agent joined {trust.Environment}");
        if (frontier.Size != head.Size || !frontier.Export().AsSpan().SequenceEqual(head.Frontier.Span))
            return (null, $"the disk holds {frontier.Size} entries that do not hash to its verified head of {head.Size}");
        return (new Replica(store, trust, time, frontier, state, head.Checkpoint), null);
    }

    /// <summary>Verifies a batch and keeps it. The caller says which outbox entries were promised which index, and what to do to a good note.</summary>
    public BatchVerdict Accept(long first, IReadOnlyList<ReadOnlyMemory<byte>> envelopes, string checkpoint, IReadOnlyDictionary<long, string> promised, Func<SignedNote, string> countersign)
    {
        BatchVerdict Refuse(string reason, string detail) =>
            new([], null, new Evidence(time.GetUtcNow(), reason, detail, held, checkpoint, first, envelopes));

        if (PlaneKey(first, envelopes) is not { } planeKey) return Refuse(RefusalReason.ForkedHistory, "the ledger does not begin with the founding entry that the invitation names");
        var (note, signed, bad) = ReadCheckpoint(checkpoint, planeKey);
        if (bad is { } wrong) return Refuse(wrong.Reason, wrong.Detail);
        if (signed!.Size < Size) return Refuse(RefusalReason.ReplayedCheckpoint, $"the checkpoint is over {signed.Size} entries, {Size} are verified already");
        if (first < 0 || first > Size) return Refuse(RefusalReason.DroppedEntry, $"the batch starts at entry {first}, the next one is {Size}");
        if (envelopes.Count > LedgerCopyLimits.MaxBatch) return Refuse(RefusalReason.Unreadable, $"the batch has {envelopes.Count} entries, at most {LedgerCopyLimits.MaxBatch} are allowed");
        if (Rewritten(first, envelopes) is { } index) return Refuse(RefusalReason.RewrittenEntry, $"entry {index} came with other bytes than those that were verified before");
        var skip = (int)Math.Min(Size - first, envelopes.Count);
        var fresh = envelopes.Skip(skip).ToList();
        if (signed.Size != Size + fresh.Count) return Refuse(RefusalReason.DroppedEntry, $"the checkpoint is over {signed.Size} entries, the batch ends at {Size + fresh.Count}");

        var grown = frontier.Clone();
        foreach (var bytes in fresh) grown.AppendEntry(bytes.Span);
        if (!grown.Root().AsSpan().SequenceEqual(signed.Root)) return WrongRoot(fresh, signed, Refuse);
        if (Fold(fresh, promised, out var entries, out var next) is { } refused) return Refuse(refused.Reason, refused.Detail);

        var countersigned = countersign(note!);
        store.Extend(new ReplicaHead(grown.Size, grown.Export(), countersigned), Size, fresh, [.. entries.Select(entry => entry.Id)]);
        frontier = grown;
        held = countersigned;
        State = next;
        return new BatchVerdict(entries, note, null);
    }

    /// <summary>Evidence against a plane that promised an index to an entry of ours and gave it to another; null when the promise holds.</summary>
    public Evidence? BrokenPromise(string entryId, long index)
    {
        if (index >= Size) return null;
        var bytes = store.ReadEntries(index).First();
        return Entry.Read(bytes).Entry?.Id == entryId
            ? null
            : new Evidence(time.GetUtcNow(), RefusalReason.DroppedEntry, $"entry {entryId} was acknowledged at index {index}, where another entry stands", held, null, index, [bytes]);
    }

    // Before anything is verified the key is taken out of the founding entry itself, which has to be the one that the invitation names.
    private NoteKey? PlaneKey(long first, IReadOnlyList<ReadOnlyMemory<byte>> envelopes)
    {
        var founding = State.Founding;
        if (founding is null)
        {
            if (first != 0 || envelopes.Count == 0) return null;
            if (!trust.FoundingHash.Span.SequenceEqual(MerkleHash.Leaf(envelopes[0].Span))) return null;
            founding = Entry.Read(envelopes[0]).Entry?.Data as EnvironmentFounded;
        }

        return NoteKey.TryParse(founding?.PlaneKey, out var key) ? key : null;
    }

    private (SignedNote? Note, Checkpoint? Signed, (string Reason, string Detail)? Bad) ReadCheckpoint(string text, NoteKey planeKey)
    {
        var parsed = SignedNote.Parse(text);
        if (parsed.Note is not { } note) return (null, null, (RefusalReason.Unreadable, $"the checkpoint cannot be read: {parsed.Error}"));
        var verdict = note.Verify(planeKey).Verdict;
        if (verdict != NoteVerdict.Valid)
            return (null, null, (RefusalReason.ForgedSignature, verdict == NoteVerdict.Forged ? $"the checkpoint's signature is not {planeKey.Name}'s" : $"the checkpoint is not signed by {planeKey.Name}"));
        if (!Checkpoint.TryParse(note.Text, out var signed, out var error)) return (null, null, (RefusalReason.Unreadable, $"the checkpoint cannot be read: {error}"));
        return signed.Origin == trust.Origin
            ? (note, signed, null)
            : (null, null, (RefusalReason.ForkedHistory, $"the checkpoint is of '{signed.Origin}', this is the ledger '{trust.Origin}'"));
    }

    private long? Rewritten(long first, IReadOnlyList<ReadOnlyMemory<byte>> envelopes)
    {
        if (first >= Size) return null;
        var at = 0;
        foreach (var bytes in store.ReadEntries(first))
        {
            if (at == envelopes.Count) return null;
            if (!bytes.Span.SequenceEqual(envelopes[at].Span)) return first + at;
            at++;
        }

        return null;
    }

    // An entry that was altered on its way no longer carries its author's signature; intact entries under another root are another history.
    private static BatchVerdict WrongRoot(List<ReadOnlyMemory<byte>> fresh, Checkpoint signed, Func<string, string, BatchVerdict> refuse)
    {
        for (var i = 0; i < fresh.Count; i++)
        {
            if (Entry.Read(fresh[i]).Fault is { } fault)
                return refuse(RefusalReason.RewrittenEntry, $"entry {signed.Size - fresh.Count + i} is not the one the checkpoint was signed over: {fault}");
        }

        return refuse(RefusalReason.ForkedHistory, $"the plane signed another root over {signed.Size} entries than the one they have here");
    }

    private (string Reason, string Detail)? Fold(List<ReadOnlyMemory<byte>> fresh, IReadOnlyDictionary<long, string> promised, out List<Entry> entries, out EnvironmentState state)
    {
        entries = new List<Entry>(fresh.Count);
        state = State;
        foreach (var bytes in fresh)
        {
            var index = Size + entries.Count;
            var read = Entry.Read(bytes);
            if (read.Entry is not { } entry) return (RefusalReason.ForgedSignature, $"entry {index} is not what it says: {read.Fault}");
            if (index == 0 && entry.Environment != trust.Environment) return (RefusalReason.ForkedHistory, $"the first entry founds {entry.Environment}, the agent joined {trust.Environment}");
            if (promised.TryGetValue(index, out var own) && own != entry.Id) return (RefusalReason.DroppedEntry, $"entry {own} was acknowledged at index {index}, where another entry came");
            var folded = EnvironmentFold.Apply(state, entry);
            if (folded.State is not { } next) return (RefusalReason.UnauthorisedChange, $"entry {index} ({entry.Body.Kind} by {entry.Author.KeyId}) has no place in this ledger: {folded.Refusal}");
            entries.Add(entry);
            state = next;
        }

        return null;
    }
}

/// <summary>Why a plane is refused: the words that go into the log, the evidence and the frame to the plane.</summary>
public static class RefusalReason
{
    /// <summary>An entry came with other bytes than before, or than were signed over.</summary>
    public const string RewrittenEntry = "rewritten entry";

    /// <summary>An entry is missing where one was promised or must be.</summary>
    public const string DroppedEntry = "dropped entry";

    /// <summary>The plane signed a history that is not an extension of the verified one.</summary>
    public const string ForkedHistory = "forked history";

    /// <summary>A signature is not the one of the key it claims.</summary>
    public const string ForgedSignature = "forged signature";

    /// <summary>A checkpoint over less than was verified before.</summary>
    public const string ReplayedCheckpoint = "replayed old checkpoint";

    /// <summary>An entry that its author had no authority to write, or that makes no sense where it stands.</summary>
    public const string UnauthorisedChange = "unauthorised change";

    /// <summary>What came has not the form that the protocol asks for.</summary>
    public const string Unreadable = "unreadable frame";

    /// <summary>Not against the plane: it refused an entry of ours, which is kept.</summary>
    public const string OwnEntryRefused = "own entry refused";

    /// <summary>Not against the plane: an entry of ours must not leave, and is kept.</summary>
    public const string OwnEntryWithheld = "own entry withheld";
}
