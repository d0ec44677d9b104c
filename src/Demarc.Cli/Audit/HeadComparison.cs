using System.Collections.Immutable;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>How two heads of one ledger stand to each other.</summary>
internal enum HeadsAre
{
    /// <summary>Over the same entries.</summary>
    Same,

    /// <summary>The longer one continues the shorter one, which was proven.</summary>
    OneHistory,

    /// <summary>They are of two histories, which was proven.</summary>
    TwoHistories,

    /// <summary>Whoever shows the longer one did not show that it continues the shorter one, nor that it does not.</summary>
    Unshown,
}

/// <summary>What came of it, and what a third person needs to see the same.</summary>
internal sealed record HeadsCompared(HeadsAre Are, IReadOnlyList<byte[]> Hashes, DifferingEntries? Differ = null)
{
    public static HeadsCompared Of(HeadsAre are) => new(are, []);
}

/// <summary>Holds two heads against each other. Nobody is believed: what counts is a proof, or the entries themselves.</summary>
internal static class HeadComparison
{
    public static async Task<HeadsCompared> OfAsync(HeadSide one, HeadSide other)
    {
        var (small, large) = one.Checkpoint.Size <= other.Checkpoint.Size ? (one, other) : (other, one);
        if (small.Checkpoint.Size == large.Checkpoint.Size)
            return small.Checkpoint.Root.AsSpan().SequenceEqual(large.Checkpoint.Root) ? HeadsCompared.Of(HeadsAre.Same) : HeadsCompared.Of(HeadsAre.TwoHistories);
        if (await IsProvenAsync(small.Checkpoint, large)) return HeadsCompared.Of(HeadsAre.OneHistory);
        return large.Entries is null ? HeadsCompared.Of(HeadsAre.Unshown) : await FromEntriesAsync(small.Checkpoint, large);
    }

    /// <summary>The first entries in which two histories differ, each proven to stand in its head; null where one of them is not to be had.</summary>
    public static async Task<DifferingEntries?> DifferAsync(HeadSide one, HeadSide other)
    {
        if (one.Entries is null || other.Entries is null) return null;
        await using var here = one.Entries(one.Checkpoint.Size).GetAsyncEnumerator();
        await using var there = other.Entries(other.Checkpoint.Size).GetAsyncEnumerator();
        for (var index = 0L; await here.MoveNextAsync() && await there.MoveNextAsync(); index++)
        {
            if (here.Current.Span.SequenceEqual(there.Current.Span)) continue;
            return await ShownAsync(one, index) is { } first && await ShownAsync(other, index) is { } second ? new DifferingEntries(index, first, second) : null;
        }

        return null;
    }

    private static async Task<bool> IsProvenAsync(Checkpoint small, HeadSide large)
    {
        if (large.Proof is null) return false;
        try
        {
            var proof = await large.Proof(small.Size, large.Checkpoint.Size);
            return MerkleTree.VerifyConsistency(small.Size, small.Root, large.Checkpoint.Size, large.Checkpoint.Root, proof);
        }
        catch (CommandFailedException none) when (none.ExitCode != ExitCodes.Unreachable)
        {
            // One who gives no proof is asked for the entries.
            return false;
        }
    }

    private static async Task<HeadsCompared> FromEntriesAsync(Checkpoint small, HeadSide large)
    {
        if (small.Size == 0) return HeadsCompared.Of(HeadsAre.OneHistory);
        var nodes = new MerkleGatherer(reader => MerklePrefix.Hashes(small.Size, large.Checkpoint.Size, reader));
        if (!await GatherAsync(large, nodes)) return HeadsCompared.Of(HeadsAre.Unshown);
        var hashes = MerklePrefix.Hashes(small.Size, large.Checkpoint.Size, nodes.Read);
        var roots = MerklePrefix.Roots(small.Size, large.Checkpoint.Size, hashes);
        return roots!.Value.Prefix.AsSpan().SequenceEqual(small.Root) ? HeadsCompared.Of(HeadsAre.OneHistory) : new HeadsCompared(HeadsAre.TwoHistories, hashes);
    }

    private static async Task<EntryShown?> ShownAsync(HeadSide side, long index)
    {
        byte[]? entry = null;
        var nodes = new MerkleGatherer(reader => MerkleTree.InclusionProof(index, side.Checkpoint.Size, reader));
        if (!await GatherAsync(side, nodes, (at, bytes) => entry = at == index ? bytes.ToArray() : entry) || entry is null) return null;
        return new EntryShown(Base64Text.Encode(entry), [.. MerkleTree.InclusionProof(index, side.Checkpoint.Size, nodes.Read).Select(hash => Base64Text.Encode(hash))]);
    }

    // Whether the entries that were given are those of the head.
    private static async Task<bool> GatherAsync(HeadSide side, MerkleGatherer nodes, Action<long, ReadOnlyMemory<byte>>? take = null)
    {
        var frontier = new MerkleFrontier();
        try
        {
            await foreach (var bytes in side.Entries!(side.Checkpoint.Size))
            {
                take?.Invoke(frontier.Size, bytes);
                var leaf = MerkleHash.Leaf(bytes.Span);
                frontier.AppendLeafHash(leaf);
                nodes.AppendLeafHash(leaf);
            }
        }
        catch (CommandFailedException none) when (none.ExitCode is ExitCodes.Refused or ExitCodes.NotFound)
        {
            return false;
        }

        return frontier.Size == side.Checkpoint.Size && frontier.Root().AsSpan().SequenceEqual(side.Checkpoint.Root);
    }
}
