using System.Runtime.InteropServices;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// A file of blocks, mapped. Header and directory are checked when it is opened; each block is checked before the first
/// use of its bytes, once, and by all processors when it is large. What does not check is never handed out. Some blocks may
/// be in the bucket alone: then the file that is mapped is a part, with nothing where they stand, and it is made whole
/// before the first of them is used.
/// </summary>
internal sealed class BlockFile
{
    private static long uses;

    private readonly Block[] blocks;
    private readonly bool[] sound;
    private readonly bool[] absent;
    private readonly DamagedDataException?[] damages;
    private readonly IWholeFiles? bucket;
    private MappedFile file;
    private long lastUse;

    private BlockFile(string path, MappedFile file, BlockFileIdentity identity, Block[] blocks, IWholeFiles? bucket)
    {
        (Path, this.file, Identity, this.blocks, this.bucket) = (path, file, identity, blocks, bucket);
        (sound, absent, damages) = (new bool[blocks.Length], new bool[blocks.Length], new DamagedDataException?[blocks.Length]);
    }

    /// <summary>The whole file's name, also where only a part is on the disk.</summary>
    public string Path { get; }

    public long Length => Mapped.Length;

    public BlockFileIdentity Identity { get; }

    /// <summary>A number that grows with each use of any file; which was used before which need not be exact.</summary>
    public long LastUse => Volatile.Read(ref lastUse);

    /// <summary>Held by whoever takes blocks away or makes use of them for the first time.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Whether what is mapped is a part.</summary>
    public bool IsPart => Mapped.Path != Path;

    private MappedFile Mapped => Volatile.Read(ref file);

    /// <summary>Opens a file, or the part of it that is on the disk.</summary>
    /// <param name="path">The whole file's path.</param>
    /// <param name="magic">How it begins.</param>
    /// <param name="bucket">What makes parts whole; null when the disk has all there is.</param>
    public static BlockFile Open(string path, ReadOnlySpan<byte> magic, IWholeFiles? bucket = null)
    {
        var part = PartFile.NameOf(path);
        var there = File.Exists(path) || bucket is null ? path : part;
        if (!File.Exists(there))
        {
            throw new DamagedDataException(path, 0, File.Exists(part) ? "the rest of the file is in a bucket, which is not named (--bucket)" : "the file is missing");
        }

        if (new FileInfo(there).Length == 0)
        {
            throw new DamagedDataException(path, 0, "the file is empty"); // Which cannot be mapped.
        }

        var file = MappedFile.Open(there);
        var (identity, blocks) = BlockFormat.Read(file, magic);
        return new BlockFile(path, file, identity, blocks, bucket);
    }

    /// <summary>Notes that the file is of use.</summary>
    public void Touch() => Volatile.Write(ref lastUse, ++uses);

