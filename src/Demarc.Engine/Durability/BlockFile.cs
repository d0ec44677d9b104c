using System.Runtime.InteropServices;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// A file of blocks, mapped. Header and directory are checked when it is opened; each block is checked before the first
/// use of its bytes, once, and by all processors when it is large. What does not check is never handed out.
/// </summary>
internal sealed class BlockFile
{
    private readonly MappedFile file;
    private readonly Block[] blocks;
    private readonly bool[] sound;
    private readonly DamagedDataException?[] damages;
    private readonly Lock gate = new();

    private BlockFile(MappedFile file, BlockFileIdentity identity, Block[] blocks)
    {
        (this.file, Identity, this.blocks) = (file, identity, blocks);
        (sound, damages) = (new bool[blocks.Length], new DamagedDataException?[blocks.Length]);
    }

    public string Path => file.Path;

    public long Length => file.Length;

    public BlockFileIdentity Identity { get; }

    public static BlockFile Open(string path, ReadOnlySpan<byte> magic)
    {
        if (!File.Exists(path))
        {
            throw new DamagedDataException(path, 0, "the file is missing");
        }

        if (new FileInfo(path).Length == 0)
        {
            throw new DamagedDataException(path, 0, "the file is empty"); // Which cannot be mapped.
        }

        var file = MappedFile.Open(path);
        var (identity, blocks) = BlockFormat.Read(file, magic);
        return new BlockFile(file, identity, blocks);
    }

    public bool Has(BlockKind kind, int field) => Find(kind, field) >= 0;

    /// <summary>Elements of a block; its content is not looked at.</summary>
    public long Count(BlockKind kind, int field) => blocks[Known(kind, field)] is var block ? block.Length / Math.Max(1, block.ElementBytes) : 0;

    /// <summary>The block's content in memory of the process, checked.</summary>
    /// <param name="kind">What it holds.</param>
    /// <param name="field">Of which field.</param>
    /// <param name="count">How many elements there have to be; null when the block says it.</param>
    public T[] Read<T>(BlockKind kind, int field, long? count = null)
        where T : unmanaged
    {
        var block = Block<T>(kind, field, count, out var length);
        Check(kind, field);
        var values = GC.AllocateUninitializedArray<T>(length);
        Copy(block, values);
        return values;
    }

    /// <summary>The block where it stands. It is not checked: that is for the caller, before the first use.</summary>
    public FlatMemory<T> Map<T>(BlockKind kind, int field, long? count = null)
        where T : unmanaged
    {
        var block = Block<T>(kind, field, count, out var length);
        return new FlatMemory<T>(file, block.At, length);
    }

    /// <summary>The block's bytes, which may be more than one span can have; not checked either.</summary>
    public BlockStretch Stretch(BlockKind kind, int field)
    {
        var block = blocks[Known(kind, field)];
        return new BlockStretch(file, block.At, block.Length);
    }

    /// <summary>The block checked, where it stands or copied to memory of the process.</summary>
    public FlatMemory<T> Take<T>(BlockKind kind, int field, bool copied, long? count = null)
        where T : unmanaged
    {
        var block = Block<T>(kind, field, count, out var length);
        Check(kind, field);
        if (!copied)
        {
            return new FlatMemory<T>(file, block.At, length);
        }

        var memory = new FlatMemory<T>(length, zeroed: false);
        Copy(block, memory.Span);
        return memory;
    }

    /// <summary>Checks a block unless that is done already.</summary>
    public void Check(BlockKind kind, int field) => Check(Known(kind, field));

    /// <summary>Checks all blocks of a field.</summary>
    public void CheckField(int field)
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            if (blocks[i].Field == field)
            {
                Check(i);
            }
        }
    }

    public void CheckAll()
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            Check(i);
        }
    }

    private void Check(int index)
    {
        if (Volatile.Read(ref sound[index]))
        {
            return;
        }

        lock (gate)
        {
            if (sound[index])
            {
                return;
            }

            if ((damages[index] ??= Damage(index)) is { } damage)
            {
                throw damage;
            }

            Volatile.Write(ref sound[index], true);
        }
    }

    private DamagedDataException? Damage(int index)
    {
        var block = blocks[index];
        if (block.At > block.GapBegins && file.Bytes(block.GapBegins, (int)(block.At - block.GapBegins)).ContainsAnyExcept((byte)0))
        {
            return new DamagedDataException(Path, block.GapBegins, "there is something between two blocks");
        }

        if (block.Checksums.Length <= 1)
        {
            return IsSound(block, 0) ? null : At(0);
        }

        // Pieces are checked in any order; the first damaged one is named.
        var first = block.Checksums.Length;
        Parallel.For(0, block.Checksums.Length, piece =>
        {
            if (!IsSound(block, piece))
            {
                InterlockedMin(ref first, piece);
            }
        });
        return first == block.Checksums.Length ? null : At(first);

        DamagedDataException At(int piece) => new(Path, block.At + ((long)piece * BlockFormat.PieceBytes), $"{block.Kind} of field {block.Field} do not match their checksum");
    }

    private bool IsSound(Block block, int piece)
    {
        var from = (long)piece * BlockFormat.PieceBytes;
        return block.Length == 0 || Crc32C.Compute(file.Bytes(block.At + from, (int)Math.Min(BlockFormat.PieceBytes, block.Length - from))) == block.Checksums[piece];
    }

    private static void InterlockedMin(ref int to, int value)
    {
        for (var seen = Volatile.Read(ref to); value < seen;)
        {
            var before = Interlocked.CompareExchange(ref to, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    private void Copy<T>(Block block, Span<T> to)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(to);
        file.Bytes(block.At, bytes.Length).CopyTo(bytes);
    }

    private unsafe Block Block<T>(BlockKind kind, int field, long? count, out int length)
        where T : unmanaged
    {
        var block = blocks[Known(kind, field)];
        if (block.ElementBytes != sizeof(T) || block.Length % sizeof(T) != 0 || block.Length > int.MaxValue || (count is { } expected && block.Length / sizeof(T) != expected))
        {
            throw new DamagedDataException(Path, block.At, $"{kind} of field {field} are not as many, or not as wide, as they should be");
        }

        length = (int)(block.Length / sizeof(T));
        return block;
    }

    private int Known(BlockKind kind, int field) =>
        Find(kind, field) is >= 0 and var index ? index : throw new DamagedDataException(Path, 0, $"the file has no {kind} of field {field}");

    private int Find(BlockKind kind, int field) => Array.FindIndex(blocks, b => b.Kind == kind && b.Field == field);
}

/// <summary>The bytes of one block in its mapped file.</summary>
internal sealed class BlockStretch(MappedFile file, long at, long length)
{
    public long Length => length;

    public ReadOnlySpan<byte> Bytes(long from, int count) => file.Bytes(at + from, count);
}
