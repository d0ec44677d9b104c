using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Full-text search through the server: the sparse field is computed, scores are BM25's, and both survive a restart.</summary>
[UnsupportedOSPlatform("windows")]
public class Bm25Tests
{
    private const double K1 = 1.25;
    private const double B = 0.8;
    private static readonly string[] Vocabulary = ["apple", "banana", "orange", "fruit", "salad", "milvus", "search", "engine", "fast", "quick"];

    [Fact]
    public async Task Texts_are_ranked_by_BM25_over_the_whole_collection_also_after_a_restart()
    {
        var random = new Random(5);
        var texts = Enumerable.Range(0, 6000).Select(_ => string.Join(' ', Enumerable.Range(0, random.Next(1, 12)).Select(_ => Vocabulary[(int)(Vocabulary.Length * Math.Pow(random.NextDouble(), 2))]))).ToArray();
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await Create(engine.Client);
            for (var from = 0; from < texts.Length; from += 2000)
            {
                await Insert(engine.Client, from, texts.AsSpan(from, 2000).ToArray());
            }

            await Check(engine.Client, texts, "banana quick Quick!", "id >= 0");
            await Check(engine.Client, texts, "salad", "id % 7 == 3");
            await Refusals(engine.Client);
            Assert.Equal(0, await engine.Stop());
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await Check(again.Client, texts, "engine fruit", "");
    }

    private static async Task Create(MilvusService.MilvusServiceClient client)
    {
        var created = await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = Schema().ToByteString() });
        Assert.True(created.Code == 0, created.Reason);
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "docs" });
        Assert.Equal("words", described.Schema.Functions[0].Name);
        Assert.True(described.Schema.Fields.Single(f => f.Name == "sparse").IsFunctionOutput);
        var wrong = await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "IP" } } });
        Assert.Contains("must be BM25", wrong.Reason, StringComparison.Ordinal);
        var index = new CreateIndexRequest { CollectionName = "docs", FieldName = "sparse" };
        index.ExtraParams.Add(new Pair { Key = "index_type", Value = "SPARSE_INVERTED_INDEX" });
        index.ExtraParams.Add(new Pair { Key = "metric_type", Value = "BM25" });
        index.ExtraParams.Add(new Pair { Key = "bm25_k1", Value = "1.25" });
        index.ExtraParams.Add(new Pair { Key = "bm25_b", Value = "0.8" });
        var indexed = await client.CreateIndexAsync(index);
        Assert.True(indexed.Code == 0, indexed.Reason);
        Assert.Equal(0, (await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" })).Code);
    }

    private static CollectionSchema Schema() => new()
    {
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "text", DataType = DataType.VarChar, TypeParams = { new Pair { Key = "max_length", Value = "200" }, new Pair { Key = "enable_analyzer", Value = "true" } } },
            new FieldSchema { Name = "sparse", DataType = DataType.SparseFloatVector },
        },
        Functions = { new FunctionSchema { Name = "words", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "sparse" } } },
    };

    private static async Task Insert(MilvusService.MilvusServiceClient client, int from, string[] texts)
    {
        var insert = new InsertRequest { CollectionName = "docs", NumRows = (uint)texts.Length };
        insert.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { Enumerable.Range(from, texts.Length).Select(i => (long)i) } } } });
        insert.FieldsData.Add(new FieldData { FieldName = "text", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { texts } } } });
        var answer = await client.InsertAsync(insert);
        Assert.True(answer.Status.Code == 0, answer.Status.Reason);
    }

    private static async Task Check(MilvusService.MilvusServiceClient client, string[] texts, string query, string filter)
    {
        var answer = await client.SearchAsync(Query(query, filter, PlaceholderType.VarChar));
        Assert.True(answer.Status.Code == 0, answer.Status.Reason);
        var docs = texts.Select(t => t.Split(' ')).ToList();
        var average = docs.Average(d => d.Length);
        var asked = query.ToLowerInvariant().Split([' ', '!'], StringSplitOptions.RemoveEmptyEntries);
        double Score(int id) => asked.Sum(word =>
        {
            var having = docs.Count(d => d.Contains(word));
            var count = docs[id].Count(w => w == word);
            return Math.Log(1 + ((docs.Count - having + 0.5) / (having + 0.5))) * count * (K1 + 1) / (count + (K1 * (1 - B + (B * docs[id].Length / average))));
        });
        var expected = Enumerable.Range(0, texts.Length).Where(i => filter != "id % 7 == 3" || i % 7 == 3).Select(i => (Id: i, Score: Score(i))).Where(s => s.Score > 0)
            .OrderByDescending(s => s.Score).ThenBy(s => s.Id).Take(20).ToList();
        Assert.Equal(expected.Select(e => e.Score), answer.Results.Scores.Select(s => (double)s), (a, b) => Math.Abs(a - b) < 1e-4);
        Assert.All(answer.Results.Ids.IntId.Data.Zip(answer.Results.Scores), hit => Assert.Equal(Score((int)hit.First), hit.Second, 1e-4));
    }

    private static async Task Refusals(MilvusService.MilvusServiceClient client)
    {
        var byVector = Query("x", "", PlaceholderType.SparseFloatVector);
        Assert.Contains("please provide varchar/text", (await client.SearchAsync(byVector)).Status.Reason, StringComparison.Ordinal);
        var output = new QueryRequest { CollectionName = "docs", Expr = "id < 3", OutputFields = { "sparse" } };
        Assert.Equal("not allowed to retrieve raw data of field sparse", (await client.QueryAsync(output)).Status.Reason);
        var all = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "id < 3", OutputFields = { "*" } });
        Assert.Equal(["id", "text"], all.FieldsData.Select(f => f.FieldName));
        Assert.Empty((await client.SearchAsync(Query("nowhere", "", PlaceholderType.VarChar))).Results.Scores);

        var analyzed = await client.RunAnalyzerAsync(new RunAnalyzerRequest { CollectionName = "docs", FieldName = "text", WithDetail = true, WithHash = true, Placeholder = { ByteString.CopyFromUtf8("Hello World") } });
        Assert.Equal(["hello", "world"], analyzed.Results[0].Tokens.Select(t => t.Token));
        Assert.Equal((6, 11, 1), (analyzed.Results[0].Tokens[1].StartOffset, analyzed.Results[0].Tokens[1].EndOffset, analyzed.Results[0].Tokens[1].Position));
        Assert.Equal(Demarc.Engine.Text.Terms.Number("hello"), analyzed.Results[0].Tokens[0].Hash);
        var refused = await client.RunAnalyzerAsync(new RunAnalyzerRequest { AnalyzerParams = "{\"type\":\"klingon\"}", Placeholder = { ByteString.CopyFromUtf8("x") } });
        Assert.Equal(1100, refused.Status.Code);
    }

    private static SearchRequest Query(string text, string filter, PlaceholderType type)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = type, Values = { ByteString.CopyFromUtf8(text) } } } };
        return new SearchRequest
        {
            CollectionName = "docs",
            Dsl = filter,
            PlaceholderGroup = group.ToByteString(),
            Nq = 1,
            SearchParams = { new Pair { Key = "topk", Value = "20" }, new Pair { Key = "anns_field", Value = "sparse" } },
        };
    }
}
