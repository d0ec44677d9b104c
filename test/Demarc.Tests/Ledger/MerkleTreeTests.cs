using CsCheck;
using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class MerkleTreeTests
{
    private const int Most = 200;
    private static readonly MerkleNodes Nodes = Sample.Nodes(Most);
    private static readonly byte[][] Roots = [.. Enumerable.Range(0, Most + 1).Select(size => Nodes.Root(size))];

    [Fact]
    public void Every_inclusion_proof_up_to_200_leaves_verifies_where_it_belongs_and_nowhere_else()
    {
        for (var size = 1; size <= Most; size++)
        {
            for (var index = 0; index < size; index++)
            {
                var proof = MerkleTree.InclusionProof(index, size, Nodes.Read);
                var leaf = Nodes.Read(0, index);
                Assert.True(MerkleTree.VerifyInclusion(leaf, index, size, Roots[size], proof));
                Assert.False(MerkleTree.VerifyInclusion(leaf, (index + 1) % size, size, Roots[size], proof) && size > 1);
                Assert.False(MerkleTree.VerifyInclusion(leaf, index, size, Roots[size - 1], proof));
                Assert.False(MerkleTree.VerifyInclusion(leaf, index, size, Roots[size], [.. proof, Roots[1]]));
                if (proof.Count > 0) Assert.False(MerkleTree.VerifyInclusion(leaf, index, size, Roots[size], [.. proof.Take(proof.Count - 1)]));
            }
        }
    }

    [Fact]
    public void Every_consistency_proof_up_to_200_leaves_verifies_where_it_belongs_and_nowhere_else()
    {
        for (var second = 0; second <= Most; second++)
        {
            for (var first = 0; first <= second; first++)
            {
                var proof = MerkleTree.ConsistencyProof(first, second, Nodes.Read);
                Assert.True(MerkleTree.VerifyConsistency(first, Roots[first], second, Roots[second], proof));
                Assert.False(MerkleTree.VerifyConsistency(first, Roots[first], second, Roots[second], [.. proof, Roots[1]]));
                if (first == second || first == 0) continue;
                Assert.False(MerkleTree.VerifyConsistency(first, Roots[second], second, Roots[first], proof));
                Assert.False(MerkleTree.VerifyConsistency(first, Roots[first - 1], second, Roots[second], proof));
                Assert.False(MerkleTree.VerifyConsistency(first, Roots[first], second, Roots[second], [.. proof.Take(proof.Count - 1)]));
            }
        }
    }

    [Fact]
    public void Any_flipped_bit_of_an_inclusion_proof_fails() =>
        Gen.Select(Gen.Int[2, Most], Gen.Int[0, Most - 1], Gen.Int[0, 255], Gen.Int[0, 20]).Sample((size, at, bit, hash) =>
        {
            var index = at % size;
            var proof = Copy(MerkleTree.InclusionProof(index, size, Nodes.Read));
            var leaf = Nodes.Read(0, index).ToArray();
            var root = (byte[])Roots[size].Clone();
            byte[][] all = [leaf, root, .. proof];
            Flip(all[hash % all.Length], bit);
            Assert.False(MerkleTree.VerifyInclusion(leaf, index, size, root, proof));
        }, iter: 5_000);

    [Fact]
    public void Any_flipped_bit_of_a_consistency_proof_fails() =>
        Gen.Select(Gen.Int[2, Most], Gen.Int[1, Most], Gen.Int[0, 255], Gen.Int[0, 20]).Sample((second, at, bit, hash) =>
        {
            var first = 1 + (at % (second - 1));
            var proof = Copy(MerkleTree.ConsistencyProof(first, second, Nodes.Read));
            var (before, after) = ((byte[])Roots[first].Clone(), (byte[])Roots[second].Clone());
            byte[][] all = [before, after, .. proof];
            Flip(all[hash % all.Length], bit);
            Assert.False(MerkleTree.VerifyConsistency(first, before, second, after, proof));
        }, iter: 5_000);

    [Fact]
    public void Nonsense_is_refused_and_not_an_exception() =>
        Gen.Select(Gen.Long, Gen.Long, Gen.Byte.Array[0, 40].Array[0, 70], Gen.Byte.Array[30, 33]).Sample((a, b, proof, hash) =>
        {
            Assert.False(MerkleTree.VerifyInclusion(hash, a, b, Roots[3], proof));
            Assert.False(a != b && MerkleTree.VerifyConsistency(a, hash, b, Roots[3], proof));
        }, iter: 5_000);

    [Fact]
    public void Trees_of_extreme_size_are_verified_without_a_loop_that_never_ends()
    {
        byte[][] proof = [.. Enumerable.Repeat(Roots[1], MerkleTree.MaxProofHashes)];
        Assert.False(MerkleTree.VerifyInclusion(Roots[1], LedgerLimits.TreeSize - 1, LedgerLimits.TreeSize, Roots[1], proof));
        Assert.False(MerkleTree.VerifyConsistency(LedgerLimits.TreeSize - 1, Roots[1], LedgerLimits.TreeSize, Roots[1], proof));
        Assert.False(MerkleTree.VerifyInclusion(Roots[1], 0, long.MaxValue, Roots[1], proof));
        Assert.False(MerkleTree.VerifyInclusion(Roots[1], 0, 2, Roots[1], [null!]));
        Assert.False(MerkleTree.VerifyInclusion(Roots[1], 0, 2, Roots[1], null!));
    }

    [Fact]
    public void The_edge_of_a_tree_survives_export_and_grows_the_same()
    {
        var frontier = new MerkleFrontier();
        for (var size = 0; size <= 1_000; size++)
        {
            var copy = MerkleFrontier.Import(size, frontier.Export())!;
            var clone = frontier.Clone();
            frontier.AppendEntry(Sample.Entry(size));
            Assert.Equal(size, clone.Size);
            copy.AppendEntry(Sample.Entry(size));
            clone.AppendEntry(Sample.Entry(size));
            Assert.Equal(frontier.Root(), copy.Root());
            Assert.Equal(frontier.Root(), clone.Root());
            if (size < Most) Assert.Equal(Roots[size + 1], frontier.Root());
        }
    }

    [Fact]
    public void An_exported_edge_of_the_wrong_length_is_refused()
    {
        Assert.Null(MerkleFrontier.Import(-1, []));
        Assert.Null(MerkleFrontier.Import(3, new byte[32]));
        Assert.Null(MerkleFrontier.Import(0, new byte[32]));
        Assert.Null(MerkleFrontier.Import(long.MaxValue, new byte[63 * 32]));
        Assert.NotNull(MerkleFrontier.Import(LedgerLimits.TreeSize, new byte[32]));
    }

    [Fact]
    public void Nodes_computed_from_leaf_hashes_are_the_stored_ones()
    {
        var read = MerkleTree.FromLeafHashes(i => Nodes.Read(0, i).ToArray());
        Assert.Equal(Roots[137], MerkleTree.Root(137, read));
        Assert.Equal(MerkleTree.InclusionProof(99, 137, Nodes.Read), MerkleTree.InclusionProof(99, 137, read));
    }

    private static byte[][] Copy(IReadOnlyList<byte[]> proof) => [.. proof.Select(h => (byte[])h.Clone())];

    private static void Flip(byte[] hash, int bit) => hash[bit / 8] ^= (byte)(1 << (bit % 8));
}
