using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// Appends to the byte strings of an answer that is being written row by row. A byte string cannot grow, but several can
/// be prefixes of one array: each append fills the array behind the last prefix and wraps a longer one, so that a column
/// costs one pass instead of one copy per row.
/// </summary>
internal static class GrowingBytes
{
    private const int FirstRoom = 1024;

    /// <param name="sofar">Empty, or what this method returned last for the same column.</param>
    /// <param name="row">The bytes to add.</param>
    public static ByteString Append(ByteString sofar, ReadOnlySpan<byte> row)
    {
        var length = sofar.Length;
        byte[] room;
        if (length > 0 && MemoryMarshal.TryGetArray(sofar.Memory, out var segment) && segment.Offset == 0 && segment.Array!.Length - length >= row.Length)
        {
            room = segment.Array;
        }
        else
        {
            room = new byte[Math.Max(FirstRoom, Math.Max(2 * length, length + row.Length))];
            sofar.Span.CopyTo(room);
        }

        row.CopyTo(room.AsSpan(length));
        return UnsafeByteOperations.UnsafeWrap(room.AsMemory(0, length + row.Length));
    }
}
