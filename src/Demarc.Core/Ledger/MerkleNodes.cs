namespace Demarc.Core.Ledger;

/// <summary>
/// All complete nodes of one tree in memory, 64 bytes per leaf, for fast proofs. A store that keeps nodes on disk implements
/// <see cref="MerkleNodeReader"/> itself.
/// </summary>
public sealed class MerkleNodes
{
    private readonly List<Level> levels = [];

    /// <summary>Number of leaves.</summary>
    public long Size => levels.Count == 0 ? 0 : levels[0].Count;

    /// <summary>Appends the hash of a leaf and every inner node that it completes.</summary>
    public void AppendLeafHash(ReadOnlySpan<byte> leafHash)
    {
        Must.Hold(leafHash.Length == MerkleHash.Size);
        Span<byte> hash = stackalloc byte[MerkleHash.Size];
        leafHash.CopyTo(hash);
        for (var at = 0; ; at++)
        {
            if (at == levels.Count) levels.Add(new Level());
            var level = levels[at];
            level.Add(hash);
            if (level.Count % 2 == 1) return;
            MerkleHash.Node(level[level.Count - 2], level[level.Count - 1], hash);
        }
    }

    /// <summary>The node at a level and index; asking for one that is not complete is a bug of the caller.</summary>
    public ReadOnlySpan<byte> Read(int level, long index)
    {
        Must.Hold(level < levels.Count && index >= 0 && index < levels[level].Count);
        return levels[level][(int)index];
    }

    /// <summary>The root of the first leaves.</summary>
    public byte[] Root(long size)
    {
        Must.Hold(size <= Size);
        return MerkleTree.Root(size, Read);
    }

    private sealed class Level
    {
        private byte[] bytes = new byte[8 * MerkleHash.Size];

        public int Count { get; private set; }

        public ReadOnlySpan<byte> this[int index] => bytes.AsSpan(index * MerkleHash.Size, MerkleHash.Size);

        public void Add(ReadOnlySpan<byte> hash)
        {
            if ((Count + 1) * MerkleHash.Size > bytes.Length) Array.Resize(ref bytes, bytes.Length * 2);
            hash.CopyTo(bytes.AsSpan(Count * MerkleHash.Size));
            Count++;
        }
    }
}
