using System.Buffers.Binary;

namespace Demarc.Engine.Durability;

/// <summary>What a block holds. Numbers stand in files and are never reused.</summary>
internal enum BlockKind : ushort
{
    /// <summary>Of a segment: type and dimension of each field. Of an index: its own numbers.</summary>
    Description = 1,

    /// <summary>A bit per row that is not null.</summary>
    Valid = 2,

    /// <summary>Values of fixed width, row after row, or elements of arrays and entries of sparse rows end to end.</summary>
    Values = 3,

    /// <summary>Where each row's bytes or elements begin, and where the last ones end.</summary>
    Offsets = 4,

    /// <summary>UTF-8 of texts or JSON, end to end.</summary>
    Text = 5,

    /// <summary>Where each text of an array begins in its bytes, and where the last one ends.</summary>
    TextOffsets = 6,

    /// <summary>The length of each vector.</summary>
    Norms = 7,

    /// <summary>Indexes of sparse rows, or of an index's lists.</summary>
    Indexes = 8,

    /// <summary>Links of a graph's lowest level.</summary>
    Links = 16,

    /// <summary>The highest level of each node.</summary>
    Levels = 17,

    /// <summary>Where a node's upper links begin.</summary>
    UpperStarts = 18,

    /// <summary>Links of the upper levels.</summary>
    UpperLinks = 19,

    /// <summary>Int8 codes of rows.</summary>
    Codes = 20,

    /// <summary>The point that codes are counted from.</summary>
    Centre = 21,

    /// <summary>For each row the next one equal to it.</summary>
    Next = 22,

    /// <summary>A bit per row that is not in the graph.</summary>
    LeftOut = 23,

    /// <summary>A bit per row that others hang on.</summary>
    Heads = 24,

    /// <summary>Centres of lists.</summary>
    Centres = 25,

    /// <summary>Rows of lists.</summary>
    Rows = 26,
}

/// <summary>Who a file belongs to, checked against what names it.</summary>
/// <param name="Owner">The collection.</param>
/// <param name="Id">The segment.</param>
/// <param name="Rows">How many of its rows.</param>
internal readonly record struct BlockFileIdentity(long Owner, long Id, long Rows);

/// <summary>
/// A file of blocks, which can be mapped and used as it is. A header of 64 bytes: magic (8), version (u32), number of
/// blocks (u32), owner, id, rows (i64 each), where the directory stands (i64) and its length (u32), its CRC-32C (u32), zero
/// (u32), CRC-32C of all that (u32). Blocks follow, each at the beginning of a cache line or of a page, with zeros between.
/// The directory stands at the end; for each block: kind and field (u16 each), bytes of an element (u32), where it begins,
/// its length (i64 each), and a CRC-32C (u32) of each piece of 4 MiB, so that damage has a place. All little-endian.
/// </summary>
internal static class BlockFormat
{
    public const int HeaderBytes = 64;
    public const int Version = 1;
    public const int PieceBytes = 4 * 1024 * 1024;
    public const int LineBytes = 64;
    public const int PageBytes = 4096;
    public const int EntryBytes = 24;
    private const int MagicBytes = 8;

    public static ReadOnlySpan<byte> SegmentMagic => "DMRCSEG2"u8;

    public static ReadOnlySpan<byte> IndexMagic => "DMRCIDX1"u8;

    public static int Pieces(long length) => (int)((length + PieceBytes - 1) / PieceBytes);

    public static byte[] Header(ReadOnlySpan<byte> magic, int blocks, BlockFileIdentity identity, long directoryAt, ReadOnlySpan<byte> directory)
    {
        var header = new byte[HeaderBytes];
        magic.CopyTo(header);
        var rest = header.AsSpan(MagicBytes);
        BinaryPrimitives.WriteInt32LittleEndian(rest, Version);
        BinaryPrimitives.WriteInt32LittleEndian(rest[4..], blocks);
        BinaryPrimitives.WriteInt64LittleEndian(rest[8..], identity.Owner);
        BinaryPrimitives.WriteInt64LittleEndian(rest[16..], identity.Id);
        BinaryPrimitives.WriteInt64LittleEndian(rest[24..], identity.Rows);
        BinaryPrimitives.WriteInt64LittleEndian(rest[32..], directoryAt);
        BinaryPrimitives.WriteInt32LittleEndian(rest[40..], directory.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[44..], Crc32C.Compute(directory));
        BinaryPrimitives.WriteUInt32LittleEndian(rest[52..], Crc32C.Compute(header.AsSpan(0, HeaderBytes - 4)));
        return header;
    }

