using System.Diagnostics;
using System.Globalization;
using Demarc.Engine.Protocol;

namespace Demarc.Bench.Engine;

/// <summary>
/// A day's mixed work in some minutes, without a pause: rows come and go at the same rate, are written over and searched with
/// and without filters, other collections are made and dropped, segments compacted. What has to be seen is that memory is
/// as large at the end as after the first third.
/// </summary>
internal static class SoakBench
{
    private const int Dimension = 64;
    private const int Batch = 500;
    private const int Kept = 60_000;
    private const double Flat = 1.1;

    /// <returns>1 if memory grew.</returns>
    public static async Task<int> RunAsync(int minutes)
    {
        var values = new ClusteredData(Dimension, unit: false, 11).Take(20_000);
        var folder = Measure.Folder();
        try
        {
            await using var engine = await EngineUnderTest.StartAsync(folder);
            await engine.CreateAsync(Dimension);
            await engine.IndexAsync("HNSW", "L2");
            var work = new Work(engine, values, TimeSpan.FromMinutes(minutes));
            var parts = new List<Task> { work.WriteAsync(), work.SearchAsync(), work.ChurnAsync(), work.WatchAsync() };
            while (parts.Count > 0)
            {
                var ended = await Task.WhenAny(parts);
                await ended; // What one of them met is not waited out.
                parts.Remove(ended);
            }

            return work.Verdict();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Work(EngineUnderTest engine, float[] values, TimeSpan length)
    {
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private readonly List<double> megabytes = [];
        private long written;
        private long searched;
        private long churned;

        private bool On => clock.Elapsed < length;

        /// <summary>New rows at the front, the oldest away, every tenth batch written over.</summary>
        public async Task WriteAsync()
        {
            long next = 0;
            while (On)
            {
                var from = (int)(next % (values.Length / Dimension) / Batch * Batch);
                await engine.InsertAsync(EngineUnderTest.Rows(values, Dimension, from, Batch, next));
                next += Batch;
                written += Batch;
                if (next > Kept)
                {
                    EngineUnderTest.Check((await engine.Client.DeleteAsync(new DeleteRequest
                    {
                        CollectionName = EngineUnderTest.Collection,
                        Expr = string.Create(CultureInfo.InvariantCulture, $"id < {next - Kept}"),
                    })).Status);
                }

                if (next % (10 * Batch) == 0)
                {
                    var rows = EngineUnderTest.Rows(values, Dimension, 0, Batch, next - Batch);
                    EngineUnderTest.Check((await engine.Client.UpsertAsync(new UpsertRequest { CollectionName = rows.CollectionName, NumRows = rows.NumRows, FieldsData = { rows.FieldsData } })).Status);
                }
            }
        }

        public async Task SearchAsync()
        {
            for (var q = 0; On; q++)
            {
                var query = EngineUnderTest.Query(values.AsSpan(q * 7 % (values.Length / Dimension) * Dimension, Dimension), "L2", 10, 64);
                if (q % 3 == 0)
                {
                    query.Dsl = $"id % 3 == {q % 2}";
                }

                await engine.SearchAsync(query);
                searched++;
                if (q % 50 == 0)
                {
                    EngineUnderTest.Check((await engine.Client.QueryAsync(new QueryRequest
                    {
                        CollectionName = EngineUnderTest.Collection, Expr = "id % 1000 == 7", OutputFields = { "id", "v" }, QueryParams = { new Demarc.Engine.Protocol.KeyValuePair { Key = "limit", Value = "100" } },
                    })).Status);
                }
            }
        }

        /// <summary>What a test suite of somebody does all day.</summary>
        public async Task ChurnAsync()
        {
            for (var i = 0; On; i++)
            {
                var name = $"passing_{i}";
                var schema = new CollectionSchema
                {
                    Name = name,
                    Fields =
                    {
                        new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                        new FieldSchema { Name = "v", DataType = DataType.FloatVector, TypeParams = { new Demarc.Engine.Protocol.KeyValuePair { Key = "dim", Value = $"{Dimension}" } } },
                    },
                };
                EngineUnderTest.Check(await engine.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = name, Schema = Google.Protobuf.MessageExtensions.ToByteString(schema) }));
                var rows = EngineUnderTest.Rows(values, Dimension, 0, Batch, 0);
                rows.CollectionName = name;
                await engine.InsertAsync(rows);
                EngineUnderTest.Check(await engine.Client.DropCollectionAsync(new DropCollectionRequest { CollectionName = name }));
                churned++;
                if (i % 20 == 19)
                {
                    EngineUnderTest.Check((await engine.Client.ManualCompactionAsync(new ManualCompactionRequest { CollectionName = EngineUnderTest.Collection })).Status);
                }

                await Task.Delay(200);
            }
        }

        public async Task WatchAsync()
        {
            var every = TimeSpan.FromSeconds(Math.Max(2, length.TotalSeconds / 40));
            while (On)
            {
                await Task.Delay(every);
                var now = engine.AnonymousBytes / 1048576.0;
                megabytes.Add(now);
                Console.WriteLine($"  {clock.Elapsed:mm\\:ss}  {now,7:N0} MiB of the process, {written:N0} rows written, {searched:N0} searches, {churned:N0} collections come and gone");
            }
        }

        public int Verdict()
        {
            var third = megabytes.Count / 3;
            var middle = megabytes.Skip(third).Take(third).Order().ElementAt(third / 2);
            var last = megabytes.TakeLast(third).Order().ElementAt(third / 2);
            Console.WriteLine($"memory: {middle:N0} MiB in the middle third, {last:N0} MiB in the last ({last / middle:F2} x; {Flat} and more would be growth)");
            return last / middle < Flat ? 0 : 1;
        }
    }
}
