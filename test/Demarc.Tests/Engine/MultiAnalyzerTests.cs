using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Texts that are split as another field of their row says.</summary>
[UnsupportedOSPlatform("windows")]
public class MultiAnalyzerTests
{
    private const string Many = """{"by_field":"language","analyzers":{"en":{"type":"english"},"zh":{"type":"chinese"},"default":{"tokenizer":"whitespace"}},"alias":{"eng":"en"}}""";

    private static readonly (string Language, string Text)[] Rows = [("en", "Running foxes"), ("eng", "a fox runs"), ("zh", "我来到北京清华大学"), ("nl", "Running foxes"), ("en", "北京清华大学")];

    [Fact]
    public async Task A_row_names_its_analyzer_and_a_search_its_own_also_after_a_restart()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            ServiceLab.Ok(await Create(engine.Client, Many));
            ServiceLab.Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "BM25" } } }));
            ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
            ServiceLab.Ok((await engine.Client.InsertAsync(Insert())).Status);
            await Check(engine.Client);
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await Check(again.Client);
    }

    [Fact]
    public async Task An_analyzer_of_a_field_is_run_by_its_name()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        ServiceLab.Ok(await Create(engine.Client, Many));
        Assert.Contains("collection not loaded", (await Run(engine.Client, "Running foxes")).Status.Reason, StringComparison.Ordinal);
        ServiceLab.Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "BM25" } } }));
        ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
        Assert.Equal(["Running foxes"], Words(await Run(engine.Client, "Running foxes")));
        Assert.Equal(["run fox"], Words(await Run(engine.Client, "Running foxes", "eng")));
        Assert.Equal(["run fox", "北京"], Words(await Run(engine.Client, ["Running foxes", "北京"], ["en", "zh"])));
        Assert.Contains("only support set one analyzer name for all text", (await Run(engine.Client, ["a", "b", "c"], ["en", "zh"])).Status.Reason, StringComparison.Ordinal);
        var both = await engine.Client.RunAnalyzerAsync(new RunAnalyzerRequest { CollectionName = "docs", FieldName = "text", AnalyzerParams = "{}", Placeholder = { ByteString.CopyFromUtf8("a") } });
        Assert.Contains("can't use analyzer params and (collection,field) in same time", both.Status.Reason, StringComparison.Ordinal);
        var fieldless = await engine.Client.RunAnalyzerAsync(new RunAnalyzerRequest { CollectionName = "docs", Placeholder = { ByteString.CopyFromUtf8("a") } });
        Assert.Contains("must set field name when collection name was set", fieldless.Status.Reason, StringComparison.Ordinal);
        Assert.Empty((await engine.Client.RunAnalyzerAsync(new RunAnalyzerRequest { AnalyzerParams = "nonsense" })).Results);
    }

    [Theory]
    [InlineData("""{"analyzers":{"default":{}}}""", "must set by_field")]
    [InlineData("""{"by_field":3,"analyzers":{"default":{}}}""", "by_field must be string but now: 3")]
    [InlineData("""{"by_field":"tongue","analyzers":{"default":{}}}""", "dependent field \"tongue\" not exist in collection docs")]
    [InlineData("""{"by_field":"id","analyzers":{"default":{}}}""", "only support by string field, but field id is not string")]
    [InlineData("""{"by_field":"language","alias":[],"analyzers":{"default":{}}}""", "alias must be string map but now: []")]
    [InlineData("""{"by_field":"language"}""", "must set analyzers")]
    [InlineData("""{"by_field":"language","analyzers":{"en":{}}}""", "must set default analyzer for all unknown value")]
    [InlineData("""{"by_field":"language","analyzers":{"default":{"type":"klingon"}}}""", "unknown build-in analyzer type: klingon")]
    [InlineData("nonsense", "not valid JSON")]
    public async Task What_names_no_analyzers_is_refused(string many, string why)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        Assert.Contains(why, (await Create(engine.Client, many)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Matching_and_another_analyzer_beside_are_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        Assert.Contains("multi analyzer now only support for bm25, but now field text enable match", (await Create(engine.Client, Many, ("enable_match", "true"))).Reason, StringComparison.Ordinal);
        Assert.Contains("field text analyzer params should be none if has multi analyzer params", (await Create(engine.Client, Many, ("analyzer_params", "{}"))).Reason, StringComparison.Ordinal);
    }

    private static async Task Check(MilvusService.MilvusServiceClient client)
    {
        Assert.Equal([0, 1], await Found(client, "runs fox", "en"));
        Assert.Equal([0, 1], await Found(client, "runs fox", "eng"));
        Assert.Equal([3], await Found(client, "foxes", null));
        Assert.Equal([3], await Found(client, "foxes", "none of these"));
        Assert.Equal([2], await Found(client, "清华", "zh"));
        Assert.Equal([4], await Found(client, "北京清华大学", "en"));
    }

    private static Task<Demarc.Engine.Protocol.Status> Create(MilvusService.MilvusServiceClient client, string many, params (string Key, string Value)[] more)
    {
        var schema = new CollectionSchema
        {
            Name = "docs",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "language", DataType = DataType.VarChar, Nullable = true, TypeParams = { ServiceLab.Parameters(("max_length", "20")) } },
                new FieldSchema { Name = "text", DataType = DataType.VarChar, TypeParams = { ServiceLab.Parameters([("max_length", "1000"), ("enable_analyzer", "true"), ("multi_analyzer_params", many), .. more]) } },
                new FieldSchema { Name = "sparse", DataType = DataType.SparseFloatVector },
            },
            Functions = { new FunctionSchema { Name = "words", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "sparse" } } },
        };
        return client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = schema.ToByteString() }).ResponseAsync;
    }

    private static InsertRequest Insert() => new()
    {
        CollectionName = "docs", NumRows = (uint)Rows.Length,
        FieldsData =
        {
            new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { Enumerable.Range(0, Rows.Length).Select(i => (long)i) } } } },
            new FieldData { FieldName = "language", Scalars = new ScalarField { StringData = new StringArray { Data = { Rows.Select(r => r.Language) } } } },
            new FieldData { FieldName = "text", Scalars = new ScalarField { StringData = new StringArray { Data = { Rows.Select(r => r.Text) } } } },
        },
    };

    private static async Task<IEnumerable<long>> Found(MilvusService.MilvusServiceClient client, string text, string? analyzer)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { ByteString.CopyFromUtf8(text) } } } };
        var request = new SearchRequest { CollectionName = "docs", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1, Highlighter = new Highlighter { Params = { ServiceLab.Parameters(("highlight_search_text", "true")) } } };
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "10"), ("anns_field", "sparse")));
        if (analyzer is not null)
        {
            request.SearchParams.Add(ServiceLab.Parameters(("analyzer_name", analyzer)));
        }

        var answer = await client.SearchAsync(request);
        ServiceLab.Ok(answer.Status);

        // Each hit shows words of its own, split as its row says.
        Assert.All(Assert.Single(answer.Results.HighlightResults).Datas, data => Assert.Contains("<em>", string.Concat(data.Fragments), StringComparison.Ordinal));
        return answer.Results.Ids.IntId.Data.Order();
    }

    private static Task<RunAnalyzerResponse> Run(MilvusService.MilvusServiceClient client, string text, params string[] names) => Run(client, [text], names);

    private static Task<RunAnalyzerResponse> Run(MilvusService.MilvusServiceClient client, string[] texts, string[] names)
    {
        var request = new RunAnalyzerRequest { CollectionName = "docs", FieldName = "text", Placeholder = { texts.Select(ByteString.CopyFromUtf8) } };
        request.AnalyzerNames.Add(names);
        return client.RunAnalyzerAsync(request).ResponseAsync;
    }

    private static IEnumerable<string> Words(RunAnalyzerResponse answer)
    {
        ServiceLab.Ok(answer.Status);
        return answer.Results.Select(r => string.Join(' ', r.Tokens.Select(t => t.Token)));
    }
}
