using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;

namespace Demarc.Tests.Engine;

/// <summary>What bodies of the RESTful interface may hold, and the shapes its answers have, as Milvus's have them.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class RestShapeTests : IDisposable
{
    private const string Every = """
        {"collectionName":"every","description":"all kinds","consistencyLevel":"Strong","schema":{"enableDynamicField":true,"fields":[
          {"fieldName":"id","dataType":"Int64","isPrimary":true},
          {"fieldName":"body","dataType":"VarChar","elementTypeParams":{"max_length":200,"enable_analyzer":true}},
          {"fieldName":"words","dataType":"SparseFloatVector"},
          {"fieldName":"bits","dataType":"BinaryVector","elementTypeParams":{"dim":8}},
          {"fieldName":"list","dataType":"Array","elementDataType":"Int64","elementTypeParams":{"max_capacity":4},"nullable":true},
          {"fieldName":"info","dataType":"JSON","nullable":true},
          {"fieldName":"count","dataType":"Int64","defaultValue":7}],
         "structFields":[{"fieldName":"parts","typeParams":{"max_capacity":5},"fields":[
           {"fieldName":"name","dataType":"Array","elementDataType":"VarChar","elementTypeParams":{"max_length":20}},
           {"fieldName":"at","dataType":"ArrayOfVector","elementDataType":"FloatVector","elementTypeParams":{"dim":2}}]}],
         "functions":[{"name":"ranked","type":"BM25","inputFieldNames":["body"],"outputFieldNames":["words"],"params":{}}]},
         "indexParams":[{"fieldName":"words","indexType":"SPARSE_INVERTED_INDEX","metricType":"BM25"},{"fieldName":"bits","metricType":"HAMMING"},{"fieldName":"parts[at]","indexName":"at","indexType":"HNSW","metricType":"MAX_SIM_COSINE"}]}
        """;

    private readonly TemporaryFolder folder = Sample.Folder();
    private readonly HttpClient http = new();

    public void Dispose()
    {
        http.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Functions_and_struct_arrays_are_made_shown_filled_and_searched()
    {
        await using var engine = await Started();
        await Ok("collections/create", Every);
        var described = await Ok("collections/describe", """{"collectionName":"every"}""");
        Assert.Equal("all kinds", described.GetProperty("description").GetString());
        Assert.Equal("""{"Data":{"LongData":7}}""", described.GetProperty("fields").EnumerateArray().Single(f => f.GetProperty("name").GetString() == "count").GetProperty("defaultValue").GetRawText());
        Assert.Equal("JSON", described.GetProperty("fields").EnumerateArray().Single(f => f.GetProperty("name").GetString() == "info").GetProperty("type").GetString());
        Assert.Equal(1, described.GetProperty("functions")[0].GetProperty("type").GetInt32());
        Assert.Equal("ArrayOfStruct", described.GetProperty("structFields")[0].GetProperty("type").GetString());
        await Ok("roles/create", """{"roleName":"reader","description":"reads"}""");
        Assert.Equal("reads", (await Post("roles/describe", """{"roleName":"reader"}""")).GetProperty("description").GetString());
        await Ok("collections/create", """{"collectionName":"tuned","schema":{"fields":[{"fieldName":"id","dataType":"Int64","isPrimary":true},{"fieldName":"v","dataType":"FloatVector","elementTypeParams":{"dim":2}}]},"indexParams":[{"fieldName":"v","indexName":"v","indexType":"HNSW","metricType":"L2","params":{"M":8,"efConstruction":50}}]}""");
        Assert.Contains("""{"key":"params","value":"{\"M\":8""", (await Ok("indexes/describe", """{"collectionName":"tuned","indexName":"v"}""")).GetRawText().Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        await Ok("entities/insert", """
            {"collectionName":"every","data":[
              {"id":1,"body":"red apple","bits":[1],"list":[5,6],"info":{"a":1},"parts":[{"name":"x","at":[1,0]},{"name":"y","at":[0,1]}],"note":null,"more":2},
              {"id":2,"body":"green pear","bits":"/w==","list":[],"info":"{\"b\": 2}","parts":[{"name":"z","at":[1,1]}]}]}
            """);
        var rows = await Ok("entities/query", """{"collectionName":"every","filter":"id > 0"}""");
        Assert.Equal(1, rows[0].GetProperty("id").GetInt64());
        Assert.Equal("AQ==", rows[0].GetProperty("bits").GetString());
        Assert.Equal("""{"Data":{"LongData":{"data":[5,6]}}}""", rows[0].GetProperty("list").GetRawText());
        Assert.Equal("""{"Data":{"LongData":{}}}""", rows[1].GetProperty("list").GetRawText());
        Assert.Equal("""{"b": 2}""", rows[1].GetProperty("info").GetString());
        Assert.Equal("""[{"name":"x","at":[1,0]},{"name":"y","at":[0,1]}]""", rows[0].GetProperty("parts").GetRawText());
        Assert.Equal((2, false), (rows[0].GetProperty("more").GetInt32(), rows[0].TryGetProperty("note", out _)));
        var texts = await Post("entities/search", """{"collectionName":"every","annsField":"words","data":["pear"],"limit":3,"outputFields":["body"]}""");
        Assert.Equal((2, "[1]"), (texts.GetProperty("data")[0].GetProperty("id").GetInt64(), texts.GetProperty("topks").GetRawText()));
        Assert.Equal(2, (await Ok("entities/search", """{"collectionName":"every","annsField":"parts[at]","data":[[[1,1]]],"limit":1}"""))[0].GetProperty("id").GetInt64());
        Assert.Equal(1, (await Ok("entities/search", """{"collectionName":"every","annsField":"bits","ids":[1],"limit":1}"""))[0].GetProperty("id").GetInt64());
        http.DefaultRequestHeaders.Add("Accept-Type-Allow-Int64", "false");
        Assert.Equal("1", (await Ok("entities/get", """{"collectionName":"every","id":[1],"outputFields":["id"]}"""))[0].GetProperty("id").GetString());
        Assert.Equal("1", (await Ok("entities/search", """{"collectionName":"every","annsField":"bits","ids":[1],"limit":1}"""))[0].GetProperty("id").GetString());
        await Ok("entities/upsert", """{"collectionName":"every","partialUpdate":true,"fieldOps":[{"fieldName":"list","op":"array_append"}],"data":[{"id":1,"list":[8]}]}""");
        Assert.Contains("[5,6,8]", (await Ok("entities/get", """{"collectionName":"every","id":[1],"outputFields":["list"]}""")).GetRawText(), StringComparison.Ordinal);
        Assert.Equal("""{"deleteCount":1}""", (await Ok("entities/delete", """{"collectionName":"every","filter":"id in [1]"}""")).GetRawText());
    }

    [Fact]
    public async Task Bodies_that_Milvus_refuses_are_refused_in_its_words()
    {
        await using var engine = await Started();
        await Ok("collections/create", Every);
        await Ok("collections/create", """{"collectionName":"bits","dimension":8,"vectorFieldType":"BinaryVector"}""");
        Assert.Equal(2, (await Ok("collections/list", "null")).GetArrayLength());
        foreach (var (path, body, code, words) in new[]
        {
            ("collections/list", "", 1801, "the request body should be nil"),
            ("collections/create", """{"collectionName":"c"}""", 1100, "dimension is required for quickly create collection"),
            ("collections/create", """{"collectionName":"c","dimension":8,"idType":"Float"}""", 1100, "idType can only be [Int64, VarChar]"),
            ("collections/create", """{"collectionName":"c","dimension":8,"vectorFieldType":"Int8Vector"}""", 1100, "vectorFieldType can only be"),
            ("collections/create", """{"collectionName":"c","dimension":8,"metricType":"HAMMING"}""", 1100, "float vector index does not support metric type: HAMMING"),
            ("collections/create", """{"collectionName":"c","dimension":8,"consistencyLevel":"Odd"}""", 1100, "consistencyLevel can only be"),
            ("collections/create", """{"collectionName":"c","dimension":8,"properties":{"ttl.seconds":5},"params":{"ttlSeconds":5}}""", 1100, "collection TTL is specified multiple times"),
            ("collections/create", """{"collectionName":"c","schema":{"fields":[{"fieldName":"id","dataType":"int64","isPrimary":true}]}}""", 1100, "data type int64 is invalid(case sensitive)"),
            ("collections/create", """{"collectionName":"c","schema":{"fields":[{"fieldName":"id","dataType":"Int64","isPrimary":true}],"structFields":[{"fieldName":"s","fields":[{"fieldName":"x","dataType":"Int64"}]}]}}""", 1100, "must be Array or ArrayOfVector, got Int64"),
            ("entities/search", """{"collectionName":"every","annsField":"bits"}""", 1802, "must be provided"),
            ("entities/search", """{"collectionName":"every","annsField":"bits","data":[[1]],"ids":[1]}""", 1100, "mutually exclusive"),
            ("entities/search", """{"collectionName":"every","data":[[1]]}""", 1801, "search without annsField"),
            ("entities/search", """{"collectionName":"every","annsField":"gone","data":[[1]]}""", 1801, "cannot find a vector field"),
            ("entities/search", """{"collectionName":"every","annsField":"bits","data":[[1]],"consistencyLevel":"Odd"}""", 1100, "parameter:'Odd' is incorrect"),
            ("entities/search", """{"collectionName":"every","annsField":"bits","data":[[1]],"searchParams":{"nprobe":1,"params":{"nprobe":2}}}""", 1100, "ambiguous parameter: nprobe"),
            ("entities/insert", """{"collectionName":"every","data":[]}""", 1804, "missing required parameters"),
            ("entities/insert", """{"collectionName":"bits","data":[{"id":1}]}""", 1804, "missing vector field: vector"),
            ("entities/insert", """{"collectionName":"bits","data":[{"id":1,"vector":[1],"$meta":{}}]}""", 1804, "use the invalid field name($meta)"),
            ("entities/upsert", """{"collectionName":"bits","data":[{"id":1,"vector":[1]}],"fieldOps":[{"fieldName":"x","op":"odd"}]}""", 1100, "unsupported partial update op: odd"),
        })
        {
            var answer = await Post(path, body);
            Assert.True(answer.GetProperty("code").GetInt32() == code && answer.GetProperty("message").GetString()!.Contains(words, StringComparison.Ordinal), $"{path} {body}: {answer.GetRawText()}");
        }
    }

    private async Task<EngineProcess> Started()
    {
        var engine = await EngineProcess.Start(folder.Path);
        http.BaseAddress = new Uri("http://" + engine.Channel.Target + "/v2/vectordb/");
        return engine;
    }

    private async Task<JsonElement> Ok(string path, string body)
    {
        var answer = await Post(path, body);
        Assert.True(answer.GetProperty("code").GetInt32() == 0, $"{path}: {answer.GetRawText()}");
        return answer.GetProperty("data");
    }

    private async Task<JsonElement> Post(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.Clone();
    }
}
