using System.Buffers.Binary;

namespace Demarc.Core.Ledger;

/// <summary>
/// Verifies an export in the tlog-tiles layout against a checkpoint. The entries are read from their bundles, the whole export is made anew from
/// them as it goes, and every tile and the root have to be what was made. Nothing in the files is trusted; how much is read is bounded by the
/// checkpoint's size, so verify the checkpoint's signatures first.
/// </summary>
public sealed class TlogTilesReader
{
    private const string PartialMark = ".p/";

    private readonly Func<string, byte[]?> lookup;
    private readonly Action<long, ReadOnlyMemory<byte>>? onEntry;
    private readonly MerkleFrontier frontier = new();
    private string? error;

    private TlogTilesReader(Func<string, byte[]?> lookup, Action<long, ReadOnlyMemory<byte>>? onEntry)
    {
        this.lookup = lookup;
        this.onEntry = onEntry;
    }

    /// <summary>
    /// Reads the export through a look-up from path to content (null when there is no such file) and hands out each entry with its index, in order.
    /// Entries are handed out before the root is known: act on them only after this has returned null. Otherwise it returns one sentence that names
    /// the file that does not fit.
    /// </summary>
    public static string? Verify(Checkpoint checkpoint, Func<string, byte[]?> lookup, Action<long, ReadOnlyMemory<byte>>? onEntry = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(lookup);
        var reader = new TlogTilesReader(lookup, onEntry);
        foreach (var made in TlogTiles.Write(reader.ReadEntries(checkpoint.Size)))
        {
            if (reader.error is not null) return reader.error;
            if (!made.Path.StartsWith(TlogTiles.EntriesFolder, StringComparison.Ordinal) && reader.Compare(made) is { } difference) return difference;
        }

        if (reader.error is not null) return reader.error;
        var root = reader.frontier.Root();
        return root.AsSpan().SequenceEqual(checkpoint.Root)
            ? null
            : $"{TlogTiles.CheckpointPath}: its root is {Base64Text.Encode(checkpoint.Root)}, the {checkpoint.Size} entries give {Base64Text.Encode(root)}";
    }

    /// <summary>
    /// The entries of an export, in order, without any verification: for reading what <see cref="Verify"/> has passed a second time. Ends early where a file is missing or cut off.
    /// </summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Entries(long size, Func<string, byte[]?> lookup)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        return new TlogTilesReader(lookup, null).ReadEntries(size);
    }

    private IEnumerable<ReadOnlyMemory<byte>> ReadEntries(long size)
    {
        for (long index = 0; index < size;)
        {
            var width = (int)Math.Min(TlogTiles.Width, size - index);
            var path = TlogTiles.EntriesPath(index / TlogTiles.Width, width);
            if (Read(path, out var isWider) is not { } bundle)
            {
                error = $"{path}: missing";
                yield break;
            }

            ReadOnlyMemory<byte> rest = bundle;
            for (var i = 0; i < width; i++, index++)
            {
                if (!TryTake(ref rest, out var entry))
                {
                    error = $"{path}: ends before entry {index} is complete";
                    yield break;
                }

                frontier.AppendEntry(entry.Span);
                onEntry?.Invoke(index, entry);
                yield return entry;
            }

            if (isWider || rest.Length == 0) continue;
            error = $"{path}: {rest.Length} bytes after the last entry";
            yield break;
        }
    }

    private string? Compare(TlogFile made)
    {
        if (Read(made.Path, out var isWider) is not { } found) return $"{made.Path}: missing";
        var same = isWider ? found.AsSpan().StartsWith(made.Bytes.Span) : found.AsSpan().SequenceEqual(made.Bytes.Span);
        return same ? null : $"{made.Path}: its hashes are not those of the entries";
    }

    // A log may delete a partial file once the full one exists; the full one then stands in and holds more than is asked for.
    private byte[]? Read(string path, out bool isWider)
    {
        isWider = false;
        if (lookup(path) is { } bytes) return bytes;
        var mark = path.IndexOf(PartialMark, StringComparison.Ordinal);
        isWider = mark >= 0;
        return isWider ? lookup(path[..mark]) : null;
    }

    private static bool TryTake(ref ReadOnlyMemory<byte> rest, out ReadOnlyMemory<byte> entry)
    {
        entry = default;
        if (rest.Length < 2) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(rest.Span);
        if (rest.Length - 2 < length) return false;
        entry = rest.Slice(2, length);
        rest = rest[(2 + length)..];
        return true;
    }
}
