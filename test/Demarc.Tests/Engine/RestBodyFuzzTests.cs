using System.Net;
using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Demarc.Engine;
using Demarc.Engine.Hosting;
using Demarc.Engine.Rest;
using Demarc.Tests.Fuzz;

namespace Demarc.Tests.Engine;

/// <summary>The RESTful interface with bodies of any size, type, nesting and encoding: always an answer with a code, never one of the 500s.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class RestBodyFuzzTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, string[]> Samples = new()
    {
        ["collections/create"] = ["""{"collectionName":"quick","dimension":2}""", """{"collectionName":"goods","schema":{"autoID":false,"fields":[{"fieldName":"id","dataType":"Int64","isPrimary":true},{"fieldName":"v","dataType":"FloatVector","elementTypeParams":{"dim":2}},{"fieldName":"list","dataType":"Array","elementDataType":"Int32","elementTypeParams":{"max_capacity":4},"nullable":true,"defaultValue":1}]},"indexParams":[{"fieldName":"v","indexName":"v","metricType":"L2","params":{"M":8}}],"params":{"ttlSeconds":10}}"""],
        ["entities/insert"] = ["""{"collectionName":"quick","data":[{"id":1,"vector":[1,0],"color":"red"},{"id":"2","vector":[0,1],"size":3.5,"deep":{"a":[1,null]}}]}""", """{"collectionName":"things","data":{"id":7,"vec":[1,2,3,4],"title":"t","flag":true,"small":1,"ratio":0.5,"exact":1e300,"info":{"a":1},"maybe":null}}"""],
        ["entities/upsert"] = ["""{"collectionName":"quick","data":{"id":1,"vector":[1,1]},"partialUpdate":true}"""],
        ["entities/search"] = ["""{"collectionName":"quick","data":[[0.9,0.1]],"annsField":"vector","limit":2,"offset":1,"filter":"size == 3","outputFields":["*"],"searchParams":{"metricType":"COSINE","params":{"radius":0.1}},"groupingField":"color","consistencyLevel":"Strong"}"""],
        ["entities/hybrid_search"] = ["""{"collectionName":"quick","search":[{"data":[[0,1]],"annsField":"vector","limit":3},{"data":[[1,0]],"annsField":"vector","limit":3}],"rerank":{"strategy":"rrf","params":{"k":10}},"limit":3}"""],
        ["entities/query"] = ["""{"collectionName":"quick","filter":"id in {ids}","exprParams":{"ids":[1,2]},"limit":10,"outputFields":["count(*)"]}"""],
        ["entities/get"] = ["""{"collectionName":"quick","id":[1,99],"outputFields":["color"]}"""],
        ["entities/delete"] = ["""{"collectionName":"quick","filter":"id in [2]"}"""],
        ["indexes/create"] = ["""{"collectionName":"things","indexParams":[{"fieldName":"title","indexType":"INVERTED"}]}"""],
        ["common/run_analyzer"] = ["""{"text":["a b"],"analyzerParams":"{\"type\":\"english\"}","withDetail":true,"withHash":true,"analyzerNames":["en"]}"""],
        ["users/create"] = ["""{"userName":"ann","password":"Secret-1"}"""],
        ["roles/grant_privilege"] = ["""{"roleName":"r","objectType":"Collection","objectName":"*","privilege":"Insert"}"""],
    };

    [Fact]
    public async Task Any_body_of_any_route_is_answered()
    {
        using var folder = Sample.Folder();
        var log = new StringWriter();
        using var lines = new LineLog(log, TimeProvider.System);
        await using var host = await EngineHost.Start(new EngineOptions { Data = folder.Path, Port = 0, MetricsPort = 0 }, TimeProvider.System, lines, new FaultyDisk());
        using var http = new HttpClient { BaseAddress = new Uri(host.GrpcAddress, RestRoutes.Prefix), Timeout = TimeSpan.FromMinutes(2) };
        var routes = RestRoutes.Paths.Where(p => !p.StartsWith("users/", StringComparison.Ordinal)).ToList();
        var accepted = 0;
        var runs = FuzzScale.Of(2_000);
        for (var seed = 0; seed < runs; seed++)
        {
            if (seed % 100 == 0)
            {
                foreach (var name in new[] { "quick", "goods", "things" }) await Send(http, "collections/drop", Plain($$"""{"collectionName":"{{name}}"}"""));
                await Send(http, "collections/create", Plain(Samples["collections/create"][0]));
                await Send(http, "entities/insert", Plain(Samples["entities/insert"][0]));
            }

            var mutator = new Mutator(seed);
            var path = mutator.Next(3) > 0 ? Samples.Keys.ElementAt(seed % Samples.Count) : routes[seed % routes.Count];
            var sample = Samples.TryGetValue(path, out var own) ? own[mutator.Next(own.Length)] : """{"dbName":"default","collectionName":"quick","partitionName":"_default","newCollectionName":"x","aliasName":"a","properties":{"k":"v"}}""";
            var (status, text) = await Send(http, path, Body(mutator, sample));
            Assert.True((int)status < 500, $"seed {seed}, {path}: {(int)status} {text} for {sample}");
            using var answer = JsonDocument.Parse(text);
            accepted += answer.RootElement.GetProperty("code").GetInt32() == 0 ? 1 : 0;
        }

        Assert.DoesNotContain("defect", log.ToString(), StringComparison.Ordinal);
        Assert.True(accepted > runs / 20, $"only {accepted} of {runs} bodies were taken: nothing was reached");
        output.WriteLine($"{runs} bodies to {routes.Count} routes, {accepted} accepted");
    }

    [Fact]
    public async Task Bodies_that_are_too_large_too_deep_or_no_text_are_refused_in_words()
    {
        using var folder = Sample.Folder();
        using var lines = new LineLog(TextWriter.Null, TimeProvider.System);
        await using var host = await EngineHost.Start(new EngineOptions { Data = folder.Path, Port = 0, MetricsPort = 0 }, TimeProvider.System, lines, new FaultyDisk());
        using var http = new HttpClient { BaseAddress = new Uri(host.GrpcAddress, RestRoutes.Prefix), Timeout = TimeSpan.FromMinutes(2) };
        await Send(http, "collections/create", Plain(Samples["collections/create"][0]));
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000);
        HttpContent[] bodies =
        [
            Plain(deep), Plain("[" + deep + "]"), Plain(new string('[', 1_000_000)), Plain("{\"collectionName\":\"" + new string('x', 3_000_000) + "\"}"),
            new ByteArrayContent(Encoding.Unicode.GetBytes("{\"collectionName\":\"quick\"}")), new ByteArrayContent([0xff, 0xfe, 0x00]), new ByteArrayContent(new byte[Limits.RequestBytes + 1]),
            Plain("{\"collectionName\":\"\\ud800\",\"data\":[]}"), Plain("\"text\""), Plain("null"), Plain("[]"), Plain("{} {}"),
        ];
        foreach (var body in bodies)
        {
            var (status, text) = await Send(http, "entities/insert", body);
            Assert.True((int)status < 500, $"{(int)status} {text}");
            using var answer = JsonDocument.Parse(text);
            Assert.NotEqual(0, answer.RootElement.GetProperty("code").GetInt32());
            Assert.NotEqual("", answer.RootElement.GetProperty("message").GetString());
        }
    }

    /// <summary>A whole number beyond 32 bits lost its upper half on the way into a column of small numbers.</summary>
    [Fact]
    public async Task A_number_beyond_its_type_is_refused_and_not_cut()
    {
        using var folder = Sample.Folder();
        using var lines = new LineLog(TextWriter.Null, TimeProvider.System);
        await using var host = await EngineHost.Start(new EngineOptions { Data = folder.Path, Port = 0, MetricsPort = 0 }, TimeProvider.System, lines, new FaultyDisk());
        using var http = new HttpClient { BaseAddress = new Uri(host.GrpcAddress, RestRoutes.Prefix) };
        await Send(http, "collections/create", Plain("""{"collectionName":"small","schema":{"fields":[{"fieldName":"id","dataType":"Int64","isPrimary":true},{"fieldName":"n","dataType":"Int32"},{"fieldName":"v","dataType":"SparseFloatVector"}]},"indexParams":[{"fieldName":"v","metricType":"IP"}]}"""));
        foreach (var row in new[] { """{"id":1,"n":4294967297,"v":{"1":1}}""", """{"id":"99999999999999999999","n":1,"v":{"1":1}}""", """{"id":1,"n":1,"v":{"4294967296":1}}""" })
        {
            var (status, text) = await Send(http, "entities/insert", Plain($$"""{"collectionName":"small","data":[{{row}}]}"""));
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Contains("\"code\":1804", text, StringComparison.Ordinal);
        }

        Assert.Contains("\"code\":0", (await Send(http, "entities/insert", Plain("""{"collectionName":"small","data":[{"id":1,"n":7,"v":{"1":1}}]}"""))).Text, StringComparison.Ordinal);
    }

    private static ByteArrayContent Body(Mutator mutator, string sample)
    {
        var bytes = mutator.Next(6) == 0 ? Encoding.UTF8.GetBytes(sample) : mutator.Next(3) == 0 ? mutator.Of(Encoding.UTF8.GetBytes(sample)) : Replaced(mutator, sample);
        var content = new ByteArrayContent(bytes);
        if (mutator.Next(8) == 0) content.Headers.TryAddWithoutValidation("Content-Type", mutator.Next(2) == 0 ? "text/plain; charset=utf-16" : "application/x-www-form-urlencoded");
        if (mutator.Next(20) == 0) content.Headers.ContentEncoding.Add("gzip");
        return content;
    }

    /// <summary>Still JSON, but one value of it is of another kind or size.</summary>
    private static byte[] Replaced(Mutator mutator, string sample)
    {
        string[] values = ["null", "1", "-1", "1e400", "1e39", "9223372036854775808", "\"\"", "\"x\"", "[]", "[[]]", "{}", "{\"a\":{}}", "true", "[1,\"a\",null]", "\"\\ud800\"", "123456789012345678901234567890", "0.1", "[1e39,1]", "\"2025-01-01T00:00:00Z\""];
        var tokens = new List<(int From, int To)>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(sample));
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True or JsonTokenType.Null) tokens.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed));
        }

        var (from, to) = tokens[mutator.Next(tokens.Count)];
        return Encoding.UTF8.GetBytes(sample[..from] + values[mutator.Next(values.Length)] + sample[to..]);
    }

    private static StringContent Plain(string body) => new(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    private static async Task<(HttpStatusCode Status, string Text)> Send(HttpClient http, string path, HttpContent body)
    {
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), body);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
