using System.Numerics;

namespace Demarc.Core.Ledger;

/// <summary>
/// What the first leaves of a tree hash to, shown from the root of the whole tree: a consistency proof that never leaves its first node out. A consistency
/// proof shows that one tree continues another; this also shows that one does <em>not</em>. Whoever signs the root of the whole has signed everything
/// below it, so that another root over as few leaves under the same signature is two histories, and a handful of hashes proves it.
/// </summary>
public static class MerklePrefix
{
    /// <summary>The hashes from which the root of the first leaves and the root of all of them follow.</summary>
    public static IReadOnlyList<byte[]> Hashes(long first, long size, MerkleNodeReader nodes)
    {
        Must.Hold(first > 0 && first < size);
        var proof = MerkleTree.ConsistencyProof(first, size, nodes);
        return BitOperations.IsPow2(first) ? [nodes(BitOperations.Log2((ulong)first), 0).ToArray(), .. proof] : proof;
    }

    /// <summary>
    /// Both roots as the hashes give them; null when there are too few or too many. They say something about a signed tree only if <c>Whole</c> is its root:
    /// then <c>Prefix</c> is, by the collision resistance of SHA-256, the root of its first leaves and of nothing else.
    /// </summary>
    public static (byte[] Prefix, byte[] Whole)? Roots(long first, long size, IReadOnlyList<byte[]> hashes)
    {
        if (first <= 0 || first >= size || size > LedgerLimits.TreeSize || !MerkleTree.AreHashes(hashes) || hashes.Count == 0) return null;
        var (node, last) = (first - 1, size - 1);
        while ((node & 1) == 1) (node, last) = (node >> 1, last >> 1);
        Span<byte> old = stackalloc byte[MerkleHash.Size];
        Span<byte> grown = stackalloc byte[MerkleHash.Size];
        hashes[0].CopyTo(old);
        hashes[0].CopyTo(grown);
        foreach (var sibling in hashes.Skip(1))
        {
            if (last == 0) return null;
            if ((node & 1) == 1 || node == last)
            {
                MerkleHash.Node(sibling, old, old);
                MerkleHash.Node(sibling, grown, grown);
                // A node without a right sibling moves up unhashed until it has a left one.
                while ((node & 1) == 0) (node, last) = (node >> 1, last >> 1);
            }
            else
            {
                MerkleHash.Node(grown, sibling, grown);
            }

            (node, last) = (node >> 1, last >> 1);
        }

        return last == 0 ? (old.ToArray(), grown.ToArray()) : null;
    }
}

/// <summary>
/// Keeps the few nodes of a tree that a proof asks for while all its leaves go by, in memory that does not grow with the tree. It runs the maker of the proof
/// once to learn which nodes that is, and gives them out once the leaves have gone by.
/// </summary>
public sealed class MerkleGatherer
{
    private static readonly byte[] Blank = new byte[MerkleHash.Size];
    private readonly Dictionary<(int Level, long Index), byte[]> found = [];
    private readonly Queue<(int Level, long Index)> wanted;
    private MerkleFrontier open = new();
    private long size;

    /// <summary>With what will ask for the nodes.</summary>
    public MerkleGatherer(Action<MerkleNodeReader> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        var asked = new HashSet<(int Level, long Index)>();
        use((level, index) =>
        {
            asked.Add((level, index));
            return Blank;
        });

        // Proofs ask for subtrees that lie beside each other, never for one inside another.
        wanted = new(asked.OrderBy(node => node.Index << node.Level));
        foreach (var (before, after) in wanted.Zip(wanted.Skip(1))) Must.Hold((before.Index + 1) << before.Level <= after.Index << after.Level);
    }

    /// <summary>The next leaf.</summary>
    public void AppendLeafHash(ReadOnlySpan<byte> leafHash)
    {
        var at = size++;
        if (!wanted.TryPeek(out var node) || at < node.Index << node.Level) return;
        open.AppendLeafHash(leafHash);
        if (size < (node.Index + 1) << node.Level) return;
        found.Add(wanted.Dequeue(), open.Root());
        open = new MerkleFrontier();
    }

    /// <summary>A node that was asked for; to ask before its leaves have gone by is a bug of the caller.</summary>
    public ReadOnlySpan<byte> Read(int level, long index)
    {
        Must.Hold(found.ContainsKey((level, index)));
        return found[(level, index)];
    }
}
