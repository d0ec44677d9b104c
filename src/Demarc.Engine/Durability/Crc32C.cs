using System.Buffers.Binary;
using System.Numerics;

namespace Demarc.Engine.Durability;

/// <summary>CRC-32C (Castagnoli), by the processor's own instruction where it has one.</summary>
internal static class Crc32C
{
    /// <summary>What a sum over nothing stands at; <see cref="Append"/> goes on from it and <see cref="End"/> gives the checksum.</summary>
    public const uint Begin = ~0u;

    public static uint Compute(ReadOnlySpan<byte> data) => End(Append(Begin, data));

    /// <summary>Continues over two spans as if they were one.</summary>
    public static uint Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => End(Append(Append(Begin, first), second));

    public static uint End(uint running) => ~running;

    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var b in data)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }
}
