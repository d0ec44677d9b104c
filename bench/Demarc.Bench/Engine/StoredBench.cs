using System.Diagnostics;
using Demarc.Engine.Indexes;

namespace Demarc.Bench.Engine;

/// <summary>
/// What storage promises: how soon a start with a million vectors answers, how much memory rows take whose vectors stay in
/// files, and what walking a mapped index costs against one that is copied to large pages.
/// </summary>
internal static class StoredBench
{
    private const int Dimension = 128;
    private const int Keep = 10;
    private const int Ef = 64;

    /// <summary>Rows of the collection that the memory of larger ones is held against: what a warm process takes whatever it holds is in both.</summary>
    private const int FewRows = 5_000;

    /// <summary>From the start of the process to the first answer; the files are in the page cache.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="folder">A folder made before, or where to make it and leave it; null for one that goes away.</param>
    public static async Task StartAsync(int rows, string? folder)
    {
        var own = folder is null ? Measure.Folder() : null;
        folder ??= Path.Combine(own!, "data");
        var data = new ClusteredData(Dimension, false, 7);
        if (!Directory.Exists(folder))
        {
            Console.WriteLine($"making {rows:N0} rows of {Dimension} float32 with an int64 key, a number and an index in {folder}");
            await StoredCollection.MakeAsync(folder, data.Take(rows), Dimension, "AUTOINDEX");
        }

        var query = new ClusteredData(Dimension, false, 7).Take(1);
        var (served, answered) = (new List<double>(), new List<double>());
        for (var run = 0; run <= Measure.Runs; run++)
        {
            var clock = Stopwatch.StartNew();
            await using var engine = await EngineUnderTest.StartAsync(folder);
            var serving = clock.Elapsed.TotalSeconds;
            var found = await engine.SearchAsync(EngineUnderTest.Query(query, "L2", Keep, Ef));
            var total = clock.Elapsed.TotalSeconds;
            if (found.Count != Keep || found[0] != 0)
            {
                throw new InvalidOperationException($"The first answer is wrong: {string.Join(' ', found)}");
            }

            if (run > 0)
            {
                served.Add(serving);
                answered.Add(total);
            }
        }

        Measure.Print($"engine start, {rows:N0} x {Dimension}: says that it serves", served, "s");
        Measure.Print($"engine start, {rows:N0} x {Dimension}: first search answered", answered, "s");
        if (own is not null)
        {
            Directory.Delete(own, recursive: true);
        }
    }

    /// <summary>Anonymous memory of the process beyond that of one with few rows, after the same searches, for a float32 and a quantised graph.</summary>
    public static async Task MemoryAsync(int rows)
    {
        var folder = Measure.Folder();
        var data = new ClusteredData(Dimension, false, 7);
        var values = data.Take(rows);
        var asked = data.Take(500);
        await StoredCollection.MakeAsync(Path.Combine(folder, "few"), values[..(FewRows * Dimension)], Dimension, "HNSW_SQ");
        var few = await AnonymousAsync(Path.Combine(folder, "few"), asked, []);
        double more = rows - FewRows, raw = more * Dimension * sizeof(float), graph = more * 2 * IndexParameters.DefaultLinks * sizeof(int);
        Console.WriteLine($"{rows:N0} x {Dimension} beside {FewRows:N0} x {Dimension}, which take {few / 1048576.0:N0} MiB: raw vectors {raw / 1048576:N0} MiB more, float graph {graph / 1048576:N0} MiB");
        foreach (var type in new[] { "HNSW_SQ", "HNSW" })
        {
            var made = Path.Combine(folder, type);
            await StoredCollection.MakeAsync(made, values, Dimension, type);
            foreach (var budget in new[] { "0", "100000" })
            {
                var held = await AnonymousAsync(made, asked, ["--index-memory-mib", budget]) - few;
                Console.WriteLine($"  {type,-8} index {(budget == "0" ? "mapped" : "copied"),-7} {held / 1048576.0,6:N0} MiB, {held / more,5:N0} bytes a row, {held / (raw + graph):F2} x (raw vectors + float graph)");
            }
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<long> AnonymousAsync(string folder, float[] asked, string[] options)
    {
        await using var engine = await EngineUnderTest.StartAsync(folder, options);
        for (var q = 0; q < asked.Length / Dimension; q++)
        {
            await engine.SearchAsync(EngineUnderTest.Query(asked.AsSpan(q * Dimension, Dimension), "L2", Keep, Ef));
        }

        await Task.Delay(TimeSpan.FromSeconds(3));
        return engine.AnonymousBytes;
    }
}
