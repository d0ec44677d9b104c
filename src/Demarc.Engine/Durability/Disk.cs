using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Engine.Durability;

/// <summary>
/// The few acts on files that durability rests on, in one place so that a test can make each of them fail. A file is
/// complete under its name or not there at all; a new name survives a crash because its folder is synced too.
/// </summary>
internal class Disk
{
    public virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset) => RandomAccess.Write(file, data, offset);

    public virtual void Sync(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    public virtual void Truncate(SafeFileHandle file, long length) => RandomAccess.SetLength(file, length);

    /// <summary>Gives a file another name in the same folder; what had that name before is gone.</summary>
    public virtual void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public virtual void Delete(string path) => File.Delete(path);

    public virtual long FreeBytes(string directory) => new DriveInfo(directory).AvailableFreeSpace;

    /// <summary>Writes a whole file: to a temporary name, synced, renamed, folder synced.</summary>
    public void WriteWhole(string path, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        var temporary = path + ".tmp";
        using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            long at = 0;
            foreach (var part in parts)
            {
                Write(file, part.Span, at);
                at += part.Length;
            }

            Sync(file);
        }

        Rename(temporary, path);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    public virtual void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Renames are journalled there; a folder cannot be synced.
        }

        var descriptor = Native.Open(path, Native.ReadOnly);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open folder {path} to sync it (error {Marshal.GetLastPInvokeError()}).");
        }

        var result = Native.Sync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Native.Close(descriptor);
        if (result != 0)
        {
            throw new IOException($"Cannot sync folder {path} (error {error}).");
        }
    }
}

internal static partial class Native
{
    public const int ReadOnly = 0;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);

    /// <summary>Files and folders this process makes are its owner's alone, whatever the folder around them allows.</summary>
    public static void KeepFilesPrivate()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = SetMask(0x3F); // octal 077
        }
    }
}
