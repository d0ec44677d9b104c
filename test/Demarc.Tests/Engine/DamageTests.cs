using System.Globalization;
using System.Runtime.Versioning;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>
/// Every file of a data folder, whatever kinds there are, with a bit flipped, cut short, or gone. The engine names the file and
/// does not start, or not with the collection it belongs to, or it answers exactly as before; where that is so is listed, with the reason.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class DamageTests(ITestOutputHelper output)
{
    private const int MostPlaces = 400;
    private const int Withheld = 1001;

    // Files in which damage may go unnoticed, because nothing that is answered comes out of them.
    private static readonly Dictionary<string, string> Harmless = new(StringComparer.Ordinal)
    {
        ["LOCK"] = "it is empty: only that it is held counts",
        ["engine.json"] = "the name of its checksum may be hurt: then it counts as one of an earlier version, and the rest is as it was",
        ["ACKED"] = "it only tells a torn tail from damage, and says nothing when its checksum is wrong",
    };

    [Fact]
    public async Task A_flipped_bit_in_any_file_is_found_and_named_or_changes_no_answer()
    {
        await Sweep("flipped bits", (whole, at) =>
        {
            var hurt = (byte[])whole.Clone();
            hurt[at] ^= (byte)(1 << (at * 5 % 8));
            return hurt;
        });
    }

    [Fact]
    public async Task A_file_cut_at_any_length_is_found_and_named_or_changes_no_answer() => await Sweep("cuts", (whole, at) => whole[..at]);

    [Fact]
    public async Task A_file_that_is_gone_is_missed_and_named_or_changes_no_answer()
    {
        using var folder = Sample.Folder();
        var (files, expected) = await Filled(folder.Path);
        foreach (var name in files.Keys)
        {
            Restore(folder.Path, files);
            File.Delete(folder[name]);
            var (found, named) = await Opened(folder.Path, name);
            Assert.True(named is not null || name is "LOCK" or "ACKED" || IsSnapshot(name), $"{name} is gone and the engine started");
            Assert.True(found is null || Same(name, found, expected), $"{name} is gone and the engine answers something else");
        }
    }

    private async Task Sweep(string what, Func<byte[], int, byte[]> hurt)
    {
        using var folder = Sample.Folder();
        var (files, expected) = await Filled(folder.Path);
        Assert.Contains(files.Keys, n => n.EndsWith(".log", StringComparison.Ordinal));
        Assert.True(files.Count > 4, $"only {string.Join(", ", files.Keys)} are there to be hurt");
        foreach (var (name, whole) in files)
        {
            var (places, silent) = (0, 0);
            for (double at = 0; at < whole.Length; at += Math.Max(1, whole.Length / (double)MostPlaces))
            {
                places++;
                File.WriteAllBytes(folder[name], hurt(whole, (int)at));
                var (found, named) = await Opened(folder.Path, name);
                var where = string.Create(CultureInfo.InvariantCulture, $"{what}, {name} at {(int)at} of {whole.Length}");
                Assert.True(found is null || Same(name, found, expected), $"{where}: the engine started and answers something else");
                if (named is null)
                {
                    Assert.True(Harmless.ContainsKey(name) || MeansNothing(name, (int)at), $"{where}: the engine started");
                    silent++;
                }

                Restore(folder.Path, files); // It may have gone on with the folder, or have put the file aside.
            }

            Unchanged(folder.Path, files, name);
            output.WriteLine($"{what}: {name}, {whole.Length} bytes, {places} places, {silent} without effect");
        }
    }

    // Four bytes of a log's header stand only for its length.
    private static bool MeansNothing(string name, int at) => name.EndsWith(".log", StringComparison.Ordinal) && at is >= 20 and < LogFormat.HeaderBytes;

    // A snapshot's file is the snapshot: without it everything is as before but that there is none.
    private static bool Same(string hurt, string found, string expected) => IsSnapshot(hurt) ? WithoutSnapshots(found) == WithoutSnapshots(expected) : found == expected;

    private static bool IsSnapshot(string name) => name.StartsWith("snapshot-", StringComparison.Ordinal);

    private static string WithoutSnapshots(string told) => string.Join('\n', told.Split('\n').Where(line => !line.Contains(CrashLoad.Snapshots, StringComparison.Ordinal)));

    /// <summary>A folder after a long day, and what the engine tells of it.</summary>
    internal static async Task<(Dictionary<string, byte[]> Files, string Told)> Filled(string folder)
    {
        var time = new TickingTime();
        var box = EngineBox.Open(folder, new FaultyDisk(), time, checkpointAfter: 6_000);
        foreach (var step in CrashLoad.Steps())
        {
            if (step.Work is { } work)
            {
                await work(box.Client);
            }
            else
            {
                box.Dispose();
                box = EngineBox.Open(folder, new FaultyDisk(), time, checkpointAfter: 6_000);
            }
        }

        box.Abandon();
        var files = Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToDictionary(p => Path.GetFileName(p), File.ReadAllBytes);
        var again = EngineBox.Open(folder, new FaultyDisk(), new TickingTime());
        var told = await CrashLoad.Told(again.Client);
        again.Abandon();
        Restore(folder, files);
        return (files, told);
    }

    internal static void Restore(string folder, Dictionary<string, byte[]> files)
    {
        foreach (var path in Directory.GetFiles(folder))
        {
            if (!files.ContainsKey(Path.GetFileName(path))) File.Delete(path);
        }

        foreach (var (name, bytes) in files) File.WriteAllBytes(Path.Combine(folder, name), bytes);
    }

    private static void Unchanged(string folder, Dictionary<string, byte[]> files, string hurt)
    {
        foreach (var (name, bytes) in files)
        {
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(folder, name))), $"with {hurt} damaged, {name} was changed");
        }

        Assert.Equal(files.Count, Directory.GetFiles(folder).Length);
    }

    /// <summary>What the engine tells, or what it names.</summary>
    private static async Task<(string? Told, string? Named)> Opened(string folder, string hurt)
    {
        EngineBox box;
        try
        {
            box = EngineBox.Open(folder, new FaultyDisk(), new TickingTime());
        }
        catch (DamagedDataException e)
        {
            // A file that is gone may be missed by the one that comes after it.
            Assert.True(File.Exists(Path.Combine(folder, hurt)) ? e.DamagedFile == Path.Combine(folder, hurt) : e.DamagedFile.StartsWith(folder, StringComparison.Ordinal), $"{hurt} is damaged, and the engine says: {e.Message}");
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"at byte {e.Offset}"), e.Message, StringComparison.Ordinal);
            return (null, e.Message);
        }
        catch (DataDirectoryException e)
        {
            Assert.Contains(folder, e.Message, StringComparison.Ordinal);
            return (null, e.Message);
        }

        if (box.Store.State.Collections.FirstOrDefault(c => c.Damage is not null) is { Damage: { } damage } withheld)
        {
            Assert.StartsWith(Path.Combine(folder, hurt), damage, StringComparison.Ordinal);
            Assert.Contains("at byte ", damage, StringComparison.Ordinal);
            Assert.Equal(Withheld, (await box.Client.QueryAsync(new QueryRequest { CollectionName = withheld.Definition.Name, Expr = "", OutputFields = { "count(*)" } })).Status.Code);
            box.Abandon();
            return (null, damage);
        }

        var told = await CrashLoad.Told(box.Client);
        var instance = box.Instance;

        // Rows that only the snapshot has are missed when it is restored.
        var restored = await SnapshotCalls.Restored(box.Client, "things", CrashLoad.LastSnapshot, "restored");
        box.Abandon();

        // What belongs to a collection that was dropped later is missed, and nobody misses it.
        var named = box.Errors.Append(restored.Reason).FirstOrDefault(line => line.Contains(hurt, StringComparison.Ordinal));
        return ($"{(instance == "standalone" ? "" : "instance " + instance)}{told}", named);
    }
}
