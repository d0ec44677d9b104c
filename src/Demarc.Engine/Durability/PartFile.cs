namespace Demarc.Engine.Durability;

/// <summary>
/// A file of blocks of which some are only in the bucket. It is as long as the whole file and each byte that it has stands
/// where it does there; what it lacks are holes, which take no room. Of an index nothing is kept but the name.
/// </summary>
internal static class PartFile
{
    public const string Extension = ".part";

    /// <summary>How the part of a file is called.</summary>
    public static string NameOf(string path) => Path.ChangeExtension(path, Extension);

    /// <summary>The name of the file that another is a part of; any other name stays.</summary>
    public static string WholeName(string name, string extension) => name.EndsWith(Extension, StringComparison.Ordinal) ? Path.ChangeExtension(name, extension) : name;

    /// <summary>Writes header, directory and some blocks of a file; what is between blocks is zeros in both.</summary>
    public static void Write(Disk disk, string path, MappedFile whole, IEnumerable<Block> kept)
    {
        var temporary = path + ".tmp";
        var directoryAt = BlockFormat.DirectoryAt(whole);
        using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            disk.Truncate(file, whole.Length);
            foreach (var (from, count) in kept.Select(b => (b.At, b.Length)).Append((0, BlockFormat.HeaderBytes)).Append((directoryAt, whole.Length - directoryAt)))
            {
                for (long done = 0; done < count; done += BlockFormat.PieceBytes)
                {
                    disk.Write(file, whole.Bytes(from + done, (int)Math.Min(BlockFormat.PieceBytes, count - done)), from + done);
                }
            }

            disk.Sync(file);
        }

        disk.Rename(temporary, path);
        disk.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
