using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Words that were looked for, shown in the texts of an answer.</summary>
[UnsupportedOSPlatform("windows")]
public class HighlightTests
{
    private static readonly string[] Texts =
    [
        "Apple pie: an APPLE a day 日本 apple",
        "the quick brown fox",
        "An apple, " + new string('x', 200) + " and one more apple at the end",
    ];

    [Fact]
    public async Task Words_stand_between_tags_in_fragments_around_them()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await Ready(client);

        var whole = await Fragments(client, ["apple"], ("highlight_search_text", "true"), ("fragment_offset", "100"));
        Assert.Equal(["<em>Apple</em> pie: an <em>APPLE</em> a day 日本 <em>apple</em>"], whole[(0, 0)]);

        var cut = await Fragments(client, ["apple"], ("highlight_search_text", "true"), ("fragment_size", "12"), ("fragment_offset", "3"), ("pre_tags", """["[","("]"""), ("post_tags", """["]",")"]"""));
        Assert.Equal(["[Apple] pie: a", "an [APPLE] a d", "日本 [apple]"], cut[(0, 0)]);
        Assert.Equal(["An [apple], xx", "re [apple] at "], cut[(0, 2)]);
        Assert.Single((await Fragments(client, ["apple"], ("highlight_search_text", "true"), ("fragment_size", "12"), ("num_of_fragments", "1")))[(0, 0)]);

        var two = await Fragments(client, ["apple", "quick fox"], ("highlight_search_text", "true"));
        Assert.Equal(["<em>quick</em> brown <em>fox</em>"], two[(1, 1)]);
        Assert.DoesNotContain((1, 0), two.Keys);

        var beside = await Fragments(client, ["apple"], ("highlight_query", """[{"type":"TextMatch","field":"text","text":"pie"}]"""));
        Assert.Equal(["<em>pie</em>: an APPLE a day 日本 apple"], beside[(0, 0)]);
        Assert.Empty(beside[(0, 2)]);
        Assert.Empty((await Search(client, ["apple"])).Results.HighlightResults);
    }

    [Fact]
    public async Task What_cannot_be_shown_is_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await Ready(engine.Client);
        foreach (var (parameter, why) in new[]
        {
            (("highlight_search_text", "perhaps"), "unmarshal highlight_search_text as bool failed"),
            (("highlight_query", """[{"type":"PrefixMatch","field":"text","text":"a"}]"""), "invalid highlight query type: PrefixMatch"),
            (("highlight_query", """[{"type":"TextMatch","field":"id","text":"a"}]"""), "the highlight field not found, id:100"),
            (("highlight_query", """[{"type":"TextMatch","field":"none","text":"a"}]"""), "highlight field not found in schema: none"),
            (("highlight_query", """[{"type":"TextMatch","field":"text"}]"""), "must set `text` in query"),
            (("highlight_query", "{"), "unmarshal highlight queries as json array failed"),
            (("fragment_size", "0"), "invalid fragment_size: 0"),
            (("fragment_offset", "0.1"), "invalid fragment_offset: 0.1"),
            (("pre_tags", "[1]"), "unmarshal pre_tags as string array failed"),
            (("pre_tags", "[]"), "cannot be empty list"),
        })
        {
            Assert.Contains(why, (await Search(engine.Client, ["apple"], parameter)).Status.Reason, StringComparison.Ordinal);
        }

        var request = Request(["apple"]);
        request.Highlighter = new Highlighter { Type = HighlightType.Semantic };
        Assert.Contains("semantic highlighting", (await engine.Client.SearchAsync(request)).Status.Reason, StringComparison.Ordinal);
    }

    private static async Task Ready(MilvusService.MilvusServiceClient client)
    {
        var schema = new CollectionSchema
        {
            Name = "docs",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "text", DataType = DataType.VarChar, TypeParams = { ServiceLab.Parameters(("max_length", "1000"), ("enable_analyzer", "true")) } },
                new FieldSchema { Name = "sparse", DataType = DataType.SparseFloatVector },
            },
            Functions = { new FunctionSchema { Name = "words", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "sparse" } } },
        };
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = schema.ToByteString() }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "BM25" } } }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
        var insert = new InsertRequest
        {
            CollectionName = "docs", NumRows = (uint)Texts.Length,
            FieldsData =
            {
                new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { Enumerable.Range(0, Texts.Length).Select(i => (long)i) } } } },
                new FieldData { FieldName = "text", Scalars = new ScalarField { StringData = new StringArray { Data = { Texts } } } },
            },
        };
        ServiceLab.Ok((await client.InsertAsync(insert)).Status);
    }

    /// <summary>What is shown, by query and row.</summary>
    private static async Task<Dictionary<(int Query, long Id), List<string>>> Fragments(MilvusService.MilvusServiceClient client, string[] texts, params (string Key, string Value)[] parameters)
    {
        var answer = await Search(client, texts, parameters);
        ServiceLab.Ok(answer.Status);
        var shown = Assert.Single(answer.Results.HighlightResults);
        Assert.Equal("text", shown.FieldName);
        Assert.Equal(answer.Results.Scores.Count, shown.Datas.Count);
        var (fragments, at) = (new Dictionary<(int, long), List<string>>(), 0);
        for (var query = 0; query < answer.Results.Topks.Count; query++)
        {
            for (var i = 0; i < answer.Results.Topks[query]; i++, at++)
            {
                fragments[(query, answer.Results.Ids.IntId.Data[at])] = [.. shown.Datas[at].Fragments];
            }
        }

        return fragments;
    }

    private static async Task<SearchResults> Search(MilvusService.MilvusServiceClient client, string[] texts, params (string Key, string Value)[] parameters)
    {
        var request = Request(texts);
        if (parameters.Length > 0)
        {
            request.Highlighter = new Highlighter { Params = { ServiceLab.Parameters(parameters) } };
        }

        return await client.SearchAsync(request);
    }

    private static SearchRequest Request(string[] texts)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { texts.Select(ByteString.CopyFromUtf8) } } } };
        var request = new SearchRequest { CollectionName = "docs", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = texts.Length };
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "10"), ("anns_field", "sparse")));
        return request;
    }
}
