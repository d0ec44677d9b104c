using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Environments;

namespace Demarc.Plane.Ledger;

/// <summary>
/// One group commit being made: entries folded onto copies of the views they follow, the writes that come of it, and, after the commit, what is published
/// and answered. Thrown away whole when the commit fails.
/// </summary>
internal sealed class LedgerBatch(ILedgerStore store, CheckpointSigner signer)
{
    private readonly Dictionary<EnvironmentId, Growing> growing = [];
    private readonly List<(Submission Submission, Appended Outcome)> outcomes = [];
    private readonly List<(Growing Ledger, LedgerView View)> views = [];

    /// <summary>What to commit; empty when nothing was accepted.</summary>
    public List<LedgerWrite> Writes { get; } = [];

    public async Task FoldAsync(List<Submission> submissions, Func<Submission, ValueTask<LedgerCell?>> cellOf)
    {
        var standing = await StandingAsync(submissions);
        foreach (var submission in submissions)
        {
            try
            {
                outcomes.Add((submission, await FoldAsync(submission, cellOf, standing)));
            }
            catch (Exception failure) when (failure is LedgerDamagedException or BrokenBeliefException or KeyNotFoundException or InvalidOperationException or ArgumentException)
            {
                // One entry that breaks a belief of the fold, or one damaged ledger, must not hold up all the others.
                submission.Fail(new LedgerUnavailableException($"entry {submission.Entry?.Id} could not be folded: {failure.Message}", failure));
            }
        }

        foreach (var ledger in growing.Values) Close(ledger);
    }

    /// <summary>After the commit: readers see the new states before submitters hear of them.</summary>
    public void Publish()
    {
        foreach (var (ledger, view) in views)
        {
            foreach (var (entry, subject) in ledger.Subjects) view.Facets.Add(entry, subject);
            ledger.Cell.Publish(view);
        }

        foreach (var (submission, outcome) in outcomes) submission.Answer(outcome);
    }

    private async ValueTask<Appended> FoldAsync(Submission submission, Func<Submission, ValueTask<LedgerCell?>> cellOf, Dictionary<EntryName, long?> standing)
    {
        if (!growing.TryGetValue(submission.Environment, out var ledger))
        {
            if (await cellOf(submission) is not { } cell) return Appended.Refuse($"there is no environment {submission.Environment}");
            growing[submission.Environment] = ledger = new Growing(cell);
        }

        if (submission.Part is { } part) return await ImportAsync(ledger, part);
        return submission.Entry is { } entry
            ? await PlaceAsync(ledger, entry, standing.GetValueOrDefault(new EntryName(submission.Environment, entry.Id)))
            : ledger.Countersign(submission.Countersigned!);
    }

    private async Task<Dictionary<EntryName, long?>> StandingAsync(List<Submission> submissions)
    {
        var names = submissions.Where(s => s.Entry is not null).Select(s => new EntryName(s.Environment, s.Entry!.Id)).Distinct().ToList();
        var found = names.Count == 0 ? [] : await store.FindAsync(names, CancellationToken.None);
        var standing = new Dictionary<EntryName, long?>(names.Count);
        for (var i = 0; i < names.Count; i++) standing[names[i]] = found[i];
        return standing;
    }

    private async ValueTask<Appended> PlaceAsync(Growing ledger, Entry entry, long? standing)
    {
        if (standing is { } index)
        {
            await foreach (var stored in store.ReadAsync(entry.Environment, index, 1, CancellationToken.None))
                return Same(stored, entry) ? new Appended(index, ledger.Size, true, null) : Taken(entry, index);
        }

        if (ledger.Added.TryGetValue(entry.Id, out var added))
            return Same(ledger.Rows[(int)(added - ledger.Expected)].Bytes, entry) ? new Appended(added, ledger.Size, true, null) : Taken(entry, added);
        var folded = EnvironmentFold.Apply(ledger.State, entry);
        if (folded.State is not { } next) return Appended.Refuse(folded.Refusal!);
        return next.MaySign(signer.VerifierKey) ? ledger.Add(entry, next) : Appended.Refuse(NotInForce(ledger.State, next));
    }

