using System.Runtime.Versioning;
using Demarc.Engine.Buckets;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>A folder smaller than the data: full segments become parts, are fetched when they are needed, and answers stay what they were.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BucketCacheTests
{
    private static readonly int[] Asked = [0, 1, 4711, BucketLab.Full - 1, BucketLab.Full, (2 * BucketLab.Full) - 1, 2 * BucketLab.Full, (2 * BucketLab.Full) + 99];

    [Fact]
    public async Task Full_segments_become_parts_and_are_fetched_when_they_are_needed()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using (var box = lab.Open(folder, cacheMib: 1, indexing: true))
        {
            await FilledAsync(lab, box, folder);
            await ApartAsync(box, folder);
            Assert.Equal(2, BucketLab.Files(folder, "segment-*.part").Count);
            Assert.Equal(2, BucketLab.Files(folder, "index-*.part").Count);
            Assert.Equal(0, box.Bucket!.Files.FetchedBytes);

            // Texts are read on from the part; vectors, and the indexes, come back.
            await BucketLab.CheckAsync(box, Asked);
            Assert.True(box.Bucket.Files.FetchedBytes > 2L * BucketLab.Full * BucketLab.Dimension * sizeof(float));
            await ApartAsync(box, folder);
            await BucketLab.CheckAsync(box, Asked);
        }

        // A start reads what it needs from the parts, and asks the bucket for nothing but what is there.
        var acts = lab.Bucket.Count("range");
        using (var box = lab.Open(folder, cacheMib: 1, indexing: true))
        {
            Assert.Equal((2 * BucketLab.Full) + 100, await BucketLab.CountAsync(box));
            Assert.Equal(acts, lab.Bucket.Count("range"));
            await BucketLab.CheckAsync(box, Asked);
            Assert.True(lab.Bucket.Count("range") > acts);
            Assert.Empty(box.Defects);
        }

        // Without the bucket what is only there is missing, and told as that.
        using (var alone = EngineBox.Open(folder.Path, new FaultyDisk(), TimeProvider.System))
        {
            var refused = await alone.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id == 1", OutputFields = { "id" } });
            Assert.Equal(1001, refused.Status.Code);
            Assert.Contains("the rest of the file is in a bucket, which is not named (--bucket)", refused.Status.Reason, StringComparison.Ordinal);
        }

        // A folder without a limit takes everything back as it is used.
        using (var box = lab.Open(folder))
        {
            await BucketLab.CheckAsync(box, Asked);
        }

        Assert.Equal(3, BucketLab.Files(folder, "segment-*.seg").Count);
    }

    [Fact]
    public async Task A_new_folder_with_a_limit_fetches_no_more_than_a_start_has_to_read()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using (var box = lab.Open(folder, indexing: true))
        {
            await FilledAsync(lab, box, folder);
        }

        var small = lab.Folder();
        using var again = lab.Open(small, cacheMib: 1, fromBucket: true);
        Assert.Equal((2 * BucketLab.Full) + 100, await BucketLab.CountAsync(again));
        Assert.EndsWith("-00000064.seg", Assert.Single(BucketLab.Files(small, "segment-*.seg")), StringComparison.Ordinal); // The one that is written to.
        Assert.Equal(3, BucketLab.Files(small, "segment-*.part").Count);
        var vectors = 2L * BucketLab.Full * BucketLab.Dimension * sizeof(float);
        var all = again.Bucket!.Files.There.Where(n => n.EndsWith(".seg", StringComparison.Ordinal)).Sum(n => new FileInfo(Directory.GetFiles(folder.Path, n)[0]).Length);
        Assert.InRange(again.Bucket.Files.FetchedBytes, 1, all - vectors);
        await BucketLab.CheckAsync(again, Asked);
    }

    [Fact]
    public async Task What_is_not_in_the_bucket_stays_and_what_cannot_be_fetched_is_told_and_asked_for_again()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using var box = lab.Open(folder, cacheMib: 1);
        lab.Away = true;
        await BucketLab.ReadyAsync(box);
        await BucketLab.PutAsync(box, 0, BucketLab.Full + 100);
        await BucketLab.UntilAsync(() =>
        {
            box.Store.AskForCheckpoint();
            return BucketLab.Files(folder, "segment-*.seg").Count == 2;
        });
        await BucketLab.CheckAsync(box, [0, BucketLab.Full - 1, BucketLab.Full + 99]);
        Assert.Empty(BucketLab.Files(folder, "*.part"));

        lab.Away = false;
        await BucketLab.MirroredAsync(box, folder);
        await ApartAsync(box, folder);
        lab.Away = true;
        var search = await box.Client.SearchAsync(ServiceLab.Search(BucketLab.Vector(7), 1));
        Assert.Equal(1001, search.Status.Code);
        Assert.Equal("stored data of vec is in the bucket and could not be fetched: memory://bucket does not answer: the line is cut; ask again: IO failed", search.Status.Reason);
        Assert.Equal(1001, (await box.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id == 7", OutputFields = { "vec" } })).Status.Code);
        await BucketLab.PutAsync(box, BucketLab.Full + 100, 10); // Writes do not need it.
        Assert.Equal(BucketLab.Full + 110, await BucketLab.CountAsync(box));
        Assert.Null(box.Store.State.Find("default", "things").Damage);
        lab.Away = false;
        await BucketLab.CheckAsync(box, [7, BucketLab.Full + 109]);
        Assert.Empty(box.Defects);
    }

    [Fact]
    public async Task Damage_in_the_bucket_is_named_and_not_served()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using var box = lab.Open(folder, cacheMib: 1);
        await BucketLab.ReadyAsync(box);
        await BucketLab.PutAsync(box, 0, BucketLab.Full + 100);
        await BucketLab.MirroredAsync(box, folder);
        await ApartAsync(box, folder);
        var key = lab.Bucket.Names.Single(n => n.EndsWith($"{BucketLab.Full:x8}.seg", StringComparison.Ordinal));
        lab.Bucket.Change(key, content => content[content.Length / 2] ^= 1);
        var search = await box.Client.SearchAsync(ServiceLab.Search(BucketLab.Vector(7), 1));
        Assert.Equal(1001, search.Status.Code);
        Assert.Contains($"memory://bucket/{key} at byte ", search.Status.Reason, StringComparison.Ordinal);
        lab.Bucket.Change(key, content => content[content.Length / 2] ^= 1); // Put right there, it is fetched with the next request.
        await BucketLab.CheckAsync(box, [7]);
    }

    [Theory]
    [InlineData(3)] // The header.
    [InlineData(-3)] // The directory.
    [InlineData(0)] // A text.
    public async Task A_damaged_part_is_never_read_from_and_is_put_right(int at)
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        var box = lab.Open(folder, cacheMib: 1);
        await BucketLab.ReadyAsync(box);
        await BucketLab.PutAsync(box, 0, BucketLab.Full + 100);
        await BucketLab.MirroredAsync(box, folder);
        await ApartAsync(box, folder);
        await BucketLab.CheckAsync(box, [7]); // The whole file is here again, and the part beside it.
        var path = Directory.GetFiles(folder.Path, "segment-*.part").Single();
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[at > 0 ? at : at < 0 ? bytes.Length + at : bytes.AsSpan().IndexOf("row 4711 of 0"u8)] ^= 1;
        await ReplaceAsync(path, bytes);

        // Not when it would be used again,
        await ApartAsync(box, folder);
        await BucketLab.CheckAsync(box, Asked[..4]);
        await ApartAsync(box, folder);
        lab.Kill(box);

        // and not when a start finds it alone.
        await ReplaceAsync(path, bytes);
        using var again = lab.Open(folder, cacheMib: 1);
        await BucketLab.CheckAsync(again, Asked[..4]);
        Assert.Null(again.Store.State.Find("default", "things").Damage);
    }

    [Fact]
    public async Task Searches_find_the_same_while_everything_is_let_go_of_and_fetched_all_the_time()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        using var box = lab.Open(folder, cacheMib: 1, indexing: true);
        await FilledAsync(lab, box, folder);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(4));
        var readers = Enumerable.Range(0, 3).Select(reader => Task.Run(async () =>
        {
            for (var i = reader; !stop.IsCancellationRequested; i += 7)
            {
                await BucketLab.CheckAsync(box, [Asked[i % Asked.Length], (i * 7919) % (2 * BucketLab.Full)]);
            }
        })).ToList();
        while (!stop.IsCancellationRequested)
        {
            box.Bucket!.Cache!.Trim();
            await Task.Delay(1);
        }

        await Task.WhenAll(readers);
        Assert.Empty(box.Defects);
        Assert.True(box.Bucket!.Files.FetchedBytes > 10L * BucketLab.Full * BucketLab.Dimension * sizeof(float));
    }

    [Fact]
    public async Task A_disk_that_fails_while_files_are_let_go_of_or_fetched_loses_nothing()
    {
        using var lab = new BucketLab();
        var folder = lab.Folder();
        var disk = new FaultyDisk();
        using (var box = lab.Open(folder, disk: disk))
        {
            await BucketLab.ReadyAsync(box);
            await BucketLab.PutAsync(box, 0, BucketLab.Full + 100);
            await BucketLab.MirroredAsync(box, folder);
        }

        for (var at = 1; ; at++)
        {
            // It is whole, and no part has been written yet.
            Directory.GetFiles(folder.Path, "*.part").ToList().ForEach(File.Delete);
            var box = lab.Open(folder, cacheMib: 1000, disk: disk);

            // One more act of the disk succeeds each time; then the process is gone.
            var cache = new BucketCache(1, box.Bucket!.Files, new IndexFolder(box.Directory, disk, 0, NullLogger.Instance), box.Store.State, box.Directory, disk, NullLogger.Instance);
            disk.Reset(at, stayDown: true);
            cache.Trim();
            var search = await box.Client.SearchAsync(ServiceLab.Search(BucketLab.Vector(7), 1));
            cache.Trim();
            var failed = disk.Failed;
            Assert.True(search.Status.Code == 0 ? search.Results.Ids.IntId.Data[0] == 7 : failed, search.Status.Reason);
            lab.Kill(box);
            disk.Reset(0);
            using (var after = lab.Open(folder, cacheMib: 1000, disk: disk))
            {
                await BucketLab.CheckAsync(after, [0, 7, BucketLab.Full - 1, BucketLab.Full + 99]);
                Assert.Empty(after.Errors);
                lab.Kill(after);
            }

            if (!failed)
            {
                Assert.True(at > 12, $"only {at} acts");
                return;
            }
        }
    }

    /// <summary>Gives a file another content under its name; whoever has mapped the one before keeps that.</summary>
    private static async Task ReplaceAsync(string path, byte[] content)
    {
        await File.WriteAllBytesAsync(path + ".other", content);
        File.Move(path + ".other", path, overwrite: true);
    }

    /// <summary>Two full segments, and one that is not, all of it in the bucket.</summary>
    private static async Task FilledAsync(BucketLab lab, EngineBox box, TemporaryFolder folder)
    {
        await BucketLab.ReadyAsync(box, index: "IVF_FLAT");
        await BucketLab.PutAsync(box, 0, (2 * BucketLab.Full) + 100);
        await BucketLab.MirroredAsync(box, folder);
        await BucketLab.IndexedAsync(() => lab.Bucket.Names.Count(n => n.EndsWith(".idx", StringComparison.Ordinal)) == 2 && box.Bucket!.Mirror!.IsDone);
    }

    /// <summary>Waits until no full segment is whole in the folder.</summary>
    private static Task ApartAsync(EngineBox box, TemporaryFolder folder) => BucketLab.IndexedAsync(() =>
    {
        box.Bucket!.Mirror!.Wake();
        return Directory.GetFiles(folder.Path, "segment-*.seg").Length <= 1 && Directory.GetFiles(folder.Path, "index-*.idx").Length == 0;
    });
}
