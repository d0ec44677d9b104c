using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>What a query counts, sums, averages and compares, over all rows or by groups; the order and the page of a query.</summary>
[UnsupportedOSPlatform("windows")]
public class QueryAggregationTests
{
    private static readonly string[] All = ["count(*)", "COUNT(maybe)", "sum(small)", "sum( exact )", "avg(small)", "min(title)", "max(exact)"];

    [Fact]
    public async Task Rows_are_counted_and_summed()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 30);

        // Every small is the key itself, and of the maybes eight are null.
        var whole = await Answer(lab, "", All);
        Assert.Equal(All, whole.FieldsData.Select(f => f.FieldName));
        Assert.Equal([30, 22, 435], whole.FieldsData.Take(3).Select(f => Assert.Single(f.Scalars.LongData.Data)));
        Assert.Equal([435 / 8.0, 14.5], whole.FieldsData.Skip(3).Take(2).Select(f => Assert.Single(f.Scalars.DoubleData.Data)));
        Assert.Equal(Enumerable.Range(0, 30).Select(k => Sample.Title(k, 0)).Min(StringComparer.Ordinal), Assert.Single(whole.FieldsData[5].Scalars.StringData.Data));
        Assert.Equal(29 / 8.0, Assert.Single(whole.FieldsData[6].Scalars.DoubleData.Data));

        var none = await Answer(lab, "id < 0", "count(*)", "sum(small)", "avg(small)", "min(title)");
        Assert.Equal(0, Assert.Single(none.FieldsData[0].Scalars.LongData.Data));
        Assert.All(none.FieldsData.Skip(1), f => Assert.Equal([false], f.ValidData));

        var groups = await Answer(lab, "id < 10", ["small", "max(id)"], ("group_by_fields", "small"), ("order_by_fields", "small:desc"), ("limit", "2"), ("offset", "1"));
        Assert.Equal([8, 7], groups.FieldsData[0].Scalars.IntData.Data);
        Assert.Equal([8L, 7L], groups.FieldsData[1].Scalars.LongData.Data);
        Assert.Equal(30, (await Answer(lab, "", ["count(*)"], ("group_by_fields", "small, title"))).FieldsData[0].Scalars.LongData.Data.Count);
        Assert.Empty((await Answer(lab, "id < 0", ["count(*)"], ("group_by_fields", "small"))).FieldsData[0].Scalars.LongData.Data);
    }

    [Theory]
    [InlineData("count(nothing)", "", "", "target field nothing for aggregation:count does not exist")]
    [InlineData("sum(*)", "", "", "sum(*) is not supported, only count(*) is allowed")]
    [InlineData("sum(title)", "", "", "aggregation operator sum does not support data type VarChar")]
    [InlineData("min(info)", "", "", "aggregation operator min does not support data type JSON")]
    [InlineData("count(*)", "exact", "", "group by field exact has unsupported data type Double")]
    [InlineData("count(*)", "vec", "", "group by field vec has unsupported data type FloatVector")]
    [InlineData("count(*)", "nothing", "", "field nothing not exist")]
    [InlineData("id,count(*)", "small", "", "output field 'id' is not allowed: when using GROUP BY, output_fields can only contain group_by fields ([small]) or aggregation expressions")]
    [InlineData("id,count(id)", "", "", "output field 'id' is not allowed: when using aggregation functions (e.g., count(*)), output_fields can only contain aggregation expressions, not regular columns")]
    [InlineData("count(*)", "small", "count(*):desc", "ORDER BY on aggregate expression 'count(*)' is not yet supported")]
    [InlineData("count(*)", "small", "id", "ORDER BY field 'id' is not valid: when using GROUP BY or aggregates, ORDER BY can only reference GROUP BY columns. Valid targets are: [small]")]
    [InlineData("count(*)", "", "", "count entities with pagination is not allowed")]
    [InlineData("*%", "", "", "parse output field name failed: *%")]
    [InlineData("id", "", "vec", "order_by field 'vec' has type FloatVector which is not sortable")]
    [InlineData("id", "", "info", "order_by field 'info' has type JSON which is not sortable")]
    [InlineData("id", "", "id:up", "invalid order direction 'up' for field 'id', must be 'asc' or 'desc'")]
    [InlineData("id", "", "id:asc:nulls", "invalid null ordering 'nulls', must be 'nulls_first' or 'nulls_last'")]
    public async Task What_cannot_be_is_refused(string output, string groups, string order, string why)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready();
        var answer = await engine.Client.QueryAsync(Request("", output.Split(','), ("group_by_fields", groups), ("order_by_fields", order), ("limit", "5")));
        Assert.Equal((1100, why + ": invalid parameter"), (answer.Status.Code, answer.Status.Reason));
    }

    [Fact]
    public async Task A_query_is_ordered_and_paged_as_asked()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready();
        var columns = Sample.Columns([1, 2, 3, 4]);
        columns.First(c => c.FieldName == "maybe").ValidData.Clear();
        columns.First(c => c.FieldName == "maybe").ValidData.Add([true, false, true, false]);
        ServiceLab.Ok((await engine.Client.InsertAsync(new InsertRequest { CollectionName = "things", NumRows = 4, FieldsData = { columns } })).Status);
        foreach (var (order, keys) in new (string, long[])[]
        {
            ("maybe", [1, 3, 2, 4]), ("maybe:desc", [2, 4, 3, 1]), ("maybe:Descending:nulls_last", [3, 1, 2, 4]), ("maybe:ASC:nulls_first,id:desc", [4, 2, 1, 3]),
        })
        {
            Assert.Equal(keys, (await Answer(lab, "", ["id"], ("order_by_fields", order), ("limit", "10"))).FieldsData.First(f => f.FieldName == "id").Scalars.LongData.Data);
        }

        Assert.Equal(4, (await Answer(lab, "starts_with(title, title)", ["count(*)"])).FieldsData[0].Scalars.LongData.Data[0]);

        // Without a limit there is no page.
        Assert.Equal([1L, 2, 3, 4], (await Answer(lab, "id > 0", ["id"], ("offset", "3"))).FieldsData[0].Scalars.LongData.Data);
        foreach (var (parameters, why) in new ((string, string)[], string)[]
        {
            ([("order_by_fields", "id")], "ORDER BY requires explicit limit"),
            ([("order_by_fields", "id"), ("limit", "3"), ("iterator", "True")], "ORDER BY with iterator is not supported"),
            ([("limit", "-1")], "invalid max query result window, limit [-1] is invalid, should be greater than 0"),
            ([("limit", "9"), ("offset", "-2")], "invalid max query result window, offset [-2] is invalid, should be gte than 0"),
            ([("limit", "16385")], "invalid max query result window, (offset+limit) should be in range [1, 16384], but got 16385"),
            ([("limit", "9"), ("offset", "9223372036854775807")], "invalid max query result window, (offset+limit) should be in range [1, 16384], but got -9223372036854775800"),
            ([("ignore_growing", "2.3")], "parse ignore growing field failed"),
        })
        {
            Assert.Equal(why + ": invalid parameter", (await engine.Client.QueryAsync(Request("id > 0", ["id"], parameters))).Status.Reason);
        }

        var stray = Request("id > 0", ["id"]);
        stray.PartitionNames.Add("nowhere");
        Assert.Equal("partition name nowhere not found: invalid parameter", (await engine.Client.QueryAsync(stray)).Status.Reason);
    }

    private static Task<QueryResults> Answer(ServiceLab lab, string filter, params string[] output) => Answer(lab, filter, output, []);

    private static async Task<QueryResults> Answer(ServiceLab lab, string filter, string[] output, params (string Key, string Value)[] parameters)
    {
        var answer = await lab.Client.QueryAsync(Request(filter, output, parameters));
        ServiceLab.Ok(answer.Status);
        return answer;
    }

    private static QueryRequest Request(string filter, string[] output, params (string Key, string Value)[] parameters) =>
        new() { CollectionName = "things", Expr = filter, OutputFields = { output }, QueryParams = { ServiceLab.Parameters(parameters) } };
}
