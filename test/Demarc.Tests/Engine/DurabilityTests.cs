using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Rows;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Engine;

/// <summary>What was acknowledged is there after anything: a cut at each byte, a failure at each disk operation, a restart.</summary>
public class DurabilityTests
{
    [Fact]
    public async Task A_log_cut_at_any_byte_loses_only_frames_that_were_not_whole()
    {
        using var folder = Sample.Folder();
        var ends = new List<long>();
        await using (var running = Running.Open(folder))
        {
            var id = await running.Create();
            for (var i = 0; i < 6; i++)
            {
                await running.Store.Write(new LogOp { PutRows = Sample.Put(id, [i]) });
                ends.Add(running.Store.LogBytes);
            }

            running.Abandon();
        }

        var log = Directory.GetFiles(folder.Path, "wal-*.log").Single();
        var whole = File.ReadAllBytes(log);
        for (var length = ends[3]; length <= whole.Length; length++)
        {
            File.WriteAllBytes(log, whole.AsSpan(0, (int)length));
            File.Delete(folder["ACKED"]); // As after a power cut: nothing says how far the log was acknowledged.
            await using var running = Running.Open(folder);
            Assert.Equal(ends.Count(e => e <= length), running.Rows().View.LiveRows);
            running.Abandon();
        }
    }

    [Fact]
    public async Task A_torn_tail_of_zeroes_or_noise_is_cut_and_writing_goes_on()
    {
        foreach (var noise in new[] { new byte[4096], [.. Enumerable.Range(0, 999).Select(i => (byte)(i * 31))] })
        {
            using var folder = Sample.Folder();
            await Fill(folder, 3);
            var log = Directory.GetFiles(folder.Path, "wal-*.log").Single();
            await using (var stream = new FileStream(log, FileMode.Append))
            {
                stream.Write(noise);
            }

            await using (var running = Running.Open(folder))
            {
                Assert.Equal(3, running.Rows().View.LiveRows);
                await running.Store.Write(new LogOp { PutRows = Sample.Put(running.Rows().Definition.Id, [77]) });
                running.Abandon();
            }

            await using var again = Running.Open(folder);
            Assert.Equal(4, again.Rows().View.LiveRows);
        }
    }

