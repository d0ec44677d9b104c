using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>What was checked and found right.</summary>
internal sealed record AuditReport(
    string Environment, long Size, string Root, string CustomerRoot, string VendorRoot, string PlaneKey, string? CountersignedBy, DateTimeOffset? CountersignedAt, ImmutableArray<string> Checks);

/// <summary>Which keys and heads a verification starts from; what is null is taken from the ledger itself, and said so.</summary>
internal sealed record Trust(string? CustomerRoot, string? VendorRoot, string? FoundingHash = null, long? SeenSize = null, string? SeenRoot = null, string? Environment = null, bool MustBeCountersigned = false);

/// <summary>
/// Verifies a whole ledger from its raw entries: each signature, each entry's place by the fold, the root recomputed, the checkpoint's
/// signature by the plane in force at its end, and the agent's countersignature. Feed it the entries in order, then finish it with
/// the checkpoint. Nothing it is given is trusted except <see cref="Trust"/>.
/// </summary>
internal sealed class LedgerCheck(Trust trust)
{
    /// <summary>Entries whose signatures are checked together, while those before them are folded.</summary>
    private const int Ahead = 8192;

    private static readonly Task<EntryRead[]> Nothing = Task.FromResult<EntryRead[]>([]);
    private readonly MerkleFrontier frontier = new();
    private readonly List<ReadOnlyMemory<byte>> taken = [];
    private Task<EntryRead[]> reading = Nothing;
    private bool seenReached;

    public EnvironmentState State { get; private set; } = EnvironmentState.Empty;

    /// <summary>Takes the next entry. What is wrong with it is thrown now, or with a later entry, or at the finish.</summary>
    public void Add(ReadOnlyMemory<byte> bytes)
    {
        taken.Add(bytes);

        // The founding entry is judged before anything else is even asked for.
        if (taken.Count < Ahead && State.Founding is not null) return;
        var entries = taken.ToArray();
        taken.Clear();
        var next = Task.Run(() => Entry.ReadAll(entries, System.Environment.ProcessorCount));
        FoldWhatWasRead();
        reading = next;
        if (State.Founding is null) FoldWhatWasRead();
    }

    /// <summary>Judges everything taken so far.</summary>
    public void Settle()
    {
        FoldWhatWasRead();
        foreach (var one in Entry.ReadAll(taken, System.Environment.ProcessorCount)) Fold(one);
        taken.Clear();
    }

    private void FoldWhatWasRead()
    {
        var read = reading.GetAwaiter().GetResult();
        reading = Nothing;
        foreach (var one in read) Fold(one);
    }

    private void Fold(EntryRead read)
    {
        var index = frontier.Size;
        if (read.Entry is not { } entry) throw Fail($"Entry {index} does not hold: {read.Fault}.");
        if (index == 0) CheckFounding(entry);
        var folded = EnvironmentFold.Apply(State, entry);
        State = folded.State ?? throw Fail($"Entry {index} ({entry.Body.Kind}) has no place in this ledger: {folded.Refusal}.");
        frontier.AppendLeafHash(entry.LeafHash);
        if (frontier.Size != trust.SeenSize) return;
        seenReached = true;
        if (Base64Text.Encode(frontier.Root()) != trust.SeenRoot) throw Fail($"The first {frontier.Size} entries are not the ones seen before: the ledger was rewritten.");
    }

    /// <summary>Checks the head against everything that was taken.</summary>
    public AuditReport Finish(string note)
    {
        Settle();
        var (checkpoint, signed) = ReadNote(note);
        if (State.Founding is not { } founding) throw Fail("The ledger is empty: there is no founding entry.");
        if (checkpoint.Size != frontier.Size) throw Fail($"The checkpoint speaks of {checkpoint.Size} entries, there are {frontier.Size}.");
        if (!checkpoint.Root.AsSpan().SequenceEqual(frontier.Root())) throw Fail($"The checkpoint's root is {Base64Text.Encode(checkpoint.Root)}, the entries give {Base64Text.Encode(frontier.Root())}: an entry was changed, left out or put in.");
        CheckPlane(checkpoint, signed, State);
        CheckRoot(trust.CustomerRoot, founding.CustomerRoot, Party.Customer);
        CheckRoot(trust.VendorRoot, founding.VendorRoot, Party.Vendor);
        if (trust.SeenSize is { } seen && !seenReached) throw Fail($"{seen} entries were seen before, now there are only {frontier.Size}: the ledger was cut off.");
        NoteVerification? agent = null;
        if (State.Agent is { } joined)
        {
            agent = signed.Verify(new NoteKey($"agent.{State.Id}", joined.Key, NoteKeyType.CosignatureV1));
            if (agent.Value.Verdict == NoteVerdict.Forged) throw Fail($"The checkpoint carries a countersignature in the name of agent.{State.Id} that is not the agent's.");
        }

        if (trust.MustBeCountersigned && agent is { Verdict: not NoteVerdict.Valid })
            throw Fail($"The checkpoint lacks the countersignature of agent.{State.Id}, which acts at this head: the plane alone vouches for it.", "Export again once the agent is connected, or accept the plane's word with --uncountersigned.");
        var by = agent?.Verdict == NoteVerdict.Valid ? $"agent.{State.Id}" : null;
        return new AuditReport(
            State.Id.Value, frontier.Size, Base64Text.Encode(frontier.Root()), founding.CustomerRoot, founding.VendorRoot, State.PlaneKey, by, agent?.Time,
            [
                $"{frontier.Size} entries: every signature holds, and every entry has its place by the charter and the roles",
                (trust.CustomerRoot ?? trust.VendorRoot) is not null ? "roots: the founding entry is signed by the roots that were given, or by those they took the place of"
                    : trust.FoundingHash is not null ? "roots: the founding entry is the one that this profile has pinned"
                    : "roots: taken from the ledger itself; name --customer-root and --vendor-root to pin them",
                $"root {Base64Text.Encode(frontier.Root())}: recomputed from the entries",
                Planes(),
                by is not null ? $"countersignature: {by} has verified the same head" : State.Agent is null ? "countersignature: none, no agent acts" : "countersignature: none by the agent yet for this head",
                trust.SeenSize is { } before ? $"continuity: extends the {before} entries seen before" : "continuity: nothing was seen before",
            ]);
    }

