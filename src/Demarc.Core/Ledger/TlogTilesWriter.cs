using System.Buffers;
using System.Buffers.Binary;

namespace Demarc.Core.Ledger;

/// <summary>
/// Makes the files of a growing ledger one entry at a time: full bundles and tiles as they become complete, and on demand the partial ones for the size it has
/// now. Every file's path and bytes depend on the entries alone, so that a file is never written with two contents. Memory is bounded by one tile per level and one bundle.
/// </summary>
public sealed class TlogTilesWriter
{
    private readonly ArrayBufferWriter<byte> bundle = new();
    private readonly List<OpenTile> tiles = [];

    /// <summary>How many entries have been taken.</summary>
    public long Size { get; private set; }

    /// <summary>Takes the next entry, at most <see cref="LedgerLimits.EnvelopeBytes"/> long; gives the files that it completes.</summary>
    public IReadOnlyList<TlogFile> Append(ReadOnlySpan<byte> entry)
    {
        Must.Hold(entry.Length <= LedgerLimits.EnvelopeBytes);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)entry.Length);
        bundle.Write(length);
        bundle.Write(entry);
        Size++;
        var full = AddHash(0, MerkleHash.Leaf(entry));
        if (full is null) return [];
        List<TlogFile> files = [new(TlogTiles.EntriesPath((Size / TlogTiles.Width) - 1), bundle.WrittenSpan.ToArray())];
        bundle.ResetWrittenCount();
        for (var level = 0; full is not null; level++)
        {
            files.Add(new TlogFile(TlogTiles.TilePath(level, tiles[level].Index++), full));
            full = AddHash(level + 1, SubtreeRoot(full));
        }

        return files;
    }

    /// <summary>The partial files that, with the full ones, make up the ledger as it is now; none when every tile is full.</summary>
    public IReadOnlyList<TlogFile> Partial()
    {
        List<TlogFile> files = [];
        if (bundle.WrittenCount > 0) files.Add(new TlogFile(TlogTiles.EntriesPath(Size / TlogTiles.Width, (int)(Size % TlogTiles.Width)), bundle.WrittenSpan.ToArray()));
        for (var level = 0; level < tiles.Count; level++)
        {
            var width = tiles[level].Count;
            if (width > 0) files.Add(new TlogFile(TlogTiles.TilePath(level, tiles[level].Index, width), tiles[level].Hashes.AsSpan(0, width * MerkleHash.Size).ToArray()));
        }

        return files;
    }

    /// <summary>The root over the hashes of a full tile, which is one hash in the tile above.</summary>
    private static byte[] SubtreeRoot(ReadOnlySpan<byte> hashes)
    {
        Must.Hold(hashes.Length == TlogTiles.Width * MerkleHash.Size);
        var frontier = new MerkleFrontier();
        for (var at = 0; at < hashes.Length; at += MerkleHash.Size) frontier.AppendLeafHash(hashes.Slice(at, MerkleHash.Size));
        return frontier.Root();
    }

    // The tile's bytes when this hash fills it, which also empties it.
    private byte[]? AddHash(int level, ReadOnlySpan<byte> hash)
    {
        if (level == tiles.Count) tiles.Add(new OpenTile());
        var tile = tiles[level];
        hash.CopyTo(tile.Hashes.AsSpan(tile.Count++ * MerkleHash.Size));
        if (tile.Count < TlogTiles.Width) return null;
        tile.Count = 0;
        return (byte[])tile.Hashes.Clone();
    }

    private sealed class OpenTile
    {
        public byte[] Hashes { get; } = new byte[TlogTiles.Width * MerkleHash.Size];

        public int Count { get; set; }

        public long Index { get; set; }
    }
}
