using System.Diagnostics;
using Demarc.Engine.Catalog;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Bench.Engine;

/// <summary>
/// The engine's graphs in process against hnswlib and FAISS on the same data: queries a second at a recall of at least
/// 0.95 of the ten nearest, CPU time of the build, memory, and filtered searches against comparing every matching row.
/// </summary>
internal static class GraphBench
{
    private const int Keep = 10;
    private const double Recall = 0.95;
    private const int Queries = 1000;
    private static readonly HnswPlan Plan = new(16, 200, 1, 1);

    /// <param name="only">What to do of all: small, 128 or 768; hnswlib or faiss as the only peer; own for no peer at all; waiting for rows that wait for their index, and nothing else.</param>
    public static async Task RunAsync(params string[] only)
    {
        // Small tells whether it runs; its figures mean nothing.
        var small = only.Contains("small");
        string[] peers = only.Contains("own") || only.Contains("waiting") ? [] : only.Contains("hnswlib") ? ["hnswlib"] : only.Contains("faiss") ? ["faiss"] : ["hnswlib", "faiss"];
        if (!only.Contains("768"))
        {
            await OneAsync(small ? 20_000 : 200_000, 128, Metric.L2, small ? 0.05 : 1, peers, only.Contains("waiting"));
        }

        if (!only.Contains("128"))
        {
            await OneAsync(small ? 10_000 : 100_000, 768, Metric.IP, small ? 0.05 : 1, peers, only.Contains("waiting"));
        }
    }

    private static async Task OneAsync(int rows, int dimension, Metric metric, double seconds, string[] peers, bool waiting)
    {
        Console.WriteLine($"{rows:N0} x {dimension}, {metric}, {Keep} nearest at recall {Recall} or more, M {Plan.Links}, efConstruction {Plan.Construction}");
        var data = new ClusteredData(dimension, metric == Metric.IP, 7);
        var values = data.Take(rows);
        var asked = data.Take(Queries);
        var sample = new GraphSample(values, asked, rows, dimension, metric, seconds);
        Waiting(sample);
        if (waiting)
        {
            return;
        }

        var folder = Measure.Folder();
        Peer.Write(folder, "rows.f32", values);
        Peer.Write(folder, "queries.f32", asked);
        Peer.Write(folder, "truth.i32", sample.Truth.SelectMany(t => t).ToArray());
        var peer = peers.Contains("hnswlib") ? await Peer.RunAsync("hnswlib", "hnswlib_peer.cpp", [], folder, dimension, metric.ToString(), Recall, seconds) : null;
        Show("hnswlib, built for this processor", peer, peer);
        if (peers.Contains("faiss"))
        {
            Show("FAISS HNSW, Debian's build", await Peer.RunAsync("FAISS", "faiss_peer.cpp", ["-lfaiss", "-lopenblas"], folder, dimension, metric.ToString(), Recall, seconds), peer);
        }

        Directory.Delete(folder, recursive: true);

        foreach (var quantised in new[] { false, true })
        {
            var (index, cpu) = Build(sample, quantised, Plan);
            var figures = new Dictionary<string, double> { ["build_cpu"] = cpu, ["bytes"] = index.Bytes + ((long)rows * dimension * sizeof(float)), ["graph"] = index.Bytes };
            sample.MeasureInto(figures, index);
            Show(quantised ? "int8 graph, scored again by float32" : "float32 graph", figures, peer);
            if (quantised)
            {
                foreach (var percent in new[] { 1, 10, 50 })
                {
                    sample.Filtered(index, (int)figures["ef"], percent);
                }
            }
        }
    }

