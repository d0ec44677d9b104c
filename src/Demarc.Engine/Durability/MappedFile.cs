using System.IO.MemoryMappedFiles;

namespace Demarc.Engine.Durability;

/// <summary>
/// A whole file mapped for reading. Nobody closes it: it goes when nothing that reads from it is left. On Linux a file
/// that was replaced or removed meanwhile stays readable until then.
/// </summary>
internal sealed unsafe class MappedFile
{
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;
    private bool unreachable;

    private MappedFile(string path, MemoryMappedFile file, MemoryMappedViewAccessor view, long length)
    {
        (Path, this.file, this.view, Length) = (path, file, view, length);
        byte* first = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref first);
        First = first + view.PointerOffset;
    }

    /// <summary>
    /// A thread may still be at the end of a loop that only has the pointer left when the last reference goes. So the first
    /// time round it is only noted, and the pages go with the next collection.
    /// </summary>
    ~MappedFile()
    {
        if (!unreachable)
        {
            unreachable = true;
            GC.ReRegisterForFinalize(this);
            return;
        }

        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }

    public string Path { get; }

    public long Length { get; }

    public byte* First { get; }

    public static MappedFile Open(string path)
    {
        MemoryMappedFile? file = null;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
            var length = stream.Length;
            file = MemoryMappedFile.CreateFromFile(stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(path, file, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read), length);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Not longer than a span can be; see the pieces of <see cref="BlockFormat"/>.</summary>
    public ReadOnlySpan<byte> Bytes(long at, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(at);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(at + length, Length);
        return new ReadOnlySpan<byte>(First + at, length);
    }
}
