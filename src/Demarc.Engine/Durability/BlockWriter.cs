using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Engine.Durability;

/// <summary>
/// Writes a file of blocks as a stream, so that what is written need not stand in memory a second time. The file is there
/// under its name when <see cref="Commit"/> has returned, and not before; given up, it leaves nothing.
/// </summary>
internal sealed class BlockWriter : IDisposable
{
    private const int BufferBytes = 256 * 1024;

    private readonly Disk disk;
    private readonly string path;
    private readonly SafeFileHandle file;
    private readonly byte[] buffer = new byte[BufferBytes];
    private readonly List<Block> blocks = [];
    private readonly List<uint> checksums = [];
    private int buffered;
    private long written;
    private Block? open;
    private uint running;
    private bool committed;

    public BlockWriter(Disk disk, string path)
    {
        (this.disk, this.path) = (disk, path);
        file = File.OpenHandle(Temporary, FileMode.Create, FileAccess.Write, FileShare.None);
        Append(new byte[BlockFormat.HeaderBytes]); // Written again at the end, when it is known.
    }

    private string Temporary => path + ".tmp";

    private long Position => written + buffered;

    /// <summary>One block whose content is at hand.</summary>
    public void Block<T>(BlockKind kind, int field, ReadOnlySpan<T> values, bool page = false)
        where T : unmanaged
    {
        Begin<T>(kind, field, page);
        Write(values);
    }

    /// <summary>Begins a block, which lasts to the next one or to the end.</summary>
    public unsafe void Begin<T>(BlockKind kind, int field, bool page = false)
        where T : unmanaged
    {
        End();
        var boundary = page ? BlockFormat.PageBytes : BlockFormat.LineBytes;
        Append(new byte[(boundary - (int)(Position % boundary)) % boundary]);
        open = new Block(kind, field, sizeof(T), Position, 0, []);
        running = Crc32C.Begin;
    }

    public void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var rest = MemoryMarshal.AsBytes(values);
        while (rest.Length > 0)
        {
            var inPiece = (int)((Position - open!.At) % BlockFormat.PieceBytes);
            var part = rest[..Math.Min(rest.Length, BlockFormat.PieceBytes - inPiece)];
            running = Crc32C.Append(running, part);
            Append(part);
            rest = rest[part.Length..];
            if (inPiece + part.Length == BlockFormat.PieceBytes)
            {
                EndPiece();
            }
        }
    }

    /// <summary>Puts the directory and the header to it, and the file in its place.</summary>
    public void Commit(ReadOnlySpan<byte> magic, BlockFileIdentity identity)
    {
        End();
        var directory = new List<byte>();
        blocks.ForEach(b => b.WriteTo(directory));
        var at = Position;
        var bytes = CollectionsMarshal.AsSpan(directory);
        Append(bytes);
        Flush();
        disk.Write(file, BlockFormat.Header(magic, blocks.Count, identity, at, bytes), 0);
        disk.Sync(file);
        file.Dispose();
        disk.Rename(Temporary, path);
        committed = true;
        disk.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    public void Dispose()
    {
        file.Dispose();
        try
        {
            if (!committed)
            {
                disk.Delete(Temporary);
            }
        }
        catch (IOException)
        {
            // A start removes what was never renamed; what went wrong before is what the caller has to hear.
        }
    }

    private void End()
    {
        if (open is null)
        {
            return;
        }

        var length = Position - open.At;
        if (length % BlockFormat.PieceBytes != 0)
        {
            EndPiece();
        }

        blocks.Add(open with { Length = length, Checksums = [.. checksums] });
        checksums.Clear();
        open = null;
    }

    private void EndPiece()
    {
        checksums.Add(Crc32C.End(running));
        running = Crc32C.Begin;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > buffer.Length - buffered)
        {
            Flush();
        }

        if (bytes.Length >= buffer.Length)
        {
            disk.Write(file, bytes, written);
            written += bytes.Length;
        }
        else
        {
            bytes.CopyTo(buffer.AsSpan(buffered));
            buffered += bytes.Length;
        }
    }

    private void Flush()
    {
        if (buffered > 0)
        {
            disk.Write(file, buffer.AsSpan(0, buffered), written);
            written += buffered;
            buffered = 0;
        }
    }
}
