using System.Diagnostics;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;

namespace Demarc.Bench.Engine;

/// <summary>
/// The engine as clients meet it, through gRPC: durable inserts, searches beside pgvector on the same rows, and searches
/// while rows come in. Clients and servers share the machine's processors, for both peers alike.
/// </summary>
internal static class ServiceBench
{
    /// <summary>Values of each vector.</summary>
    public const int Dimension = 128;

    /// <summary>Rows of each insert.</summary>
    public const int Batch = 1000;

    private const int Keep = 10;
    private const double Recall = 0.95;
    private const int Queries = 1000;
    private const int BarRowsPerSecond = 50_000;

    /// <param name="only">small tells whether it runs, its figures mean nothing; own leaves the peer out; quiet measures nothing but searches, busy nothing but searches while rows come in.</param>
    public static async Task RunAsync(params string[] only)
    {
        var small = only.Contains("small");
        var (rows, seconds) = small ? (20_000, 1.0) : (200_000, 5.0);
        Console.WriteLine($"{rows:N0} x {Dimension}, L2, through gRPC, {Keep} nearest at recall {Recall} or more, M 16, efConstruction 200");
        var data = Data();
        var values = data.Take(rows);
        var asked = data.Take(Queries);
        var truth = Truth(values, asked);
        var folder = Measure.Folder();
        await Measure.DiskAsync(folder);
        try
        {
            var (quiet, busy) = (only.Contains("quiet"), only.Contains("busy"));
            if (quiet == busy)
            {
                await InsertsAsync(Path.Combine(folder, "inserts"), values);
            }

            if (quiet || !busy)
            {
                await QuietAsync(Path.Combine(folder, "quiet"), values, asked, truth, seconds, alone: only.Contains("own"));
            }

            foreach (var type in busy || !quiet ? new[] { "HNSW", "HNSW_SQ" } : [])
            {
                await WhileInsertingAsync(Path.Combine(folder, "busy-" + type), type, values, asked, seconds);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same rows each time.</summary>
    public static ClusteredData Data() => new(Dimension, unit: false, 7);

    /// <summary>Searches with nothing else to do, beside the peer on the same rows.</summary>
    private static async Task QuietAsync(string folder, float[] values, float[] asked, int[][] truth, double seconds, bool alone)
    {
        using var pgvector = alone ? null : await PgvectorPeer.StartAsync(values, asked, Dimension);
        await using var engine = await EngineUnderTest.StartAsync(folder);
        await engine.CreateAsync(Dimension);
        await FillAsync(engine, values, 0, 2);
        foreach (var type in new[] { "HNSW", "HNSW_SQ" })
        {
            await engine.IndexAsync(type, "L2");
            Console.WriteLine($"  {type}: {engine.AnonymousBytes / 1048576:N0} MiB of the process, {engine.ResidentBytes / 1048576:N0} MiB with mapped files; the rows are {values.Length * 4L / 1048576:N0} MiB");
            await SearchesAsync(engine, type, asked, truth, pgvector, seconds);
            await engine.DropIndexAsync();
        }
    }

    /// <summary>Durable rows a second, in a folder that is new each time.</summary>
    private static async Task InsertsAsync(string folder, float[] values)
    {
        foreach (var clients in new[] { 1, 2, 4 })
        {
            await Measure.RateAsync($"inserts of {Batch:N0} rows, {clients} at a time", "rows/s", async () =>
            {
                TimeSpan took;
                await using (var engine = await EngineUnderTest.StartAsync(folder))
                {
                    await engine.CreateAsync(Dimension);
                    took = await FillAsync(engine, values, 0, clients);
                }

                Directory.Delete(folder, recursive: true);
                return (values.Length / Dimension, took);
            });
        }
    }

    private static async Task SearchesAsync(EngineUnderTest engine, string type, float[] asked, int[][] truth, PgvectorPeer? pgvector, double seconds)
    {
        var ef = Keep;
        double recall;
        while ((recall = await RecallAsync(engine, asked, truth, ef)) < Recall && ef < 4000)
        {
            ef += Math.Max(2, ef / 10);
        }

        var (peerEf, peerRecall) = pgvector is null ? (0, 0) : await pgvector.TuneAsync(truth, Recall);
        Console.WriteLine($"  {type}: ef {ef}, recall {recall:F3}{(pgvector is null ? "" : $"; pgvector: ef_search {peerEf}, recall {peerRecall:F3}")}");
        var requests = Requests(asked, ef);
        foreach (var clients in new[] { 1, 2, 8 })
        {
            List<double> ours = [], theirs = [];
            for (var run = -1; run < Measure.Runs; run++)
            {
                var mine = (await LatenciesAsync(engine, requests, clients, seconds)).Count / seconds;
                var other = pgvector is null ? 0 : await pgvector.RateAsync(clients, peerEf, Queries, seconds);
                if (run >= 0)
                {
                    ours.Add(mine);
                    theirs.Add(other);
                }
            }

            Measure.Print($"{type}: searches through gRPC, {clients} at a time", ours, "/s");
            if (pgvector is not null)
            {
                Measure.Print($"pgvector: searches, {clients} at a time", theirs, "/s");
                Console.WriteLine($"  ratio of the medians {Middle(ours) / Middle(theirs):F2} x pgvector");
            }
        }
    }

    /// <summary>
    /// How long one client's searches take with nothing else to do, then while another inserts without a stop: as many rows a second as
    /// the bar asks for, and as many as it can. Rows wait longer and longer for their index meanwhile.
    /// </summary>
    private static async Task WhileInsertingAsync(string folder, string type, float[] values, float[] asked, double seconds)
    {
        foreach (var pace in new[] { BarRowsPerSecond, int.MaxValue })
        {
            await using var engine = await EngineUnderTest.StartAsync(Path.Combine(folder, pace.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            await engine.CreateAsync(Dimension);
            await FillAsync(engine, values, 0, 2);
            await engine.IndexAsync(type, "L2");
            var requests = Requests(asked, 64);
            List<double> quiet = [], busy = [], halves = [];
            for (var run = 0; run < Measure.Runs; run++)
            {
                quiet.Add(Percentile(await LatenciesAsync(engine, requests, 1, seconds), 0.99));
            }

            await using var inserting = await InsertingClient.StartAsync(engine, values.Length / Dimension, pace);
            for (var run = 0; run < Measure.Runs; run++)
            {
                var latencies = await LatenciesAsync(engine, requests, 1, seconds);
                busy.Add(Percentile(latencies, 0.99));
                halves.Add(Percentile(latencies, 0.5));
            }

            var rows = await inserting.StopAsync();
            Measure.Print($"{type}: p99 of searches, quiet", quiet, "ms");
            Measure.Print($"{type}: median of searches while {rows:N0} rows/s come in", halves, "ms");
            Measure.Print($"{type}: p99 of searches while {rows:N0} rows/s come in", busy, "ms");
            Console.WriteLine($"  ratio of the medians {Middle(busy) / Middle(quiet):F2} x quiet");
        }
    }

    private static async Task<TimeSpan> FillAsync(EngineUnderTest engine, float[] values, long firstId, int clients)
    {
        var rows = values.Length / Dimension;
        var next = -Batch;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            int from;
            while ((from = Interlocked.Add(ref next, Batch)) < rows)
            {
                await engine.InsertAsync(EngineUnderTest.Rows(values, Dimension, from, Math.Min(Batch, rows - from), firstId + from));
            }
        })));
        return clock.Elapsed;
    }

    /// <summary>Milliseconds of every search of so many clients, each asking again as soon as it is answered.</summary>
    private static async Task<List<double>> LatenciesAsync(EngineUnderTest engine, SearchRequest[] requests, int clients, double seconds)
    {
        var until = TimeSpan.FromSeconds(seconds);
        var clock = Stopwatch.StartNew();
        var taken = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var mine = new List<double>();
            for (var q = client; clock.Elapsed < until; q++)
            {
                var begun = Stopwatch.GetTimestamp();
                await engine.SearchAsync(requests[q % requests.Length]);
                mine.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }

            return mine;
        })));
        return [.. taken.SelectMany(t => t)];
    }

    private static async Task<double> RecallAsync(EngineUnderTest engine, float[] asked, int[][] truth, int ef)
    {
        var found = 0;
        var requests = Requests(asked, ef);
        for (var q = 0; q < requests.Length; q++)
        {
            found += (await engine.SearchAsync(requests[q])).Count(id => truth[q].Contains((int)id));
        }

        return found / (double)(truth.Length * Keep);
    }

    private static SearchRequest[] Requests(float[] asked, int ef) =>
        [.. Enumerable.Range(0, Queries).Select(q => EngineUnderTest.Query(asked.AsSpan(q * Dimension, Dimension), "L2", Keep, ef))];

    /// <summary>The nearest of each query, by comparing with every row.</summary>
    private static int[][] Truth(float[] values, float[] asked)
    {
        var truth = new int[Queries][];
        Parallel.For(0, Queries, q =>
        {
            var query = asked.AsSpan(q * Dimension, Dimension);
            var nearest = new PriorityQueue<int, float>();
            for (var row = 0; row < values.Length / Dimension; row++)
            {
                nearest.Enqueue(row, -Kernels.SquaredDistance(query, values.AsSpan(row * Dimension, Dimension)));
                if (nearest.Count > Keep)
                {
                    nearest.Dequeue();
                }
            }

            truth[q] = [.. nearest.UnorderedItems.Select(i => i.Element)];
        });
        return truth;
    }

    private static double Percentile(List<double> values, double share) => values.Order().ElementAt((int)(values.Count * share));

    private static double Middle(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
