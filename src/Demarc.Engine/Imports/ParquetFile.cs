using System.Buffers.Binary;
using System.IO.Compression;

namespace Demarc.Engine.Imports;

/// <summary>
/// Reads a Parquet file as Apache's format description has it: data pages of both versions, plain and dictionary encoding,
/// not packed or packed with Snappy, Gzip or Brotli. Other encodings are named and refused.
/// </summary>
internal sealed class ParquetFile
{
    private const int MostLists = 2;
    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    private readonly byte[] bytes;
    private readonly List<ThriftStruct> groups;

    private ParquetFile(byte[] bytes, List<ParquetLeaf> leaves, List<ThriftStruct> groups) => (this.bytes, Leaves, this.groups) = (bytes, leaves, groups);

    public IReadOnlyList<ParquetLeaf> Leaves { get; }

    public int Groups => groups.Count;

    public static ParquetFile Open(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < 12 || !bytes.AsSpan(^4..).SequenceEqual(Magic))
        {
            throw new InvalidDataException("it does not end as a Parquet file does");
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(^8..));
        if (length < 0 || length > bytes.Length - 12)
        {
            throw new InvalidDataException("its footer is longer than the file");
        }

        var footer = new ThriftReader(bytes.AsSpan(bytes.Length - 8 - length, length)).Struct();
        var elements = footer.List<ThriftStruct>(2).ToList();
        var leaves = new List<ParquetLeaf>();
        var at = 1;
        for (var children = elements.Count == 0 ? 0 : elements[0].Whole(5, 0); children > 0; children--)
        {
            Walk(elements, ref at, [], 0, [], leaves);
        }

        return new ParquetFile(bytes, leaves, [.. footer.List<ThriftStruct>(4)]);
    }

    public int RowsOf(int group) => checked((int)groups[group].Long(3));

    /// <summary>What the row group takes when it is unpacked.</summary>
    public long BytesOf(int group) => groups[group].Long(2);

    /// <summary>The column of a leaf in a row group.</summary>
    public ParquetColumn Read(int group, int leaf)
    {
        var chunk = groups[group].List<ThriftStruct>(1).ElementAt(leaf).Struct(3);
        var column = new ParquetColumn(Leaves[leaf]);
        var total = chunk.Long(5);
        var start = chunk.Has(11) && chunk.Long(11) > 0 ? Math.Min(chunk.Long(9), chunk.Long(11)) : chunk.Long(9);
        ParquetColumn? dictionary = null;
        for (var at = start; column.Places < total;)
        {
            if (at < 0 || at >= bytes.Length)
            {
                throw new InvalidDataException("a page stands outside the file");
            }

            var reader = new ThriftReader(bytes.AsSpan((int)at));
            var header = reader.Struct();
            var packed = header.Whole(3);
            at += reader.Position;
            if (packed < 0 || packed > bytes.Length - at)
            {
                throw new InvalidDataException("a page ends outside the file");
            }

            Page(header, bytes.AsSpan((int)at, packed), chunk.Whole(4), column, ref dictionary);
            at += packed;
        }

        return column;
    }

    private static void Walk(List<ThriftStruct> elements, ref int at, List<string> path, int definition, List<int> lists, List<ParquetLeaf> leaves)
    {
        if (at >= elements.Count || path.Count > 16)
        {
            throw new InvalidDataException("its schema is broken");
        }

        var element = elements[at++];
        var repetition = element.Whole(3, 0);
        path = [.. path, element.Text(4)];
        definition += repetition == 0 ? 0 : 1;
        if (repetition == 2)
        {
            lists = [.. lists, definition];
        }

        var children = element.Whole(5, 0);
        for (var i = 0; i < children; i++)
        {
            Walk(elements, ref at, path, definition, lists, leaves);
        }

        if (children == 0)
        {
            leaves.Add(new ParquetLeaf(path, (ParquetType)element.Whole(1), element.Whole(2, 0), definition, lists, Optional(elements, path[0])));
            if (lists.Count > MostLists)
            {
                throw new InvalidDataException($"column {path[0]} is nested deeper than a list in a list");
            }
        }
    }

    private static bool Optional(List<ThriftStruct> elements, string top) => elements.Skip(1).FirstOrDefault(e => e.Text(4) == top)?.Whole(3, 0) == 1;

    private static void Page(ThriftStruct header, ReadOnlySpan<byte> body, int codec, ParquetColumn column, ref ParquetColumn? dictionary)
    {
        var size = header.Whole(2);
        if (size < 0 || size > Limits.ImportFileBytes)
        {
            throw new InvalidDataException($"a page states {size} bytes");
        }

        switch (header.Whole(1))
        {
            case 0:
                var first = header.Struct(5);
                var page = new PageReader(Unpacked(codec, body, size), column.Leaf);
                page.Data(column, first.Whole(1), first.Whole(2), dictionary, -1, -1);
                break;
            case 2:
                dictionary = new ParquetColumn(column.Leaf);
                new PageReader(Unpacked(codec, body, size), column.Leaf).Plain(dictionary, header.Struct(7).Whole(1));
                break;
            case 3:
                // In the second version the levels are never packed.
                var second = header.Struct(8);
                var (definitions, repetitions) = (second.Whole(5), second.Whole(6));
                var levels = definitions >= 0 && repetitions >= 0 && definitions + (long)repetitions <= Math.Min(body.Length, size) ? definitions + repetitions : throw new InvalidDataException("a page's levels are longer than the page");
                var values = second.Flag(7, true) ? Unpacked(codec, body[levels..], size - levels) : body[levels..].ToArray();
                new PageReader([.. body[..levels], .. values], column.Leaf).Data(column, second.Whole(1), second.Whole(4), dictionary, repetitions, definitions);
                break;
            default:
                break;
        }
    }

    private static byte[] Unpacked(int codec, ReadOnlySpan<byte> body, int size)
    {
        switch (codec)
        {
            case 0:
                return body.ToArray();
            case 1:
                return Snappy.Unpack(body, size);
            case 2 or 4:
                using (var packed = new MemoryStream(body.ToArray()))
                using (Stream unpacking = codec == 2 ? new GZipStream(packed, CompressionMode.Decompress) : new BrotliStream(packed, CompressionMode.Decompress))
                {
                    var result = new byte[size];
                    unpacking.ReadExactly(result);
                    return result;
                }

            default:
                throw new InvalidDataException($"pages packed with codec {codec} (zstd is 6, lz4 is 5 or 7) are not read; write it with snappy, gzip, brotli or none");
        }
    }
}
