using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using Demarc.Engine.Durability;
using Demarc.Tests.Fuzz;

namespace Demarc.Tests.Engine;

/// <summary>
/// Files of the data folder with anything in them: bytes changed as they come, and changed with the checksums made right again, as
/// nobody's disk would do. The engine starts or names the file; it does not crash, hang, or take memory without bound.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class StoredFuzzTests(ITestOutputHelper output)
{
    private const long MostBytes = 1L << 30;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Any_content_of_any_file_is_read_or_named()
    {
        using var folder = Sample.Folder();
        var (files, _) = await DamageTests.Filled(folder.Path);
        var names = files.Keys.Where(n => files[n].Length > 0).Order(StringComparer.Ordinal).ToList();
        var (named, started) = (0, 0);
        for (var seed = 0; seed < FuzzScale.Of(1_200); seed++)
        {
            var mutator = new Mutator(seed);
            var name = names[seed % names.Count];
            var hurt = mutator.Next(3) == 0 ? mutator.Of(files[name]) : Resealed(name, files[name], mutator);
            File.WriteAllBytes(folder[name], hurt);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            long taken = 0;
            try
            {
                var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
                taken = GC.GetAllocatedBytesForCurrentThread() - before;
                started++;
                try
                {
                    _ = await CrashLoad.Told(box.Client).WaitAsync(TimeSpan.FromMinutes(2));
                    var restored = await SnapshotCalls.Restored(box.Client, "things", CrashLoad.LastSnapshot, "restored").WaitAsync(TimeSpan.FromMinutes(2));
                    Assert.False(restored.Reason.Contains("defect", StringComparison.Ordinal), $"seed {seed}, {name}: {restored.Reason}");
                }
                finally
                {
                    box.Abandon();
                }
            }
            catch (Exception e) when (e is DamagedDataException or DataDirectoryException)
            {
                taken = GC.GetAllocatedBytesForCurrentThread() - before;
                named++;
                Assert.Contains(folder.Path, e.Message, StringComparison.Ordinal);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, {name}: {e}");
            }

            Assert.True(clock.Elapsed < MostTime, $"seed {seed}, {name}: the start took {clock.Elapsed.TotalSeconds:0} s");
            Assert.True(taken < MostBytes, $"seed {seed}, {name}: the start took {taken >> 20} MiB");
            DamageTests.Restore(folder.Path, files);
        }

        Assert.True(named > 100 && started > 20, $"{named} named, {started} started: hardly anything was tried");
        output.WriteLine($"{named} starts named the file, {started} went on");
    }

    /// <summary>A torn tail whose contents look like the beginnings of thousands of frames, each as long as it may be.</summary>
    [Fact]
    public void A_tail_full_of_frame_marks_is_judged_in_bounded_time()
    {
        var tail = new byte[16 << 20];
        for (var at = 0; at + LogFormat.FrameHeaderBytes <= tail.Length; at += LogFormat.FrameHeaderBytes)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(tail.AsSpan(at), LogFormat.FrameMagic);
            BinaryPrimitives.WriteUInt32LittleEndian(tail.AsSpan(at + 4), (uint)(tail.Length - at - LogFormat.FrameHeaderBytes));
            BinaryPrimitives.WriteUInt64LittleEndian(tail.AsSpan(at + 8), 9);
        }

        var clock = Stopwatch.StartNew();
        Assert.True(LogFormat.AnyLaterFrame(tail, 5), "where it cannot be told, nothing may be cut");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"it took {clock.Elapsed.TotalSeconds:0} s");
    }

    /// <summary>The contents changed and the checksums over them right, for the kinds of files whose checksums this test knows.</summary>
    private static byte[] Resealed(string name, byte[] whole, Mutator mutator)
    {
        if (name.EndsWith(".manifest", StringComparison.Ordinal) || name.EndsWith(".dat", StringComparison.Ordinal))
        {
            var payload = mutator.Of(whole[16..]);
            byte[] file = [.. whole[..16], .. payload];
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(8), payload.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(12), Crc32C.Compute(payload));
            return file;
        }

        if (name.EndsWith(".log", StringComparison.Ordinal))
        {
            return Frames(name, whole, mutator);
        }

        return name.EndsWith(".json", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(mutator.Of(whole)).Replace("\"sum\"", "\"none\"", StringComparison.Ordinal)) : mutator.Of(whole);
    }

    private static byte[] Frames(string name, byte[] whole, Mutator mutator)
    {
        var file = new List<byte>(whole[..LogFormat.HeaderBytes]);
        var number = DataDirectory.Number(name);
        for (var at = LogFormat.HeaderBytes; at < whole.Length; number++)
        {
            if (!LogFormat.TryRead(whole.AsSpan(at), number, out var length))
            {
                break;
            }

            var payload = whole[(at + LogFormat.FrameHeaderBytes)..(at + LogFormat.FrameHeaderBytes + length)];
            byte[] frame = [.. new byte[LogFormat.FrameHeaderBytes], .. mutator.Next(3) == 0 ? mutator.Of(payload) : payload];
            LogFormat.Seal(frame, number);
            file.AddRange(frame);
            at += LogFormat.FrameHeaderBytes + length;
        }

        return [.. file];
    }
}
