using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Environments;

/// <summary>What came of taking in a whole ledger.</summary>
/// <param name="Environment">Whose.</param>
/// <param name="Size">How far this plane holds it now.</param>
/// <param name="Taken">How many entries are new here.</param>
/// <param name="SetAside">How many entries of this plane's own history were set aside.</param>
/// <param name="Refusal">Why it was not taken in; null when it was.</param>
public readonly record struct ImportedLedger(string? Environment, long Size, long Taken, long SetAside, string? Refusal);

/// <summary>
/// Takes a whole ledger into the store of a plane that does not run, from an export (tlog-tiles with its checkpoint). It is verified from the first to the last entry
/// before anything is kept, and then kept page by page: killed in between, the same command goes on where it stood. A partial copy bears this plane's own mark instead of
/// a head, so that nobody takes it for the ledger.
/// </summary>
public sealed class LedgerImport(SqliteLedgerStore store, CheckpointSigner signer, Func<string, byte[]?> export, string customerRoot)
{
    /// <summary>Entries of one transaction.</summary>
    private const int Page = 1024;

    private EnvironmentState state = EnvironmentState.Empty;
    private MerkleFrontier frontier = new();
    private List<EntryRow> page = [];
    private long held;
    private bool differs;

    /// <summary>Takes it in; a history of this plane's own is given up only when told to, and then written to the stream first.</summary>
    public async Task<ImportedLedger> RunAsync(Func<EnvironmentId, long, Stream>? setAside, CancellationToken stop)
    {
        var (checkpoint, note, fault) = ReadNote();
        if (checkpoint is null || note is null) return Refuse(fault!);
        if (Verify(checkpoint, note) is { } wrong) return Refuse(wrong);
        var environment = state.Id;
        var own = await store.HeadAsync(environment, stop);
        var aside = 0L;
        if (own is not null)
        {
            held = await AgreedAsync(environment, own.Size, checkpoint, stop);

            // This plane has gone on since: all of the export stands here.
            if (!differs && own.Size >= checkpoint.Size) return new ImportedLedger(environment.Value, own.Size, 0, 0, null);
            if (differs)
            {
                if (setAside is null) return Refuse($"this plane has a history of its own from entry {held} on ({own.Size} entries, the export has {checkpoint.Size}). It is given up only with --set-aside, which writes it to a file first");
                aside = own.Size - held;
                await SetAsideAsync(environment, own.Size, setAside, stop);
            }
        }

        var taken = checkpoint.Size - held;
        await KeepAsync(checkpoint, note, stop);
        return new ImportedLedger(environment.Value, checkpoint.Size, taken, aside, null);
    }

    private (Checkpoint? Checkpoint, SignedNote? Note, string? Fault) ReadNote()
    {
        if (export(TlogTiles.CheckpointPath) is not { } bytes) return (null, null, $"there is no file '{TlogTiles.CheckpointPath}' in it");
        var parsed = SignedNote.Parse(System.Text.Encoding.UTF8.GetString(bytes));
        if (parsed.Note is not { } note) return (null, null, $"its checkpoint is not a signed note: {parsed.Error}");
        return Checkpoint.TryParse(note.Text, out var checkpoint, out var error) ? (checkpoint, note, null) : (null, null, $"its checkpoint cannot be read: {error}");
    }

