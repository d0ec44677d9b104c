using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Environments;

/// <summary>A piece of a ledger that another plane has put in order, with the head over it: consecutive entries and the note of exactly the size after them.</summary>
/// <param name="First">Index of the first entry.</param>
/// <param name="Envelopes">Their exact bytes.</param>
/// <param name="Checkpoint">The note.</param>
public sealed record ImportedPart(long First, IReadOnlyList<ReadOnlyMemory<byte>> Envelopes, string Checkpoint);

/// <summary>What a piece is worth, judged as an agent judges a batch: it must continue exactly what is held, fold, hash to the root, and bear the signature of the plane in force at its end.</summary>
/// <param name="Entries">The entries that are new; empty when all stood here.</param>
/// <param name="Head">The head over them.</param>
/// <param name="Refusal">Why it is not taken in; null when it is.</param>
public readonly record struct JudgedPart(IReadOnlyList<Entry> Entries, Checkpoint? Head, string? Refusal)
{
    private static JudgedPart Refuse(string why) => new([], null, why);

    /// <summary>Judges a piece against what is held. The stored bytes are those of the overlap, from the piece's first entry on.</summary>
    public static JudgedPart Of(ImportedPart part, EnvironmentState held, MerkleFrontier frontier, IReadOnlyList<ReadOnlyMemory<byte>> stored)
    {
        var size = held.Size;
        if (part.First < 0 || part.First > size) return Refuse($"the piece begins at entry {part.First}, this plane holds {size}: entries in between are missing");
        var (head, note, fault) = ReadNote(part, held);
        if (head is null || note is null) return Refuse(fault!);
        for (var i = 0; i < Math.Min(stored.Count, part.Envelopes.Count); i++)
        {
            if (!stored[i].Span.SequenceEqual(part.Envelopes[i].Span)) return Refuse($"this plane has a history of its own from entry {part.First + i} on");
        }

        var fresh = part.Envelopes.Skip((int)Math.Min(size - part.First, part.Envelopes.Count)).ToList();
        if (head.Size != part.First + part.Envelopes.Count) return Refuse($"the note is over {head.Size} entries, the piece ends at {part.First + part.Envelopes.Count}");
        var (state, grown) = (held, frontier.Clone());
        var entries = Entry.ReadAll(fresh, 1);
        foreach (var one in entries)
        {
            if (one.Entry is not { } entry) return Refuse($"entry {grown.Size} does not hold: {one.Fault}");
            var folded = EnvironmentFold.Apply(state, entry);
            if (folded.State is not { } next) return Refuse($"entry {grown.Size} ({entry.Body.Kind}) has no place in this ledger: {folded.Refusal}");
            grown.AppendLeafHash(entry.LeafHash);
            state = next;
        }

        // All of it stood here: there is no new head to judge.
        if (fresh.Count == 0) return new JudgedPart([], head, null);
        if (!grown.Root().AsSpan().SequenceEqual(head.Root)) return Refuse($"the note's root over {head.Size} entries is not the one that they give");
        return HeadSigners.SignerOf(state, note) is null
            ? Refuse($"the note is not signed by the plane that is in force at entry {head.Size - 1} ({state.PlaneKey})")
            : new JudgedPart([.. entries.Select(e => e.Entry!)], head, null);
    }

    private static (Checkpoint? Checkpoint, SignedNote? Note, string? Fault) ReadNote(ImportedPart part, EnvironmentState held)
    {
        var parsed = SignedNote.Parse(part.Checkpoint);
        if (parsed.Note is not { } note) return (null, null, $"the checkpoint is not a signed note: {parsed.Error}");
        if (!Checkpoint.TryParse(note.Text, out var head, out var error)) return (null, null, $"the checkpoint cannot be read: {error}");
        return head.Origin == Ledger.CheckpointSigner.Origin(held.Id) ? (head, note, null) : (null, null, $"the checkpoint is of '{head.Origin}', this is the ledger of {held.Id}");
    }
}
