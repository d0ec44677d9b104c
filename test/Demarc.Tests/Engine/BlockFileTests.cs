using CsCheck;
using Demarc.Engine.Durability;

namespace Demarc.Tests.Engine;

/// <summary>A file of blocks gives back what was written or names where it is hurt; it never gives anything else.</summary>
public class BlockFileTests
{
    private static readonly BlockFileIdentity Identity = new(1, 2, 3);

    [Fact]
    public void Blocks_come_back_as_they_were_written_at_their_boundaries()
    {
        using var folder = Sample.Folder();
        var path = folder["blocks"];
        var large = Enumerable.Range(0, (3 * BlockFormat.PieceBytes / sizeof(int)) + 5).ToArray();
        using (var writer = new BlockWriter(new Disk(), path))
        {
            writer.Block<byte>(BlockKind.Text, 7, [1, 2, 3]);
            writer.Block<int>(BlockKind.Values, 1, large, page: true);
            writer.Begin<long>(BlockKind.Values, 2);
            for (var i = 0L; i < 100_000; i++)
            {
                writer.Write<long>([i, -i]);
            }

            writer.Block<float>(BlockKind.Norms, 2, []);
            writer.Commit(BlockFormat.SegmentMagic, Identity);
        }

        var file = BlockFile.Open(path, BlockFormat.SegmentMagic);
        file.CheckAll();
        Assert.Equal(Identity, file.Identity);
        Assert.Equal([1, 2, 3], file.Read<byte>(BlockKind.Text, 7));
        Assert.Equal(large, file.Read<int>(BlockKind.Values, 1, large.Length));
        Assert.Equal(Enumerable.Range(0, 100_000).SelectMany(i => new[] { i, -(long)i }), file.Read<long>(BlockKind.Values, 2));
        Assert.Empty(file.Read<float>(BlockKind.Norms, 2));
        Assert.Equal(large, file.Map<int>(BlockKind.Values, 1).Span.ToArray());
        Assert.True(file.Map<int>(BlockKind.Values, 1).IsMapped);
        Assert.Equal(0, file.Map<int>(BlockKind.Values, 1).Bytes);
        Assert.False(file.Has(BlockKind.Valid, 1));
        Assert.Equal(["blocks"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
        Assert.Contains("not as many", Assert.Throws<DamagedDataException>(() => file.Read<int>(BlockKind.Values, 1, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("no Valid of field 1", Assert.Throws<DamagedDataException>(() => file.Read<ulong>(BlockKind.Valid, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_changed_byte_is_found_and_its_place_is_named()
    {
        using var folder = Sample.Folder();
        var path = folder["blocks"];
        Small(path);
        var whole = File.ReadAllBytes(path);
        for (var at = 0; at < whole.Length; at++)
        {
            var hurt = (byte[])whole.Clone();
            hurt[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(path, hurt);
            var told = Assert.Throws<DamagedDataException>(() => BlockFile.Open(path, BlockFormat.SegmentMagic).CheckAll());
            Assert.Equal(path, told.DamagedFile);
            Assert.True(told.Offset <= at, $"byte {at} was hurt, {told.Offset} is named");
        }

        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole.AsSpan(0, length));
            Assert.Throws<DamagedDataException>(() => BlockFile.Open(path, BlockFormat.SegmentMagic).CheckAll());
        }

        File.WriteAllBytes(path, [.. whole, 0]);
        Assert.Throws<DamagedDataException>(() => BlockFile.Open(path, BlockFormat.SegmentMagic));
    }

    [Fact]
    public void Damage_in_a_large_block_is_named_by_the_piece_it_is_in_and_the_rest_can_be_read()
    {
        using var folder = Sample.Folder();
        var path = folder["blocks"];
        using (var writer = new BlockWriter(new Disk(), path))
        {
            writer.Block<byte>(BlockKind.Values, 1, new byte[(5 * BlockFormat.PieceBytes) + 1], page: true);
            writer.Block<byte>(BlockKind.Values, 2, new byte[100]);
            writer.Commit(BlockFormat.SegmentMagic, Identity);
        }

        foreach (var piece in new[] { 5, 3 })
        {
            using (var stream = new FileStream(path, FileMode.Open))
            {
                stream.Position = BlockFormat.PageBytes + ((long)piece * BlockFormat.PieceBytes);
                stream.WriteByte(1);
            }

            var file = BlockFile.Open(path, BlockFormat.SegmentMagic);
            Assert.Equal(BlockFormat.PageBytes + ((long)piece * BlockFormat.PieceBytes), Assert.Throws<DamagedDataException>(() => file.CheckField(1)).Offset);
            Assert.Equal(100, file.Read<byte>(BlockKind.Values, 2).Length);
            Assert.Throws<DamagedDataException>(() => file.Take<byte>(BlockKind.Values, 1, copied: false));
        }
    }

    [Fact]
    public void Whatever_a_file_holds_it_is_refused_in_words_or_read()
    {
        using var folder = Sample.Folder();
        var path = folder["blocks"];
        Small(path);
        var whole = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte.Array[1, 40], Gen.Int[0, whole.Length]).Sample((at, noise, length) =>
        {
            var hurt = whole.AsSpan(0, Math.Max(length, at + 1)).ToArray();
            noise.AsSpan(0, Math.Min(noise.Length, hurt.Length - at)).CopyTo(hurt.AsSpan(at));
            File.WriteAllBytes(path, hurt);
            try
            {
                BlockFile.Open(path, BlockFormat.SegmentMagic).CheckAll();
                return hurt.SequenceEqual(whole);
            }
            catch (DamagedDataException)
            {
                return !hurt.SequenceEqual(whole);
            }
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void A_file_that_is_given_up_leaves_nothing()
    {
        using var folder = Sample.Folder();
        using (var writer = new BlockWriter(new Disk(), folder["blocks"]))
        {
            writer.Block<byte>(BlockKind.Values, 1, [1]);
        }

        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_file_that_is_replaced_or_removed_stays_readable_where_it_is_mapped()
    {
        using var folder = Sample.Folder();
        var path = folder["blocks"];
        Small(path);
        var mapped = BlockFile.Open(path, BlockFormat.SegmentMagic).Take<int>(BlockKind.Values, 1, copied: false);
        using (var writer = new BlockWriter(new Disk(), path))
        {
            writer.Block<int>(BlockKind.Values, 1, [9, 9, 9]);
            writer.Commit(BlockFormat.SegmentMagic, Identity);
        }

        File.Delete(path);
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal([1, 2, 3], mapped.Span.ToArray());
        GC.KeepAlive(mapped);
    }

    private static void Small(string path)
    {
        using var writer = new BlockWriter(new Disk(), path);
        writer.Block<int>(BlockKind.Values, 1, [1, 2, 3]);
        writer.Block<byte>(BlockKind.Text, 2, [.. Enumerable.Range(0, 200).Select(i => (byte)i)]);
        writer.Commit(BlockFormat.SegmentMagic, Identity);
    }
}
