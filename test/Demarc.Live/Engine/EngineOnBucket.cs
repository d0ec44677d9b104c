using System.Globalization;
using Demarc.Engine;
using Demarc.Engine.Protocol;
using Demarc.Tests.Engine;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Live.Engine;

/// <summary>
/// The engine's own process with its segments on an S3 server that we did not write: killed again and again while rows come in
/// and go there, in a folder that is too small for them, and at last without its folder.
/// </summary>
public sealed class EngineOnBucket(BucketServer server, ITestOutputHelper output) : IClassFixture<BucketServer>, IDisposable
{
    private const int Dimension = 64;
    private const int Batch = 8192;
    private const int Batches = 3 * Limits.SegmentRows / Batch;
    private const int Kills = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string home = Directory.CreateTempSubdirectory("demarc-engine-bucket-").FullName;
    private readonly string prefix = "on-" + Guid.NewGuid().ToString("n")[..12];

    private string[] Options =>
    [
        "--bucket", $"s3://{server.Name}/{prefix}", "--bucket-access", Environment.GetEnvironmentVariable(BucketServer.Variable)!,
        "--bucket-seconds", "1", "--cache-mib", "70", "--port", "0", "--metrics-port", "0",
    ];

    public void Dispose() => Directory.Delete(home, recursive: true);

    [Fact]
    public async Task Kills_and_a_lost_folder_lose_nothing_and_a_small_folder_serves_all()
    {
        if (server.Client is null)
        {
            Assert.Skip($"no S3 server: {BucketServer.Variable} names no access file (endpoint, region, access-key, secret-key, of a key that may make buckets)");
        }

        var folder = Path.Combine(home, "first");
        var engine = await EngineProcess.Start(folder, Options);
        await CreateAsync(engine.Client);
        var chance = new Random(4711);
        var acked = 0;
        for (var killed = 0; acked < Batches;)
        {
            using var stop = new CancellationTokenSource();
            var until = killed < Kills ? chance.Next(Batches / Kills / 2, Batches / Kills) : Batches;
            var dies = killed < Kills ? KillAfterAsync(engine, TimeSpan.FromMilliseconds(chance.Next(50, 700)), stop.Token) : Task.CompletedTask;
            try
            {
                for (var i = 0; i < until && acked < Batches; i++)
                {
                    Ok((await engine.Client.InsertAsync(Rows(acked))).Status);
                    acked++;
                }
            }
            catch (Grpc.Core.RpcException)
            {
                // It was killed under the request, which is sent again.
            }

            await dies;
            if (killed++ < Kills)
            {
                await engine.DisposeAsync();
                engine = await EngineProcess.Start(folder, Options);
                Assert.InRange(await CountAsync(engine.Client), acked * (long)Batch, (acked + 1L) * Batch);
            }
        }

        await CheckAsync(engine);
        await UntilAsync(async () => await MetricAsync(engine, "demarc_engine_log_bytes") <= 24 && await MetricAsync(engine, "demarc_engine_bucket_behind_seconds") == 0);
        await UntilAsync(async () => await MetricAsync(engine, "demarc_engine_cache_bytes") is > 0 and <= 70 << 20);
        output.WriteLine($"{Kills} kills; put {await MetricAsync(engine, "demarc_engine_bucket_put_bytes_total") / 1e6:N0} MB, fetched {await MetricAsync(engine, "demarc_engine_bucket_fetched_bytes_total") / 1e6:N0} MB; {await MetricAsync(engine, "demarc_engine_cache_bytes") / 1e6:N0} MB of files are left here");
        await engine.Kill();
        await engine.DisposeAsync();

        var second = Path.Combine(home, "second");
        await using (var elsewhere = await EngineProcess.Start(second, [.. Options, "--from-bucket"]))
        {
            await CheckAsync(elsewhere);
        }

        var (code, said) = await EngineProcess.RunToEnd(folder, Options);
        Assert.Equal((ExitCodes.WrongData, true), (code, said.Contains("belongs to another data folder", StringComparison.Ordinal)));
        await using var again = await EngineProcess.Start(second, Options);
        await CheckAsync(again);
    }

    private static async Task KillAfterAsync(EngineProcess engine, TimeSpan after, CancellationToken stop)
    {
        await Task.Delay(after, stop);
        await engine.Kill();
    }

    private static async Task CreateAsync(MilvusService.MilvusServiceClient client)
    {
        var schema = new CollectionSchema
        {
            Name = "things",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = Dimension.ToString(CultureInfo.InvariantCulture) } } },
            },
        };
        Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = schema.ToByteString() }));
        Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = "L2" }, new Pair { Key = "index_type", Value = "FLAT" } } }));
        Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }));
    }

    /// <summary>Rows are put by key, so that a batch sent twice is there once.</summary>
    private static InsertRequest Rows(int batch)
    {
        var keys = Enumerable.Range(batch * Batch, Batch).ToList();
        var vectors = new FloatArray();
        keys.ForEach(key => vectors.Data.AddRange(Vector(key)));
        return new InsertRequest
        {
            CollectionName = "things",
            NumRows = Batch,
            FieldsData =
            {
                new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new() { LongData = new() { Data = { keys.Select(k => (long)k) } } } },
                new FieldData { FieldName = "vec", Type = DataType.FloatVector, Vectors = new() { Dim = Dimension, FloatVector = vectors } },
            },
        };
    }

    private static float[] Vector(int key)
    {
        var vector = new float[Dimension];
        var of = new Random(key);
        for (var i = 0; i < Dimension; i++)
        {
            vector[i] = of.NextSingle();
        }

        return vector;
    }

    private static async Task CheckAsync(EngineProcess engine)
    {
        Assert.Equal(Batches * (long)Batch, await CountAsync(engine.Client));
        for (var key = 5; key < Batches * Batch; key += 79_999)
        {
            var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes(Vector(key).AsSpan())) } } } };
            var search = new SearchRequest { CollectionName = "things", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1, SearchParams = { new Pair { Key = "topk", Value = "1" }, new Pair { Key = "anns_field", Value = "vec" } } };
            var found = await engine.Client.SearchAsync(search);
            Ok(found.Status);
            Assert.Equal((key, 0f), ((int)found.Results.Ids.IntId.Data[0], found.Results.Scores[0]));
        }
    }

    private static async Task<long> CountAsync(MilvusService.MilvusServiceClient client)
    {
        var counted = await client.QueryAsync(new QueryRequest { CollectionName = "things", OutputFields = { "count(*)" } });
        Ok(counted.Status);
        return counted.FieldsData[0].Scalars.LongData.Data[0];
    }

    private static async Task<double> MetricAsync(EngineProcess engine, string name)
    {
        using var http = new HttpClient { BaseAddress = engine.MetricsAddress };
        var line = (await http.GetStringAsync("/metrics")).Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal));
        return double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            await Task.Delay(200, limit.Token);
        }
    }

    private static void Ok(Demarc.Engine.Protocol.Status status) => Assert.True(status.Code == 0, $"{status.Code}: {status.Reason}");
}