    /// <summary>Says of which fields a part has no values.</summary>
    public void Lacks(Func<int, bool> field)
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            absent[i] = IsPart && blocks[i].Kind == BlockKind.Values && field(blocks[i].Field);
        }
    }

    /// <summary>Makes sure that there is a sound part beside the file, without the values of some fields.</summary>
    public void WritePart(Disk disk, Func<int, bool> without)
    {
        var path = PartFile.NameOf(Path);
        var kept = Enumerable.Range(0, blocks.Length).Where(i => blocks[i].Kind != BlockKind.Values || !without(blocks[i].Field)).ToList();
        if (!IsSoundPart(path, kept))
        {
            CheckAll();
            PartFile.Write(disk, path, Mapped, kept.Select(i => blocks[i]));
        }
    }

    /// <summary>Reads from the part, which <see cref="WritePart"/> has seen to be sound, from now on. Whoever holds memory of the whole file keeps it. The caller holds the gate.</summary>
    public void TurnToPart(Func<int, bool> without)
    {
        Volatile.Write(ref file, MappedFile.Open(PartFile.NameOf(Path)));
        Lacks(without);
        for (var i = 0; i < blocks.Length; i++)
        {
            sound[i] &= !absent[i];
        }
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
        return new FlatMemory<T>(Mapped, block.At, length);
    }

    /// <summary>The block's bytes, which may be more than one span can have; not checked either. They are never among those that a part lacks.</summary>
    public BlockStretch Stretch(BlockKind kind, int field)
    {
        var block = blocks[Known(kind, field)];
        return new BlockStretch(this, block.At, block.Length);
    }

    /// <summary>Bytes of the file as it is mapped now.</summary>
    public ReadOnlySpan<byte> Bytes(long at, int count) => Mapped.Bytes(at, count);

    /// <summary>The block checked, where it stands or copied to memory of the process.</summary>
    public FlatMemory<T> Take<T>(BlockKind kind, int field, bool copied, long? count = null)
        where T : unmanaged
    {
        var block = Block<T>(kind, field, count, out var length);
        Check(kind, field);
        if (!copied)
        {
            return new FlatMemory<T>(Mapped, block.At, length);
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

    /// <summary>Checks what is on the disk.</summary>
    public void CheckPresent()
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            if (!Volatile.Read(ref absent[i]))
            {
                Check(i);
            }
        }
    }

    private void Check(int index)
    {
        if (Volatile.Read(ref sound[index]))
        {
            return;
        }

        lock (Gate)
        {
            if (sound[index])
            {
                return;
            }

            if (absent[index])
            {
                MakeWhole();
                return;
            }

            if ((damages[index] ??= Damage(Mapped, index)) is { } damage)
            {
                if (bucket?.Has(Path) != true)
                {
                    throw damage;
                }

                bucket.Replace(damage);
                MakeWhole();
                return;
            }

            Volatile.Write(ref sound[index], true);
        }
    }

    /// <summary>Takes the whole file from the bucket, which checks all of it, and reads from there.</summary>
    private void MakeWhole()
    {
        var whole = Fetched();
        var (identity, theirs) = BlockFormat.Read(whole, Mapped.Bytes(0, 8));
        if (identity != Identity || !theirs.Select(b => b.At).SequenceEqual(blocks.Select(b => b.At)) || !theirs.SelectMany(b => b.Checksums).SequenceEqual(blocks.SelectMany(b => b.Checksums)))
        {
            throw new DamagedDataException(Path, 0, "the file in the bucket is not the one whose part is on the disk");
        }

        Volatile.Write(ref file, whole);
        Array.Clear(absent);
        Array.Clear(damages);
        Array.Fill(sound, true);
        Touch();
    }

    /// <summary>Another that shares the file may let go of it just when it was fetched, and seldom does twice.</summary>
    private MappedFile Fetched()
    {
        for (var again = 5; ; again--)
        {
            try
            {
                bucket!.Fetch(Path);
                return MappedFile.Open(Path);
            }
            catch (FileNotFoundException) when (again > 0)
            {
                // Once more.
            }
        }
    }

    /// <summary>A part from before may be used again, but not without being looked at: what it has is not checked any more once it is mapped.</summary>
    private bool IsSoundPart(string path, List<int> kept)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != Length)
        {
            return false;
        }

        var (part, directoryAt) = (MappedFile.Open(path), BlockFormat.DirectoryAt(Mapped));
        bool IsSame(long at, long count) => part.Bytes(at, (int)count).SequenceEqual(Mapped.Bytes(at, (int)count));
        return IsSame(0, BlockFormat.HeaderBytes) && IsSame(directoryAt, Length - directoryAt) && kept.TrueForAll(i => Damage(part, i) is null);
    }

    private DamagedDataException? Damage(MappedFile of, int index)
    {
        var block = blocks[index];
        if (block.At > block.GapBegins && of.Bytes(block.GapBegins, (int)(block.At - block.GapBegins)).ContainsAnyExcept((byte)0))
        {
            return new DamagedDataException(of.Path, block.GapBegins, "there is something between two blocks");
        }

        if (block.Checksums.Length <= 1)
        {
            return IsSound(of, block, 0) ? null : At(0);
        }

        // Pieces are checked in any order; the first damaged one is named.
        var first = block.Checksums.Length;
        Parallel.For(0, block.Checksums.Length, piece =>
        {
            if (!IsSound(of, block, piece))
            {
                InterlockedMin(ref first, piece);
            }
        });
        return first == block.Checksums.Length ? null : At(first);

        DamagedDataException At(int piece) => new(of.Path, block.At + ((long)piece * BlockFormat.PieceBytes), $"{block.Kind} of field {block.Field} do not match their checksum");
    }

    private static bool IsSound(MappedFile of, Block block, int piece)
    {
        var from = (long)piece * BlockFormat.PieceBytes;
        return block.Length == 0 || Crc32C.Compute(of.Bytes(block.At + from, (int)Math.Min(BlockFormat.PieceBytes, block.Length - from))) == block.Checksums[piece];
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
        Mapped.Bytes(block.At, bytes.Length).CopyTo(bytes);
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
internal sealed class BlockStretch(BlockFile file, long at, long length)
{
    public long Length => length;

    public ReadOnlySpan<byte> Bytes(long from, int count) => file.Bytes(at + from, count);
}