    private static (HnswIndex Index, double Cpu) Build(GraphSample sample, bool quantised, HnswPlan plan)
    {
        var before = Environment.CpuUsage.TotalTime;
        var index = HnswIndex.Build(1, sample.Column, sample.Metric, sample.Rows, quantised, plan, CancellationToken.None)!;
        return (index, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }

    /// <summary>Rows that wait for their index: what putting them in lists costs, and searching these.</summary>
    private static void Waiting(GraphSample sample)
    {
        var before = Environment.CpuUsage.TotalTime;
        var lists = ArrivedRows.Begin(1, sample.Column.Widener(), sample.Column.Field.Dimension, sample.Metric, 0, Arrivals.LeastRows);
        var begun = Environment.CpuUsage.TotalTime;
        for (var to = Arrivals.LeastRows; to < sample.Rows;)
        {
            lists = lists.With(sample.Column.Widener(), to = Math.Min(sample.Rows, to + 1000));
        }

        var added = (Environment.CpuUsage.TotalTime - begun).TotalMicroseconds / (sample.Rows - Arrivals.LeastRows);
        var figures = new Dictionary<string, double>();
        sample.MeasureInto(figures, lists);
        Console.WriteLine($"  rows that wait for their index: begun in {(begun - before).TotalMilliseconds:F0} ms, {added:F1} µs a row; ef {figures["ef"]:N0} recall {figures["recall"]:F3}  {figures["cpu1"],9:N0} per CPU s, {figures["qps1"],9:N0}/s; {lists.Bytes / 1048576:N0} MiB beside the rows; comparing all {sample.ExactPerCpuSecond():N0} per CPU s");
    }

    private static void Show(string name, Dictionary<string, double>? f, Dictionary<string, double>? peer)
    {
        if (f is null)
        {
            return;
        }

        string Ratio(string what) => peer is null ? "" : $" ({f[what] / peer[what]:F2} x hnswlib)";
        Console.WriteLine($"  {name,-38} ef {f["ef"],4:N0} recall {f["recall"]:F3}  {f["cpu1"],9:N0} per CPU s{Ratio("cpu1")}, {f["qps1"],9:N0}/s{Ratio("qps1")}  two threads {f["qps2"],9:N0}/s ({f["qps2"] / f["qps1"]:F2} x one)"
            + $"  build {f["build_cpu"],6:F1} CPU s{Ratio("build_cpu")}  {f["bytes"] / 1048576,6:N0} MiB{(f.TryGetValue("graph", out var graph) ? $", of it {graph / 1048576:N0} beside the rows" : "")}");
    }

    /// <summary>Rows in a column of the engine's, queries, and what is truly nearest.</summary>
    internal sealed class GraphSample
    {
        private readonly QueryVector[] queries;
        private readonly SearchPlan plan;
        private readonly double seconds;

        public GraphSample(float[] values, float[] asked, int rows, int dimension, Metric metric, double seconds)
        {
            this.seconds = seconds;
            (Rows, Metric) = (rows, metric);
            var schema = new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = $"{dimension}" } } };
            Column = new FloatVectorColumn(new FieldDefinition(schema, dimension, 0));
            for (var from = 0; from < rows; from += 10_000)
            {
                var count = Math.Min(10_000, rows - from);
                var batch = Demarc.Engine.Rows.Column.NewData(Column.Field);
                batch.Vectors.FloatVector.Data.Add(values.AsSpan(from * dimension, count * dimension).ToArray());
                Column.Append(batch, 0, count);
            }

