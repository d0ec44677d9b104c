using System.Buffers.Binary;
using Google.Protobuf;

namespace Demarc.Engine.Durability;

/// <summary>A whole-file format for manifests and snapshots, and for segments of format 2 and older: magic (8 bytes), length (u32), CRC-32C of the payload (u32), payload.</summary>
internal static class StoredFile
{
    private const int HeaderBytes = 16;
    public static ReadOnlySpan<byte> ManifestMagic => "DMRCMAN1"u8;

    public static ReadOnlySpan<byte> SegmentMagic => "DMRCSEG1"u8;

    public static ReadOnlySpan<byte> SnapshotMagic => "DMRCSNP1"u8;

    public static void Write(Disk disk, string path, ReadOnlySpan<byte> magic, IMessage message)
    {
        var payload = message.ToByteArray();
        var header = new byte[HeaderBytes];
        magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), Crc32C.Compute(payload));
        disk.WriteWhole(path, header, payload);
    }

    public static T Read<T>(string path, ReadOnlySpan<byte> magic, MessageParser<T> parser)
        where T : IMessage<T>
    {
        if (!File.Exists(path))
        {
            throw new DamagedDataException(path, 0, "the file is missing");
        }

        if (new FileInfo(path).Length > Limits.StoredFileBytes)
        {
            throw new DamagedDataException(path, 0, "the file is larger than the engine ever writes");
        }

        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < HeaderBytes || !bytes.AsSpan(0, 8).SequenceEqual(magic))
        {
            throw new DamagedDataException(path, 0, "the file does not begin as it should");
        }

        var payload = bytes.AsSpan(HeaderBytes);
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)) != payload.Length)
        {
            throw new DamagedDataException(path, 8, $"the file has {payload.Length} bytes of content, not the number it states");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12)) != Crc32C.Compute(payload))
        {
            throw new DamagedDataException(path, HeaderBytes, "the content does not match its checksum");
        }

        try
        {
            return parser.ParseFrom(payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new DamagedDataException(path, HeaderBytes, $"the content matches its checksum but cannot be read ({e.Message})");
        }
    }
}
