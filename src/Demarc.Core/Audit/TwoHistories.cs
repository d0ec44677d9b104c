using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Demarc.Core.Ledger;

namespace Demarc.Core.Audit;

/// <summary>
/// Evidence that one key has signed the heads of two histories of one ledger: all that a third person needs besides that key. Where both heads are over as many
/// entries the two notes say it all; otherwise <paramref name="Hashes"/> show what the first entries of the longer one hash to (<see cref="MerklePrefix"/>).
/// </summary>
/// <param name="Demarc">The format's version: 1.</param>
/// <param name="PlaneKey">The verifier key of whoever signed both. A reader compares it with the one they trust.</param>
/// <param name="FoundAt">When, by the clock of the machine that found it.</param>
/// <param name="First">One head, and who gave it.</param>
/// <param name="Second">The other, and who gave it.</param>
/// <param name="Hashes">Base64 hashes out of the tree of the longer one; empty where there were none to have.</param>
/// <param name="Differ">The first entries that differ, where both were to be had.</param>
public sealed record TwoHistories(int Demarc, string PlaneKey, DateTimeOffset FoundAt, HeadShown First, HeadShown Second, ImmutableArray<string> Hashes, DifferingEntries? Differ = null)
{
    /// <summary>The longest evidence that is read: two notes, some hashes, two entries with their proofs.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>What it proves to somebody who trusts nothing but the plane's key.</summary>
    public EvidenceVerdict Judge(NoteKey plane)
    {
        ArgumentNullException.ThrowIfNull(plane);
        if (Demarc != 1) return Nothing($"the evidence is of version {Demarc}, this reads 1");
        if (First is null || Second is null || Hashes.IsDefault) return Nothing("the evidence lacks a head or its hashes");
        var (first, second) = (Of(First, plane), Of(Second, plane));
        if ((first.Fault ?? second.Fault) is { } fault) return Nothing(fault);
        var (one, other) = (first.Head!, second.Head!);
        if (one.Checkpoint.Origin != other.Checkpoint.Origin) return Nothing($"the heads are of two ledgers, '{one.Checkpoint.Origin}' and '{other.Checkpoint.Origin}'");
        var what = one.Checkpoint.Size <= other.Checkpoint.Size ? Fork(one.Checkpoint, other.Checkpoint) : Fork(other.Checkpoint, one.Checkpoint);
        if (!what.Proven) return what;
        return Differ is { } differ && Stands(differ, one.Checkpoint, other.Checkpoint) is { } wrong
            ? what with { Says = what.Says.Add($"the two entries that it shows are not proven: {wrong}") }
            : Differ is null ? what : what with { Says = what.Says.Add($"entry {Differ.Index} is the first that differs: {Kind(Differ.First)} here, {Kind(Differ.Second)} there; each is proven to stand in its head") };
    }

    private EvidenceVerdict Fork(Checkpoint small, Checkpoint large)
    {
        if (small.Size == 0) return Nothing("one head is over no entry at all, which every history continues");
        if (small.Size == large.Size)
        {
            return small.Root.AsSpan().SequenceEqual(large.Root)
                ? Nothing("both heads are over the same entries")
                : new EvidenceVerdict(true, [$"the key has signed two roots over {small.Size} entries of '{small.Origin}': {SignedHead.Spoken(small.Root)} … and {SignedHead.Spoken(large.Root)} …"]);
        }

        var hashes = Hashes.Length > MerkleTree.MaxProofHashes ? null : Hashes.Select(hash => Base64Text.Decode((hash ?? "").AsSpan(), Base64Form.Standard)!).ToList();
        if (hashes is null || MerklePrefix.Roots(small.Size, large.Size, hashes) is not { } roots || !roots.Whole.AsSpan().SequenceEqual(large.Root))
            return Nothing($"its hashes do not lead to the root over {large.Size} entries: whether that head continues the one over {small.Size} is not shown");
        return roots.Prefix.AsSpan().SequenceEqual(small.Root)
            ? Nothing($"the head over {large.Size} entries continues the one over {small.Size}: that is one history")
            : new EvidenceVerdict(true, [$"the key has signed the root {SignedHead.Spoken(small.Root)} … over {small.Size} entries of '{small.Origin}', and a head over {large.Size} whose first {small.Size} have the root {SignedHead.Spoken(roots.Prefix)} …"]);
    }

    private static string? Stands(DifferingEntries differ, Checkpoint first, Checkpoint second) =>
        differ.First is null || differ.Second is null ? "one of them is missing"
        : differ.First.Entry == differ.Second.Entry ? "they are the same"
        : !In(differ.First, differ.Index, first) ? "the first does not stand in the first head"
        : !In(differ.Second, differ.Index, second) ? "the second does not stand in the second head"
        : null;

    private static bool In(EntryShown shown, long index, Checkpoint head)
    {
        if (shown.Proof.IsDefault || shown.Proof.Length > MerkleTree.MaxProofHashes || Base64Text.Decode((shown.Entry ?? "").AsSpan(), Base64Form.Standard) is not { } bytes) return false;
        var proof = shown.Proof.Select(hash => Base64Text.Decode((hash ?? "").AsSpan(), Base64Form.Standard)!).ToList();
        return MerkleTree.VerifyInclusion(MerkleHash.Leaf(bytes), index, head.Size, head.Root, proof);
    }

    private static string Kind(EntryShown shown) => Base64Text.Decode(shown.Entry.AsSpan(), Base64Form.Standard) is { } bytes && Entry.Read(bytes).Entry is { } entry ? $"{entry.Body.Kind} by {entry.Author.KeyId}" : "bytes that are no entry";

    private static (SignedHead? Head, string? Fault) Of(HeadShown shown, NoteKey plane)
    {
        var (head, fault) = SignedHead.Read(shown.Note ?? "");
        if (head is null) return (null, $"a head cannot be read: {fault}");
        return head.Note.IsSignedBy(plane) ? (head, null) : (null, $"the head over {head.Checkpoint.Size} entries is not signed by {plane}");
    }

    private static EvidenceVerdict Nothing(string why) => new(false, [why]);
}

/// <summary>A head, and whose it is.</summary>
/// <param name="From">Who gave it, in words, as in <c>the agent</c>.</param>
/// <param name="Note">The exact signed note.</param>
public sealed record HeadShown(string From, string Note);

/// <summary>The first place at which two histories differ.</summary>
public sealed record DifferingEntries(long Index, EntryShown First, EntryShown Second);

/// <summary>An entry of one history: base64 of its bytes, and base64 hashes that lead from it to the root of that history's head.</summary>
public sealed record EntryShown(string Entry, ImmutableArray<string> Proof);

/// <summary>Whether evidence proves two histories, and what it says, a sentence each.</summary>
public sealed record EvidenceVerdict(bool Proven, ImmutableArray<string> Says);

/// <summary>How evidence is read and written: plain JSON, readable without this program.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, AllowDuplicateProperties = false, MaxDepth = 8)]
[JsonSerializable(typeof(TwoHistories))]
public sealed partial class EvidenceFileJson : JsonSerializerContext;
