using System.Globalization;
using System.Numerics;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Indexes;

/// <summary>Which structure a file holds. Numbers stand in files and are never reused.</summary>
internal enum IndexFileKind
{
    Graph = 1,
    Lists = 2,
    BinaryLists = 3,
    Inverted = 4,
}

/// <summary>What an index file's name says: over the first rows of which segment, for which definition.</summary>
internal readonly record struct IndexFileName(long Segment, long Index, int Rows);

/// <summary>
/// One index of one segment as a file of blocks, which is mapped as it is. It can be made again from the rows, so a file that
/// is missing, damaged or of other rows costs time and nothing else. Its description holds the structure's kind, the
/// definition's id, a checksum over some of the rows it was built of, and the structure's own numbers.
/// </summary>
internal static class IndexFile
{
    public const string Extension = ".idx";

    /// <summary>Rows whose values tell that the file is of these rows and no others.</summary>
    private const int SampledRows = 64;

    private const int CommonNumbers = 3;

    public static string Name(IndexFileName name) => string.Create(CultureInfo.InvariantCulture, $"index-{name.Segment:x16}-{name.Index:x16}-{name.Rows:x8}{Extension}");

    public static bool TryName(string path, out IndexFileName name)
    {
        var parts = Path.GetFileNameWithoutExtension(path).Split('-');
        name = default;
        if (parts.Length != 4
            || !long.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var segment)
            || !long.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var index)
            || !int.TryParse(parts[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rows))
        {
            return false;
        }

        name = new IndexFileName(segment, index, rows);
        return true;
    }

    public static void Write(Disk disk, string path, long collection, long segment, VectorColumn column, VectorIndex index)
    {
        var (kind, numbers) = index.Description;
        using var writer = new BlockWriter(disk, path);
        writer.Block<long>(BlockKind.Description, 0, [(long)kind, index.IndexId, Sample(column, index.Rows), .. numbers]);
        index.WriteTo(writer);
        writer.Commit(BlockFormat.IndexMagic, new BlockFileIdentity(collection, segment, index.Rows));
    }

    /// <summary>Opens a file and checks all of it.</summary>
    public static BlockFile Open(string path)
    {
        var file = BlockFile.Open(path, BlockFormat.IndexMagic);
        file.CheckAll();
        return file;
    }

    /// <summary>The index in an opened file, or null when it is of other rows or another definition.</summary>
    /// <param name="file">The file.</param>
    /// <param name="copied">Whether what a walk touches is copied to memory of the process.</param>
    /// <param name="expected">Whose index it has to be.</param>
    /// <param name="collection">Of which collection.</param>
    /// <param name="column">The rows.</param>
    public static VectorIndex? Read(BlockFile file, bool copied, IndexFileName expected, long collection, VectorColumn column)
    {
        var description = file.Read<long>(BlockKind.Description, 0);
        if (file.Identity != new BlockFileIdentity(collection, expected.Segment, expected.Rows) || description.Length < CommonNumbers
            || description[1] != expected.Index || expected.Rows > column.Count || description[2] != Sample(column, expected.Rows))
        {
            return null;
        }

        var numbers = description.AsSpan(CommonNumbers);
        VectorIndex? index = ((IndexFileKind)description[0], column) switch
        {
            (IndexFileKind.Graph, not SparseVectorColumn) => HnswIndex.ReadFrom(file, copied, numbers, column, expected.Index),
            (IndexFileKind.Lists, not SparseVectorColumn) => IvfIndex.ReadFrom(file, copied, numbers, column, expected.Index),
            (IndexFileKind.BinaryLists, ByteVectorColumn) => BinaryIvfIndex.ReadFrom(file, copied, numbers, column, expected.Index),
            (IndexFileKind.Inverted, SparseVectorColumn) => SparseIndex.ReadFrom(file, copied, numbers, expected.Index),
            _ => null,
        };
        if (index is not null)
        {
            index.Stored = true;
        }

        return index;
    }

    /// <summary>
    /// Whether all values lie in [low, high]. Loops follow row numbers by pointer and do not look; a file matches its checksum
    /// also when what wrote it was wrong.
    /// </summary>
    public static bool Within(ReadOnlySpan<int> values, int low, int high)
    {
        var (least, most) = (new Vector<int>(low), new Vector<int>(high));
        var sound = true;
        var i = 0;
        for (; i <= values.Length - Vector<int>.Count && sound; i += Vector<int>.Count)
        {
            var lane = new Vector<int>(values[i..]);
            sound = Vector.GreaterThanOrEqualAll(lane, least) && Vector.LessThanOrEqualAll(lane, most);
        }

        for (; i < values.Length && sound; i++)
        {
            sound = values[i] >= low && values[i] <= high;
        }

        return sound;
    }

    /// <summary>Whether values rise from 0 to the end of what they divide.</summary>
    public static bool Divides(ReadOnlySpan<int> starts, int end)
    {
        var sound = starts.Length > 0 && starts[0] == 0 && starts[^1] == end;
        for (var i = 1; i < starts.Length && sound; i++)
        {
            sound = starts[i] >= starts[i - 1];
        }

        return sound;
    }

    public static DamagedDataException Unsound(BlockFile file) => new(file.Path, 0, "the index matches its checksums but points to rows that there are not");

    private static uint Sample(VectorColumn column, int rows)
    {
        var running = Crc32C.Begin;
        var sampled = Math.Min(rows, SampledRows);
        for (var i = 0; i < sampled; i++)
        {
            running = column.Checksum((int)((long)i * rows / sampled), running);
        }

        return Crc32C.End(running);
    }
}
