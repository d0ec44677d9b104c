using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>What a search refuses and in which of Milvus's words, and groups of a hybrid search.</summary>
[UnsupportedOSPlatform("windows")]
public class SearchRefusalTests
{
    [Theory]
    [InlineData("topk", "0", 1100, "topk [0] is invalid, it should be in range [1, 16384], but got 0: invalid parameter")]
    [InlineData("topk", "many", 1100, "topk [many] is invalid: invalid parameter")]
    [InlineData("offset", "-1", 1100, "offset [-1] is invalid, it should be in range [1, 16384], but got -1: invalid parameter")]
    [InlineData("offset", "16384", 1100, "offset+topk [16387] is invalid, it should be in range [1, 16384], but got 16387: invalid parameter")]
    [InlineData("anns_field", "nothing", 1100, "failed to create query plan: failed to get field schema by name: fieldName(nothing) not found: invalid parameter")]
    [InlineData("anns_field", "id", 1100, "failed to create query plan: field (id) to search is not of vector data type: query plan failed: invalid parameter")]
    [InlineData("range_filter", "1", 1100, "range_filter requires radius to be set; range_filter alone is not a valid range search parameter: invalid parameter[expected=range_filter][actual=]")]
    [InlineData("radius", "far", 65535, "type must be number, but is string")]
    [InlineData("topk", null, 1101, "topk is required: missing parameter")]
    [InlineData("round_decimal", "7", 1100, "round_decimal [7] is invalid, should be -1 or an integer in range [0, 6]: invalid parameter")]
    [InlineData("hints", "nonsense", 65535, "hints: nonsense not supported")]
    [InlineData("group_by_field", "vec[0]", 65535, "unsupported data type VECTOR_FLOAT for group by operator")]
    [InlineData("order_by_fields", "id:up", 1100, "invalid order direction 'up' for field 'id', expected 'asc' or 'desc': invalid parameter")]
    [InlineData("order_by_fields", "id:asc:nulls_middle", 1100, "invalid null ordering 'nulls_middle', expected 'nulls_first' or 'nulls_last': invalid parameter")]
    [InlineData("order_by_fields", "id:asc:nulls_last:more", 1100, "too many order_by field options in 'id:asc:nulls_last:more': invalid parameter")]
    [InlineData("order_by_fields", "vec", 1100, "order_by field 'vec' has unsortable type FloatVector; supported types: bool, int8/16/32/64, float, double, string, varchar; for JSON fields use path syntax like field[\"key\"]: invalid parameter")]
    [InlineData("order_by_fields", "id[\"key\"]", 1100, "order_by field 'id[\"key\"]' has brackets but is not a JSON type: invalid parameter")]
    public async Task A_search_says_what_is_wrong_with_it(string key, string? value, int code, string why)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await new ServiceLab(engine.Client).Ready(rows: 20);
        var request = ServiceLab.Search([1, 1, 1, 1], 3);
        foreach (var given in request.SearchParams.Where(p => p.Key == key).ToList())
        {
            request.SearchParams.Remove(given);
        }

        if (value is not null)
        {
            request.SearchParams.Add(ServiceLab.Parameters((key, value)));
        }

        var status = (await engine.Client.SearchAsync(request)).Status;
        Assert.Equal(code, status.Code);
        Assert.Contains(why, status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hybrid_search_says_what_is_wrong_with_it()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await new ServiceLab(engine.Client).Ready(rows: 20);
        await Refused("limit not found in rank_params", 1);
        await Refused("nq [0] is invalid, nq (number of search vector per search request) should be in range [1, 16384], but got 0", 0);
        await Refused("invalid max query result window, (offset+limit) should be in range [1, 16384], but got 16385", 1, ("limit", "16385"));
        await Refused("invalid max query result window, offset [-1] is invalid, should be gte than 0", 1, ("limit", "1"), ("offset", "-1"));
        await Refused("order_by is not supported for hybrid search", 1, ("limit", "1"), ("order_by_fields", "id:desc"));
        await Refused("rerank_builder: unsupported rank type best", 1, ("limit", "1"), ("strategy", "best"));
        await Refused("rerank_builder: weighted reranker requires weights parameter", 1, ("limit", "1"), ("strategy", "weighted"));
        await Refused("invalid group scorer \"min\", must be max/sum/avg", 1, ("limit", "1"), ("group_by_field", "small"), ("rank_group_scorer", "min"));

        async Task Refused(string why, int parts, params (string, string)[] parameters)
        {
            var request = new HybridSearchRequest { CollectionName = "things", RankParams = { ServiceLab.Parameters(parameters) } };
            request.Requests.Add(Enumerable.Range(0, parts).Select(_ => ServiceLab.Search([1, 1, 1, 1], 3)));
            var status = (await engine.Client.HybridSearchAsync(request)).Status;
            Assert.Equal(1100, status.Code);
            Assert.Contains(why, status.Reason, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("max")]
    [InlineData("sum")]
    [InlineData("avg")]
    public async Task A_hybrid_search_ranks_groups_by_the_score_asked_for(string scorer)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await new ServiceLab(engine.Client).Ready(rows: 400, metric: "IP");

        // Parts name groups too when a client passes what it was given on to them; the hybrid search has the say.
        var request = new HybridSearchRequest { CollectionName = "things", RankParams = { ServiceLab.Parameters(("limit", "5"), ("group_by_field", "small"), ("group_size", "3"), ("rank_group_scorer", scorer), ("strategy", "weighted"), ("params", "{\"weights\": [1]}")) } };
        request.Requests.Add(ServiceLab.Search([1, 3, 0, 0], 400, ("group_by_field", "flag")));
        var answer = await engine.Client.HybridSearchAsync(request);
        ServiceLab.Ok(answer.Status);

        var expected = Enumerable.Range(0, 400).Select(i => (Id: (long)i, Score: (double)(i + 1 + (3 * (i % 10))))).GroupBy(r => r.Id % 100)
            .Select(g => g.OrderByDescending(r => r.Score).Take(3).ToList())
            .OrderByDescending(rows => scorer switch { "sum" => rows.Sum(r => r.Score), "avg" => rows.Average(r => r.Score), _ => rows[0].Score })
            .Take(5).SelectMany(rows => rows).ToList();
        Assert.Equal(expected.Select(r => r.Score), answer.Results.Scores.Select(s => (double)s));
        Assert.Equal(expected.Count, answer.Results.Ids.IntId.Data.Count);
    }
}
