using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Tests.Engine;

/// <summary>Segments in files: mapped once they are full, read from older folders, and quarantined when they are damaged.</summary>
public class StoredSegmentTests
{
    [Fact]
    public async Task A_folder_whose_segments_are_messages_is_read_and_written_anew_at_the_next_checkpoint()
    {
        using var folder = Sample.Folder();
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Engine", "Format2")))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }

        await using (var running = Running.Open(folder))
        {
            OlderFolder.Check(running.Store.State);
            Assert.Contains($"\"format\": {DataDirectory.FormatVersion}", File.ReadAllText(folder["engine.json"]), StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFiles(folder.Path, "segment-*.dat"));
        Assert.Equal(3, Directory.GetFiles(folder.Path, "segment-*.seg").Length);
        await using var again = Running.Open(folder);
        OlderFolder.Check(again.Store.State);
        Assert.All(again.Rows("kinds").View.Segments, s => Assert.NotNull(s.Segment.File));
    }

    [Fact]
    public async Task A_full_segment_is_read_from_its_file_after_a_checkpoint_and_after_a_start()
    {
        using var folder = Sample.Folder();
        var capacity = Segment.CapacityOfBytes(Sample.Dimension * sizeof(float));
        CollectionView before;
        await using (var running = Running.Open(folder))
        {
            var id = await running.Create();
            await running.Put(id, [.. Enumerable.Range(0, capacity + 100).Select(i => (long)i)]);
            before = running.Rows().View;
            Assert.False(Vectors(before, 0).Values.IsMapped);
            var held = running.Rows().Bytes;
            await running.DisposeAsync();

            // What was handed out reads on, and memory counts what is in memory.
            Assert.True(Vectors(running.Rows().View, 0).Values.IsMapped);
            Assert.False(Vectors(running.Rows().View, 1).Values.IsMapped);
            Assert.True(running.Rows().Bytes <= held - (capacity * (Sample.Dimension + 1) * sizeof(float)));
            CheckVectors(before, capacity + 100);
        }

        await using (var running = Running.Open(folder))
        {
            var view = running.Rows().View;
            Assert.True(Vectors(view, 0).Values.IsMapped);
            Assert.True(Vectors(view, 1).Values.IsMapped);
            CheckVectors(view, capacity + 100);

            // The open one is appended to: its rows move to memory, the view from before reads on.
            await running.Put(running.Rows().Definition.Id, [.. Enumerable.Range(capacity + 100, 50).Select(i => (long)i)]);
            Assert.False(Vectors(running.Rows().View, 1).Values.IsMapped);
            CheckVectors(view, capacity + 100);
            CheckVectors(running.Rows().View, capacity + 150);

            // Compacted and removed, it reads on where somebody still holds it.
            await running.Delete(running.Rows().Definition.Id, [.. Enumerable.Range(0, capacity * 3 / 4).Select(i => (long)i)]);
            Assert.DoesNotContain(running.Rows().View.Segments, s => s.Segment == view.Segments[0].Segment);
            await running.DisposeAsync();
            Assert.DoesNotContain(view.Segments[0].Segment.Stored!.File, Directory.GetFiles(folder.Path).Select(Path.GetFileName));
            GC.Collect();
            GC.WaitForPendingFinalizers();
            CheckVectors(view, capacity + 100);
        }
    }

    [Fact]
    public async Task A_flipped_bit_anywhere_in_a_segment_takes_its_collection_out_of_service_and_no_other()
    {
        using var folder = Sample.Folder();
        await TwoCollections(folder);
        var file = Directory.GetFiles(folder.Path, "segment-*.seg").Order(StringComparer.Ordinal).First();
        var whole = File.ReadAllBytes(file);
        for (var at = 0; at < whole.Length; at += 61)
        {
            var hurt = (byte[])whole.Clone();
            hurt[at] ^= 0x10;
            File.WriteAllBytes(file, hurt);
            await using (var running = Running.Open(folder))
            {
                var damaged = running.Rows();
                Assert.NotNull(damaged.Damage);
                Assert.Contains(file, damaged.Damage, StringComparison.Ordinal);
                Assert.Contains(" at byte ", damaged.Damage, StringComparison.Ordinal);
                var refused = await Assert.ThrowsAsync<Fault>(() => running.Put(damaged.Definition.Id, [1]));
                Assert.Equal(1001, refused.Code);
                Assert.Contains(file, refused.Message, StringComparison.Ordinal);
                Assert.Contains("Restore that file", refused.Message, StringComparison.Ordinal);
                Assert.Null(running.Rows("others").Damage);
                Assert.Equal(3, running.Rows("others").View.LiveRows);
                running.Abandon();
            }

            Assert.False(File.Exists(file));
            Assert.Equal(hurt, File.ReadAllBytes(file + ".damaged"));
            File.Delete(file + ".damaged");
        }

        File.WriteAllBytes(file, whole);
        await using var restored = Running.Open(folder);
        Assert.Null(restored.Rows().Damage);
        Assert.Equal(4, restored.Rows().View.LiveRows);
    }

    [Fact]
    public async Task What_was_written_before_damage_was_found_is_there_when_the_file_is_restored_whatever_happened_between()
    {
        using var folder = Sample.Folder();
        await TwoCollections(folder);
        await using (var running = Running.Open(folder))
        {
            // In the log only.
            var id = running.Rows().Definition.Id;
            await running.Put(id, [2, 10, 11], 5);
            await running.Delete(id, 0);
            running.Abandon();
        }

        var file = Directory.GetFiles(folder.Path, "segment-*.seg").Order(StringComparer.Ordinal).First();
        var whole = File.ReadAllBytes(file);
        File.Delete(file);
        for (var start = 0; start < 3; start++)
        {
            // Each start ends with a checkpoint, which takes the log away but not what it held for the missing rows.
            await using var running = Running.Open(folder);
            Assert.Contains("missing", running.Rows().Damage, StringComparison.Ordinal);
            await running.Put(running.Rows("others").Definition.Id, [100 + start]);
            await Assert.ThrowsAsync<Fault>(() => running.Delete(running.Rows().Definition.Id, 1));
            await Assert.ThrowsAsync<Fault>(() => running.Store.Decide(() => new LogOp { Truncate = new TruncateOp { CollectionId = running.Rows().Definition.Id } }));
        }

        File.WriteAllBytes(file, whole);
        await using var restored = Running.Open(folder);
        Assert.Null(restored.Rows().Damage);
        Assert.Equal(6, restored.Rows("others").View.LiveRows);
        Assert.Equal(["row 1 v0", "row 10 v5", "row 11 v5", "row 2 v5", "row 3 v0"], Titles(restored.Rows()));
        Assert.Empty(restored.Rows().Find([0], []).Places);
    }

    [Fact]
    public async Task A_damaged_collection_can_be_dropped_and_its_kept_file_stays()
    {
        using var folder = Sample.Folder();
        await TwoCollections(folder);
        var file = Directory.GetFiles(folder.Path, "segment-*.seg").Order(StringComparer.Ordinal).First();
        File.WriteAllBytes(file, [1, 2, 3]);
        await using (var running = Running.Open(folder))
        {
            await running.Store.Decide(() => new LogOp { DropCollection = new DropCollectionOp { CollectionId = running.Rows().Definition.Id } });
            await running.Create();
            Assert.Null(running.Rows().Damage);
        }

        await using var again = Running.Open(folder);
        Assert.Equal(0, again.Rows().View.LiveRows);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(file + ".damaged"));
    }