    // The whole of it, before a byte is kept: files, hashes, root, signatures, fold, whose it is, and both sides' word for the head.
    private string? Verify(Checkpoint checkpoint, SignedNote note)
    {
        string? fault = null;
        var wrong = TlogTilesReader.Verify(checkpoint, export, (index, bytes) =>
        {
            if (fault is not null) return;
            var read = Entry.Read(bytes);
            if (read.Entry is not { } entry)
            {
                fault = $"entry {index} does not hold: {read.Fault}";
                return;
            }

            var folded = EnvironmentFold.Apply(state, entry);
            if (folded.State is { } next) state = next;
            else fault = $"entry {index} ({entry.Body.Kind}) has no place in this ledger: {folded.Refusal}";
        });
        if ((fault ?? wrong) is { } first) return first;
        if (state.Founding is not { } founding) return "it is empty";
        if (founding.CustomerRoot != customerRoot) return $"its customer's root is {founding.CustomerRoot}, not {customerRoot}";
        if (checkpoint.Origin != CheckpointSigner.Origin(state.Id)) return $"its checkpoint is of '{checkpoint.Origin}', its entries are of {state.Id}";
        if (HeadSigners.SignerOf(state, note) is null) return $"its checkpoint is not signed by the plane in force ({state.PlaneKey})";
        return state.Agent is { } agent && note.Verify(new NoteKey($"agent.{state.Id}", agent.Key, NoteKeyType.CosignatureV1)).Verdict != NoteVerdict.Valid
            ? "its checkpoint lacks the countersignature of the agent that acts: the plane before this one alone would vouch for it"
            : null;
    }

    private async Task<long> AgreedAsync(EnvironmentId environment, long size, Checkpoint checkpoint, CancellationToken stop)
    {
        var mine = store.ReadAsync(environment, 0, size, stop).GetAsyncEnumerator(stop);
        await using (mine)
        {
            var agreed = 0L;
            foreach (var theirs in TlogTilesReader.Entries(checkpoint.Size, export))
            {
                if (agreed == size || !await mine.MoveNextAsync()) return agreed;
                if (!mine.Current.Span.SequenceEqual(theirs.Span))
                {
                    differs = true;
                    return agreed;
                }

                agreed++;
            }

            return agreed;
        }
    }

    private async Task SetAsideAsync(EnvironmentId environment, long size, Func<EnvironmentId, long, Stream> setAside, CancellationToken stop)
    {
        await using (var file = setAside(environment, held))
        {
            await foreach (var bytes in store.ReadAsync(environment, held, size - held, stop))
            {
                await file.WriteAsync(bytes, stop);
                file.WriteByte((byte)'\n');
            }

            if (file is FileStream disk) disk.Flush(flushToDisk: true);
        }

        var edge = new MerkleFrontier();
        foreach (var theirs in TlogTilesReader.Entries(held, export)) edge.AppendEntry(theirs.Span);
        store.SetBack(environment, held, signer.Sign(environment, held, edge.Root()));
    }

    // Read a second time, folded a second time, and kept: what is on disk may have changed meanwhile, and then nothing of it is called a ledger.
    private async Task KeepAsync(Checkpoint checkpoint, SignedNote note, CancellationToken stop)
    {
        (state, frontier) = (EnvironmentState.Empty, new MerkleFrontier());
        foreach (var bytes in TlogTilesReader.Entries(checkpoint.Size, export))
        {
            var entry = Entry.Read(bytes).Entry ?? throw new InvalidDataException($"entry {frontier.Size} of the export has changed while it was read");
            state = EnvironmentFold.Apply(state, entry).State ?? throw new InvalidDataException($"entry {frontier.Size} of the export has changed while it was read");
            var nodes = frontier.Size < held ? null : LedgerTree.CompletedNodes(frontier, entry.LeafHash);
            frontier.AppendLeafHash(entry.LeafHash);
            if (nodes is null) continue;
            page.Add(new EntryRow(entry.Id, entry.Bytes, nodes));
            if (page.Count == Page && frontier.Size < checkpoint.Size) await CommitAsync(signer.Sign(state.Id, frontier.Size, frontier.Root()), null, stop);
        }

        if (frontier.Size != checkpoint.Size || !frontier.Root().AsSpan().SequenceEqual(checkpoint.Root)) throw new InvalidDataException("the export has changed while it was read");
        await CommitAsync(state.MaySign(signer.VerifierKey) ? signer.Sign(state.Id, frontier.Size, frontier.Root()) : note.ToString(), [.. state.Members.Keys], stop);
    }

    private async Task CommitAsync(string head, IReadOnlyCollection<string>? members, CancellationToken stop)
    {
        await store.CommitAsync([new LedgerWrite(state.Id, held, page, head, null, members)], stop);
        held += page.Count;
        page = [];
    }

    private static ImportedLedger Refuse(string why) => new(null, 0, 0, 0, why);
}
