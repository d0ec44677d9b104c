using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Engine.Durability;

/// <summary>
/// How far the newest log was acknowledged, kept in a small file that is written after each commit but not synced. It
/// survives a killed process and so tells a torn tail (never acknowledged, cut) from damage (acknowledged, refused);
/// after a power cut it may lag, which only makes it say less.
/// </summary>
internal sealed class AckedMark(DataDirectory directory, Disk disk) : IDisposable
{
    private const int Bytes = 20;
    private readonly SafeFileHandle file = File.OpenHandle(directory.PathOf("ACKED"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);

    public void Set(ulong firstFrame, long length)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, firstFrame);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], Crc32C.Compute(bytes[..16]));
        try
        {
            disk.Write(file, bytes, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The write it tells of is on the disk and stays acknowledged; a mark that lags only says less.
        }
    }

    /// <summary>The acknowledged length of that log, or 0 when nothing is known.</summary>
    public long Get(ulong firstFrame)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        return RandomAccess.Read(file, bytes, 0) == Bytes
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]) == Crc32C.Compute(bytes[..16])
            && BinaryPrimitives.ReadUInt64LittleEndian(bytes) == firstFrame
            ? BinaryPrimitives.ReadInt64LittleEndian(bytes[8..])
            : 0;
    }

    public void Dispose() => file.Dispose();
}