            queries = [.. Enumerable.Range(0, asked.Length / dimension).Select(q => QueryVector.Dense(asked.AsSpan(q * dimension, dimension).ToArray()))];
            plan = new SearchPlan(0, 1, metric, queries, Keep, new ConstantNode(true), null, null, SearchHints.None);
            Truth = new int[queries.Length][];
            Parallel.For(0, queries.Length, q => Truth[q] = [.. Exact(queries[q], null).Select(h => h.Row)]);
        }

        public int Rows { get; }

        public Metric Metric { get; }

        public FloatVectorColumn Column { get; }

        public int[][] Truth { get; }

        /// <summary>Finds the smallest ef that reaches the recall, then measures with it on one thread and on two.</summary>
        public void MeasureInto(Dictionary<string, double> figures, VectorIndex index)
        {
            var ef = Keep;
            double recall;
            while ((recall = RecallAt(index, ef, null, Truth)) < Recall && ef < 4000)
            {
                ef += Math.Max(2, ef / 10);
            }

            (figures["ef"], figures["recall"]) = (ef, recall);
            for (var threads = 1; threads <= 2; threads++)
            {
                (figures[$"qps{threads}"], figures[$"cpu{threads}"]) = Median(() => Rate(threads, q => Search(index, queries[q], ef, null)));
            }
        }

        public void Filtered(HnswIndex index, int ef, int percent)
        {
            var random = new Random(percent);
            var mask = new ulong[(Rows + 63) / 64];
            for (var row = 0; row < Rows; row++)
            {
                mask[row >> 6] |= random.Next(100) < percent ? 1UL << row : 0;
            }

            var few = Math.Min(200, queries.Length);
            var truth = new int[few][];
            Parallel.For(0, few, q => truth[q] = [.. Exact(queries[q], mask).Select(h => h.Row)]);
            var recall = RecallAt(index, ef, mask, truth);
            var (_, planned) = Median(() => Rate(1, q => Search(index, queries[q], ef, mask), few));
            var (_, exact) = Median(() => Rate(1, q => Exact(queries[q], mask), few));
            Console.WriteLine($"  {percent,2} % of the rows match: {planned,9:N0} per CPU s at recall {recall:F3}, comparing all that match {exact,9:N0} ({planned / exact:F2} x)");
        }

        public double ExactPerCpuSecond() => Rate(1, q => Exact(queries[q], null), 20).PerCpuSecond;

        private double RecallAt(VectorIndex index, int ef, ulong[]? mask, int[][] truth)
        {
            var found = 0;
            for (var q = 0; q < truth.Length; q++)
            {
                found += Search(index, queries[q], ef, mask).Select(h => h.Row).Intersect(truth[q]).Count();
            }

            return found / (double)truth.Sum(t => t.Length);
        }

        private Hit[] Search(VectorIndex index, QueryVector query, int ef, ulong[]? mask)
        {
            var heap = new NearestHeap(Keep);
            var matches = Rows;
            if (mask is not null)
            {
                matches = 0;
                foreach (var word in mask)
                {
                    matches += System.Numerics.BitOperations.PopCount(word);
                }
            }

            var search = new IndexSearch(query, Column.Scorer(query, Metric), Column, mask, matches, Keep, new SearchHints(ef, null, 0));
            return index.Search(search, new HitCollector(heap, plan, 0)) ? heap.Take() : Exact(query, mask);
        }

        private Hit[] Exact(QueryVector query, ulong[]? mask)
        {
            var heap = new NearestHeap(Keep);
            VectorSearch.ScanAll(Column, query, plan, mask, Rows, heap);
            return heap.Take();
        }

        /// <summary>Queries a second, and for each second of processor time: on a machine that others use as well only the latter compares.</summary>
        private (double PerSecond, double PerCpuSecond) Rate(int threads, Action<int> search, int? count = null)
        {
            var number = count ?? queries.Length;
            long answered = 0;
            var clock = Stopwatch.StartNew();
            var cpu = Environment.CpuUsage.TotalTime;
            var workers = Enumerable.Range(0, threads).Select(t => new Thread(() =>
            {
                while (clock.Elapsed.TotalSeconds < seconds)
                {
                    for (var q = t; q < number; q += threads)
                    {
                        search(q);
                    }

                    Interlocked.Add(ref answered, number / threads);
                }
            })).ToList();
            workers.ForEach(w => w.Start());
            workers.ForEach(w => w.Join());
            return (answered / clock.Elapsed.TotalSeconds, answered / (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        }

        private static (double PerSecond, double PerCpuSecond) Median(Func<(double PerSecond, double PerCpuSecond)> run)
        {
            _ = run();
            var rates = Enumerable.Range(0, 5).Select(_ => run()).ToList();
            return (rates.Select(r => r.PerSecond).Order().ElementAt(2), rates.Select(r => r.PerCpuSecond).Order().ElementAt(2));
        }
    }
}
