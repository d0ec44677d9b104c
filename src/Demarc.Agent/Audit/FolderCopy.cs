using Demarc.Agent.Local;

namespace Demarc.Agent.Audit;

/// <summary>
/// A folder as the place of the copy. Each file is written beside its place, made read-only and moved there in one piece. A folder has no lock: whoever owns it
/// can change it, and a verification finds out.
/// </summary>
/// <param name="place">The folder; made where its parent is there.</param>
/// <param name="within">A folder that has to be there already, the customer's bucket: one that is not mounted is not replaced by an empty one.</param>
public sealed class FolderCopy(string place, string within) : ICopyTarget
{
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead;
    private const string Making = ".making";

    /// <inheritdoc/>
    public string Place => place;

    /// <inheritdoc/>
    public Task<CopyProtection> ProtectionAsync(string? written, CancellationToken stop) =>
        Task.FromResult(new CopyProtection(false, false, "read-only files in a folder, which has no object lock: its owner can change them"));

    /// <inheritdoc/>
    public Task<PutOnce> PutOnceAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop) => AtDiskAsync(() =>
    {
        var file = PathOf(path);
        if (PrivateDisk.Read(file) is { } there) return bytes.Span.SequenceEqual(there) ? PutOnce.SameThere : PutOnce.OtherThere;
        var made = Make(file, bytes.Span);
        File.Move(made, file, overwrite: false);
        Posix.SyncDirectory(Path.GetDirectoryName(file)!);
        return PutOnce.Written;
    }, stop);

    /// <inheritdoc/>
    public Task PutNewestAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop) => AtDiskAsync(() =>
    {
        var file = PathOf(path);
        File.Move(Make(file, bytes.Span), file, overwrite: true);
        Posix.SyncDirectory(place);
        return true;
    }, stop);

    /// <inheritdoc/>
    public Task<byte[]?> ReadAsync(string path, CancellationToken stop) => AtDiskAsync(() => PrivateDisk.Read(PathOf(path)), stop);

    private string PathOf(string path) => Path.Combine(place, path);

    private string Make(string file, ReadOnlySpan<byte> bytes)
    {
        EnsureFolder(Path.GetDirectoryName(file)!);
        var made = Path.Combine(place, Making);

        // What a crash has left.
        File.Delete(made);
        using (var stream = PrivateDisk.Open(made, FileMode.CreateNew))
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }

        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(made, ReadOnly);
        return made;
    }

    private void EnsureFolder(string folder)
    {
        if (Directory.Exists(folder)) return;
        if (!Directory.Exists(within)) throw new DirectoryNotFoundException($"{within} does not exist or is not a folder");
        var parent = Path.GetDirectoryName(folder)!;
        if (folder != within && !Directory.Exists(parent)) EnsureFolder(parent);
        PrivateDisk.EnsureFolder(folder);
        Posix.SyncDirectory(parent);
    }

    // A disk takes its time; the agent goes on meanwhile.
    private static async Task<T> AtDiskAsync<T>(Func<T> work, CancellationToken stop)
    {
        try
        {
            return await Task.Run(work, stop);
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            throw new CopyException(closed.Message, closed);
        }
    }
}
