using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>Chains of functions over the hits of a search, against plain arithmetic.</summary>
[UnsupportedOSPlatform("windows")]
public class RerankChainTests
{
    [Fact]
    public async Task Steps_give_hits_other_scores_and_another_order()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 100);

        // The nearest are 50, 51, 52 at 0, 2 and 8. Where rows are found a distance counts as its negative.
        var sum = Map("$score", "num_combine", ["$score", "id"], ("mode", Of("weighted")), ("weights", Of(1, 10)));
        var found = await lab.Found(Ask(3, Chain(FunctionChainStage.L0Rerank, sum)));
        Assert.Equal([52, 51, 50], found.Ids.IntId.Data);
        Assert.Equal([-512, -508, -500], found.Scores);
        var paged = await lab.Found(Ask(1, Chain(FunctionChainStage.L0Rerank, sum), ("offset", "1")));
        Assert.Equal([50], paged.Ids.IntId.Data);

        // Of an answer the score is the distance itself. What is written beside it is read by later steps and not shown.
        var answered = await lab.Found(Ask(3, Chain(
            FunctionChainStage.L2Rerank,
            Map("kept", "num_combine", ["$score", "ratio"], ("mode", Of("weighted")), ("weights", Of(2, 4))),
            Map("$score", "num_combine", ["kept", "exact"], ("mode", Of("max"))),
            Sort("$score", descending: true),
            Limit(2, offset: 1))));
        Assert.Equal([51, 50], answered.Ids.IntId.Data);
        Assert.Equal([55, 50], answered.Scores);
        Assert.Empty(answered.FieldsData);

        // A row whose column is null has no score, and stands last.
        var nulls = await lab.Found(Ask(3, Chain(
            FunctionChainStage.L2Rerank,
            Map("fade", "decay", ["maybe"], ("function", Of("linear")), ("origin", Of(50)), ("scale", Of(10))),
            Map("$score", "round_decimal", ["fade"], ("decimal", Of(1))),
            Sort("$score", descending: false))));
        Assert.Equal([51, 50, 52], nulls.Ids.IntId.Data);
        Assert.Equal([0.9f, 1f, 0f], nulls.Scores);
    }

    [Fact]
    public async Task What_a_chain_cannot_do_is_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await new ServiceLab(engine.Client).Ready(rows: 10);
        const FunctionChainStage Rows = FunctionChainStage.L0Rerank, Answer = FunctionChainStage.L2Rerank;
        FunctionChainOp Sum(string to, params string[] of) => Map(to, "num_combine", of, ("mode", Of("sum")));

        await Refused("type \"sort\" is not supported by L0 rerank function chain", Chain(Rows, Sort("$score", true)));
        await Refused("system output \"$id\" is not writable by L0 rerank function chain", Chain(Rows, Sum("$id", "$score", "id")));
        await Refused("system input \"$seg_offset\" is not readable by L0 rerank function chain", Chain(Rows, Sum("$score", "$seg_offset", "id")));
        await Refused("system output \"$mine\" is not writable by L2 rerank function chain", Chain(Answer, Sum("$mine", "$score", "id")));
        await Refused("system input \"$mine\" is not supported by L2 rerank function chain", Chain(Answer, Sum("$score", "$mine", "id")));
        await Refused("function chain input \"nothing\" is neither a previous output nor a collection field", Chain(Answer, Sum("$score", "nothing", "id")));
        await Refused("function chain input \"vec\" has unsupported field type FloatVector", Chain(Answer, Sum("$score", "vec", "id")));
        await Refused("column 1: unsupported input column type VarChar, expected numeric type", Chain(Answer, Sum("$score", "$score", "title")));
        await Refused("num_combine: expected at least 2 input columns, got 1", Chain(Answer, Sum("$score", "id")));
        await Refused("num_combine: invalid mode \"best\"", Chain(Answer, Map("$score", "num_combine", ["$score", "id"], ("mode", Of("best")))));
        await Refused("decay: missing required parameter \"function\"", Chain(Answer, Map("$score", "decay", ["id"])));
        await Refused("decay: scale must be > 0", Chain(Answer, Map("$score", "decay", ["id"], ("function", Of("exp")), ("origin", Of(0)), ("scale", Of(0)))));
        await Refused("round_decimal: decimal must be in range [0, 6], got 7", Chain(Answer, Map("$score", "round_decimal", ["$score"], ("decimal", Of(7)))));
        await Refused("unknown function: nonsense", Chain(Answer, Map("$score", "nonsense", ["$score"])));
        await Refused("limit_op: limit must be positive", Chain(Answer, Limit(0, 0)));
        await Refused("unknown operator type: shuffle", Chain(Answer, new FunctionChainOp { Op = "shuffle" }));
        await Refused("must contain at least one op", Chain(Answer));
        await Refused("stage FunctionChainStageL1Rerank is not supported yet", Chain(FunctionChainStage.L1Rerank, Limit(1, 0)));
        await Refused("stage FunctionChainStageIngestion is not supported in search request", Chain(FunctionChainStage.Ingestion, Limit(1, 0)));
        await Refused("appears more than once", Chain(Answer, Limit(1, 0)), Chain(Answer, Limit(1, 0)));
        await Said("order_by and function rerank cannot be used together", Ask(3, Chain(Answer, Limit(1, 0)), ("order_by_fields", "id")));
        var both = Ask(3, Chain(Answer, Limit(1, 0)));
        both.FunctionScore = new FunctionScore();
        await Said("function_score and function_chains cannot be used together", both);
        var hybrid = new HybridSearchRequest { CollectionName = "things", Requests = { ServiceLab.Search([1, 1, 1, 1], 3) }, RankParams = { ServiceLab.Parameters(("limit", "3")) }, FunctionChains = { Chain(Answer, Limit(1, 0)) } };
        Assert.Contains("function_chains is not supported for hybrid search yet", (await engine.Client.HybridSearchAsync(hybrid)).Status.Reason, StringComparison.Ordinal);

        async Task Refused(string why, params FunctionChain[] chains)
        {
            var request = Ask(3, chains[0]);
            request.FunctionChains.Add(chains.Skip(1));
            await Said(why, request);
        }

        async Task Said(string why, SearchRequest request)
        {
            var status = (await engine.Client.SearchAsync(request)).Status;
            Assert.Equal(1100, status.Code);
            Assert.Contains(why, status.Reason, StringComparison.Ordinal);
        }
    }

    private static SearchRequest Ask(int limit, FunctionChain chain, params (string, string)[] parameters)
    {
        var request = ServiceLab.Search(Sample.Vector(50, 0), limit, parameters);
        request.FunctionChains.Add(chain);
        return request;
    }

    private static FunctionChain Chain(FunctionChainStage stage, params FunctionChainOp[] ops) => new() { Stage = stage, Ops = { ops } };

    private static FunctionChainOp Map(string to, string function, string[] of, params (string Name, FunctionParamValue Value)[] parameters)
    {
        var expression = new FunctionChainExpr { Name = function, Args = { of.Select(name => new FunctionChainExprArg { Column = new FunctionChainColumnArg { Name = name } }) } };
        foreach (var (name, value) in parameters)
        {
            expression.Params[name] = value;
        }

        return new FunctionChainOp { Op = "map", Expr = expression, Outputs = { to } };
    }

    private static FunctionChainOp Sort(string by, bool descending)
    {
        var op = new FunctionChainOp { Op = "sort", Inputs = { by } };
        op.Params["desc"] = new FunctionParamValue { BoolValue = descending };
        return op;
    }

    private static FunctionChainOp Limit(long limit, long offset)
    {
        var op = new FunctionChainOp { Op = "limit" };
        op.Params["limit"] = Of(limit);
        op.Params["offset"] = Of(offset);
        return op;
    }

    private static FunctionParamValue Of(string text) => new() { StringValue = text };

    private static FunctionParamValue Of(long whole) => new() { Int64Value = whole };

    private static FunctionParamValue Of(params double[] numbers) => new() { ArrayValue = new FunctionParamArray { Values = { numbers.Select(n => new FunctionParamValue { DoubleValue = n }) } } };
}
