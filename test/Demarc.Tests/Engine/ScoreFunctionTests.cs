using System.Globalization;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Tests.Engine;

/// <summary>Scores that fade with a field's value or are boosted by filters, in searches of one field and of several, against plain arithmetic.</summary>
[UnsupportedOSPlatform("windows")]
public class ScoreFunctionTests
{
    private const int Rows = 200;
    private static readonly (string Key, string Value)[] DecayDefaults = [("origin", "10"), ("offset", "1"), ("scale", "4"), ("decay", "0.4")];

    [Theory]
    [InlineData("gauss")]
    [InlineData("exp")]
    [InlineData("linear")]
    public async Task A_score_fades_with_the_distance_of_a_field_from_its_origin(string function)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: Rows);

        var request = ServiceLab.Search(Sample.Vector(40, 0), Rows);
        request.FunctionScore = Decay(function, "exact");
        var found = await lab.Found(request);
        var expected = Keys().Select(k => Similarity(Sample.Vector(40, 0), k) * Fade(function, k / 8.0)).OrderDescending().ToList();
        Assert.Equal(expected, found.Scores.Select(s => (double)s), (a, b) => Math.Abs(a - b) < 1e-4);
        foreach (var (id, score) in found.Ids.IntId.Data.Zip(found.Scores))
        {
            Assert.Equal(Similarity(Sample.Vector(40, 0), id) * Fade(function, id / 8.0), score, 1e-4);
        }
    }

    [Theory]
    [InlineData("max")]
    [InlineData("sum")]
    [InlineData("avg")]
    public async Task A_hybrid_search_lets_the_score_of_a_row_fade_and_a_row_without_value_to_nothing(string mode)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: Rows);

        var hybrid = new HybridSearchRequest { CollectionName = "things", FunctionScore = Decay("exp", "maybe", ("score_mode", mode)) };
        hybrid.Requests.Add(ServiceLab.Search(Sample.Vector(20, 0), Rows));
        hybrid.Requests.Add(ServiceLab.Search(Sample.Vector(90, 0), Rows));
        hybrid.RankParams.Add(ServiceLab.Parameters(("limit", "200")));
        var answer = await engine.Client.HybridSearchAsync(hybrid);
        ServiceLab.Ok(answer.Status);
        foreach (var (id, score) in answer.Results.Ids.IntId.Data.Zip(answer.Results.Scores))
        {
            var (first, second) = (Similarity(Sample.Vector(20, 0), id), Similarity(Sample.Vector(90, 0), id));
            var merged = mode switch { "max" => Math.Max(first, second), "sum" => first + second, _ => (first + second) / 2 };
            Assert.Equal(id % 4 == 0 ? 0 : merged * Fade("exp", id), score, 1e-4);
        }
    }

    [Fact]
    public async Task Rows_that_meet_a_filter_are_boosted_and_others_keep_their_score()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: Rows, metric: "IP");
        var plain = await Scores(lab, null);

        var boosted = await Scores(lab, Boost([("filter", "flag == true"), ("weight", "0.5")]));
        Assert.All(boosted, s => Assert.Equal(s.Key % 2 == 0 ? plain[s.Key] * 0.5f : plain[s.Key], s.Value, 1e-3f));
        Assert.Equal(boosted.Values.OrderDescending(), boosted.Values);

        var summed = Boost([("weight", "2")], [("filter", "id < 50"), ("weight", "3")]);
        summed.Params.Add(ServiceLab.Parameters(("function_mode", "Sum"), ("boost_mode", "Sum")));
        Assert.All(await Scores(lab, summed), s => Assert.Equal(plain[s.Key] + (s.Key < 50 ? 5 : 2), s.Value, 1e-3f));
        Assert.All(await Scores(lab, Boost([("weight", "2")], [("filter", "id < 50"), ("weight", "3")])), s => Assert.Equal(plain[s.Key] * (s.Key < 50 ? 6 : 2), s.Value, 1e-2f));

        var random = Boost([("weight", "4"), ("random_score", """{"seed":126,"field":"id"}""")]);
        var first = await Scores(lab, random);
        Assert.Equal(first, await Scores(lab, random));
        var shares = first.Where(s => plain[s.Key] > 0).Select(s => s.Value / plain[s.Key] / 4).ToList();
        Assert.All(shares, s => Assert.InRange(s, 0, 1));
        Assert.InRange(shares.Average(), 0.4, 0.6);
    }

    [Fact]
    public async Task What_is_added_to_a_distance_brings_the_row_nearer()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 100);

        // The nearest are 50, 51 and 52 at 0, 2 and 8.
        var request = ServiceLab.Search(Sample.Vector(50, 0), 3);
        request.FunctionScore = Boost([("filter", "id == 52"), ("weight", "7")]);
        request.FunctionScore.Params.Add(ServiceLab.Parameters(("boost_mode", "sum")));
        var found = await lab.Found(request);
        Assert.Equal([50, 52, 51], found.Ids.IntId.Data);
        Assert.Equal([0, 1, 2], found.Scores);

        request.FunctionScore = Boost([("filter", "id @@ 52"), ("weight", "7")]);
        Assert.Contains("failed to create query plan: parse expr failed: cannot parse expression: id @@ 52", (await engine.Client.SearchAsync(request)).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_by_name()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 10);
        var wrongs = new (FunctionScore Score, string Why)[]
        {
            (Decay("gauss", "title"), "decay input field title must be numeric, got VarChar"),
            (Decay("cubic", "id"), "decay: invalid function \"cubic\", must be one of [gauss, exp, linear]"),
            (Decay("gauss", "nothing"), "input field nothing not found in collection schema"),
            (Decay("gauss", "id", ("scale", "0")), "decay: scale must be > 0, got 0.000000"),
            (Decay("gauss", "id", ("offset", "-1")), "decay: offset must be >= 0, got -1.000000"),
            (Decay("gauss", "id", ("decay", "1")), "decay: decay must be 0 < decay < 1, got 1.000000"),
            (Decay("gauss", "id", ("score_mode", "min")), "unsupported score_mode: min, only supports [max, sum, avg]"),
            (new FunctionScore { Functions = { new FunctionSchema { Type = FunctionType.Rerank } } }, "reranker name not specified: missing parameter"),
            (Boost([("filter", "flag == true")]), "must set weight"),
            (Boost([("filter", "flag =="), ("weight", "1")]), "cannot parse expression"),
            (new FunctionScore { Functions = { new FunctionSchema { Type = FunctionType.Rerank, Params = { ServiceLab.Parameters(("reranker", "model")) } } } }, "reranking by a model"),
            (new FunctionScore { Functions = { new FunctionSchema { Type = FunctionType.Rerank, Params = { ServiceLab.Parameters(("reranker", "magic")) } } } }, "rerank_builder: unsupported reranker magic"),
        };
        foreach (var (score, why) in wrongs)
        {
            var request = ServiceLab.Search([1, 1, 1, 1], 3);
            request.FunctionScore = score;
            Assert.Contains(why, (await engine.Client.SearchAsync(request)).Status.Reason, StringComparison.Ordinal);
        }

        var hybrid = new HybridSearchRequest { CollectionName = "things", FunctionScore = Boost([("weight", "2")]), Requests = { ServiceLab.Search([1, 1, 1, 1], 3) } };
        Assert.Contains("a boost over a hybrid search", (await engine.Client.HybridSearchAsync(hybrid)).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arrays_are_appended_to_and_taken_from_by_a_partial_update()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var schema = new CollectionSchema
        {
            Name = "things",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { ServiceLab.Parameters(("dim", "2")) } },
                new FieldSchema { Name = "tags", DataType = DataType.Array, ElementType = DataType.VarChar, TypeParams = { ServiceLab.Parameters(("max_length", "8"), ("max_capacity", "4")) } },
            },
        };
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(schema: schema);
        var insert = new InsertRequest { CollectionName = "things", NumRows = 2, FieldsData = { Ids(1, 2), new FieldData { FieldName = "vec", Vectors = new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { 1, 2, 3, 4 } } } }, Tags(["a", "b"], ["c"]) } };
        ServiceLab.Ok((await engine.Client.InsertAsync(insert)).Status);

        ServiceLab.Ok((await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayAppend, "tags", Ids(1, 2), Tags(["b", "d"], []))).Status);
        Assert.Equal(["a", "b", "b", "d"], await TagsOf(engine.Client, 1));
        Assert.Equal(["c"], await TagsOf(engine.Client, 2));
        ServiceLab.Ok((await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayRemove, "tags", Ids(1), Tags(["b", "x"]))).Status);
        Assert.Equal(["a", "d"], await TagsOf(engine.Client, 1));

        Assert.Contains("array length 5 exceeds max_capacity 4", (await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayAppend, "tags", Ids(1), Tags(["1", "2", "3"]))).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("op ARRAY_APPEND requires Array field, but field \"vec\" is FloatVector", (await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayAppend, "vec", Ids(1), Tags(["1"]))).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("is the primary key and cannot carry", (await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayAppend, "id", Ids(1), Tags(["1"]))).Status.Reason, StringComparison.Ordinal);
        var number = new FieldData { FieldName = "tags", Scalars = new ScalarField { ArrayData = new ArrayArray { Data = { new ScalarField { LongData = new LongArray { Data = { 1 } } } } } } };
        Assert.Contains("insert data does not match", (await Change(engine.Client, FieldPartialUpdateOp.Types.OpType.ArrayAppend, "tags", Ids(1), number)).Status.Reason, StringComparison.Ordinal);
        Assert.Equal(["a", "d"], await TagsOf(engine.Client, 1));
    }

    private static async Task<Dictionary<long, float>> Scores(ServiceLab lab, FunctionScore? score)
    {
        var request = ServiceLab.Search([1, 1, 1, 1], Rows);
        request.FunctionScore = score;
        var found = await lab.Found(request);
        return found.Ids.IntId.Data.Zip(found.Scores).ToDictionary(p => p.First, p => p.Second);
    }

    private static IEnumerable<long> Keys() => Enumerable.Range(0, Rows).Select(i => (long)i);

    private static double Similarity(float[] query, long key) => 1 - (2 * Math.Atan(query.Zip(Sample.Vector(key, 0)).Sum(p => Math.Pow(p.First - p.Second, 2))) / Math.PI);

    /// <summary>With origin 10, offset 1, scale 4 and decay 0.4, straight from the definitions.</summary>
    private static double Fade(string function, double value)
    {
        var away = Math.Max(0, Math.Abs(value - 10) - 1);
        return function switch
        {
            "gauss" => Math.Exp(-(away * away) / (2 * (-16 / (2 * Math.Log(0.4))))),
            "exp" => Math.Exp(Math.Log(0.4) / 4 * away),
            _ => Math.Max(0.4, ((4 / (1 - 0.4)) - away) / (4 / (1 - 0.4))),
        };
    }

    private static FunctionScore Decay(string function, string field, params (string Key, string Value)[] others) => new()
    {
        Functions =
        {
            new FunctionSchema
            {
                Name = "fade", Type = FunctionType.Rerank, InputFieldNames = { field },
                Params = { ServiceLab.Parameters([("reranker", "decay"), ("function", function), .. DecayDefaults.ExceptBy(others.Select(o => o.Key), d => d.Key), .. others]) },
            },
        },
    };

    private static FunctionScore Boost(params (string Key, string Value)[][] functions) => new()
    {
        Functions = { functions.Select(f => new FunctionSchema { Name = "boost", Type = FunctionType.Rerank, Params = { ServiceLab.Parameters([("reranker", "boost"), .. f]) } }) },
    };

    private static FieldData Ids(params long[] ids) => new() { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { ids } } } };

    private static FieldData Tags(params string[][] rows) =>
        new() { FieldName = "tags", Type = DataType.Array, Scalars = new ScalarField { ArrayData = new ArrayArray { Data = { rows.Select(r => new ScalarField { StringData = new StringArray { Data = { r } } }) } } } };

    private static async Task<MutationResult> Change(MilvusService.MilvusServiceClient client, FieldPartialUpdateOp.Types.OpType op, string field, FieldData ids, FieldData tags) =>
        await client.UpsertAsync(new UpsertRequest { CollectionName = "things", NumRows = (uint)ids.Scalars.LongData.Data.Count, FieldsData = { ids, tags }, FieldOps = { new FieldPartialUpdateOp { FieldName = field, Op = op } } });

    private static async Task<IEnumerable<string>> TagsOf(MilvusService.MilvusServiceClient client, long id)
    {
        var answer = await client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = string.Create(CultureInfo.InvariantCulture, $"id == {id}"), OutputFields = { "tags" } });
        ServiceLab.Ok(answer.Status);
        return answer.FieldsData.Single(f => f.FieldName == "tags").Scalars.ArrayData.Data.Single().StringData.Data;
    }
}
