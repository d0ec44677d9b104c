using System.Net;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>The RESTful interface, on the very port of the gRPC one.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class RestTests : IDisposable
{
    private readonly TemporaryFolder folder = Sample.Folder();
    private readonly HttpClient http = new();

    public void Dispose()
    {
        http.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_quick_collection_is_filled_searched_and_dropped_and_gRPC_sees_the_same()
    {
        await using var engine = await EngineProcess.Start(folder.Path);
        http.BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/");
        await Ok("collections/create", """{"collectionName":"quick","dimension":2}""");
        Assert.Equal(2, (await Ok("entities/insert", """{"collectionName":"quick","data":[{"id":1,"vector":[1,0],"color":"red"},{"id":"2","vector":[0,1],"size":3}]}""")).GetProperty("insertCount").GetInt32());
        var hits = await Ok("entities/search", """{"collectionName":"quick","data":[[0.9,0.1]],"limit":2,"outputFields":["color"]}""");
        Assert.Equal((1, "red"), (hits[0].GetProperty("id").GetInt32(), hits[0].GetProperty("color").GetString()));
        var rows = await Ok("entities/query", """{"collectionName":"quick","filter":"size == 3"}""");
        Assert.Equal("[0,1]", rows[0].GetProperty("vector").GetRawText());
        Assert.Equal(3, rows[0].GetProperty("size").GetInt32());
        Assert.Equal(1, (await Ok("entities/get", """{"collectionName":"quick","id":[1,99],"outputFields":["color"]}""")).GetArrayLength());
        await Ok("entities/upsert", """{"collectionName":"quick","data":{"id":1,"vector":[1,1]}}""");
        await Ok("entities/delete", """{"collectionName":"quick","filter":"id in [2]"}""");
        Assert.Equal(1, (await Ok("collections/get_stats", """{"collectionName":"quick"}""")).GetProperty("rowCount").GetInt32());
        Assert.Equal("1", (await engine.Client.GetCollectionStatisticsAsync(new GetCollectionStatisticsRequest { CollectionName = "quick" })).Stats[0].Value);
        Assert.Equal("LoadStateLoaded", (await Ok("collections/describe", """{"collectionName":"quick"}""")).GetProperty("load").GetString());
        await Ok("collections/drop", """{"collectionName":"quick"}""");
        Assert.Equal(0, (await Ok("collections/list", "{}")).GetArrayLength());
    }

    [Fact]
    public async Task A_text_is_split_with_what_was_asked_about_its_words()
    {
        await using var engine = await EngineProcess.Start(folder.Path);
        http.BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/");
        var plain = await Ok("common/run_analyzer", """{"text":["Running foxes","x"],"analyzerParams":"{\"type\":\"english\"}"}""");
        Assert.Equal("""[{"tokens":[{"token":"run"},{"token":"fox"}]},{"tokens":[{"token":"x"}]}]""", plain.GetProperty("results").GetRawText());
        var whole = await Ok("common/run_analyzer", """{"text":["123456789"],"withDetail":true,"withHash":true}""");
        Assert.Equal("""[{"tokens":[{"token":"123456789","startOffset":0,"endOffset":9,"position":0,"positionLength":1,"hash":3421780262}]}]""", whole.GetProperty("results").GetRawText());
    }

    [Fact]
    public async Task A_schema_its_indexes_partitions_and_names_are_made_and_shown()
    {
        await using var engine = await EngineProcess.Start(folder.Path);
        http.BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/");
        await Ok("databases/create", """{"dbName":"sales"}""");
        await Ok("collections/create", """
            {"dbName":"sales","collectionName":"goods","schema":{"fields":[
              {"fieldName":"id","dataType":"Int64","isPrimary":true},
              {"fieldName":"name","dataType":"VarChar","elementTypeParams":{"max_length":"20"},"nullable":true},
              {"fieldName":"near","dataType":"FloatVector","elementTypeParams":{"dim":2}},
              {"fieldName":"words","dataType":"SparseFloatVector"}]},
             "indexParams":[{"fieldName":"near","indexName":"by_near","metricType":"L2"},{"fieldName":"words","indexType":"SPARSE_INVERTED_INDEX","metricType":"IP"}],
             "params":{"ttlSeconds":1000}}
            """);
        Assert.Equal(2, (await Ok("indexes/list", """{"dbName":"sales","collectionName":"goods"}""")).GetArrayLength());
        Assert.Equal("L2", (await Ok("indexes/describe", """{"dbName":"sales","collectionName":"goods","indexName":"by_near"}"""))[0].GetProperty("metricType").GetString());
        await Ok("partitions/create", """{"dbName":"sales","collectionName":"goods","partitionName":"north"}""");
        await Ok("entities/insert", """{"dbName":"sales","collectionName":"goods","partitionName":"north","data":[{"id":1,"name":null,"near":[1,2],"words":{"7":0.5}},{"id":2,"name":"two","near":[3,4],"words":{"indices":[7,9],"values":[1,2]}}]}""");
        var rows = await Ok("entities/query", """{"dbName":"sales","collectionName":"goods","filter":"id > 0","partitionNames":["north"]}""");
        Assert.Equal(JsonValueKind.Null, rows[0].GetProperty("name").ValueKind);
        Assert.Equal("""{"7":1,"9":2}""", rows[1].GetProperty("words").GetRawText());
        var hybrid = await Ok("entities/hybrid_search", """
            {"dbName":"sales","collectionName":"goods","limit":2,"search":[{"data":[[3,4]],"annsField":"near","limit":2},{"data":[{"9":1}],"annsField":"words","limit":2}],"rerank":{"strategy":"rrf","params":{"k":10}}}
            """);
        Assert.Equal(2, hybrid[0].GetProperty("id").GetInt32());
        await Ok("aliases/create", """{"dbName":"sales","collectionName":"goods","aliasName":"nick"}""");
        Assert.Equal("goods", (await Ok("aliases/describe", """{"dbName":"sales","aliasName":"nick"}""")).GetProperty("collectionName").GetString());
        Assert.True((await Ok("partitions/has", """{"dbName":"sales","collectionName":"nick","partitionName":"north"}""")).GetProperty("has").GetBoolean());
    }

    [Fact]
    public async Task Refusals_have_Milvus_codes_and_bad_bodies_break_nothing()
    {
        await using var engine = await EngineProcess.Start(folder["data"], "--credential-file", EngineProcess.CredentialFile(folder["cred.json"], "root", "secret-of-root"));
        http.BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/");
        Assert.Equal(1800, await Code("collections/list", "{}", HttpStatusCode.Unauthorized));
        http.DefaultRequestHeaders.Authorization = new("Bearer", "root:wrong-password");
        Assert.Equal(1800, await Code("collections/list", "{}", HttpStatusCode.Unauthorized));
        http.DefaultRequestHeaders.Authorization = new("Bearer", "root:secret-of-root");
        Assert.Equal(100, await Code("collections/describe", """{"collectionName":"gone"}"""));
        Assert.Equal(1802, await Code("collections/describe", "{}"));
        Assert.Equal(3000, await Code("jobs/import/create", "{}", HttpStatusCode.NotFound));
        await Ok("collections/create", """{"collectionName":"quick","dimension":2}""");
        foreach (var body in (string[])["", "[", "[]", "7", "{\"data\":7,\"collectionName\":\"quick\"}", "{\"collectionName\":\"quick\",\"data\":[{\"id\":{},\"vector\":[1,\"x\"]}]}", new string('[', 5000), "{\"collectionName\":\"quick\",\"data\":[[]]}", "{\"collectionName\":7}"])
        {
            foreach (var path in (string[])["entities/insert", "entities/search", "entities/hybrid_search", "entities/get", "collections/create", "indexes/create", "roles/grant_privilege"])
            {
                var code = await Code(path, body);
                Assert.True(code is not (0 or 65535), $"{path} {body[..Math.Min(60, body.Length)]}: {code}");
            }
        }

        await Ok("users/create", """{"userName":"ann","password":"secret-of-ann"}""");
        http.DefaultRequestHeaders.Authorization = new("Bearer", "ann:secret-of-ann");
        Assert.Equal(1401, await Code("entities/query", """{"collectionName":"quick","filter":"id > 0"}"""));
    }

    private async Task<JsonElement> Ok(string path, string body)
    {
        var (_, answer) = await Post(path, body);
        Assert.True(answer.GetProperty("code").GetInt32() == 0, $"{path}: {answer.GetRawText()}");
        return answer.GetProperty("data");
    }

    private async Task<int> Code(string path, string body, HttpStatusCode status = HttpStatusCode.OK)
    {
        var (http, answer) = await Post(path, body);
        Assert.Equal(status, http);
        return answer.GetProperty("code").GetInt32();
    }

    private async Task<(HttpStatusCode Status, JsonElement Answer)> Post(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
        return (answer.StatusCode, JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.Clone());
    }
}
