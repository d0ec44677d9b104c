using System.Buffers.Binary;

namespace Demarc.Engine.Imports;

/// <summary>Unpacks a Snappy block, as its format description has it: runs of bytes, and copies of what was unpacked before.</summary>
internal static class Snappy
{
    public static byte[] Unpack(ReadOnlySpan<byte> packed, int length)
    {
        var (stated, at) = Stated(packed);
        if (stated != length)
        {
            throw new InvalidDataException($"a page states {length} bytes and its Snappy block {stated}");
        }

        var result = new byte[length];
        var filled = 0;
        while (at < packed.Length)
        {
            var tag = packed[at++];
            if ((tag & 3) == 0)
            {
                var run = (tag >> 2) + 1;
                if (run > 60)
                {
                    var extra = run - 60;
                    run = (int)Math.Min(Number(packed, at, extra) + 1u, int.MaxValue);
                    at += extra;
                }

                Check(run <= packed.Length - at && run <= length - filled);
                packed.Slice(at, run).CopyTo(result.AsSpan(filled));
                at += run;
                filled += run;
                continue;
            }

            var (count, back, read) = (tag & 3) switch
            {
                1 => (((tag >> 2) & 7) + 4, (uint)((tag >> 5) << 8) | Number(packed, at, 1), 1),
                2 => ((tag >> 2) + 1, Number(packed, at, 2), 2),
                _ => ((tag >> 2) + 1, Number(packed, at, 4), 4),
            };
            at += read;
            Check(back > 0 && back <= filled && count <= length - filled);

            // Byte by byte: a copy may reach into what it is writing.
            for (var i = 0; i < count; i++, filled++)
            {
                result[filled] = result[filled - (int)back];
            }
        }

        Check(filled == length);
        return result;
    }

    private static (int Length, int At) Stated(ReadOnlySpan<byte> packed)
    {
        uint value = 0;
        for (var at = 0; at < packed.Length && at < 5; at++)
        {
            value |= (uint)(packed[at] & 0x7F) << (7 * at);
            if (packed[at] < 0x80)
            {
                return ((int)value, at + 1);
            }
        }

        throw Broken();
    }

    private static uint Number(ReadOnlySpan<byte> bytes, int at, int width)
    {
        Check(width <= bytes.Length - at);
        Span<byte> wide = stackalloc byte[sizeof(uint)];
        wide.Clear();
        bytes.Slice(at, width).CopyTo(wide);
        return BinaryPrimitives.ReadUInt32LittleEndian(wide);
    }

    private static void Check(bool holds)
    {
        if (!holds)
        {
            throw Broken();
        }
    }

    private static InvalidDataException Broken() => new("a Snappy block is broken");
}