    /// <summary>Where the directory of a file begins whose header has been checked.</summary>
    public static long DirectoryAt(MappedFile file) => BinaryPrimitives.ReadInt64LittleEndian(file.Bytes(MagicBytes + 32, sizeof(long)));

    /// <summary>Reads and checks header and directory, which together place every byte of the file.</summary>
    public static (BlockFileIdentity Identity, Block[] Blocks) Read(MappedFile file, ReadOnlySpan<byte> magic)
    {
        DamagedDataException Damaged(long at, string why) => new(file.Path, at, why);

        if (file.Length < HeaderBytes || !file.Bytes(0, MagicBytes).SequenceEqual(magic))
        {
            throw Damaged(0, "the file does not begin as it should");
        }

        var header = file.Bytes(0, HeaderBytes);
        var rest = header[MagicBytes..];
        if (BinaryPrimitives.ReadUInt32LittleEndian(rest[52..]) != Crc32C.Compute(header[..^4]))
        {
            throw Damaged(0, "the header does not match its checksum");
        }

        if (BinaryPrimitives.ReadInt32LittleEndian(rest) is not Version and var version)
        {
            throw Damaged(MagicBytes, $"the file is of version {version}, this engine reads version {Version}; start the newer engine that wrote it");
        }

        var (at, length) = (BinaryPrimitives.ReadInt64LittleEndian(rest[32..]), BinaryPrimitives.ReadInt32LittleEndian(rest[40..]));
        if (at < HeaderBytes || length < 0 || at + length != file.Length)
        {
            throw Damaged(40, $"the file has {file.Length} bytes, not the {at + length} that its header states");
        }

        var directory = file.Bytes(at, length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(rest[44..]) != Crc32C.Compute(directory))
        {
            throw Damaged(at, "the directory of blocks does not match its checksum");
        }

        var identity = new BlockFileIdentity(BinaryPrimitives.ReadInt64LittleEndian(rest[8..]), BinaryPrimitives.ReadInt64LittleEndian(rest[16..]), BinaryPrimitives.ReadInt64LittleEndian(rest[24..]));
        return ReadDirectory(directory, BinaryPrimitives.ReadInt32LittleEndian(rest[4..]), at) is { } blocks
            ? (identity, blocks)
            : throw Damaged(at, "the directory of blocks matches its checksum but cannot be read");
    }

    private static Block[]? ReadDirectory(ReadOnlySpan<byte> directory, int count, long end)
    {
        if (count < 0 || count > directory.Length / EntryBytes)
        {
            return null;
        }

        var blocks = new Block[count];
        long free = HeaderBytes;
        for (var i = 0; i < count; i++)
        {
            if (directory.Length < EntryBytes)
            {
                return null;
            }

            var (at, length) = (BinaryPrimitives.ReadInt64LittleEndian(directory[8..]), BinaryPrimitives.ReadInt64LittleEndian(directory[16..]));
            if (at < free || at % LineBytes != 0 || length < 0 || length > end - at || Pieces(length) > (directory.Length - EntryBytes) / sizeof(uint))
            {
                return null;
            }

            var checksums = new uint[Pieces(length)];
            for (var p = 0; p < checksums.Length; p++)
            {
                checksums[p] = BinaryPrimitives.ReadUInt32LittleEndian(directory[(EntryBytes + (p * sizeof(uint)))..]);
            }

            blocks[i] = new Block(
                (BlockKind)BinaryPrimitives.ReadUInt16LittleEndian(directory), BinaryPrimitives.ReadUInt16LittleEndian(directory[2..]), BinaryPrimitives.ReadInt32LittleEndian(directory[4..]), at, length, checksums)
            {
                GapBegins = free,
            };
            directory = directory[(EntryBytes + (checksums.Length * sizeof(uint)))..];
            free = at + length;
        }

        return directory.IsEmpty && free == end ? blocks : null;
    }
}

/// <summary>One block as the directory names it.</summary>
internal sealed record Block(BlockKind Kind, int Field, int ElementBytes, long At, long Length, uint[] Checksums)
{
    /// <summary>Where the block before ends; what is between is zeros.</summary>
    public long GapBegins { get; init; } = At;

    public void WriteTo(List<byte> directory)
    {
        Span<byte> entry = stackalloc byte[BlockFormat.EntryBytes];
        BinaryPrimitives.WriteUInt16LittleEndian(entry, (ushort)Kind);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], (ushort)Field);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], ElementBytes);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], At);
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], Length);
        directory.AddRange(entry);
        foreach (var checksum in Checksums)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry, checksum);
            directory.AddRange(entry[..sizeof(uint)]);
        }
    }
}
