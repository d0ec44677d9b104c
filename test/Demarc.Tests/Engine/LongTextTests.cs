using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Fields of type Text: VarChar without a bound of its own, which is searched by words and has no index of its values.</summary>
[UnsupportedOSPlatform("windows")]
public class LongTextTests
{
    [Fact]
    public async Task Long_texts_are_kept_matched_and_ranked_also_after_a_crash()
    {
        var texts = new[] { string.Concat(Enumerable.Repeat("vector database ", 100_000)), "a short engine", "" };
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            ServiceLab.Ok(await engine.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = Schema().ToByteString() }));
            ServiceLab.Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "BM25" } } }));
            ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
            var insert = new InsertRequest
            {
                CollectionName = "docs", NumRows = 4,
                FieldsData =
                {
                    new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { 0, 1, 2, 3 } } } },
                    new FieldData { FieldName = "text", Type = DataType.Text, ValidData = { true, true, true, false }, Scalars = new ScalarField { StringData = new StringArray { Data = { texts } } } },
                },
            };
            ServiceLab.Ok((await engine.Client.InsertAsync(insert)).Status);
            await Check(engine.Client, texts);
            var refused = await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "text", ExtraParams = { new Pair { Key = "index_type", Value = "INVERTED" } } });
            Assert.Contains("TEXT field does not support user-created scalar index", refused.Reason, StringComparison.Ordinal);
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await Check(again.Client, texts);
    }

    [Fact]
    public async Task A_default_and_a_key_are_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        foreach (var (change, why) in new (Action<FieldSchema>, string)[]
        {
            (f => f.DefaultValue = new ValueField { StringData = "x" }, "type not support default_value, type:Text, name:text"),
            (f => (f.IsPartitionKey, f.Nullable) = (true, false), "Int64 or VarChar"),
        })
        {
            var schema = Schema();
            change(schema.Fields[1]);
            Assert.Contains(why, (await engine.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = schema.ToByteString() })).Reason, StringComparison.Ordinal);
        }
    }

    private static async Task Check(MilvusService.MilvusServiceClient client, string[] texts)
    {
        var all = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "id >= 0", OutputFields = { "id", "text" } });
        ServiceLab.Ok(all.Status);
        var shown = all.FieldsData.Single(f => f.FieldName == "text");
        Assert.Equal(DataType.Text, shown.Type);
        Assert.Equal([true, true, true, false], shown.ValidData);
        Assert.Equal(texts, shown.Scalars.StringData.Data.Take(3));
        foreach (var (filter, ids) in new (string, long[])[] { ("text_match(text, \"engine\")", [1]), ("text like \"vector%\"", [0]), ("text == \"\"", [2]), ("text is null", [3]) })
        {
            var found = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = filter, OutputFields = { "id" } });
            ServiceLab.Ok(found.Status);
            Assert.Equal(ids, found.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data);
        }

        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { ByteString.CopyFromUtf8("database") } } } };
        var request = new SearchRequest { CollectionName = "docs", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1 };
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "10"), ("anns_field", "sparse")));
        var answer = await client.SearchAsync(request);
        ServiceLab.Ok(answer.Status);
        Assert.Equal([0L], answer.Results.Ids.IntId.Data);
    }

    private static CollectionSchema Schema() => new()
    {
        Name = "docs",
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "text", DataType = DataType.Text, Nullable = true, TypeParams = { ServiceLab.Parameters(("enable_analyzer", "true"), ("enable_match", "true")) } },
            new FieldSchema { Name = "sparse", DataType = DataType.SparseFloatVector },
        },
        Functions = { new FunctionSchema { Name = "words", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "sparse" } } },
    };
}