    private async ValueTask<Appended> ImportAsync(Growing ledger, ImportedPart part)
    {
        var stored = new List<ReadOnlyMemory<byte>>();
        if (part.First >= 0 && part.First < ledger.Expected)
        {
            await foreach (var bytes in store.ReadAsync(ledger.State.Id, part.First, part.Envelopes.Count, CancellationToken.None)) stored.Add(bytes);
        }

        // What this very batch has added before is compared as well.
        if (part.First >= 0) stored.AddRange(ledger.Rows.Select(row => row.Bytes).Skip((int)Math.Max(0, part.First - ledger.Expected)));
        var judged = JudgedPart.Of(part, ledger.State, ledger.Frontier, stored);
        if (judged.Refusal is { } refusal) return Appended.Refuse(refusal);
        foreach (var entry in judged.Entries) ledger.Add(entry, EnvironmentFold.Apply(ledger.State, entry).State!);
        if (judged.Entries.Count > 0) ledger.Imported = (ledger.Size, part.Checkpoint);
        return new Appended(null, ledger.Size, judged.Entries.Count == 0, null);
    }

    // The one who gives entries their order is the one whose word counts for the head that they make.
    private static string NotInForce(EnvironmentState state, EnvironmentState next)
    {
        if (next.PlaneKey != state.PlaneKey) return $"this entry puts another plane in force ({next.PlaneKey}), and that plane gives it its place";
        return $"this plane does not give entries of {state.Id} their order any more: since entry {state.Planes[^1].From} the plane with the key {state.PlaneKey} does";
    }

    private void Close(Growing ledger)
    {
        if (ledger.Rows.Count == 0 && !ledger.HasNewCountersigned) return;
        var before = ledger.Cell.Base;
        var environment = ledger.State.Id;
        var checkpoint = ledger.Rows.Count == 0 ? before.Checkpoint
            : ledger.Imported is { } imported && imported.Size == ledger.Size && !ledger.State.MaySign(signer.VerifierKey) ? imported.Checkpoint
            : signer.Sign(environment, ledger.Size, ledger.Frontier.Root());
        var members = SameReaders(before.State, ledger.State) ? null : ledger.State.ReaderIds.ToList();
        Writes.Add(new LedgerWrite(environment, ledger.Expected, ledger.Rows, checkpoint, ledger.HasNewCountersigned ? ledger.Countersigned : null, members));
        views.Add((ledger, new LedgerView(environment, ledger.State, ledger.Frontier, checkpoint, ledger.Countersigned, before.Facets)));
    }

    private static bool SameReaders(EnvironmentState before, EnvironmentState after) =>
        (ReferenceEquals(before.Members, after.Members) || (before.Members.Count == after.Members.Count && before.Members.Keys.All(after.Members.ContainsKey)))
        && (ReferenceEquals(before.Links, after.Links) || (before.Links.Count == after.Links.Count && before.Links.Keys.All(after.Links.ContainsKey)));

    private static bool Same(ReadOnlyMemory<byte> stored, Entry entry) => stored.Span.SequenceEqual(entry.Bytes.Span);

    private static Appended Taken(Entry entry, long index) => Appended.Refuse($"id {entry.Id} is used by another entry, at index {index}: an id is used once");

    /// <summary>One environment of the batch.</summary>
    private sealed class Growing(LedgerCell cell)
    {
        public LedgerCell Cell => cell;

        public long Expected { get; } = cell.Base.Size;

        public EnvironmentState State { get; private set; } = cell.Base.State;

        public MerkleFrontier Frontier { get; } = cell.Base.Frontier.Clone();

        public List<EntryRow> Rows { get; } = [];

        public List<(Entry Entry, EntrySubject Subject)> Subjects { get; } = [];

        public Dictionary<string, long> Added { get; } = [];

        public Countersigned? Countersigned { get; private set; } = cell.Base.Countersigned;

        public bool HasNewCountersigned { get; private set; }

        /// <summary>Another plane's note over the size after what was taken in; null when nothing was.</summary>
        public (long Size, string Checkpoint)? Imported { get; set; }

        public long Size => State.Size;

        public Appended Add(Entry entry, EnvironmentState next)
        {
            var index = State.Size;
            Rows.Add(new EntryRow(entry.Id, entry.Bytes, LedgerTree.CompletedNodes(Frontier, entry.LeafHash)));
            Frontier.AppendLeafHash(entry.LeafHash);
            Added.Add(entry.Id, index);
            Subjects.Add((entry, EntrySubject.Of(next, entry)));
            State = next;
            Must.Hold(State.Size == Frontier.Size);
            return new Appended(index, State.Size, false, null);
        }

        public Appended Countersign(Countersigned note)
        {
            if (Countersigned is null || note.Size > Countersigned.Size)
            {
                Countersigned = note;
                HasNewCountersigned = true;
            }

            return new Appended(null, Size, false, null);
        }
    }
}
