using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>
/// The process is killed at seeded moments under load; everything it acknowledged is there afterwards, and is found. Thirty
/// times in the fast tests; <c>./dev live</c> asks for a thousand (DEMARC_ENGINE_KILLS).
/// </summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public class KillTests(ITestOutputHelper output)
{
    private const int FastMoments = 30;
    private const int Workers = 4;
    private const string Collection = "killed";

    private static int Moments => int.TryParse(Environment.GetEnvironmentVariable("DEMARC_ENGINE_KILLS"), out var kills) ? kills : FastMoments;

    [Fact]
    public async Task What_was_acknowledged_survives_kill_9_at_any_moment()
    {
        using var folder = Sample.Folder();
        var random = new Random(20_261_124);
        var workers = Enumerable.Range(0, Workers).Select(w => new Worker(w)).ToList();
        await using (var first = await EngineProcess.Start(folder.Path))
        {
            await Prepare(first);
        }

        long acknowledged = 0;
        for (var moment = 0; moment < Moments; moment++)
        {
            await using var engine = await EngineProcess.Start(folder.Path);
            foreach (var worker in workers)
            {
                await worker.Check(engine.Client, moment);
            }

            // The moment is a number of acknowledged writes, so that a slow machine kills as far into the work as a quick one.
            var quota = random.Next(1, 60);
            using var reached = new SemaphoreSlim(0);
            var running = workers.Select(w => w.Write(engine.Client, random.Next(), () => reached.Release())).ToList();
            for (var i = 0; i < quota; i++)
            {
                Assert.True(await reached.WaitAsync(TimeSpan.FromSeconds(30)), "no write was acknowledged for half a minute");
            }

            // A little later, so that it is not always just after an answer.
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextDouble() * 8), TimeProvider.System);
            await engine.Kill();
            await Task.WhenAll(running);
            acknowledged += quota;
            if ((moment + 1) % 100 == 0) output.WriteLine($"{moment + 1} kills, at least {acknowledged} acknowledged writes, {workers.Sum(w => w.Doubtful)} requests cut off, {workers.Sum(w => w.Taken)} of them taken");
        }

        await using var last = await EngineProcess.Start(folder.Path, "--require-existing");
        foreach (var worker in workers)
        {
            await worker.Check(last.Client, Moments);
        }

        output.WriteLine($"{Moments} kills, at least {acknowledged} acknowledged writes, {workers.Sum(w => w.Doubtful)} requests cut off, {workers.Sum(w => w.Taken)} of them taken");
        Assert.True(acknowledged > Moments);
        Assert.True(workers.Sum(w => w.Doubtful) > Moments, "hardly a request was under way when it was killed");
    }

    private static async Task Prepare(EngineProcess engine)
    {
        Ok(await engine.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = Collection, Schema = Sample.Schema(Collection).ToByteString() }));
        Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = Collection, FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = "L2" } } }));
        Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = Collection }));
    }

    private static void Ok(Demarc.Engine.Protocol.Status status) => Assert.True(status.Code == 0, status.Reason);

    /// <summary>Owns a range of keys, writes one request at a time, and knows what must, may and must not be there.</summary>
    private sealed class Worker(int number)
    {
        private const int Keys = 200;
        private readonly Dictionary<long, int> acknowledged = [];
        private Dictionary<long, int?> pending = [];
        private int version;

        /// <summary>Requests that were under way at a kill.</summary>
        public int Doubtful { get; private set; }

        /// <summary>Those of them that were on the disk.</summary>
        public int Taken { get; private set; }

        public async Task Write(MilvusService.MilvusServiceClient client, int seed, Action done)
        {
            var random = new Random(seed);
            while (true)
            {
                var delete = random.Next(4) == 0;
                version++;
                pending = Enumerable.Range(0, random.Next(1, 30)).Select(_ => (number * 1000L) + random.Next(Keys)).Distinct()
                    .ToDictionary(k => k, _ => delete ? (int?)null : version);
                try
                {
                    await Send(client, [.. pending.Keys], delete, random.Next(2) == 0);
                }
                catch (RpcException)
                {
                    return; // Killed; the request may have been taken or not.
                }

                Settle(pending);
                pending = [];
                done();
            }
        }

        public async Task Check(MilvusService.MilvusServiceClient client, int moment)
        {
            var answer = await client.QueryAsync(new QueryRequest
            {
                CollectionName = Collection,
                Expr = $"id >= {number * 1000} and id < {(number + 1) * 1000}",
                OutputFields = { "id", "title" },
            });
            Ok(answer.Status);
            var keys = answer.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data;
            var titles = answer.FieldsData.Single(f => f.FieldName == "title").Scalars.StringData.Data;
            var found = keys.Zip(titles).ToDictionary(p => p.First, p => p.Second);

            // The request under way at the kill took effect as a whole or not at all.
            Doubtful += pending.Count > 0 ? 1 : 0;
            if (pending.Count > 0 && pending.All(p => found.GetValueOrDefault(p.Key) == (p.Value is { } v ? Sample.Title(p.Key, v) : null)))
            {
                Settle(pending);
                Taken++;
            }

            pending = [];
            var expected = acknowledged.ToDictionary(a => a.Key, a => Sample.Title(a.Key, a.Value));
            Assert.True(
                expected.Count == found.Count && expected.All(e => found.GetValueOrDefault(e.Key) == e.Value),
                $"after kill {moment}, worker {number}: {(expected.Count == found.Count && expected.All(e => found.GetValueOrDefault(e.Key) == e.Value) ? "" : Difference(expected, found))}");
            await CheckNearest(client, moment);
        }

        /// <summary>A search finds what one that compares all acknowledged rows finds.</summary>
        private async Task CheckNearest(MilvusService.MilvusServiceClient client, int moment)
        {
            float[] wanted = [(number * 1000) + (moment * 7 % Keys) + 0.3f, moment % 10, version * 0.7f, 1];
            var search = ServiceLab.Search(wanted, 10);
            (search.CollectionName, search.Dsl) = (Collection, $"id >= {number * 1000} and id < {(number + 1) * 1000}");
            var hits = await client.SearchAsync(search);
            Ok(hits.Status);
            var nearest = acknowledged.Select(a => Distance(wanted, Sample.Vector(a.Key, a.Value))).Order().Take(10).ToList();
            Assert.Equal(nearest.Count, hits.Results.Scores.Count);
            for (var i = 0; i < nearest.Count; i++)
            {
                var key = hits.Results.Ids.IntId.Data[i];
                Assert.True(acknowledged.TryGetValue(key, out var had), $"after kill {moment}, worker {number}: the search finds {key}, which is not there");
                Assert.Equal(Distance(wanted, Sample.Vector(key, had)), hits.Results.Scores[i], 1e-5 * (1 + nearest[i]));
                Assert.Equal(nearest[i], hits.Results.Scores[i], 1e-5 * (1 + nearest[i]));
            }
        }

        private static double Distance(float[] a, float[] b) => a.Zip(b).Sum(p => ((double)p.First - p.Second) * ((double)p.First - p.Second));

        private void Settle(Dictionary<long, int?> change)
        {
            foreach (var (key, value) in change)
            {
                if (value is { } v)
                {
                    acknowledged[key] = v;
                }
                else
                {
                    acknowledged.Remove(key);
                }
            }
        }

        private async Task Send(MilvusService.MilvusServiceClient client, long[] keys, bool delete, bool insert)
        {
            if (delete)
            {
                Ok((await client.DeleteAsync(new DeleteRequest { CollectionName = Collection, Expr = $"id in [{string.Join(',', keys)}]" })).Status);
            }
            else if (insert)
            {
                var request = new InsertRequest { CollectionName = Collection, NumRows = (uint)keys.Length };
                request.FieldsData.Add(Sample.Columns(keys, version));
                Ok((await client.InsertAsync(request)).Status);
            }
            else
            {
                var request = new UpsertRequest { CollectionName = Collection, NumRows = (uint)keys.Length };
                request.FieldsData.Add(Sample.Columns(keys, version));
                Ok((await client.UpsertAsync(request)).Status);
            }
        }

        private static string Difference(Dictionary<long, string> expected, Dictionary<long, string> found) =>
            string.Join("; ", expected.Keys.Union(found.Keys).Where(k => expected.GetValueOrDefault(k) != found.GetValueOrDefault(k)).Take(5)
                .Select(k => $"{k} should be {expected.GetValueOrDefault(k, "absent")}, is {found.GetValueOrDefault(k, "absent")}"));
    }
}
