using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Engine.Durability;

/// <summary>
/// The bytes of a log file. A 24-byte header: magic "DMRCLOG1", first frame number (u64), CRC-32C of both (u32), zero (u32).
/// Then frames: magic (u32), payload length (u32), frame number (u64), CRC-32C of the preceding 16 bytes and the payload
/// (u32), payload. All little-endian. One frame is one group commit, so a torn write can only hurt the last frame.
/// </summary>
internal static class LogFormat
{
    public const int HeaderBytes = 24;
    public const int FrameHeaderBytes = 20;
    public const uint FrameMagic = 0x31464D44; // "DMF1"

    /// <summary>How many times over the rest of a log is summed at most in the search for a sound frame.</summary>
    private const long SearchFactor = 16;

    private static ReadOnlySpan<byte> FileMagic => "DMRCLOG1"u8;

    public static byte[] Header(ulong firstFrame)
    {
        var bytes = new byte[HeaderBytes];
        FileMagic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), firstFrame);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), Crc32C.Compute(bytes.AsSpan(0, 16)));
        return bytes;
    }

    public static bool ReadHeader(ReadOnlySpan<byte> bytes, out ulong firstFrame)
    {
        firstFrame = 0;
        if (bytes.Length < HeaderBytes || !bytes[..8].SequenceEqual(FileMagic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) != Crc32C.Compute(bytes[..16]))
        {
            return false;
        }

        firstFrame = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        return true;
    }

    /// <summary>Fills in the frame header before a payload that stands at <see cref="FrameHeaderBytes"/>.</summary>
    public static void Seal(Span<byte> frame, ulong number)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(frame, FrameMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], (uint)(frame.Length - FrameHeaderBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(frame[8..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[16..], Crc32C.Compute(frame[..16], frame[FrameHeaderBytes..]));
    }

    /// <summary>The payload of the frame at the start of <paramref name="bytes"/> if it is whole, sound and has this number.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ulong number, out int payloadLength)
    {
        payloadLength = 0;
        if (!Plausible(bytes, out var length, out var found) || found != number)
        {
            return false;
        }

        payloadLength = length;
        return true;
    }

    /// <summary>
    /// Whether any sound frame numbered after <paramref name="expected"/> stands anywhere in the rest. If one does, the
    /// damage before it is not a torn tail: something acknowledged was hurt. Contents may hold the magic many times over, so
    /// a frame must have a number that fits, and only so many bytes are summed; beyond them the answer is the careful one.
    /// </summary>
    public static bool AnyLaterFrame(ReadOnlySpan<byte> rest, ulong expected)
    {
        Span<byte> magic = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, FrameMagic);
        var most = expected + ((ulong)rest.Length / FrameHeaderBytes);
        var budget = SearchFactor * (long)rest.Length;
        for (var at = 1; at < rest.Length; at++)
        {
            var next = rest[at..].IndexOf(magic);
            if (next < 0)
            {
                return false;
            }

            at += next;
            if (rest.Length - at < FrameHeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(rest[(at + 8)..]) is var number && (number <= expected || number > most))
            {
                continue;
            }

            budget -= BinaryPrimitives.ReadUInt32LittleEndian(rest[(at + 4)..]);
            if (budget < 0 || Plausible(rest[at..], out _, out _))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Plausible(ReadOnlySpan<byte> bytes, out int length, out ulong number)
    {
        length = 0;
        number = 0;
        if (bytes.Length < FrameHeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != FrameMagic)
        {
            return false;
        }

        var stated = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        if (stated > Limits.FrameBytes || stated > bytes.Length - FrameHeaderBytes)
        {
            return false;
        }

        length = (int)stated;
        number = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) == Crc32C.Compute(bytes[..16], bytes.Slice(FrameHeaderBytes, length));
    }
}

/// <summary>
/// The log being written. A frame that could not be written and synced is taken back by cutting the file; if even that
/// fails the log stops for good, because what is on the disk is then unknown.
/// </summary>
internal sealed class LogFile : IDisposable
{
    private readonly Disk disk;
    private readonly SafeFileHandle file;

    private LogFile(Disk disk, string path, SafeFileHandle file, long length)
    {
        this.disk = disk;
        this.file = file;
        Path = path;
        Length = length;
    }

    public string Path { get; }

    public long Length { get; private set; }

    /// <summary>Why no more may be written, once that is so.</summary>
    public string? Broken { get; private set; }

    public static LogFile Create(Disk disk, string directory, ulong firstFrame)
    {
        var path = System.IO.Path.Combine(directory, DataDirectory.LogName(firstFrame));
        disk.WriteWhole(path, LogFormat.Header(firstFrame));
        return Open(disk, path, LogFormat.HeaderBytes);
    }

    /// <summary>Continues a recovered log at the end of its last sound frame.</summary>
    public static LogFile Open(Disk disk, string path, long length) =>
        new(disk, path, File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.Read), length);

    /// <summary>Writes and syncs one sealed frame. When it returns, the frame survives a crash.</summary>
    public void Append(ReadOnlySpan<byte> frame)
    {
        if (Broken is not null)
        {
            throw new IOException(Broken);
        }

        try
        {
            disk.Write(file, frame, Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TakeBack(e);
            throw;
        }

        try
        {
            disk.Sync(file);
        }
        catch (IOException e)
        {
            // After a failed sync the system may have dropped the pages: what the disk holds is unknown.
            Broken = $"syncing {Path} failed ({e.Message}); restart the engine once the disk is sound";
            throw;
        }

        Length += frame.Length;
    }

    /// <summary>Removes what a crash left after the last sound frame.</summary>
    public void CutTail()
    {
        if (RandomAccess.GetLength(file) > Length)
        {
            disk.Truncate(file, Length);
            disk.Sync(file);
        }
    }

    /// <summary>Takes no more frames.</summary>
    public void Break(string why) => Broken ??= why;

    public void Dispose() => file.Dispose();

    private void TakeBack(Exception cause)
    {
        try
        {
            disk.Truncate(file, Length);
            disk.Sync(file);
        }
        catch (IOException e)
        {
            Broken = $"writing {Path} failed ({cause.Message}) and taking the half-written frame back failed too ({e.Message}); restart the engine once the disk is sound";
        }
    }
}
