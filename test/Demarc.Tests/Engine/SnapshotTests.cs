using System.Runtime.Versioning;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Demarc.Tests.Engine;

/// <summary>Collections kept as they were and brought back beside themselves, while both are read and written.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class SnapshotTests
{
    [Fact]
    public async Task A_restored_collection_has_the_rows_of_the_moment_and_nothing_that_came_later()
    {
        using var folder = Sample.Folder();
        var time = new TickingTime();
        using (var box = Open(folder, time))
        {
            var lab = new ServiceLab(box.Client);
            await lab.Ready(rows: 300);
            ServiceLab.Ok(await box.Client.CreatePartitionAsync(new CreatePartitionRequest { CollectionName = "things", PartitionName = "side" }));
            await lab.Insert([1000, 1001], partition: "side");
            await Delete(box.Client, "things", "id in [5, 6, 1001]");
            await Take(box.Client, "noon", "before the change");
            await lab.Insert([2000]);
            await Delete(box.Client, "things", "id < 100");
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "again"));

            Assert.Equal(101, (await box.Client.QueryAsync(new QueryRequest { CollectionName = "again", Expr = "id > 1", OutputFields = { "id" } })).Status.Code); // As in Milvus it is not loaded.
            await Load(box.Client, "again");
            await CheckNoon(lab);
            box.Abandon();
        }

        using (var box = Open(folder, time))
        {
            var lab = new ServiceLab(box.Client);
            await CheckNoon(lab);
            await lab.Insert([5, 3000], "again");
            await Delete(box.Client, "again", "id == 7");
            Assert.Equal([3, 4, 5, 8, 3000], (await lab.Keys("id in [3, 4, 5, 6, 7, 8, 2000, 3000]", "again")).Order());
            Assert.Equal([2000], await lab.Keys("id in [3, 4, 5, 6, 7, 8, 2000, 3000]"));
        }

        using (var box = Open(folder, time))
        {
            var lab = new ServiceLab(box.Client);
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "once_more"));
            await Load(box.Client, "once_more");
            await CheckNoon(lab, "once_more");
            var told = await box.Client.DescribeSnapshotAsync(new DescribeSnapshotRequest { CollectionName = "things", Name = "noon" });
            Assert.Equal(("noon", "before the change", "things"), (told.Name, told.Description, told.CollectionName));
            Assert.Equal(["_default", "side"], told.PartitionNames);
            Assert.Empty(box.Errors);
        }
    }

    [Fact]
    public async Task Nothing_is_copied_and_what_nobody_names_any_more_is_removed()
    {
        using var folder = Sample.Folder();
        var time = new TickingTime();
        using (var box = Open(folder, time))
        {
            await new ServiceLab(box.Client).Ready(rows: 50);
        }

        using (var box = Open(folder, time))
        {
            var lab = new ServiceLab(box.Client);
            var before = Files(folder, "segment-*");
            await Take(box.Client, "noon");
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "again"));
            Assert.Equal(before, Files(folder, "segment-*"));
            ServiceLab.Ok(await box.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" }));
            Assert.Empty(Files(folder, "snapshot-*"));
            Assert.Equal(before, Files(folder, "segment-*")); // The restored one lives on it.
            await Load(box.Client, "again");
            Assert.Equal(50, (await lab.Keys(name: "again")).Count);
        }

        using (var box = Open(folder, time))
        {
            Assert.Equal(50, (await new ServiceLab(box.Client).Keys(name: "again")).Count);
            await Take(box.Client, "night", collection: "again");
            Assert.Single(Files(folder, "segment-*"));
            ServiceLab.Ok(await box.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "again" }));
        }

        Assert.Empty(Files(folder, "segment-*"));
    }

    [Fact]
    public async Task A_dropped_snapshot_gives_its_space_back_at_once()
    {
        using var folder = Sample.Folder();
        using var box = Open(folder, new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready(rows: 50);
        await Take(box.Client, "noon");
        Assert.Single(Files(folder, "segment-*"));
        ServiceLab.Ok(await box.Client.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "things", Name = "noon" }));
        Assert.Single(Files(folder, "segment-*")); // These rows are still the collection's own.
        await lab.Insert([99]);
        await Take(box.Client, "noon");
        Assert.Equal(2, Files(folder, "segment-*").Count);
        ServiceLab.Ok((await box.Client.TruncateCollectionAsync(new TruncateCollectionRequest { CollectionName = "things" })).Status);
        ServiceLab.Ok(await box.Client.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "things", Name = "noon" }));
        Assert.Empty(Files(folder, "segment-*"));
    }

    /// <summary>Found by the model: the log brings the collection back from files that nothing else names any more.</summary>
    [Fact]
    public async Task What_the_log_brings_back_is_not_removed_with_the_last_snapshot_that_names_it()
    {
        using var folder = Sample.Folder();
        var time = new TickingTime();
        using (var box = Open(folder, time))
        {
            var lab = new ServiceLab(box.Client);
            await lab.Ready(rows: 20);
            await Take(box.Client, "noon");
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "again"));
            ServiceLab.Ok(await box.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" }));
            await lab.Insert([99], "again");
            await Take(box.Client, "night", collection: "again");
            ServiceLab.Ok(await box.Client.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "again", Name = "night" }));
            box.Abandon();
        }

        using (var box = Open(folder, time))
        {
            Assert.Empty(box.Errors);
            await Load(box.Client, "again");
            Assert.Equal(21, (await new ServiceLab(box.Client).Keys(name: "again")).Count);
        }

        Assert.Single(Files(folder, "segment-*")); // After the checkpoint of the stop it is.
    }

    [Fact]
    public async Task A_snapshot_from_before_a_field_was_added_is_restored_without_it()
    {
        using var folder = Sample.Folder();
        using var box = Open(folder, new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready(rows: 20);
        await Take(box.Client, "noon");
        var field = new FieldSchema { Name = "later", DataType = DataType.Int32, Nullable = true };
        ServiceLab.Ok(await box.Client.AddCollectionFieldAsync(new AddCollectionFieldRequest { CollectionName = "things", Schema = field.ToByteString() }));
        await Take(box.Client, "night");
        ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "early"));
        ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "night", "late"));
        foreach (var (name, has) in new[] { ("early", false), ("late", true) })
        {
            await Load(box.Client, name);
            Assert.Equal(20, (await lab.Keys(name: name)).Count);
            Assert.Equal(has, (await box.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = name })).Schema.Fields.Any(f => f.Name == "later"));
        }
    }

    [Fact]
    public async Task A_pinned_snapshot_is_not_dropped_before_the_pin_ends_also_not_with_its_collection()
    {
        using var folder = Sample.Folder();
        var time = new TickingTime();
        long forGood;
        using (var box = Open(folder, time))
        {
            await new ServiceLab(box.Client).Ready(rows: 5);
            await Take(box.Client, "noon");
            var shortly = await box.Client.PinSnapshotDataAsync(new PinSnapshotDataRequest { CollectionName = "things", Name = "noon", TtlSeconds = 1 });
            ServiceLab.Ok(shortly.Status);
            forGood = (await box.Client.PinSnapshotDataAsync(new PinSnapshotDataRequest { CollectionName = "things", Name = "noon" })).PinId;
            Assert.Contains("active pins exist", (await Drop(box.Client)).Reason, StringComparison.Ordinal);
        }

        using (var box = Open(folder, time))
        {
            for (var i = 0; i < 1000; i++)
            {
                time.GetUtcNow(); // A millisecond each.
            }

            Assert.Contains("active pins exist", (await Drop(box.Client)).Reason, StringComparison.Ordinal);
            Assert.Contains("active pins exist", (await box.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" })).Reason, StringComparison.Ordinal);
            ServiceLab.Ok(await box.Client.UnpinSnapshotDataAsync(new UnpinSnapshotDataRequest { PinId = forGood }));
            Assert.Contains($"pin {forGood} not found", (await box.Client.UnpinSnapshotDataAsync(new UnpinSnapshotDataRequest { PinId = forGood })).Reason, StringComparison.Ordinal);
            ServiceLab.Ok(await Drop(box.Client));
            ServiceLab.Ok(await Drop(box.Client));
        }
    }

    [Fact]
    public async Task What_cannot_be_is_refused_by_name()
    {
        using var folder = Sample.Folder();
        using var box = Open(folder, new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready(rows: 5);
        await Take(box.Client, "noon");
        await Refused("already exists", new CreateSnapshotRequest { CollectionName = "things", Name = "noon" });
        await Refused("snapshot name", new CreateSnapshotRequest { CollectionName = "things", Name = "a/b" });
        await Refused("snapshot name", new CreateSnapshotRequest { CollectionName = "things" });
        await Refused("collection not found", new CreateSnapshotRequest { CollectionName = "nothing", Name = "noon" });
        await Refused("non-negative", new CreateSnapshotRequest { CollectionName = "things", Name = "night", CompactionProtectionSeconds = -1 });
        await Refused("at most 4096 characters", new CreateSnapshotRequest { CollectionName = "things", Name = "night", Description = new string('x', 4097) });
        Assert.Equal(100, (await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = "nothing" })).Status.Code);
        Assert.Equal(1101, (await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest())).Status.Code);
        Assert.Equal(800, (await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { DbName = "elsewhere", CollectionName = "things" })).Status.Code);
        Assert.Contains("duplicate collection", (await SnapshotCalls.Restored(box.Client, "things", "noon", "things")).Reason, StringComparison.Ordinal);
        Assert.Equal(2600, (await SnapshotCalls.Restored(box.Client, "things", "night", "again")).Code);
        Assert.Equal(3000, (await box.Client.RestoreSnapshotAsync(new RestoreSnapshotRequest { CollectionName = "things", Name = "noon", TargetCollectionName = "again", RewriteData = true })).Status.Code);
        Assert.Contains("not found", (await box.Client.GetRestoreSnapshotStateAsync(new GetRestoreSnapshotStateRequest { JobId = 4 })).Status.Reason, StringComparison.Ordinal);
        Assert.Equal(1100, (await box.Client.PinSnapshotDataAsync(new PinSnapshotDataRequest { CollectionName = "things", Name = "noon", TtlSeconds = -1 })).Status.Code);

        async Task Refused(string why, CreateSnapshotRequest request) =>
            Assert.Contains(why, (await box.Client.CreateSnapshotAsync(request)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_restores_to_one_name_the_second_fails_and_says_why()
    {
        using var folder = Sample.Folder();
        using var box = Open(folder, new TickingTime());
        await new ServiceLab(box.Client).Ready(rows: 5);
        await Take(box.Client, "noon");
        var request = new RestoreSnapshotRequest { CollectionName = "things", Name = "noon", TargetCollectionName = "again" };
        var (first, second) = (await box.Client.RestoreSnapshotAsync(request), await box.Client.RestoreSnapshotAsync(request));
        if (second.Status.Code == 0)
        {
            RestoreSnapshotInfo told;
            do
            {
                told = (await box.Client.GetRestoreSnapshotStateAsync(new GetRestoreSnapshotStateRequest { JobId = second.JobId })).Info;
            }
            while (told.State is RestoreSnapshotState.RestoreSnapshotPending or RestoreSnapshotState.RestoreSnapshotExecuting);
            Assert.Equal(RestoreSnapshotState.RestoreSnapshotFailed, told.State);
            Assert.Contains("duplicate collection", told.Reason, StringComparison.Ordinal);
        }

        var jobs = await box.Client.ListRestoreSnapshotJobsAsync(new ListRestoreSnapshotJobsRequest { CollectionName = "again" });
        Assert.Equal(RestoreSnapshotState.RestoreSnapshotCompleted, jobs.Jobs.Single(j => j.JobId == first.JobId).State);
        Assert.Empty((await box.Client.ListRestoreSnapshotJobsAsync(new ListRestoreSnapshotJobsRequest { CollectionName = "other" })).Jobs);
    }

    [Fact]
    public async Task A_damaged_file_fails_the_restore_by_name_and_nothing_of_it_is_served()
    {
        using var folder = Sample.Folder();
        using var box = Open(folder, new TickingTime());
        await new ServiceLab(box.Client).Ready(rows: 50);
        await Take(box.Client, "noon");
        var file = folder[Files(folder, "segment-*").Single()];
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(file, bytes);
        var told = await SnapshotCalls.Restored(box.Client, "things", "noon", "again");
        Assert.Contains(file, told.Reason, StringComparison.Ordinal);
        Assert.Contains("is damaged", told.Reason, StringComparison.Ordinal);
        Assert.Equal(100, (await box.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "again" })).Status.Code);
        Assert.Equal(50, (await new ServiceLab(box.Client).Keys()).Count);
        Assert.Empty(box.Defects);
    }

    [Fact]
    public async Task A_damaged_description_is_moved_aside_and_no_segment_is_removed_until_it_is_dealt_with()
    {
        using var folder = Sample.Folder();
        var time = new TickingTime();
        using (var box = Open(folder, time))
        {
            await new ServiceLab(box.Client).Ready(rows: 50);
            await Take(box.Client, "noon");
            await Delete(box.Client, "things", "id >= 0");
            ServiceLab.Ok((await box.Client.TruncateCollectionAsync(new TruncateCollectionRequest { CollectionName = "things" })).Status);
        }

        var description = folder[Files(folder, "snapshot-*").Single()];
        var whole = File.ReadAllBytes(description);
        var hurt = (byte[])whole.Clone();
        hurt[^1] ^= 1;
        File.WriteAllBytes(description, hurt);
        using (var box = Open(folder, time))
        {
            Assert.Contains(box.Errors, e => e.Contains(description, StringComparison.Ordinal) && e.Contains(".damaged", StringComparison.Ordinal));
            Assert.Empty((await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = "things" })).Snapshots);
            await new ServiceLab(box.Client).Insert([1]);
        }

        File.Delete(description + ".damaged");
        File.WriteAllBytes(description, whole);
        using (var box = Open(folder, time))
        {
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "again"));
            await Load(box.Client, "again");
            Assert.Equal(50, (await new ServiceLab(box.Client).Keys(name: "again")).Count);
        }
    }

    [Fact]
    public async Task The_files_of_a_snapshot_are_enough_for_another_engine()
    {
        using var here = Sample.Folder();
        using var there = Sample.Folder();
        using (var box = Open(here, new TickingTime()))
        {
            await new ServiceLab(box.Client).Ready(rows: 50);
            await Take(box.Client, "noon");
            foreach (var file in Files(here, "snapshot-*").Concat(Files(here, "segment-*")))
            {
                File.Copy(here[file], there[file]);
            }
        }

        using (var box = Open(there, new TickingTime()))
        {
            Assert.Equal(["noon"], (await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = "things" })).Snapshots);
            ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", "noon", "things"));
            await Load(box.Client, "things");
            Assert.Equal(50, (await new ServiceLab(box.Client).Keys()).Count);
            Assert.Equal(["noon"], (await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = "things" })).Snapshots);
        }
    }

    [Fact]
    public async Task A_restored_collection_takes_its_index_from_the_file_and_finds_what_the_other_finds()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            var lab = new ServiceLab(engine.Client);
            await lab.Ready(rows: 20_000);
            ServiceLab.Ok((await engine.Client.FlushAsync(new FlushRequest { CollectionNames = { "things" } })).Status);
            await Indexed(engine, 1);
            Assert.Equal(0, await engine.Stop());
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await Until(() => Files(folder, "index-*").Count == 1); // Written once a checkpoint has named the rows.
            await Take(engine.Client, "noon");
            ServiceLab.Ok(await SnapshotCalls.Restored(engine.Client, "things", "noon", "again"));
            await Load(engine.Client, "again");
            var lab = new ServiceLab(engine.Client);
            var search = ServiceLab.Search([777.2f, 7.3f, 0, 1], 10);
            var expected = (await lab.Found(search)).Ids;
            search.CollectionName = "again";
            Assert.Equal(expected, (await lab.Found(search)).Ids);
            Assert.Equal(0, await engine.Stop());
            Assert.DoesNotContain("rows of a segment indexed in", engine.Log, StringComparison.Ordinal);
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await Until(() => engine.Log.Contains("2 indexes taken from their files", StringComparison.Ordinal));
            await engine.Stop();
            Assert.DoesNotContain("rows of a segment indexed in", engine.Log, StringComparison.Ordinal);
        }

        static Task Indexed(EngineProcess engine, int times) =>
            Until(() => engine.Log.Split("rows of a segment indexed in").Length > times);

        static async Task Until(Func<bool> so)
        {
            for (var i = 0; !so(); i++)
            {
                Assert.True(i < 600, "it did not come to be in a minute");
                await Task.Delay(100);
            }
        }
    }

    private static EngineBox Open(TemporaryFolder folder, TimeProvider time) => EngineBox.Open(folder.Path, new Disk(), time);

    private static List<string> Files(TemporaryFolder folder, string pattern) => [.. Directory.GetFiles(folder.Path, pattern).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private static async Task Take(MilvusService.MilvusServiceClient client, string name, string description = "", string collection = "things") =>
        ServiceLab.Ok(await client.CreateSnapshotAsync(new CreateSnapshotRequest { CollectionName = collection, Name = name, Description = description }));

    private static AsyncUnaryCall<Demarc.Engine.Protocol.Status> Drop(MilvusService.MilvusServiceClient client) => client.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "things", Name = "noon" });

    private static async Task Load(MilvusService.MilvusServiceClient client, string name) => ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = name }));

    private static async Task Delete(MilvusService.MilvusServiceClient client, string collection, string filter) =>
        ServiceLab.Ok((await client.DeleteAsync(new DeleteRequest { CollectionName = collection, Expr = filter })).Status);

    private static async Task CheckNoon(ServiceLab lab, string name = "again")
    {
        Assert.Equal([.. Enumerable.Range(0, 300).Where(i => i is not 5 and not 6).Select(i => (long)i), 1000], (await lab.Keys(name: name)).Order());
        Assert.Equal([1000], await lab.Keys("id >= 0", name, "", "side"));
        var search = ServiceLab.Search(Sample.Vector(42, 0), 1);
        search.CollectionName = name;
        Assert.Equal([42], (await lab.Found(search)).Ids.IntId.Data);
    }
}
