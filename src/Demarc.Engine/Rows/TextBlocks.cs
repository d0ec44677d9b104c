using System.Text;
using Demarc.Engine.Durability;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// Texts in a segment's file: where each begins (and the last one ends), and their UTF-8 end to end. The bytes are checked
/// when the column is read and made into texts when somebody asks for them.
/// </summary>
internal sealed class TextBlocks
{
    /// <summary>Bytes of one array that holds many JSON texts.</summary>
    private const int ChunkBytes = 1024 * 1024;

    private readonly long[] starts;
    private readonly BlockStretch bytes;

    private TextBlocks(long[] starts, BlockStretch bytes) => (this.starts, this.bytes) = (starts, bytes);

    public long Bytes => bytes.Length;

    public static void Write(BlockWriter to, BlockKind offsets, int field, ReadOnlySpan<string> texts)
    {
        var starts = new long[texts.Length + 1];
        for (var i = 0; i < texts.Length; i++)
        {
            starts[i + 1] = starts[i] + Encoding.UTF8.GetByteCount(texts[i]);
        }

        to.Block<long>(offsets, field, starts);
        to.Begin<byte>(BlockKind.Text, field);
        var room = new byte[1024];
        for (var i = 0; i < texts.Length; i++)
        {
            var length = (int)(starts[i + 1] - starts[i]);
            if (room.Length < length)
            {
                room = new byte[length];
            }

            to.Write<byte>(room.AsSpan(0, Encoding.UTF8.GetBytes(texts[i], room)));
        }
    }

    public static void Write(BlockWriter to, int field, ReadOnlySpan<ByteString> texts)
    {
        var starts = new long[texts.Length + 1];
        for (var i = 0; i < texts.Length; i++)
        {
            starts[i + 1] = starts[i] + texts[i].Length;
        }

        to.Block<long>(BlockKind.Offsets, field, starts);
        to.Begin<byte>(BlockKind.Text, field);
        foreach (var text in texts)
        {
            to.Write(text.Span);
        }
    }

    public static TextBlocks Open(BlockFile from, BlockKind offsets, int field, int count)
    {
        var starts = from.Read<long>(offsets, field, count + 1L);
        from.Check(BlockKind.Text, field);
        var bytes = from.Stretch(BlockKind.Text, field);
        var sound = starts[0] == 0 && starts[^1] == bytes.Length;
        for (var i = 0; i < count && sound; i++)
        {
            sound = starts[i] <= starts[i + 1];
        }

        return sound ? new TextBlocks(starts, bytes) : throw new DamagedDataException(from.Path, 0, $"texts of field {field} match their checksum but do not begin where they should");
    }

    public string[] ToStrings()
    {
        var texts = new string[starts.Length - 1];
        for (var i = 0; i < texts.Length; i++)
        {
            texts[i] = Encoding.UTF8.GetString(this[i]);
        }

        return texts;
    }

    public ByteString[] ToByteStrings()
    {
        // A few large arrays cost less than one for each text.
        var texts = new ByteString[starts.Length - 1];
        for (var first = 0; first < texts.Length;)
        {
            var end = first + 1;
            while (end < texts.Length && starts[end + 1] - starts[first] <= ChunkBytes)
            {
                end++;
            }

            var chunk = bytes.Bytes(starts[first], (int)(starts[end] - starts[first])).ToArray();
            for (; first < end; first++)
            {
                var length = (int)(starts[first + 1] - starts[first]);
                texts[first] = UnsafeByteOperations.UnsafeWrap(chunk.AsMemory(chunk.Length - (int)(starts[end] - starts[first]), length));
            }
        }

        return texts;
    }

    private ReadOnlySpan<byte> this[int index] => bytes.Bytes(starts[index], (int)(starts[index + 1] - starts[index]));
}
