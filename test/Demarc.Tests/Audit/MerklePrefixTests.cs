using Demarc.Core.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Audit;

/// <summary>What the first leaves of a tree hash to, shown from its root: for every size, and for nothing that is not so.</summary>
public sealed class MerklePrefixTests
{
    private const int Most = 140;
    private static readonly MerkleNodes Nodes = Sample.Nodes(Most);

    [Fact]
    public void Both_roots_follow_from_the_hashes_for_every_pair_of_sizes_up_to_140()
    {
        for (var size = 2; size <= Most; size++)
        {
            for (var first = 1; first < size; first++)
            {
                var hashes = MerklePrefix.Hashes(first, size, Nodes.Read);
                var roots = MerklePrefix.Roots(first, size, hashes);
                Assert.True(roots.HasValue);
                Assert.Equal(Nodes.Root(first), roots.Value.Prefix);
                Assert.Equal(Nodes.Root(size), roots.Value.Whole);
                Assert.Null(MerklePrefix.Roots(first, size, [.. hashes, Nodes.Root(1)]));
                Assert.True(hashes.Count == 1 || MerklePrefix.Roots(first, size, [.. hashes.Take(hashes.Count - 1)]) is null);
            }
        }
    }

    [Fact]
    public void The_hashes_of_one_prefix_never_show_another_of_the_same_tree()
    {
        for (var first = 1; first < 70; first++)
        {
            var hashes = MerklePrefix.Hashes(first, 70, Nodes.Read);
            for (var other = 1; other < 70; other++)
            {
                if (other == first || MerklePrefix.Roots(other, 70, hashes) is not { } roots || !roots.Whole.AsSpan().SequenceEqual(Nodes.Root(70))) continue;
                Assert.Equal(Nodes.Root(other), roots.Prefix);
            }
        }
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, 5)]
    [InlineData(6, 5)]
    [InlineData(-1, 5)]
    public void Sizes_that_make_no_sense_show_nothing(long first, long size) => Assert.Null(MerklePrefix.Roots(first, size, [new byte[32]]));

    [Fact]
    public void A_gatherer_gives_the_same_proofs_as_a_store_of_all_nodes()
    {
        for (var size = 2; size <= Most; size += 3)
        {
            for (var first = 1; first < size; first += 2)
            {
                var prefix = new MerkleGatherer(nodes => MerklePrefix.Hashes(first, size, nodes));
                var inclusion = new MerkleGatherer(nodes => MerkleTree.InclusionProof(first, size, nodes));
                for (var leaf = 0; leaf < size; leaf++)
                {
                    prefix.AppendLeafHash(Nodes.Read(0, leaf));
                    inclusion.AppendLeafHash(Nodes.Read(0, leaf));
                }

                Assert.Equal(MerklePrefix.Hashes(first, size, Nodes.Read), MerklePrefix.Hashes(first, size, prefix.Read));
                Assert.Equal(MerkleTree.InclusionProof(first, size, Nodes.Read), MerkleTree.InclusionProof(first, size, inclusion.Read));
            }
        }
    }
}
