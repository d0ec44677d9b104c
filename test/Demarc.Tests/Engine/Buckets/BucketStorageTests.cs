using System.Runtime.Versioning;
using Demarc.Engine.Buckets;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>What is stored reaches the bucket, and an engine elsewhere goes on from there; the one before it may not write any more.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BucketStorageTests
{
    [Fact]
    public async Task An_engine_without_its_disk_goes_on_from_the_bucket()
    {
        using var lab = new BucketLab();
        var lost = lab.Folder();
        var box = lab.Open(lost);
        await BucketLab.ReadyAsync(box);
        await BucketLab.PutAsync(box, 0, 3000);
        await BucketLab.TakeSnapshotAsync(box, "early");
        await BucketLab.PutAsync(box, 3000, 2000);
        ServiceLab.Ok((await box.Client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [5, 4000]" })).Status);
        await BucketLab.MirroredAsync(box, lost);
        await BucketLab.PutAsync(box, 9000, 10); // Which only the log has.
        lab.Kill(box);

        var folder = lab.Folder();
        var told = Assert.Throws<DataDirectoryException>(() => lab.Open(folder));
        Assert.StartsWith("memory://bucket holds what instance standalone had stored until ", told.Message, StringComparison.Ordinal);
        Assert.Contains("To go on from there give --from-bucket", told.Message, StringComparison.Ordinal);
        using (var again = lab.Open(folder, fromBucket: true))
        {
            Assert.Equal(4998, await BucketLab.CountAsync(again));
            await BucketLab.CheckAsync(again, [0, 6, 2999, 3000, 4999]);
            ServiceLab.Ok(await SnapshotCalls.Restored(again.Client, "things", "early", "as_it_was"));
            ServiceLab.Ok(await again.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "as_it_was" }));
            Assert.Equal(3000, await BucketLab.CountAsync(again, "as_it_was"));
            await BucketLab.PutAsync(again, 5000, 100);
            await BucketLab.MirroredAsync(again, folder);
        }

        // With the same arguments it starts again from its own folder, and so does a third one from what it has left.
        using (var again = lab.Open(folder, fromBucket: true))
        {
            Assert.Equal(5098, await BucketLab.CountAsync(again));
        }

        using var third = lab.Open(lab.Folder(), fromBucket: true);
        await BucketLab.CheckAsync(third, [0, 4999, 5099]);
        Assert.Equal((5098, 3000), (await BucketLab.CountAsync(third), await BucketLab.CountAsync(third, "as_it_was")));
    }

    [Fact]
    public async Task Who_was_replaced_does_not_write_any_more_and_what_it_still_wrote_is_nobodys()
    {
        using var lab = new BucketLab();
        var (first, second) = (lab.Folder(), lab.Folder());
        var old = lab.Open(first);
        await BucketLab.ReadyAsync(old);
        await BucketLab.PutAsync(old, 0, 1000);
        await BucketLab.MirroredAsync(old, first);

        // The line is cut while it is taken for dead; both then write rows of their own under the same names of files.
        lab.Away = true;
        await BucketLab.PutAsync(old, 1000, 500, writer: 1);
        lab.Away = false;
        var young = lab.Open(second, fromBucket: true);
        await BucketLab.PutAsync(young, 1000, 500, writer: 2);
        old.Store.AskForCheckpoint();
        await BucketLab.UntilAsync(() => old.Store.Broken is not null);
        Assert.Equal($"memory://bucket belongs to another data folder now, which took over from {first.Path}; use that one", old.Store.Broken);
        var refused = await old.Client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [1]" });
        Assert.Contains("writes are stopped: memory://bucket belongs to another data folder now", refused.Status.Reason, StringComparison.Ordinal);
        await BucketLab.CheckAsync(old, [1400], writer: 1); // Reads go on.
        old.Dispose();

        Assert.Single(lab.Bucket.Names, n => n.EndsWith("-000005dc.seg", StringComparison.Ordinal));

        // The young one dies before its rows are in the bucket, where a file of the old one has the name that its own manifest names.
        lab.Away = true;
        await BucketLab.UntilAsync(() =>
        {
            young.Store.AskForCheckpoint();
            return young.Store.LogBytes <= LogFormat.HeaderBytes && BucketLab.Files(second, "checkpoint-*").Count == 1 && BucketLab.Files(second, "segment-*-000005dc.seg").Count == 1;
        });
        lab.Kill(young);
        lab.Away = false;
        young = lab.Open(second);
        await BucketLab.MirroredAsync(young, second);
        lab.Kill(young);
        Assert.Contains("belongs to another data folder", Assert.Throws<DataDirectoryException>(() => lab.Open(first)).Message, StringComparison.Ordinal);
        using var third = lab.Open(lab.Folder(), fromBucket: true);
        Assert.Equal(1500, await BucketLab.CountAsync(third));
        await BucketLab.CheckAsync(third, [0, 999]);
        await BucketLab.CheckAsync(third, [1000, 1499], writer: 2);
    }

    [Fact]
    public async Task A_bucket_that_is_away_holds_nothing_up_and_gets_everything_later()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using (var box = lab.Open(folder))
        {
            await BucketLab.ReadyAsync(box);
            lab.Away = true;
            for (var i = 0; i < 5; i++)
            {
                await BucketLab.PutAsync(box, i * 1000, 1000);
                box.Store.AskForCheckpoint();
            }

            await BucketLab.CheckAsync(box, [0, 4999]);
            await BucketLab.UntilAsync(() => box.Bucket!.Mirror!.Behind > TimeSpan.Zero);
            Assert.False(box.Bucket!.Mirror!.IsDone);
        }

        // Also a start does without it, as long as the folder has all.
        using (var box = lab.Open(folder))
        {
            await BucketLab.CheckAsync(box, [0, 4999]);
            lab.Away = false;
            await BucketLab.MirroredAsync(box, folder);
            Assert.Equal(TimeSpan.Zero, box.Bucket!.Mirror!.Behind);
            lab.Kill(box);
        }

        using var again = lab.Open(lab.Folder(), fromBucket: true);
        Assert.Equal(5000, await BucketLab.CountAsync(again));
    }

    [Fact]
    public async Task What_nothing_names_any_more_goes_from_the_bucket_too()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using var box = lab.Open(folder, indexing: true);
        await BucketLab.ReadyAsync(box, index: "HNSW");
        await BucketLab.PutAsync(box, 0, 5000);
        ServiceLab.Ok((await box.Client.FlushAsync(new FlushRequest { CollectionNames = { "things" } })).Status);
        await BucketLab.MirroredAsync(box, folder);
        await BucketLab.IndexedAsync(() => box.Bucket!.Files.There.Any(n => n.EndsWith(".idx", StringComparison.Ordinal)));
        await BucketLab.TakeSnapshotAsync(box, "kept");
        ServiceLab.Ok(await box.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" })); // And its snapshots with it.
        await BucketLab.MirroredAsync(box, folder);
        await BucketLab.UntilAsync(() => box.Bucket!.Files.There.All(n => n.StartsWith("checkpoint-", StringComparison.Ordinal)));
        Assert.Equal(2, (await lab.Bucket.ListAsync(CancellationToken.None)).Count); // The head and the manifest.
    }

    [Fact]
    public async Task A_damaged_file_is_replaced_by_the_one_in_the_bucket()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using (var box = lab.Open(folder))
        {
            await BucketLab.ReadyAsync(box);
            await BucketLab.PutAsync(box, 0, BucketLab.Full + 100);
            await BucketLab.MirroredAsync(box, folder);
        }

        foreach (var file in Directory.GetFiles(folder.Path, "segment-*.seg"))
        {
            await using var open = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            open.Position = open.Length / 2;
            var there = open.ReadByte();
            open.Position--;
            open.WriteByte((byte)(there ^ 1));
        }

        using (var box = lab.Open(folder))
        {
            await BucketLab.CheckAsync(box, [0, 1, BucketLab.Full / 2, BucketLab.Full - 1, BucketLab.Full + 99]);
            Assert.NotEmpty(BucketLab.Files(folder, "*.damaged"));
            Assert.Null(box.Store.State.Find("default", "things").Damage);
        }

        File.Delete(Directory.GetFiles(folder.Path, "segment-*.seg")[0]);
        using var again = lab.Open(folder);
        await BucketLab.CheckAsync(again, [0, BucketLab.Full + 99]);
    }

    [Fact]
    public async Task A_file_that_is_nowhere_leaves_nothing_else_out()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using (var box = lab.Open(folder))
        {
            lab.Away = true;
            await BucketLab.ReadyAsync(box);
            await BucketLab.ReadyAsync(box, "others");
            await BucketLab.PutAsync(box, 0, 1000);
            await BucketLab.PutAsync(box, 0, 2000, name: "others");
        }

        File.Delete(Directory.GetFiles(folder.Path, "segment-*-000003e8.seg").Single());
        lab.Away = false;
        using (var box = lab.Open(folder))
        {
            Assert.NotNull(box.Store.State.Find("default", "things").Damage);
            await BucketLab.PutAsync(box, 2000, 10, name: "others");
            await BucketLab.MirroredAsync(box, folder);
            lab.Kill(box);
        }

        using var again = lab.Open(lab.Folder(), fromBucket: true);
        Assert.Equal(2010, await BucketLab.CountAsync(again, "others"));
        Assert.NotNull(again.Store.State.Find("default", "things").Damage);
    }

    [Fact]
    public async Task A_folder_is_told_apart_from_one_that_the_bucket_does_not_go_with()
    {
        using var lab = new BucketLab();
        Assert.Contains("--from-bucket finds nothing in memory://bucket", Assert.Throws<DataDirectoryException>(() => lab.Open(lab.Folder(), fromBucket: true)).Message, StringComparison.Ordinal);
        var folder = lab.Folder();
        using (var box = lab.Open(folder))
        {
            await BucketLab.ReadyAsync(box);
            await BucketLab.PutAsync(box, 0, 10);
            await BucketLab.MirroredAsync(box, folder);
        }

        var strange = lab.Folder();
        using (EngineBox.Open(strange.Path, new FaultyDisk(), TimeProvider.System))
        {
            // An engine of its own, without a bucket.
        }

        Assert.Contains("belongs to another data folder, of instance standalone", Assert.Throws<DataDirectoryException>(() => lab.Open(strange)).Message, StringComparison.Ordinal);
        var full = lab.Folder();
        await File.WriteAllTextAsync(full["notes.txt"], "mine");
        Assert.Contains("is not empty: notes.txt is there", Assert.Throws<DataDirectoryException>(() => lab.Open(full, fromBucket: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_files_with_one_name_the_newest_holder_s_counts_and_none_that_leads_out_of_the_folder()
    {
        var listed = new[] { "new/a.seg", "old/a.seg", "old/b.seg", "old/c.seg", "strange/b.seg", "new/../x.seg", "new/sub/y.seg", "engine.json" }.ToDictionary(k => k, k => (long)k.Length);
        var mine = BucketFiles.Mine(listed, ["new", "old"], name => name is "a.seg" or "b.seg" or "x.seg", "new");
        Assert.Equal([("a.seg", "new/a.seg"), ("b.seg", "old/b.seg")], mine.Select(m => (m.Key, m.Value.Key)).Order());
    }
}
