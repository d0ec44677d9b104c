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
        var writer = new TlogTilesWriter();
        foreach (var entry in entries)
        {
            foreach (var file in writer.Append(entry.Span)) yield return file;
        }

        foreach (var file in writer.Partial()) yield return file;
    }

    // Groups of three digits, all but the last marked with an x, so that no folder has more than a thousand files.
    private static string IndexPath(long index, int width)
    {
        Must.Hold(index >= 0 && width is > 0 and <= Width);
        var path = (index % 1000).ToString("D3", CultureInfo.InvariantCulture);
        for (index /= 1000; index > 0; index /= 1000) path = string.Create(CultureInfo.InvariantCulture, $"x{index % 1000:D3}/{path}");
        return width == Width ? path : string.Create(CultureInfo.InvariantCulture, $"{path}.p/{width}");
    }
}