    /// <summary>Reads a checkpoint without believing it yet.</summary>
    public static (Checkpoint Checkpoint, SignedNote Note) ReadNote(string text)
    {
        var parsed = SignedNote.Parse(text);
        if (!parsed.IsValid) throw Fail($"The checkpoint is not a signed note: {parsed.Error}.");
        return Checkpoint.TryParse(parsed.Note.Text, out var checkpoint, out var error) ? (checkpoint, parsed.Note) : throw Fail($"The checkpoint cannot be read: {error}.");
    }

    /// <summary>The signature of the plane in force at the end, on a head of this very ledger: one plane signs the heads of many, and the customer can put another in its place.</summary>
    private static void CheckPlane(Checkpoint checkpoint, SignedNote note, EnvironmentState state)
    {
        CheckOrigin(checkpoint, state.Id);
        if (HeadSigners.SignerOf(state, note) is not null) return;
        throw Fail(HeadSigners.OtherSignerOf(state, note) is { } other
            ? $"The checkpoint is signed by {other.Key}, which is not in force at its end: since entry {state.Planes[^1].From} the plane with the key {state.PlaneKey} is."
            : $"The checkpoint is not signed by the plane's key {state.PlaneKey}.");
    }

    /// <summary>Whether a head is of this environment's ledger.</summary>
    public static void CheckOrigin(Checkpoint checkpoint, EnvironmentId id)
    {
        if (checkpoint.Origin != $"demarc/{id}") throw Fail($"The checkpoint is of '{checkpoint.Origin}', the entries are of 'demarc/{id}'.");
    }

    /// <summary>Whether a head bears a line in the name of the founding plane that is not its own.</summary>
    public static void CheckNotForged(SignedNote note, EnvironmentFounded founding)
    {
        if (NoteKey.TryParse(founding.PlaneKey, out var plane) && note.Verify(plane).Verdict == NoteVerdict.Forged) throw Fail($"The checkpoint is not signed by the plane's key {founding.PlaneKey}.");
    }

    private string Planes()
    {
        if (State.Planes.Count == 1) return "checkpoint: signed by the plane that the founding entry pins";
        var last = State.Planes[^1];
        var severed = State.Severed is { } by ? $"; the customer severed the vendor at entry {by.Index}" : "";
        return $"checkpoint: signed by the plane in force, which the customer's owner put there at entry {last.From}{severed}";
    }

    // A root that took the place of the first one has signed the entry that says so: naming it pins the ledger as well as naming the first.
    private void CheckRoot(string? given, string founded, Party party)
    {
        if (given is null || given == founded || State.Members.GetValueOrDefault(given) is { IsRoot: true } root && root.Party == party) return;
        throw Fail($"The founding entry names {founded} as the {party.Word()}'s root, not {given}.");
    }

    /// <summary>The founding entry against what was pinned.</summary>
    public void CheckFounding(Entry entry)
    {
        if (entry.Data is not EnvironmentFounded founding) throw Fail($"Entry 0 is {entry.Body.Kind}, not environment.founded.");
        if (trust.Environment is { } named && named != entry.Environment.Value) throw Fail($"The ledger is of environment {entry.Environment}, not of {named}.");
        if (trust.FoundingHash is { } pinned && pinned != Convert.ToHexStringLower(entry.LeafHash)) throw Fail($"The founding entry is not the one this profile has pinned ({pinned}).");
    }

    public static CommandFailedException Fail(string what, string remedy = "Keep this ledger as evidence, and show it to the other party.") => new(ExitCodes.NotVerified, $"NOT VERIFIED. {what}", remedy);
}
