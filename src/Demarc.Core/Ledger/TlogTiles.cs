using System.Buffers.Binary;
using System.Globalization;

namespace Demarc.Core.Ledger;

/// <summary>One file of an export: a path with forward slashes below the export's root, and its content.</summary>
public sealed record TlogFile(string Path, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// A ledger as static files in the C2SP tlog-tiles layout, so that other people's verifiers read it: entry bundles of up to 256 entries, and the
/// tree's hashes in tiles of height 8. The files depend on the entries alone; together with a signed checkpoint in <see cref="CheckpointPath"/>
/// they are the whole export. Pure: <see cref="Write"/> streams the files out, <see cref="TlogTilesReader"/> reads them through a look-up.
/// </summary>
public static class TlogTiles
{
    /// <summary>Entries in a full bundle, hashes in a full tile.</summary>
    public const int Width = 256;

    /// <summary>Where the signed checkpoint stands.</summary>
    public const string CheckpointPath = "checkpoint";

    internal const string EntriesFolder = "tile/entries/";

    /// <summary>Levels of tiles above which no ledger within <see cref="LedgerLimits.TreeSize"/> reaches.</summary>
    private const int Levels = 8;

    /// <summary>The path of a tile of hashes; the width is 256 for a full one.</summary>
    public static string TilePath(int level, long index, int width = Width)
    {
        Must.Hold(level is >= 0 and < Levels);
        return string.Create(CultureInfo.InvariantCulture, $"tile/{level}/{IndexPath(index, width)}");
    }

    /// <summary>The path of a bundle of entries; the width is 256 for a full one.</summary>
    public static string EntriesPath(long index, int width = Width) => EntriesFolder + IndexPath(index, width);

    /// <summary>
    /// The files of a ledger with these entries, in the order in which they become complete. Memory is bounded by one tile per level and one
    /// bundle, whatever the ledger's length. An entry is at most <see cref="LedgerLimits.EnvelopeBytes"/> long.
    /// </summary>
    public static IEnumerable<TlogFile> Write(IEnumerable<ReadOnlyMemory<byte>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        return WriteFiles(entries);
    }

    private static IEnumerable<TlogFile> WriteFiles(IEnumerable<ReadOnlyMemory<byte>> entries)
    {
        var bundle = new MemoryStream();
        var tiles = new List<OpenTile>();
        long size = 0;
        foreach (var entry in entries)
        {
            AddToBundle(bundle, entry.Span);
            size++;
            var full = AddHash(tiles, 0, MerkleHash.Leaf(entry.Span));
            if (size % Width != 0) continue;
            yield return new TlogFile(EntriesPath((size / Width) - 1), bundle.ToArray());
            bundle.SetLength(0);
            for (var level = 0; full is not null; level++)
            {
                yield return new TlogFile(TilePath(level, tiles[level].Index++), full);
                full = AddHash(tiles, level + 1, SubtreeRoot(full));
            }
        }

        if (bundle.Length > 0) yield return new TlogFile(EntriesPath(size / Width, (int)(size % Width)), bundle.ToArray());
        for (var level = 0; level < tiles.Count; level++)
        {
            var width = tiles[level].Count;
            if (width > 0) yield return new TlogFile(TilePath(level, tiles[level].Index, width), tiles[level].Hashes.AsMemory(0, width * MerkleHash.Size));
        }
    }

    /// <summary>The root over the hashes of a full tile, which is one hash in the tile above.</summary>
    private static byte[] SubtreeRoot(ReadOnlySpan<byte> hashes)
    {
        Must.Hold(hashes.Length == Width * MerkleHash.Size);
        var frontier = new MerkleFrontier();
        for (var at = 0; at < hashes.Length; at += MerkleHash.Size) frontier.AppendLeafHash(hashes.Slice(at, MerkleHash.Size));
        return frontier.Root();
    }

    private static void AddToBundle(MemoryStream bundle, ReadOnlySpan<byte> entry)
    {
        Must.Hold(entry.Length <= LedgerLimits.EnvelopeBytes);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)entry.Length);
        bundle.Write(length);
        bundle.Write(entry);
    }

    // The tile's bytes when this hash fills it, which also empties it.
    private static byte[]? AddHash(List<OpenTile> tiles, int level, ReadOnlySpan<byte> hash)
    {
        if (level == tiles.Count) tiles.Add(new OpenTile());
        var tile = tiles[level];
        hash.CopyTo(tile.Hashes.AsSpan(tile.Count++ * MerkleHash.Size));
        if (tile.Count < Width) return null;
        tile.Count = 0;
        return (byte[])tile.Hashes.Clone();
    }

    // Groups of three digits, all but the last marked with an x, so that no folder has more than a thousand files.
    private static string IndexPath(long index, int width)
    {
        Must.Hold(index >= 0 && width is > 0 and <= Width);
        var path = (index % 1000).ToString("D3", CultureInfo.InvariantCulture);
        for (index /= 1000; index > 0; index /= 1000) path = string.Create(CultureInfo.InvariantCulture, $"x{index % 1000:D3}/{path}");
        return width == Width ? path : string.Create(CultureInfo.InvariantCulture, $"{path}.p/{width}");
    }

    private sealed class OpenTile
    {
        public byte[] Hashes { get; } = new byte[Width * MerkleHash.Size];

        public int Count { get; set; }

        public long Index { get; set; }
    }
}
