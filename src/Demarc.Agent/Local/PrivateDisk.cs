namespace Demarc.Agent.Local;

/// <summary>Files and folders for one user's eyes only, written in one piece and durably.</summary>
internal static class PrivateDisk
{
    private const UnixFileMode FileMode0600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode0700 = FileMode0600 | UnixFileMode.UserExecute;

    /// <summary>Makes the folder if it is missing, and takes the rights of others away.</summary>
    public static void EnsureFolder(string path)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("The agent runs on Linux.");
        Directory.CreateDirectory(path, FolderMode0700);
        if (File.GetUnixFileMode(path) != FolderMode0700) File.SetUnixFileMode(path, FolderMode0700);
    }

    /// <summary>Makes an empty file that no one else may read; throws when it is there.</summary>
    public static void CreateFile(string path)
    {
        using var file = Open(path, FileMode.CreateNew);
    }

    /// <summary>Replaces a file in one piece: after a crash it is the old or the new one, whole.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var part = path + ".part";
        using (var file = Open(part, FileMode.Create))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
        Posix.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>The content, or null when there is no such file.</summary>
    public static byte[]? Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Takes the rights of everybody but the owner away.</summary>
    public static void KeepFromOthers(string path)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("The agent runs on Linux.");
        File.SetUnixFileMode(path, FileMode0600);
    }

    /// <summary>Whether others than the owner have any right on it.</summary>
    public static bool IsOpenToOthers(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~FolderMode0700) != 0;

    /// <summary>Opens a file for writing that no one else may read.</summary>
    public static FileStream Open(string path, FileMode mode, FileAccess access = FileAccess.Write, FileShare share = FileShare.Read)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("The agent runs on Linux.");
        return new FileStream(path, new FileStreamOptions { Mode = mode, Access = access, Share = share, UnixCreateMode = FileMode0600 });
    }
}