    [Fact]
    public async Task Damage_in_a_full_segment_is_found_behind_the_service_and_by_who_asks_first()
    {
        using var folder = Sample.Folder();
        var capacity = Segment.CapacityOfBytes(Sample.Dimension * sizeof(float));
        await using (var running = Running.Open(folder))
        {
            var id = await running.Create();
            await running.Create("others");
            await running.Put(id, [.. Enumerable.Range(0, capacity).Select(i => (long)i)]);
        }

        var file = Directory.GetFiles(folder.Path, "segment-*.seg").Single();
        var place = Place(file, running: BlockFile.Open(file, BlockFormat.SegmentMagic));
        using (var stream = new FileStream(file, FileMode.Open))
        {
            stream.Position = place;
            stream.WriteByte(0xFF);
        }

        await using var again = Running.Open(folder);
        var told = Assert.Throws<Fault>(() => Vectors(again.Rows().View, 0).Row(5));
        Assert.Equal(1001, told.Code);
        Assert.Contains(file, told.Message, StringComparison.Ordinal);
        for (var i = 0; i < 500 && again.Rows().Damage is null; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.Contains("is kept as", again.Rows().Damage, StringComparison.Ordinal);
        Assert.Equal(1001, (await Assert.ThrowsAsync<Fault>(() => again.Delete(again.Rows().Definition.Id, 1))).Code);
        await again.Put(again.Rows("others").Definition.Id, [1]);
    }

    /// <summary>A byte in the middle of the vectors.</summary>
    private static long Place(string file, BlockFile running)
    {
        var vectors = System.Runtime.InteropServices.MemoryMarshal.AsBytes(running.Read<float>(BlockKind.Values, 1).AsSpan());
        return File.ReadAllBytes(file).AsSpan().IndexOf(vectors) + (vectors.Length / 2);
    }

    private static async Task TwoCollections(TemporaryFolder folder)
    {
        await using var running = Running.Open(folder);
        var first = await running.Create();
        await running.Put(first, [0, 1, 2, 3]);
        await running.Put(await running.Create("others"), [7, 8, 9]);
    }

    private static FloatVectorColumn Vectors(CollectionView view, int segment) => (FloatVectorColumn)view.Segments[segment].Segment.Columns[1];

    private static void CheckVectors(CollectionView view, int rows)
    {
        var seen = 0;
        foreach (var segment in view.Segments)
        {
            var column = (FloatVectorColumn)segment.Segment.Columns[1];
            var keys = ((IntegerColumn)segment.Segment.Columns[0]).Values;
            for (var row = 0; row < segment.Count; row += 97)
            {
                var expected = Sample.Vector(keys[row], 0);
                Assert.True(column.Row(row).SequenceEqual(expected));
                Assert.Equal(Demarc.Engine.Vectors.Kernels.Norm(expected), column.Norms[row]);
            }

            seen += segment.Count;
        }

        Assert.Equal(rows, seen);
    }

    private static List<string> Titles(CollectionRows rows) =>
        [.. rows.View.Segments.SelectMany(s => Enumerable.Range(0, s.Count).Where(s.IsLive).Select(r => ((TextColumn)s.Segment.Columns[2]).Values[r])).Order(StringComparer.Ordinal)];
}
