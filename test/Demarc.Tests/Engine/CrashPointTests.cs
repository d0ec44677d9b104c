using System.Runtime.Versioning;
using Demarc.Engine.Durability;

namespace Demarc.Tests.Engine;

/// <summary>
/// The engine dies at every act on its files: each write, sync, rename, folder sync, truncation and deletion of
/// <see cref="CrashLoad"/>, and of the recoveries themselves. The run that makes the folders never crashes, so it is its own
/// twin: after a crash the engine answers as it did after the last acknowledged step, or after the one under way.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class CrashPointTests(ITestOutputHelper output)
{
    private const long CheckpointAfter = 6_000;
    private static readonly string[] Kinds = ["write", "sync", "rename", "sync of a folder", "delete"];
    private int truncations;

    [Fact]
    public async Task After_a_crash_at_any_act_the_engine_answers_as_one_that_never_crashed()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("the recording disk asks the kernel for the names of open files");
        using var folder = Sample.Folder();
        var (disk, told) = await Run(folder.Path);
        Assert.All(Kinds, kind => Assert.True(disk.Kinds.GetValueOrDefault(kind) > 5, $"hardly a {kind} was seen"));
        Assert.True(disk.Acts > 150, $"only {disk.Acts} acts were seen");

        var second = new Dictionary<string, CrashImage>();
        var recoveries = 0;
        foreach (var image in disk.Images)
        {
            var inner = await Check(image, told, record: image.Point.Contains("torn", StringComparison.Ordinal) || image.Point.Contains("half", StringComparison.Ordinal) || image.Point.Contains("rename", StringComparison.Ordinal));
            recoveries += inner.Count > 0 ? 1 : 0;
            foreach (var (key, crashed) in inner)
            {
                second.TryAdd(key, crashed);
            }
        }

        Assert.True(truncations > 20, $"only {truncations} torn tails were cut");
        foreach (var image in second.Values)
        {
            await Check(image, told, record: false);
        }

        output.WriteLine($"{told.Count - 1} steps, {disk.Acts} acts ({string.Join(", ", disk.Kinds.Select(k => $"{k.Value} × {k.Key}"))}): {disk.Images.Count} folders after a crash, {second.Count} after a crash of the recovery from {recoveries} of them, {truncations} torn tails cut");
    }

    /// <summary>
    /// Each act fails once, as on a full or flaky disk, and the engine lives on: it refuses or goes on, and what it tells at the
    /// end of the day is what it tells after a kill.
    /// </summary>
    [Fact]
    public async Task After_a_failure_of_any_one_act_the_engine_keeps_what_it_tells()
    {
        // The run in which none fails says how many acts there are.
        var (acts, stopped, refused) = (0, 0, 0);
        for (var failAt = 0; failAt <= acts; failAt++)
        {
            using var folder = Sample.Folder();
            var disk = new FaultyDisk();
            var time = new TickingTime();
            var box = EngineBox.Open(folder.Path, disk, time, checkpointAfter: CheckpointAfter);
            disk.Reset(failAt);
            foreach (var step in CrashLoad.Steps())
            {
                try
                {
                    await (step.Work?.Invoke(box.Client) ?? Task.CompletedTask);
                }
                catch (StepRefusedException)
                {
                    refused++; // Also later steps, which build on one that was refused.
                }
            }

            Assert.Empty(box.Defects);
            var told = await CrashLoad.Told(box.Client);
            var broken = box.Store.Broken;
            box.Abandon();
            acts = failAt == 0 ? disk.Operations : acts;
            box = EngineBox.Open(folder.Path, new FaultyDisk(), time, checkpointAfter: CheckpointAfter);
            var again = await CrashLoad.Told(box.Client);
            box.Abandon();

            // A write whose sync failed may be on the disk; until a restart tells, nothing more is taken.
            stopped += broken is null ? 0 : 1;
            if (broken is null && again != told)
            {
                Assert.Fail($"act {failAt} of {acts} failed once:\n{Difference(told, again)}");
            }
        }

        Assert.True(acts > 60, $"only {acts} acts were seen");
        output.WriteLine($"{acts} acts failed once each: {refused} steps refused, writes stopped {stopped} times");
    }

    /// <summary>What the engine told after each number of steps, and the disk that saw it.</summary>
    private static async Task<(RecordingDisk Disk, List<string> Told)> Run(string folder)
    {
        var disk = new RecordingDisk(folder);
        var time = new TickingTime();
        var told = new List<string>();
        var box = EngineBox.Open(folder, disk, time, checkpointAfter: CheckpointAfter);
        told.Add(await CrashLoad.Told(box.Client));
        foreach (var step in CrashLoad.Steps())
        {
            if (step.Work is { } work)
            {
                await work(box.Client);
            }
            else
            {
                if (step.Stop == CrashLoad.Stop.Restart)
                {
                    box.Dispose();
                }
                else
                {
                    box.Abandon();
                }

                disk.CheckNothingWentPast();
                box = EngineBox.Open(folder, disk, time, checkpointAfter: CheckpointAfter);
            }

            told.Add(await CrashLoad.Told(box.Client));
            disk.Acknowledged++;
            Assert.Empty(box.Defects);
        }

        box.Dispose();
        return (disk, told);
    }

    private async Task<Dictionary<string, CrashImage>> Check(CrashImage image, List<string> told, bool record)
    {
        using var folder = Sample.Folder();
        image.WriteTo(folder.Path);
        var recorder = new RecordingDisk(folder.Path) { Acknowledged = image.Acknowledged };
        recorder.Adopt(image);
        EngineBox box;
        try
        {
            box = EngineBox.Open(folder.Path, record ? recorder : new FaultyDisk(), new TickingTime(), checkpointAfter: CheckpointAfter);
        }
        catch (Exception e) when (e is DamagedDataException or DataDirectoryException)
        {
            Assert.Fail($"{image.Point}, {image.Acknowledged} steps acknowledged: the engine does not start: {e.Message}");
            throw;
        }

        var answer = await CrashLoad.Told(box.Client);
        box.Abandon();
        truncations += recorder.Kinds.GetValueOrDefault("truncate");
        var expected = told[image.Acknowledged];
        var next = told[Math.Min(image.Acknowledged + 1, told.Count - 1)];
        if (answer != expected && answer != next)
        {
            Assert.Fail($"{image.Point}, {image.Acknowledged} steps acknowledged:\n{Difference(expected, answer)}\nor {Difference(next, answer)}");
        }

        return record ? recorder.Images.ToDictionary(i => $"{image.Acknowledged}/{i.Point}/{string.Join(',', i.Files.Select(f => $"{f.Key}:{Crc32C.Compute(f.Value)}"))}", i => i with { Point = $"{image.Point}; then in the recovery {i.Point}" }) : [];
    }

    private static string Difference(string expected, string found)
    {
        var (a, b) = (expected.Split('\n'), found.Split('\n'));
        var at = Enumerable.Range(0, Math.Max(a.Length, b.Length)).First(i => i >= a.Length || i >= b.Length || a[i] != b[i]);
        return $"expected {a.ElementAtOrDefault(at)}\nfound    {b.ElementAtOrDefault(at)}";
    }
}
