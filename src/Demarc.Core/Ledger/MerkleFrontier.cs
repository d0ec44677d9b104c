using System.Numerics;

namespace Demarc.Core.Ledger;

/// <summary>
/// The right edge of a growing tree: one hash per set bit of its size, the roots of the complete subtrees from left to right. It is all that
/// is needed to append and to know the root, so a replica keeps at most 62 hashes of a ledger of any length. Not safe for use by several
/// threads at once; <see cref="Clone"/> is cheap.
/// </summary>
public sealed class MerkleFrontier
{
    // The subtree with 2^level leaves stands at level * 32 when that bit of the size is set.
    private byte[] slots;

    /// <summary>The edge of a tree without leaves.</summary>
    public MerkleFrontier() : this(0, new byte[8 * MerkleHash.Size])
    {
    }

    private MerkleFrontier(long size, byte[] slots)
    {
        Size = size;
        this.slots = slots;
    }

    /// <summary>Number of leaves.</summary>
    public long Size { get; private set; }

    /// <summary>Restores an edge from <see cref="Export"/>; null when the hashes do not fit the size.</summary>
    public static MerkleFrontier? Import(long size, ReadOnlySpan<byte> hashes)
    {
        if (size is < 0 or > LedgerLimits.TreeSize) return null;
        if (hashes.Length != BitOperations.PopCount((ulong)size) * MerkleHash.Size) return null;
        var slots = new byte[Math.Max(8, BitOperations.Log2((ulong)size) + 1) * MerkleHash.Size];
        for (var level = 62; level >= 0; level--)
        {
            if ((size >> level & 1) == 0) continue;
            hashes[..MerkleHash.Size].CopyTo(slots.AsSpan(level * MerkleHash.Size));
            hashes = hashes[MerkleHash.Size..];
        }

        return new MerkleFrontier(size, slots);
    }

    /// <summary>The hashes of the complete subtrees, largest first, 32 bytes each; with <see cref="Size"/> they are the whole state.</summary>
    public byte[] Export()
    {
        var result = new byte[BitOperations.PopCount((ulong)Size) * MerkleHash.Size];
        var rest = result.AsSpan();
        for (var level = 62; level >= 0; level--)
        {
            if ((Size >> level & 1) == 0) continue;
            Slot(level).CopyTo(rest);
            rest = rest[MerkleHash.Size..];
        }

        return result;
    }

    /// <summary>An independent copy.</summary>
    public MerkleFrontier Clone() => new(Size, (byte[])slots.Clone());

    /// <summary>Appends the hash of a leaf.</summary>
    public void AppendLeafHash(ReadOnlySpan<byte> leafHash)
    {
        Must.Hold(leafHash.Length == MerkleHash.Size && Size < LedgerLimits.TreeSize);
        Span<byte> carry = stackalloc byte[MerkleHash.Size];
        leafHash.CopyTo(carry);
        var level = 0;
        for (; (Size >> level & 1) == 1; level++) MerkleHash.Node(Slot(level), carry, carry);
        if ((level + 1) * MerkleHash.Size > slots.Length) Array.Resize(ref slots, slots.Length * 2);
        carry.CopyTo(Slot(level));
        Size++;
    }

    /// <summary>Hashes an entry's bytes and appends the leaf.</summary>
    public void AppendEntry(ReadOnlySpan<byte> entry)
    {
        Span<byte> leaf = stackalloc byte[MerkleHash.Size];
        MerkleHash.Leaf(entry, leaf);
        AppendLeafHash(leaf);
    }

    /// <summary>The root of the tree as it stands.</summary>
    public byte[] Root()
    {
        if (Size == 0) return MerkleHash.Empty;
        var level = BitOperations.TrailingZeroCount(Size);
        var root = Slot(level).ToArray();
        for (level++; Size >> level != 0; level++)
        {
            if ((Size >> level & 1) == 1) MerkleHash.Node(Slot(level), root, root);
        }

        return root;
    }

    private Span<byte> Slot(int level) => slots.AsSpan(level * MerkleHash.Size, MerkleHash.Size);
}
