using System.Numerics;

namespace Demarc.Core.Ledger;

/// <summary>
/// Reads the hash of a complete subtree: level 0 are the leaves, the node (level, index) covers the leaves from index·2^level on.
/// Only nodes that lie wholly inside the tree are asked for.
/// </summary>
public delegate ReadOnlySpan<byte> MerkleNodeReader(int level, long index);

/// <summary>
/// Proofs over a tree of entries, after RFC 6962 §2.1.1 and §2.1.2. Proofs are made from stored nodes in O(log² n) reads; verifying needs
/// no store at all and treats everything in a proof as hostile.
/// </summary>
public static class MerkleTree
{
    /// <summary>The most hashes a proof can have; a longer one is refused unread.</summary>
    public const int MaxProofHashes = 64;

    /// <summary>The hashes that lead from the leaf to the root of the tree of that size, nearest the leaf first.</summary>
    public static IReadOnlyList<byte[]> InclusionProof(long index, long size, MerkleNodeReader nodes)
    {
        Must.Hold(size is > 0 and <= LedgerLimits.TreeSize && index >= 0 && index < size);
        ArgumentNullException.ThrowIfNull(nodes);
        var proof = new List<byte[]>();
        AddPath(index, 0, size, nodes, proof);
        return proof;
    }

    /// <summary>The hashes that show the tree of the second size to continue the tree of the first.</summary>
    public static IReadOnlyList<byte[]> ConsistencyProof(long first, long second, MerkleNodeReader nodes)
    {
        Must.Hold(first >= 0 && first <= second && second <= LedgerLimits.TreeSize);
        ArgumentNullException.ThrowIfNull(nodes);
        var proof = new List<byte[]>();
        if (first > 0 && first < second) AddSubProof(first, 0, second, whole: true, nodes, proof);
        return proof;
    }

    /// <summary>The root of the first leaves of a store.</summary>
    public static byte[] Root(long size, MerkleNodeReader nodes)
    {
        Must.Hold(size is >= 0 and <= LedgerLimits.TreeSize);
        ArgumentNullException.ThrowIfNull(nodes);
        return size == 0 ? MerkleHash.Empty : Range(0, size, nodes);
    }

    /// <summary>Whether the proof shows that the leaf stands at that index of the tree with that size and root.</summary>
    public static bool VerifyInclusion(
        ReadOnlySpan<byte> leafHash, long index, long size, ReadOnlySpan<byte> root, IReadOnlyList<byte[]> proof)
    {
        if (index < 0 || index >= size || size > LedgerLimits.TreeSize || !AreHashes(proof)) return false;
        if (leafHash.Length != MerkleHash.Size || root.Length != MerkleHash.Size) return false;
        Span<byte> hash = stackalloc byte[MerkleHash.Size];
        leafHash.CopyTo(hash);
        var (node, last) = (index, size - 1);
        foreach (var sibling in proof)
        {
            if (last == 0) return false;
            if ((node & 1) == 1 || node == last)
            {
                MerkleHash.Node(sibling, hash, hash);
                // A node without a right sibling moves up unhashed until it has a left one.
                while ((node & 1) == 0) (node, last) = (node >> 1, last >> 1);
            }
            else
            {
                MerkleHash.Node(hash, sibling, hash);
            }

            (node, last) = (node >> 1, last >> 1);
        }

        return last == 0 && hash.SequenceEqual(root);
    }

    /// <summary>Whether the proof shows that the tree with the second size and root continues the one with the first.</summary>
    public static bool VerifyConsistency(
        long first, ReadOnlySpan<byte> firstRoot, long second, ReadOnlySpan<byte> secondRoot, IReadOnlyList<byte[]> proof)
    {
        if (first < 0 || first > second || second > LedgerLimits.TreeSize || !AreHashes(proof)) return false;
        if (firstRoot.Length != MerkleHash.Size || secondRoot.Length != MerkleHash.Size) return false;
        if (first == second) return proof.Count == 0 && firstRoot.SequenceEqual(secondRoot);
        if (first == 0) return proof.Count == 0 && firstRoot.SequenceEqual(MerkleHash.Empty);

        // An old tree that is one complete subtree is not repeated in the proof.
        var roots = MerklePrefix.Roots(first, second, BitOperations.IsPow2(first) ? [firstRoot.ToArray(), .. proof] : proof);
        return roots is { } found && found.Prefix.AsSpan().SequenceEqual(firstRoot) && found.Whole.AsSpan().SequenceEqual(secondRoot);
    }

    /// <summary>Reads inner nodes by computing them from leaf hashes: simple, and O(n) per proof. For short ledgers and tests.</summary>
    public static MerkleNodeReader FromLeafHashes(Func<long, byte[]> leafHash)
    {
        ArgumentNullException.ThrowIfNull(leafHash);
        return Read;

        ReadOnlySpan<byte> Read(int level, long index) =>
            level == 0 ? leafHash(index) : MerkleHash.Node(Read(level - 1, index * 2), Read(level - 1, index * 2 + 1));
    }

    private static void AddPath(long index, long from, long to, MerkleNodeReader nodes, List<byte[]> proof)
    {
        if (to - from == 1) return;
        var middle = from + Split(to - from);
        if (index < middle)
        {
            AddPath(index, from, middle, nodes, proof);
            proof.Add(Range(middle, to, nodes));
        }
        else
        {
            AddPath(index, middle, to, nodes, proof);
            proof.Add(Range(from, middle, nodes));
        }
    }

    private static void AddSubProof(long first, long from, long to, bool whole, MerkleNodeReader nodes, List<byte[]> proof)
    {
        if (first == to)
        {
            if (!whole) proof.Add(Range(from, to, nodes));
            return;
        }

        var middle = from + Split(to - from);
        if (first <= middle)
        {
            AddSubProof(first, from, middle, whole, nodes, proof);
            proof.Add(Range(middle, to, nodes));
        }
        else
        {
            AddSubProof(first, middle, to, whole: false, nodes, proof);
            proof.Add(Range(from, middle, nodes));
        }
    }

    // Every range asked for starts at a multiple of the power of two that covers it, so that its complete parts are stored nodes.
    private static byte[] Range(long from, long to, MerkleNodeReader nodes)
    {
        var count = to - from;
        if (BitOperations.IsPow2(count))
        {
            var level = BitOperations.Log2((ulong)count);
            return nodes(level, from >> level).ToArray();
        }

        var middle = from + Split(count);
        return MerkleHash.Node(Range(from, middle, nodes), Range(middle, to, nodes));
    }

    private static long Split(long count) => 1L << BitOperations.Log2((ulong)count - 1);

    internal static bool AreHashes(IReadOnlyList<byte[]>? proof)
    {
        if (proof is null || proof.Count > MaxProofHashes) return false;
        foreach (var hash in proof)
        {
            if (hash is not { Length: MerkleHash.Size }) return false;
        }

        return true;
    }
}
