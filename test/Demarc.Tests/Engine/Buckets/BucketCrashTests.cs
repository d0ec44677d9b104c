using System.Runtime.Versioning;
using Demarc.Engine.Buckets;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>
/// The engine and its machine are lost at every act on the bucket, before it has its effect and after it: what an engine
/// elsewhere goes on from is one whole state of those that were stored, and what a start on the same folder serves is everything.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class BucketCrashTests
{
    private const int Step = 200;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_the_machine_is_lost_a_whole_state_is_in_the_bucket(bool afterEffect)
    {
        for (var at = 1; ; at++)
        {
            using var lab = new BucketLab();
            var folder = lab.Folder();
            var (acts, down) = (0, false);
            Exception? Crash(string act, string name) => Interlocked.Increment(ref acts) >= at && (down = true) ? new BucketException("the machine is gone") : null;
            lab.Bucket.Before = afterEffect ? (_, _) => Volatile.Read(ref down) ? new BucketException("the machine is gone") : null : Crash;
            lab.Bucket.After = afterEffect ? Crash : null;
            var written = await DayAsync(lab, folder);
            (lab.Bucket.Before, lab.Bucket.After) = (null, null);
            await CheckElsewhereAsync(lab, at);
            await CheckSameAsync(lab, folder, written);
            if (!down)
            {
                Assert.True(at > 25, $"only {at} acts");
                return;
            }
        }
    }

    /// <summary>Rows, a snapshot, deletions and checkpoints; every state has the rows [0, n · Step) but for what was deleted with it.</summary>
    private static async Task<int> DayAsync(BucketLab lab, TemporaryFolder folder)
    {
        EngineBox box;
        try
        {
            box = lab.Open(folder);
        }
        catch (BucketException)
        {
            return 0; // The first thing that is asked of it.
        }

        var written = 0;
        await BucketLab.ReadyAsync(box);
        for (var i = 0; i < 6; i++)
        {
            await BucketLab.PutAsync(box, written * Step, Step);
            written++;
            if (i == 1)
            {
                await BucketLab.TakeSnapshotAsync(box, "two");
            }

            if (i == 5)
            {
                ServiceLab.Ok(await box.Client.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "things", Name = "two" }));
            }

            await SettledAsync(box, folder);
        }

        lab.Kill(box);
        return written;
    }

    /// <summary>The checkpoint is written, and has been put into the bucket or given up.</summary>
    private static async Task SettledAsync(EngineBox box, TemporaryFolder folder)
    {
        await BucketLab.UntilAsync(() =>
        {
            box.Store.AskForCheckpoint();
            return box.Store.LogBytes <= LogFormat.HeaderBytes && BucketLab.Files(folder, "checkpoint-*").Count == 1;
        });
        await BucketLab.UntilAsync(() => box.Bucket!.Mirror!.IsDone || box.Bucket.Mirror.Away is not null);
    }

    private static async Task CheckElsewhereAsync(BucketLab lab, int at)
    {
        var folder = lab.Folder();
        var head = await BucketHead.ReadAsync(lab.Bucket, CancellationToken.None);
        if (head?.Head.Manifest is null)
        {
            return; // Nothing was ever whole there.
        }

        using var box = lab.Open(folder, fromBucket: true);
        Assert.Empty(box.Errors);
        if ((await box.Client.HasCollectionAsync(new HasCollectionRequest { CollectionName = "things" })).Value)
        {
            var rows = await BucketLab.CountAsync(box);
            Assert.True(rows % Step == 0, $"act {at}: {rows} rows");
            await BucketLab.CheckAsync(box, Enumerable.Range(0, (int)rows / Step).Select(i => (i * Step) + (at % Step)));
            var snapshots = await box.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = "things" });
            foreach (var name in snapshots.Snapshots)
            {
                ServiceLab.Ok(await SnapshotCalls.Restored(box.Client, "things", name, "again"));
                ServiceLab.Ok(await box.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "again" }));
                Assert.Equal(2 * Step, await BucketLab.CountAsync(box, "again"));
            }
        }

        // It goes on there.
        await BucketLab.MirroredAsync(box, folder);
    }

    private static async Task CheckSameAsync(BucketLab lab, TemporaryFolder folder, int written)
    {
        if (written == 0)
        {
            return;
        }

        // Whether or not it was replaced, the folder by itself has all.
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), TimeProvider.System);
        Assert.Equal(written * Step, await BucketLab.CountAsync(box));
        await BucketLab.CheckAsync(box, [0, (written * Step) - 1]);
    }
}
