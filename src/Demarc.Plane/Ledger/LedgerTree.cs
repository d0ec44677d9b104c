using System.Numerics;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>
/// Trees over stored nodes. Proofs are made by running Core's algorithm twice: once to learn which nodes it asks for, once with those nodes,
/// fetched together. A proof costs O(log n) rows however long the ledger is, on any store.
/// </summary>
public static class LedgerTree
{
    private static readonly byte[] Blank = new byte[MerkleHash.Size];

    /// <summary>Leads from an entry to the root of the tree of that size.</summary>
    public static ValueTask<IReadOnlyList<byte[]>> InclusionAsync(ILedgerStore store, EnvironmentId environment, long index, long size, CancellationToken cancellation) =>
        WithNodesAsync(store, environment, nodes => MerkleTree.InclusionProof(index, size, nodes), cancellation);

    /// <summary>Shows the second tree to continue the first.</summary>
    public static ValueTask<IReadOnlyList<byte[]>> ConsistencyAsync(ILedgerStore store, EnvironmentId environment, long first, long second, CancellationToken cancellation) =>
        WithNodesAsync(store, environment, nodes => MerkleTree.ConsistencyProof(first, second, nodes), cancellation);

    /// <summary>The root of the first entries of a ledger.</summary>
    public static ValueTask<byte[]> RootAsync(ILedgerStore store, EnvironmentId environment, long size, CancellationToken cancellation) =>
        WithNodesAsync(store, environment, nodes => MerkleTree.Root(size, nodes), cancellation);

    /// <summary>The leaf hash of the next entry and, upwards, each inner node that it completes. Call it before the frontier is appended to.</summary>
    public static byte[] CompletedNodes(MerkleFrontier frontier, ReadOnlySpan<byte> leafHash)
    {
        var completed = BitOperations.TrailingZeroCount(~frontier.Size);
        var nodes = new byte[(1 + completed) * MerkleHash.Size];
        leafHash.CopyTo(nodes);
        if (completed == 0) return nodes;
        // The lowest set bits of the size are the smallest subtrees, which the export puts last.
        var edge = frontier.Export();
        for (var level = 0; level < completed; level++)
        {
            var left = edge.AsSpan(edge.Length - (level + 1) * MerkleHash.Size, MerkleHash.Size);
            var below = nodes.AsSpan(level * MerkleHash.Size, MerkleHash.Size);
            MerkleHash.Node(left, below, nodes.AsSpan((level + 1) * MerkleHash.Size, MerkleHash.Size));
        }

        return nodes;
    }

    private static async ValueTask<T> WithNodesAsync<T>(ILedgerStore store, EnvironmentId environment, Func<MerkleNodeReader, T> make, CancellationToken cancellation)
    {
        var wanted = new List<NodeAddress>();
        make((level, index) =>
        {
            wanted.Add(new NodeAddress(level, index));
            return Blank;
        });
        var hashes = await store.NodesAsync(environment, wanted, cancellation);
        var found = new Dictionary<NodeAddress, byte[]>(wanted.Count);
        for (var i = 0; i < wanted.Count; i++) found[wanted[i]] = hashes[i];
        return make((level, index) => found[new NodeAddress(level, index)]);
    }
}
