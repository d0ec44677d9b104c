using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

/// <summary>The eight-leaf tree that the reference implementation of Certificate Transparency publishes, and what follows from it.</summary>
public class MerkleVectorTests
{
    private static readonly string[] Leaves =
    [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ];

    private static readonly string[] Roots =
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    [Fact]
    public void Roots_of_all_sizes_are_the_published_ones()
    {
        var frontier = new MerkleFrontier();
        var nodes = Nodes();
        Assert.Equal(Roots[0], Hex(MerkleHash.Empty));
        for (var size = 0; size <= 8; size++)
        {
            Assert.Equal(Roots[size], Hex(frontier.Root()));
            Assert.Equal(Roots[size], Hex(nodes.Root(size)));
            if (size < 8) frontier.AppendEntry(Convert.FromHexString(Leaves[size]));
        }
    }

    [Theory]
    [InlineData(0, 1, "")]
    [InlineData(0, 8, "96a296d2 5f083f0a 6b47aaf2")]
    [InlineData(5, 8, "bc1a0643 ca854ea1 d37ee418")]
    [InlineData(2, 3, "fac54203")]
    [InlineData(1, 5, "6e340b9c 5f083f0a bc1a0643")]
    public void Inclusion_proofs_are_the_published_ones(int index, int size, string expected)
    {
        var nodes = Nodes();
        var proof = MerkleTree.InclusionProof(index, size, nodes.Read);

        Assert.Equal(expected, Short(proof));
        Assert.True(MerkleTree.VerifyInclusion(nodes.Read(0, index), index, size, Convert.FromHexString(Roots[size]), proof));
    }

    [Theory]
    [InlineData(1, 1, "")]
    [InlineData(1, 8, "96a296d2 5f083f0a 6b47aaf2")]
    [InlineData(6, 8, "0ebc5d34 ca854ea1 d37ee418")]
    [InlineData(2, 5, "5f083f0a bc1a0643")]
    public void Consistency_proofs_are_the_published_ones(int first, int second, string expected)
    {
        var proof = MerkleTree.ConsistencyProof(first, second, Nodes().Read);

        Assert.Equal(expected, Short(proof));
        Assert.True(MerkleTree.VerifyConsistency(first, Convert.FromHexString(Roots[first]), second, Convert.FromHexString(Roots[second]), proof));
    }

    [Fact]
    public void The_frontier_keeps_the_published_subtrees()
    {
        var frontier = new MerkleFrontier();
        foreach (var leaf in Leaves[..7]) frontier.AppendEntry(Convert.FromHexString(leaf));

        Assert.Equal("d37ee418 0ebc5d34 b08693ec", Short([.. frontier.Export().Chunk(32)]));
    }

    private static MerkleNodes Nodes()
    {
        var nodes = new MerkleNodes();
        foreach (var leaf in Leaves) nodes.AppendLeafHash(MerkleHash.Leaf(Convert.FromHexString(leaf)));
        return nodes;
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Short(IReadOnlyList<byte[]> proof) => string.Join(' ', proof.Select(h => Hex(h)[..8]));
}
