using Demarc.Core.Ledger;

namespace Demarc.Tests.Ledger;

/// <summary>Inputs that several ledger tests share; everything follows from small numbers.</summary>
internal static class Sample
{
    public static SigningKey Key(byte number) => SigningKey.FromSeed([.. Enumerable.Repeat(number, 32)]);

    public static byte[] Entry(long index) => System.Text.Encoding.UTF8.GetBytes($"entry {index}");

    public static MerkleNodes Nodes(long size)
    {
        var nodes = new MerkleNodes();
        for (long i = 0; i < size; i++) nodes.AppendLeafHash(MerkleHash.Leaf(Entry(i)));
        return nodes;
    }
}
