using System.Globalization;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Grouping, iterating, hybrid and ordered searches, partial upserts and rows that live for a while, against plain arithmetic.</summary>
[UnsupportedOSPlatform("windows")]
public class SearchKindTests
{
    [Fact]
    public async Task Groups_are_the_nearest_ones_and_filled()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 2000);

        // Of the keys around 1000, key % 100 makes the groups: each group's nearest row is at 1000 or near it.
        var found = await lab.Found(ServiceLab.Search(Sample.Vector(1000, 0), 3, ("group_by_field", "small"), ("group_size", "2"), ("strict_group_size", "true")));
        var groups = found.GroupByFieldValue.Scalars.IntData.Data;
        Assert.Equal(6, found.Ids.IntId.Data.Count);
        Assert.Equal([0, 0], groups.Take(2));
        Assert.Equal(3, groups.Distinct().Count());
        Assert.Equal(1000, found.Ids.IntId.Data[0]);
        Assert.Contains(found.Ids.IntId.Data[1], new long[] { 900, 1100 });
        foreach (var (id, group) in found.Ids.IntId.Data.Zip(groups))
        {
            Assert.Equal(id % 100, group);
        }

        var second = await lab.Found(ServiceLab.Search(Sample.Vector(1000, 0), 2, ("group_by_field", "small"), ("offset", "1")));
        Assert.Equal(2, second.Ids.IntId.Data.Count);
        Assert.DoesNotContain(0, second.GroupByFieldValue.Scalars.IntData.Data);
        var refused = (await engine.Client.SearchAsync(ServiceLab.Search([1, 1, 1, 1], 2, ("group_by_field", "exact")))).Status;
        Assert.Equal(65535, refused.Code);
        Assert.Contains("unsupported data type DOUBLE for group by operator", refused.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("L2")]
    [InlineData("IP")]
    public async Task An_iterator_gives_every_row_once_and_in_order_also_those_of_equal_score(string metric)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(metric: metric);
        var insert = new InsertRequest { CollectionName = "things", NumRows = 500 };
        var columns = Sample.Columns([.. Enumerable.Range(0, 500).Select(i => (long)i)]);
        var vectors = columns[1].Vectors.FloatVector.Data;
        for (var i = 0; i < 500; i++)
        {
            // Only seven different vectors, so that most rows have equals.
            Sample.Vector(i % 7, 0).CopyTo(vectors.ToArray(), 0);
            for (var d = 0; d < Sample.Dimension; d++)
            {
                vectors[(i * Sample.Dimension) + d] = Sample.Vector(i % 7, 0)[d];
            }
        }

        insert.FieldsData.Add(columns);
        ServiceLab.Ok((await engine.Client.InsertAsync(insert)).Status);
        var (seen, scores, token, bound) = (new List<long>(), new List<float>(), "", "");
        while (true)
        {
            var request = ServiceLab.Search([3, 2, 0, 1], 30, ("search_iter_v2", "true"), ("iterator", "true"), ("search_iter_batch_size", "30"));
            if (token.Length > 0)
            {
                request.SearchParams.Add(ServiceLab.Parameters(("search_iter_id", token), ("search_iter_last_bound", bound)));
            }

            var found = await lab.Found(request);
            token = found.SearchIteratorV2Results.Token;
            bound = found.SearchIteratorV2Results.LastBound.ToString("R", CultureInfo.InvariantCulture);
            if (found.Scores.Count == 0)
            {
                break;
            }

            seen.AddRange(found.Ids.IntId.Data);
            scores.AddRange(found.Scores);
        }

        Assert.Equal(500, seen.Count);
        Assert.Equal(500, seen.Distinct().Count());
        Assert.Equal(metric == "L2" ? scores.Order() : scores.OrderDescending(), scores);
    }

    [Fact]
    public async Task A_hybrid_search_ranks_as_the_formulas_say()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 200);
        float[] first = Sample.Vector(50, 0), second = Sample.Vector(60, 0);
        var rrf = await Hybrid(("strategy", "rrf"), ("params", "{\"k\": 10}"));
        var expected = Enumerable.Range(0, 200).Select(i => (long)i)
            .Select(id => (Id: id, Score: Reciprocal(first, id) + Reciprocal(second, id))).Where(p => p.Score > 0).OrderByDescending(p => p.Score).Take(5).Select(p => (float)p.Score);
        Assert.Equal(expected, rrf.Scores, (a, b) => Math.Abs(a - b) < 1e-6f);

        var weighted = await Hybrid(("strategy", "weighted"), ("params", "{\"weights\": [0.9, 0.1], \"norm_score\": true}"));
        Assert.Equal(50, weighted.Ids.IntId.Data[0]);
        Assert.Equal(0.9 + (0.1 * (1 - (2 * Math.Atan(Distance(second, 50)) / Math.PI))), weighted.Scores[0], 1e-5);

        // Scores as they are, unless they are to be normalised: the smaller sum of distances is the better one.
        var raw = await Hybrid(("strategy", "weighted"), ("params", "{\"weights\": [0.9, 0.1]}"));
        Assert.All(raw.Ids.IntId.Data.Zip(raw.Scores), hit =>
        {
            var (near, far) = (0.9 * Distance(first, hit.First), 0.1 * Distance(second, hit.First));
            Assert.Contains(new[] { near, far, near + far }, score => Math.Abs(score - hit.Second) < 1e-3);
        });
        Assert.Equal(raw.Scores.Order(), raw.Scores);
        Assert.Equal(1100, (await engine.Client.HybridSearchAsync(Request([("strategy", "weighted"), ("params", "{\"weights\": [0.9]}")]))).Status.Code);

        async Task<SearchResultData> Hybrid(params (string, string)[] parameters)
        {
            var answer = await engine.Client.HybridSearchAsync(Request(parameters));
            ServiceLab.Ok(answer.Status);
            return answer.Results;
        }

        HybridSearchRequest Request((string, string)[] parameters)
        {
            var request = new HybridSearchRequest { CollectionName = "things", OutputFields = { "title" }, Requests = { ServiceLab.Search(first, 20), ServiceLab.Search(second, 20) } };
            request.RankParams.Add(ServiceLab.Parameters([("limit", "5"), .. parameters]));
            return request;
        }

        static double Distance(float[] from, long id) => from.Zip(Sample.Vector(id, 0)).Sum(p => ((double)p.First - p.Second) * ((double)p.First - p.Second));

        static double Reciprocal(float[] from, long id)
        {
            var ranked = Enumerable.Range(0, 200).OrderBy(i => Distance(from, i)).ThenBy(i => i).Take(20).ToList();
            var rank = ranked.IndexOf((int)id);
            return rank < 0 ? 0 : 1.0 / (10 + rank + 1);
        }
    }

    [Fact]
    public async Task Rows_come_in_the_order_asked_for()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 100);
        var found = await lab.Found(ServiceLab.Search(Sample.Vector(50, 0), 10, ("order_by_fields", "id:desc")));
        Assert.Equal(found.Ids.IntId.Data.OrderDescending(), found.Ids.IntId.Data);
        Assert.All(found.Ids.IntId.Data, id => Assert.InRange(id, 40, 60));

        // The offset is about the order: of the nearest three, 50, 51 and 52, the first is left out.
        var paged = await lab.Found(ServiceLab.Search(Sample.Vector(50, 0), 2, ("order_by_fields", "id:descending"), ("offset", "1")));
        Assert.Equal([51, 50], paged.Ids.IntId.Data);
        var groups = await lab.Found(ServiceLab.Search(Sample.Vector(50, 0), 2, ("group_by_field", "small"), ("order_by_fields", "id:desc"), ("offset", "1")));
        Assert.Equal([51, 50], groups.Ids.IntId.Data);

        // By a place in JSON and by a key of the dynamic field, which some rows do not have.
        var places = await lab.Found(ServiceLab.Search(Sample.Vector(50, 0), 20, ("order_by_fields", "info[\"deep\"][\"n\"]:desc, color:asc:nulls_first ,id")));
        Assert.Equal(places.Ids.IntId.Data.OrderByDescending(id => id % 3).ThenBy(id => id % 6 == 0 ? -1 : id % 3).ThenBy(id => id), places.Ids.IntId.Data);
        var last = await lab.Found(ServiceLab.Search(Sample.Vector(50, 0), 20, ("order_by_fields", "maybe:asc")));
        Assert.Equal(last.Ids.IntId.Data.OrderBy(id => id % 4 == 0).ThenBy(id => id % 4 == 0 ? 0 : id), last.Ids.IntId.Data);
        var query = new QueryRequest { CollectionName = "things", Expr = "id < 20", OutputFields = { "flag" }, QueryParams = { ServiceLab.Parameters(("order_by_fields", "flag:desc,id:desc"), ("limit", "3")) } };
        var rows = await engine.Client.QueryAsync(query);
        ServiceLab.Ok(rows.Status);
        Assert.Equal([18, 16, 14], rows.FieldsData.First(f => f.FieldName == "id").Scalars.LongData.Data);
    }

    [Fact]
    public async Task A_partial_upsert_keeps_what_it_leaves_out()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 10);
        var upsert = new UpsertRequest { CollectionName = "things", NumRows = 2, PartialUpdate = true };
        upsert.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { 2, 4 } } } });
        upsert.FieldsData.Add(new FieldData { FieldName = "title", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { "two", "four" } } } });
        upsert.FieldsData.Add(new FieldData { FieldName = "$meta", IsDynamic = true, Type = DataType.Json, Scalars = new ScalarField { JsonData = new JSONArray { Data = { ByteString.CopyFromUtf8("{\"size\":1}"), ByteString.CopyFromUtf8("{}") } } } });
        ServiceLab.Ok((await engine.Client.UpsertAsync(upsert)).Status);
        var rows = await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id in [2, 4]", OutputFields = { "title", "small", "vec", "$meta", "maybe" } });
        Assert.Equal(["two", "four"], Column("title").Scalars.StringData.Data);
        Assert.Equal([2, 4], Column("small").Scalars.IntData.Data);
        Assert.Equal([.. Sample.Vector(2, 0), .. Sample.Vector(4, 0)], Column("vec").Vectors.FloatVector.Data);
        Assert.Equal([true, false], Column("maybe").ValidData);
        Assert.Equal("{\"color\":\"c2\",\"size\":1}", Column("$meta").Scalars.JsonData.Data[0].ToStringUtf8());
        Assert.Equal(10, (await lab.Keys()).Count);

        // A row that is not there has to bring everything.
        upsert.FieldsData[0].Scalars.LongData.Data[0] = 77;
        Assert.Equal(1100, (await engine.Client.UpsertAsync(upsert)).Status.Code);

        FieldData Column(string name) => rows.FieldsData.First(f => f.FieldName == name);
    }

    [Fact]
    public async Task Rows_whose_time_is_over_are_not_seen_again()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder["data"]))
        {
            var lab = new ServiceLab(engine.Client);
            await lab.Ready(rows: 5);
            ServiceLab.Ok(await engine.Client.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", Properties = { new Pair { Key = "collection.ttl.seconds", Value = "2" } } }));
            Assert.Equal(5, (await lab.Keys()).Count);
            await Task.Delay(TimeSpan.FromSeconds(2.2), TestContext.Current.CancellationToken);
            await lab.Insert([50]);
            Assert.Equal([50], await lab.Keys());
            ServiceLab.Ok(await engine.Client.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", DeleteKeys = { "collection.ttl.seconds" } }));
            Assert.Equal([50], (await lab.Found(ServiceLab.Search([1, 1, 1, 1], 10))).Ids.IntId.Data);
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder["data"]);
        Assert.Equal([50], await new ServiceLab(again.Client).Keys());
    }

    [Fact]
    public async Task A_compaction_gives_deleted_rows_back_and_says_what_it_did()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 70_000);
        ServiceLab.Ok((await engine.Client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id < 1000" })).Status);
        var done = await engine.Client.ManualCompactionAsync(new ManualCompactionRequest { CollectionName = "things" });
        ServiceLab.Ok(done.Status);
        var plans = await engine.Client.GetCompactionStateWithPlansAsync(new GetCompactionPlansRequest { CompactionID = done.CompactionID });
        Assert.Equal(done.CompactionPlanCount, plans.MergeInfos.Count);
        var segments = (await engine.Client.GetPersistentSegmentInfoAsync(new GetPersistentSegmentInfoRequest { CollectionName = "things" })).Infos;
        Assert.Equal(69_000, segments.Sum(s => s.NumRows));
        Assert.All(plans.MergeInfos, m => Assert.Contains(segments, s => s.SegmentID == m.Target));
        Assert.Equal(69_000, (await lab.Keys()).Count);
    }
}