    [Fact]
    public async Task Any_flipped_bit_of_an_acknowledged_frame_is_found_and_named()
    {
        using var folder = Sample.Folder();
        await Fill(folder, 4);
        var log = Directory.GetFiles(folder.Path, "wal-*.log").Single();
        var whole = File.ReadAllBytes(log);
        for (var at = 0; at < whole.Length; at++)
        {
            if (at is >= 20 and < LogFormat.HeaderBytes)
            {
                continue; // Four bytes of the header that mean nothing.
            }

            var hurt = (byte[])whole.Clone();
            hurt[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(log, hurt);
            var told = Assert.Throws<DamagedDataException>(() => Running.Open(folder));
            Assert.Equal(log, told.DamagedFile);
            Assert.Contains("Nothing was changed", told.Message, StringComparison.Ordinal);
            Assert.Equal(hurt, File.ReadAllBytes(log));
        }
    }

    [Fact]
    public async Task A_flipped_bit_of_a_manifest_is_found_and_named()
    {
        using var folder = Sample.Folder();
        await Fill(folder, 4, checkpoint: true);
        var file = Directory.GetFiles(folder.Path, "checkpoint-*").Single();
        var whole = File.ReadAllBytes(file);
        for (var at = 0; at < whole.Length; at += 3)
        {
            var hurt = (byte[])whole.Clone();
            hurt[at] ^= 0x10;
            File.WriteAllBytes(file, hurt);
            Assert.Equal(file, Assert.Throws<DamagedDataException>(() => Running.Open(folder)).DamagedFile);
        }

        File.WriteAllBytes(file, whole);
        var log = Directory.GetFiles(folder.Path, "wal-*").Single();
        File.Move(log, log + ".away");
        Assert.Contains("missing", Assert.Throws<DamagedDataException>(() => Running.Open(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_at_any_disk_operation_loses_nothing_acknowledged()
    {
        var total = await Operations();
        Assert.True(total > 20, $"only {total} disk operations were seen, so the sweep would prove little");
        for (var at = 2; at <= (2 * total) + 1; at++)
        {
            // Each operation fails once alone, and once with everything after it.
            var failAt = at / 2;
            using var folder = Sample.Folder();
            var disk = new FaultyDisk();
            var acknowledged = new Dictionary<long, int>();
            var doubtful = new HashSet<long>();
            await using (var running = Running.Open(folder, disk))
            {
                var id = await running.Create();
                disk.Reset(failAt, stayDown: at % 2 == 0);
                await Script(running, id, acknowledged, doubtful);
            }

            await using var again = Running.Open(folder);
            Check(again.Rows(), acknowledged, doubtful, $"failing at operation {failAt} of {total}");
        }
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_clearly_and_reads_go_on()
    {
        using var folder = Sample.Folder();
        var disk = new FaultyDisk();
        await using var running = Running.Open(folder, disk);
        var id = await running.Create();
        await running.Store.Write(new LogOp { PutRows = Sample.Put(id, [1]) });

        disk.Reset(failAt: 1);
        var refused = await Assert.ThrowsAsync<Fault>(() => running.Store.Write(new LogOp { PutRows = Sample.Put(id, [2]) }));
        Assert.Equal(7, refused.Code);
        Assert.Contains("No space left on device", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, running.Rows().View.LiveRows);

        await running.Store.Write(new LogOp { PutRows = Sample.Put(id, [3]) });
        disk.Free = 1;
        Assert.Equal(7, (await Assert.ThrowsAsync<Fault>(() => running.Store.Write(new LogOp { PutRows = Sample.Put(id, [4]) }))).Code);
        await running.Store.Write(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = id, Ids = new() { IntId = new() { Data = { 3 } } } } });
        Assert.Equal(1, running.Rows().View.LiveRows);
        running.Abandon();
        await running.DisposeAsync();

        await using var again = Running.Open(folder);
        Check(again.Rows(), new() { [1] = 0 }, [], "after a full disk");
    }

    [Fact]
    public async Task A_failed_sync_stops_writes_until_a_restart()
    {
        using var folder = Sample.Folder();
        var disk = new FaultyDisk();
        await using (var running = Running.Open(folder, disk))
        {
            var id = await running.Create();
            await running.Store.Write(new LogOp { PutRows = Sample.Put(id, [1]) });
            disk.FailSync = true;
            Assert.Equal(2, (await Assert.ThrowsAsync<Fault>(() => running.Store.Write(new LogOp { PutRows = Sample.Put(id, [2]) }))).Code);
            disk.FailSync = false;
            Assert.Equal(2, (await Assert.ThrowsAsync<Fault>(() => running.Store.Write(new LogOp { PutRows = Sample.Put(id, [3]) }))).Code);
            Assert.Equal(1, running.Rows().View.LiveRows);
            Assert.NotNull(running.Store.Broken);
        }

        await using var again = Running.Open(folder);
        Check(again.Rows(), new() { [1] = 0 }, [2], "after a failed sync");
    }

    [Fact]
    public async Task Timestamps_and_keys_rise_even_when_the_clock_is_set_back()
    {
        using var folder = Sample.Folder();
        long before;
        await using (var running = Running.Open(folder))
        {
            await running.Create();
            before = running.Store.Clock.NextId();
            await running.Create("others");
        }

        await using var again = Running.Open(folder, clock: new FixedClock(DateTimeOffset.UnixEpoch.AddYears(1)));
        Assert.True(again.Store.Clock.NextId() > before);
    }

    [Fact]
    public async Task Deletions_give_memory_back_and_keep_every_other_row()
    {
        using var folder = Sample.Folder();
        await using var running = Running.Open(folder);
        var id = await running.Create();
        var capacity = Segment.CapacityOfBytes(Sample.Dimension * sizeof(float));
        var keys = Enumerable.Range(0, capacity + 10).Select(i => (long)i).ToList();
        await running.Store.Write(new LogOp { PutRows = Sample.Put(id, keys) });
        Assert.Equal(2, running.Rows().View.Segments.Length);

        var gone = keys.Where(k => k % 3 != 0).ToList();
        var ids = new Demarc.Engine.Protocol.IDs { IntId = new() };
        ids.IntId.Data.Add(gone);
        await running.Store.Write(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = id, Ids = ids } });
        var view = running.Rows().View;
        Assert.True(view.Segments[0].Count < capacity / 2, "the first segment was not rewritten");
        Check(running.Rows(), keys.Where(k => k % 3 == 0).ToDictionary(k => k, _ => 0), [], "after compaction");
    }

    private static async Task<int> Operations()
    {
        using var folder = Sample.Folder();
        var disk = new FaultyDisk();
        await using (var running = Running.Open(folder, disk))
        {
            var id = await running.Create();
            disk.Reset(0);
            await Script(running, id, [], []);
        }

        return disk.Operations;
    }

    /// <summary>Writes, replaces and deletes; what is refused may be there or not, what is acknowledged must be as said.</summary>
    private static async Task Script(Running running, long id, Dictionary<long, int> acknowledged, HashSet<long> doubtful)
    {
        for (var step = 0; step < 5; step++)
        {
            long[] keys = [step, step + 1, step + 2];
            await Try(new LogOp { PutRows = Sample.Put(id, keys, step) }, keys, () =>
            {
                foreach (var key in keys)
                {
                    acknowledged[key] = step;
                }
            });
            long[] gone = [step];
            await Try(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = id, Ids = new() { IntId = new() { Data = { gone } } } } }, gone, () => acknowledged.Remove(step));
        }

        async Task Try(LogOp op, long[] keys, Action done)
        {
            try
            {
                await running.Store.Write(op);
                done();
            }
            catch (Fault)
            {
                doubtful.UnionWith(keys);
            }
        }
    }

    private static void Check(CollectionRows rows, Dictionary<long, int> acknowledged, HashSet<long> doubtful, string when)
    {
        var found = new Dictionary<long, string>();
        foreach (var segment in rows.View.Segments)
        {
            for (var row = 0; row < segment.Count; row++)
            {
                if (segment.IsLive(row))
                {
                    found.Add(((IntegerColumn)segment.Segment.Columns[0]).Values[row], ((TextColumn)segment.Segment.Columns[2]).Values[row]);
                }
            }
        }

        foreach (var (key, version) in acknowledged.Where(a => !doubtful.Contains(a.Key)))
        {
            Assert.True(found.TryGetValue(key, out var title) && title == Sample.Title(key, version), $"{when}: row {key} should be {Sample.Title(key, version)}, but is {found.GetValueOrDefault(key, "missing")}");
            Assert.Single(rows.Find([key], []).Places);
        }

        foreach (var key in found.Keys.Where(k => !acknowledged.ContainsKey(k) && !doubtful.Contains(k)))
        {
            Assert.Fail($"{when}: row {key} should not be there");
        }
    }

    private static async Task Fill(TemporaryFolder folder, int count, bool checkpoint = false)
    {
        await using var running = Running.Open(folder);
        var id = await running.Create();
        for (var i = 0; i < count; i++)
        {
            await running.Store.Write(new LogOp { PutRows = Sample.Put(id, [i]) });
        }

        if (!checkpoint)
        {
            running.Abandon();
        }
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
