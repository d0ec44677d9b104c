using System.Text;

namespace Demarc.Plane.Hosting;

/// <summary>Files that hold keys: written whole or not at all, readable by their owner alone, and refused when they are not.</summary>
public static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes sure that a folder is there and nobody else may enter it.</summary>
    public static void PrepareFolder(string folder)
    {
        Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        DemandPrivate(folder);
    }

    /// <summary>Writes a new file: first beside its name, then flushed, then renamed.</summary>
    public static void Write(string path, string text)
    {
        var beside = path + ".new";
        File.Delete(beside);
        using (var file = new FileStream(beside, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }

    /// <summary>A new file to write into, readable by its owner alone.</summary>
    public static FileStream Create(string path) =>
        new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly });

    /// <summary>Refuses a file or folder that others can read: a key that has been seen is no key.</summary>
    public static void DemandPrivate(string path)
    {
        var mode = File.GetUnixFileMode(path);
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        if ((mode & others) != 0)
            throw new InvalidDataException($"{path} can be reached by others (mode {Convert.ToString((int)mode, 8)}): 'chmod go= {path}', and think about who may have read it.");
    }
}
