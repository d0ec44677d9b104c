using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Arrays of structs: written, shown, filtered by elements and searched by one vector or by lists, also after a restart, against plain arithmetic.</summary>
[UnsupportedOSPlatform("windows")]
public class StructArrayTests
{
    private const int Rows = 300;

    [Fact]
    public async Task Elements_are_kept_filtered_and_searched_also_after_a_restart()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await Create(engine.Client, "docs", "MAX_SIM_IP");
            await Create(engine.Client, "elements", "L2");
            await Check(engine.Client);
            Assert.Equal(0, await engine.Stop());
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await Check(again.Client);
    }

    [Fact]
    public async Task What_does_not_fit_is_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await Create(client, "docs", "MAX_SIM");

        var uneven = Insert("docs", [1000]);
        uneven.FieldsData[1].StructArrays.Fields[0].Scalars.ArrayData.Data[0].StringData.Data.Add("one more");
        Assert.Contains("inconsistent struct element count in struct 'items' at row 0: 'label' has 1, 'rank' has 0", (await client.InsertAsync(uneven)).Status.Reason, StringComparison.Ordinal);
        var many = Insert("docs", [1000]);
        var parts = many.FieldsData[1].StructArrays.Fields;
        parts[0].Scalars.ArrayData.Data[0] = new ScalarField { StringData = new StringArray { Data = { Enumerable.Repeat("x", 9) } } };
        parts[1].Scalars.ArrayData.Data[0] = new ScalarField { IntData = new IntArray { Data = { Enumerable.Repeat(1, 9) } } };
        parts[2].Vectors.VectorArray.Data[0] = new VectorField { FloatVector = new FloatArray { Data = { Enumerable.Repeat(1f, 18) } } };
        Assert.Contains("exceeds max capacity", (await client.InsertAsync(many)).Status.Reason, StringComparison.Ordinal);
        var bare = Insert("docs", [1000]);
        bare.FieldsData[1].StructArrays.Fields.RemoveAt(2);
        Assert.Contains("fieldData fields length:2, schema fields length:3", (await client.InsertAsync(bare)).Status.Reason, StringComparison.Ordinal);

        Assert.Contains("type must be the same", (await client.SearchAsync(Search("docs", PlaceholderType.FloatVector, [1, 2]))).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("a list of vectors of 8 bytes", (await client.SearchAsync(Search("docs", PlaceholderType.EmbListFloatVector, [1, 2, 3]))).Status.Reason, StringComparison.Ordinal);
        foreach (var (filter, why) in new[]
        {
            ("element_filter(items, $[rank] == 1) && id > 0", "last expression"),
            ("element_filter(items, $[rank] == 1) or id > 0", "match_any can"),
            ("not element_filter(items, $[rank] == 1)", "match_any can"),
            ("element_filter(items, rank == 1)", "only sub-fields"),
            ("element_filter(items, $[nothing] == 1)", "sub-field nothing not exist"),
            ("element_filter(items, $[emb] == 1)", "vector field"),
            ("$[rank] == 1", "stands only in a condition"),
            ("items == 1", "a sub-field should be named"),
            ("nothing[0][rank] == 1", "struct field not found: nothing[rank]"),
            ("items[rank][0] == 1", "invalid expression"),
            ("array_length(items[0][rank]) == 1", "mismatched input"),
            ("match_least(items, $[rank] == 1, -1)", "whole number"),
            ("element_filter(id, $[rank] == 1)", "is not a struct array"),
        })
        {
            Assert.Contains(why, (await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = filter, OutputFields = { "id" } })).Status.Reason, StringComparison.Ordinal);
        }

        var index = new CreateIndexRequest { CollectionName = "docs", FieldName = "items[emb]", ExtraParams = { new Pair { Key = "metric_type", Value = "MAX_SIM_HAMMING" } } };
        Assert.Equal(1100, (await client.CreateIndexAsync(index)).Code);
        var schema = Schema();
        schema.StructArrayFields[0].Fields[0].Nullable = true;
        Assert.Equal(1100, (await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "other", Schema = schema.ToByteString() })).Code);
    }

    [Fact]
    public async Task Rows_go_over_REST_too()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await Create(engine.Client, "docs", "MAX_SIM");
        using var http = new HttpClient { BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/") };
        Assert.Contains("\"insertCount\":1", await Posted(http, "entities/insert", """{"collectionName":"docs","data":[{"id":5000,"items":[{"label":"a","rank":1,"emb":[1,2]},{"label":"b","rank":2,"emb":[3,4]}]}]}"""), StringComparison.Ordinal);
        Assert.Contains("""[{"label":"a","rank":1,"emb":[1,2]},{"label":"b","rank":2,"emb":[3,4]}]""", await Posted(http, "entities/query", """{"collectionName":"docs","filter":"id == 5000","outputFields":["items"]}"""), StringComparison.Ordinal);
        Assert.Contains("missing sub-field emb", await Posted(http, "entities/insert", """{"collectionName":"docs","data":[{"id":5001,"items":[{"label":"a","rank":1}]}]}"""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_struct_array_may_be_null_as_a_whole_and_be_added_later()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            var client = engine.Client;
            await Create(client, "docs", "MAX_SIM");
            var more = new StructArrayFieldSchema { Name = "more", Nullable = true, Fields = { Schema().StructArrayFields[0].Fields } };
            var add = new AddCollectionStructFieldRequest { CollectionName = "docs", StructArrayFieldSchema = more };
            ServiceLab.Ok(await client.AddCollectionStructFieldAsync(add));
            Assert.Contains("duplicated field name more", (await client.AddCollectionStructFieldAsync(add)).Reason, StringComparison.Ordinal);
            add.StructArrayFieldSchema = new StructArrayFieldSchema { Name = "bare", Fields = { more.Fields } };
            Assert.Contains("added struct field must be nullable", (await client.AddCollectionStructFieldAsync(add)).Reason, StringComparison.Ordinal);

            // Rows 1000 and 1002 have elements, 1001 is null, and 1003 leaves the array out.
            var some = Insert("docs", [1000, 1001, 1002]);
            var added = Insert("docs", [1004, 1004]).FieldsData[1];
            added.FieldName = "more";
            foreach (var part in added.StructArrays.Fields)
            {
                part.ValidData.Add([true, false, true]);
            }

            some.FieldsData.Add(added);
            ServiceLab.Ok((await client.InsertAsync(some)).Status);
            ServiceLab.Ok((await client.InsertAsync(Insert("docs", [1003]))).Status);
            added.StructArrays.Fields[2].ValidData[1] = true;
            Assert.Contains("sub-field ValidData mismatch in struct 'more' at row 1: 'label'=false, 'emb'=true", (await client.InsertAsync(some)).Status.Reason, StringComparison.Ordinal);
            await CheckNulls(client);
            using var http = new HttpClient { BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/") };
            Assert.Contains("\"insertCount\":1", await Posted(http, "entities/insert", """{"collectionName":"docs","data":[{"id":5000,"items":[],"more":null}]}"""), StringComparison.Ordinal);
            Assert.Contains("""{"id":5000,"more":null}""", await Posted(http, "entities/query", """{"collectionName":"docs","filter":"id == 5000","outputFields":["more","id"]}"""), StringComparison.Ordinal);
            Assert.Equal(0, await engine.Stop());
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await CheckNulls(again.Client);
    }

    private static async Task CheckNulls(MilvusService.MilvusServiceClient client)
    {
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "docs" });
        Assert.Equal([("items", false), ("more", true)], described.Schema.StructArrayFields.Select(a => (a.Name, a.Nullable)));
        var rows = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "id in [5, 1000, 1001, 1002, 1003]", OutputFields = { "more" } });
        foreach (var part in rows.FieldsData.Single(f => f.FieldName == "more").StructArrays.Fields)
        {
            Assert.Equal([false, true, false, true, false], part.ValidData);
        }

        foreach (var filter in new[] { "more[3][rank] >= 0", "more is not null" })
        {
            var found = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = filter, OutputFields = { "id" } });
            Assert.Equal([1000, 1002], found.FieldsData.Single().Scalars.LongData.Data);
        }

        var lists = Search("docs", PlaceholderType.EmbListFloatVector, [1, 2]);
        lists.Dsl = "element_filter(items, $[rank] == 1)";
        Assert.Contains("element_filter is only supported for element-level search", (await client.SearchAsync(lists)).Status.Reason, StringComparison.Ordinal);
    }

    private static async Task<string> Posted(HttpClient http, string path, string json)
    {
        using var body = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), body);
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task Check(MilvusService.MilvusServiceClient client)
    {
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "docs" });
        Assert.Equal(["id"], described.Schema.Fields.Select(f => f.Name));
        Assert.Equal(["label", "rank", "emb"], described.Schema.StructArrayFields.Single().Fields.Select(f => f.Name));

        var whole = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "id == 5", OutputFields = { "items" } });
        var parts = whole.FieldsData.Single(f => f.FieldName == "items").StructArrays.Fields;
        Assert.Equal(Elements(5).Select(e => e.Label), parts.Single(p => p.FieldName == "label").Scalars.ArrayData.Data.Single().StringData.Data);
        Assert.Equal(Elements(5).SelectMany(e => e.Vector), parts.Single(p => p.FieldName == "emb").Vectors.VectorArray.Data.Single().FloatVector.Data);
        Assert.Equal(["items"], whole.OutputFields);

        await CheckFilter(client, "element_filter(items, $[rank] == 3 && $[label] != 'l7')", id => Elements(id).Any(e => e.Rank == 3 && e.Label != "l7"));
        await CheckFilter(client, "id < 100 and match_all(items, $[rank] >= 2)", id => id < 100 && Elements(id).All(e => e.Rank >= 2));
        await CheckFilter(client, "match_any(items, $[rank] > 4 or $[label] like 'l1%')", id => Elements(id).Any(e => e.Rank > 4 || e.Label.StartsWith("l1", StringComparison.Ordinal)));
        await CheckFilter(client, "match_least(items, $[rank] > 1, threshold=2)", id => Elements(id).Count(e => e.Rank > 1) >= 2);
        await CheckFilter(client, "not match_most(items, $[rank] > 1, 1)", id => Elements(id).Count(e => e.Rank > 1) > 1);
        await CheckFilter(client, "match_exact(items, $[rank] + 1 == 3, 1)", id => Elements(id).Count(e => e.Rank + 1 == 3) == 1);
        await CheckFilter(client, "items[1][rank] >= 3", id => Elements(id) is { Count: > 1 } e && e[1].Rank >= 3);
        await CheckFilter(client, "items[0][label] in ['l1', 'l2'] or 1 < items[2][rank] < 4", id => Elements(id) is { Count: > 0 } e && (e[0].Label is "l1" or "l2" || (e.Count > 2 && e[2].Rank is 2 or 3)));
        await CheckFilter(client, "array_length(items[label]) == 0", id => Elements(id).Count == 0);

        var filtered = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "element_filter(items, $[rank] == 3)", OutputFields = { "id" } });
        var ids = filtered.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data;
        Assert.Equal(ids.Count, filtered.ElementIndices.Count);
        foreach (var (id, found) in ids.Zip(filtered.ElementIndices))
        {
            Assert.Equal(Enumerable.Range(0, Elements(id).Count).Where(i => Elements(id)[i].Rank == 3).Select(i => (long)i), found.Indices.Data);
        }

        await CheckLists(client);
        await CheckElements(client);
        await CheckIterator(client);
        await CheckRefusals(client);
    }

    /// <summary>Every element comes once, the nearest first, though many are as near as others.</summary>
    private static async Task CheckIterator(MilvusService.MilvusServiceClient client)
    {
        var (seen, scores, last) = (new List<(long, long)>(), new List<float>(), (SearchIteratorV2Results?)null);
        while (true)
        {
            var request = Search("elements", PlaceholderType.FloatVector, [7, 3]);
            request.SearchParams.Add(ServiceLab.Parameters(("iterator", "True"), ("search_iter_v2", "True"), ("search_iter_batch_size", "90")));
            if (last is not null)
            {
                request.SearchParams.Add(ServiceLab.Parameters(("search_iter_id", last.Token), ("search_iter_last_bound", last.LastBound.ToString("R", CultureInfo.InvariantCulture))));
            }

            var answer = await client.SearchAsync(request);
            ServiceLab.Ok(answer.Status);
            last = answer.Results.SearchIteratorV2Results;
            Assert.True(Guid.TryParse(last.Token, out _));
            if (answer.Results.Scores.Count == 0)
            {
                break;
            }

            seen.AddRange(answer.Results.Ids.IntId.Data.Zip(answer.Results.ElementIndices.Data));
            scores.AddRange(answer.Results.Scores);
        }

        Assert.Equal(Keys().SelectMany(id => Enumerable.Range(0, Elements(id).Count).Select(at => (id, (long)at))), seen.Order());
        Assert.Equal(scores.Order(), scores);

        // In groups by the key a row has as many elements as are asked for.
        var groups = Search("elements", PlaceholderType.FloatVector, [7, 3]);
        groups.SearchParams.Add(ServiceLab.Parameters(("group_by_field", "id"), ("group_size", "2"), ("strict_group_size", "True")));
        var grouped = await client.SearchAsync(groups);
        ServiceLab.Ok(grouped.Status);
        Assert.Equal(10, grouped.Results.Ids.IntId.Data.Distinct().Count());
        Assert.All(grouped.Results.Ids.IntId.Data.CountBy(id => id), row => Assert.InRange(row.Value, 1, Math.Min(2, Elements(row.Key).Count)));
    }

    private static async Task CheckRefusals(MilvusService.MilvusServiceClient client)
    {
        await Refused("range search is not supported for multi-search-multi on embedding list fields", "docs", ("radius", "1"));
        await Refused("search iterator is not supported for multi-search-multi on embedding list fields", "docs", ("iterator", "True"));
        await Refused("group by is not supported for multi-search-multi on embedding list fields", "docs", ("group_by_field", "id"));
        await Refused("legacy search iterator is not supported for element-level search", "elements", ("iterator", "True"));
        var byRows = Search("elements", PlaceholderType.FloatVector, [7, 3]);
        byRows.Ids = new IDs { IntId = new LongArray { Data = { 1 } } };
        Assert.Contains("array of vector is not supported for search by IDs", (await client.SearchAsync(byRows)).Status.Reason, StringComparison.Ordinal);

        async Task Refused(string why, string name, (string, string) parameter)
        {
            var request = Search(name, name == "docs" ? PlaceholderType.EmbListFloatVector : PlaceholderType.FloatVector, [7, 3]);
            request.SearchParams.Add(ServiceLab.Parameters(parameter));
            Assert.Contains(why, (await client.SearchAsync(request)).Status.Reason, StringComparison.Ordinal);
        }
    }

    /// <summary>The sum over the list of the best inner product.</summary>
    private static async Task CheckLists(MilvusService.MilvusServiceClient client)
    {
        float[] list = [1, 2, -3, 0.5f];
        var answer = await client.SearchAsync(Search("docs", PlaceholderType.EmbListFloatVector, list));
        ServiceLab.Ok(answer.Status);
        var expected = Keys().Where(id => Elements(id).Count > 0)
            .Select(id => (Id: id, Score: new[] { list[..2], list[2..] }.Sum(q => Elements(id).Max(e => (q[0] * e.Vector[0]) + (q[1] * e.Vector[1])))))
            .OrderByDescending(r => r.Score).Take(10).ToList();
        Assert.Equal(expected.Select(e => e.Score), answer.Results.Scores, (a, b) => Math.Abs(a - b) < 1e-3);
        Assert.Null(answer.Results.ElementIndices);
    }

    private static async Task CheckElements(MilvusService.MilvusServiceClient client)
    {
        float[] query = [7, 3];
        var request = Search("elements", PlaceholderType.FloatVector, query);
        request.Dsl = "id >= 10 && element_filter(items, $[rank] < 4)";
        var answer = await client.SearchAsync(request);
        ServiceLab.Ok(answer.Status);
        var expected = Keys().Where(id => id >= 10)
            .SelectMany(id => Elements(id).Select((e, i) => (Id: id, At: (long)i, Element: e))).Where(e => e.Element.Rank < 4)
            .Select(e => (e.Id, e.At, Score: MathF.Pow(query[0] - e.Element.Vector[0], 2) + MathF.Pow(query[1] - e.Element.Vector[1], 2)))
            .OrderBy(e => e.Score).Take(10).ToList();
        Assert.Equal(expected.Select(e => e.Score), answer.Results.Scores, (a, b) => Math.Abs(a - b) < 1e-3);
        foreach (var ((id, at), score) in answer.Results.Ids.IntId.Data.Zip(answer.Results.ElementIndices.Data).Zip(answer.Results.Scores))
        {
            var element = Elements(id)[(int)at];
            Assert.True(element.Rank < 4);
            Assert.Equal(MathF.Pow(query[0] - element.Vector[0], 2) + MathF.Pow(query[1] - element.Vector[1], 2), score, 1e-3);
        }
    }

    private static async Task CheckFilter(MilvusService.MilvusServiceClient client, string filter, Func<long, bool> meets)
    {
        var answer = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = filter, OutputFields = { "id" } });
        ServiceLab.Ok(answer.Status);
        var expected = Keys().Where(meets).ToList();
        Assert.NotEmpty(expected);
        Assert.True(expected.Count < Rows, filter);
        Assert.Equal(expected, answer.FieldsData.Single().Scalars.LongData.Data);
    }

    private static IEnumerable<long> Keys() => Enumerable.Range(0, Rows).Select(i => (long)i);

    /// <summary>None to four elements, all following from the key.</summary>
    private static List<(string Label, int Rank, float[] Vector)> Elements(long id) =>
        [.. Enumerable.Range(0, (int)(id % 5)).Select(i => ($"l{(id + (3 * i)) % 20}", (int)((id * 7 + i) % 6), new float[] { (id % 17) - i, (id % 11) + i }))];

    private static CollectionSchema Schema() => new()
    {
        Name = "docs",
        Fields = { new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true } },
        StructArrayFields =
        {
            new StructArrayFieldSchema
            {
                Name = "items",
                Fields =
                {
                    new FieldSchema { Name = "label", DataType = DataType.Array, ElementType = DataType.VarChar, TypeParams = { Parameter("max_length", "8"), Parameter("max_capacity", "8") } },
                    new FieldSchema { Name = "rank", DataType = DataType.Array, ElementType = DataType.Int32, TypeParams = { Parameter("max_capacity", "8") } },
                    new FieldSchema { Name = "emb", DataType = DataType.ArrayOfVector, ElementType = DataType.FloatVector, TypeParams = { Parameter("dim", "2"), Parameter("max_capacity", "8") } },
                },
            },
        },
    };

    private static Pair Parameter(string key, string value) => new() { Key = key, Value = value };

    private static async Task Create(MilvusService.MilvusServiceClient client, string name, string metric)
    {
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = name, Schema = Schema().ToByteString() }));
        Assert.Equal(700, (await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = name })).Code);
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = name, FieldName = "items[emb]", ExtraParams = { Parameter("metric_type", metric), Parameter("index_type", "HNSW") } }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = name }));
        ServiceLab.Ok((await client.InsertAsync(Insert(name, [.. Keys()]))).Status);
    }

    private static InsertRequest Insert(string name, List<long> keys)
    {
        var request = new InsertRequest { CollectionName = name, NumRows = (uint)keys.Count };
        request.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { keys } } } });
        var elements = keys.Select(Elements).ToList();
        request.FieldsData.Add(new FieldData
        {
            FieldName = "items",
            Type = DataType.ArrayOfStruct,
            StructArrays = new StructArrayField
            {
                Fields =
                {
                    new FieldData { FieldName = "label", Type = DataType.Array, Scalars = new ScalarField { ArrayData = new ArrayArray { Data = { elements.Select(row => new ScalarField { StringData = new StringArray { Data = { row.Select(e => e.Label) } } }) } } } },
                    new FieldData { FieldName = "rank", Type = DataType.Array, Scalars = new ScalarField { ArrayData = new ArrayArray { Data = { elements.Select(row => new ScalarField { IntData = new IntArray { Data = { row.Select(e => e.Rank) } } }) } } } },
                    new FieldData { FieldName = "emb", Type = DataType.ArrayOfVector, Vectors = new VectorField { VectorArray = new VectorArray { Data = { elements.Select(row => new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { row.SelectMany(e => e.Vector) } } }) } } } },
                },
            },
        });
        return request;
    }

    private static SearchRequest Search(string name, PlaceholderType type, float[] vectors)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = type, Values = { ByteString.CopyFrom(MemoryMarshal.AsBytes(vectors.AsSpan())) } } } };
        var request = new SearchRequest { CollectionName = name, DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1, OutputFields = { "id" } };
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "10"), ("anns_field", "items[emb]")));
        return request;
    }
}
