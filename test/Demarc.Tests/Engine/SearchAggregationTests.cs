using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>Searches that answer buckets, against plain arithmetic, and groups of several fields and of places in JSON.</summary>
[UnsupportedOSPlatform("windows")]
public class SearchAggregationTests
{
    [Fact]
    public async Task Buckets_count_compute_and_show_the_rows_of_the_nearest_groups()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 200);

        // The four nearest groups are those of the rows 50 to 53; each has one row more, a hundred keys on.
        var spec = new SearchAggregationSpec
        {
            Fields = { "flag" },
            Size = 2,
            Order = { new OrderSpec { Key = "_key", Direction = "asc" } },
            TopHits = new TopHitsSpec { Size = 3, Sort = { new SortSpec { FieldName = "_score", Direction = "asc" } } },
            SubAggregation = new SearchAggregationSpec { Fields = { "small" }, Size = 2, TopHits = new TopHitsSpec { Size = 1 } },
        };
        spec.Metrics["rows"] = new MetricAggSpec { Op = "count", FieldName = "*" };
        spec.Metrics["keys"] = new MetricAggSpec { Op = "SUM", FieldName = "id" };
        spec.Metrics["ratio"] = new MetricAggSpec { Op = "avg", FieldName = "ratio" };
        spec.Metrics["given"] = new MetricAggSpec { Op = "count", FieldName = "maybe" };
        spec.Metrics["first"] = new MetricAggSpec { Op = "min", FieldName = "title" };
        var found = await lab.Found(Ask(spec, "title", "ratio", "info"));

        Assert.Equal([2], found.AggTopks);
        Assert.Equal([0], found.Topks);
        var (odd, even) = (found.AggBuckets[0], found.AggBuckets[1]);
        Assert.Equal(("flag", false), (odd.Key[0].FieldName, odd.Key[0].BoolVal));
        Assert.True(even.Key[0].BoolVal);
        Assert.Equal([4, 4], found.AggBuckets.Select(b => b.Count));
        Assert.Equal(4, even.Metrics["rows"].IntVal);
        Assert.Equal(50 + 52 + 150 + 152, even.Metrics["keys"].IntVal);
        Assert.Equal((50 + 52 + 150 + 152) / 16.0, even.Metrics["ratio"].DoubleVal);
        Assert.Equal(2, even.Metrics["given"].IntVal);
        Assert.Equal("row 150 v0", even.Metrics["first"].StringVal);
        Assert.Equal([50, 52, 150], even.Hits.Select(h => h.IntPk));
        Assert.Equal(0, even.Hits[0].Score);
        Assert.Equal(["title", "ratio", "info"], even.Hits[0].Fields.Select(f => f.FieldName));
        Assert.Equal(("row 50 v0", 12.5f), (even.Hits[0].Fields[0].StringVal, even.Hits[0].Fields[1].FloatVal));
        Assert.Contains("\"tag\":\"t0\"", even.Hits[0].Fields[2].BytesVal.ToStringUtf8(), StringComparison.Ordinal);

        // Without an order hits are by score, the greatest first, which of distances is the farthest.
        Assert.Equal([51, 53], odd.SubGroups.Select(b => b.Key[0].IntVal));
        Assert.Equal([151, 153], odd.SubGroups.Select(b => b.Hits.Single().IntPk));

        // Of nothing but nulls only the count is told.
        var empty = new SearchAggregationSpec { Fields = { "maybe" }, Size = 1 };
        empty.Metrics["most"] = new MetricAggSpec { Op = "max", FieldName = "maybe" };
        empty.Metrics["n"] = new MetricAggSpec { Op = "count", FieldName = "maybe" };
        var request = Ask(empty);
        request.Dsl = "maybe is null";
        var nulls = (await lab.Found(request)).AggBuckets.Single();
        Assert.Equal(BucketKeyEntry.ValueOneofCase.None, nulls.Key[0].ValueCase);
        Assert.Equal((1, "n", 0), (nulls.Count, Assert.Single(nulls.Metrics).Key, nulls.Metrics["n"].IntVal));
    }

    [Fact]
    public async Task What_cannot_make_buckets_is_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 20);
        var deep = By("flag");
        deep.SubAggregation = By("small");
        deep.SubAggregation.SubAggregation = By("title");
        deep.SubAggregation.SubAggregation.SubAggregation = By("id");
        deep.SubAggregation.SubAggregation.SubAggregation.SubAggregation = By("maybe");
        var twice = By("flag");
        twice.SubAggregation = By("flag");
        await Refused("search_aggregation nesting exceeds max 4 levels", Ask(deep));
        await Refused("duplicated group_by field \"flag\" across levels", Ask(twice));
        await Refused("group_by level has no fields", Ask(new SearchAggregationSpec { Size = 1 }));
        await Refused("search_aggregation size must be non-negative", Ask(new SearchAggregationSpec { Fields = { "flag" }, Size = -1 }));
        await Refused("search_size must be greater than or equal to size", Ask(new SearchAggregationSpec { Fields = { "flag" }, Size = 3, SearchSize = 2 }));
        await Refused("number of search_aggregation result entries is too large", Ask(new SearchAggregationSpec { Fields = { "flag" }, Size = 10_001 }));
        await Refused("FLOAT / DOUBLE fields are not supported with search_aggregation", Ask(By("exact")));
        await Refused("JSON / dynamic fields are not yet supported with search_aggregation", Ask(By("color")));
        await Refused("JSON / dynamic fields are not yet supported with search_aggregation", Ask(By("info[\"tag\"]")));
        await Refused("unsupported metric op \"median\"", Ask(Measured("median", "id")));
        await Refused("field_name '*' only supports count op", Ask(Measured("sum", "*")));
        await Refused("aggregation operator sum does not support data type VarChar", Ask(Measured("sum", "title")));
        await Refused("order key \"other\" is neither reserved key nor metric alias", Ask(new SearchAggregationSpec { Fields = { "flag" }, Order = { new OrderSpec { Key = "other" } } }));
        await Refused("direction must be asc or desc", Ask(new SearchAggregationSpec { Fields = { "flag" }, Order = { new OrderSpec { Key = "_key", Direction = "up" } } }));
        await Refused("top_hits.sort JSON path is not yet supported", Ask(new SearchAggregationSpec { Fields = { "flag" }, TopHits = new TopHitsSpec { Sort = { new SortSpec { FieldName = "info[\"tag\"]" } } } }));
        await Refused("group_by_field and search_aggregation cannot be used simultaneously", With(Ask(By("flag")), ("group_by_field", "flag")));
        await Refused("offset is not supported with search_aggregation", With(Ask(By("flag")), ("offset", "1")));
        await Refused("search iterator is not supported with search_aggregation", With(Ask(By("flag")), ("iterator", "True")));
        var vectors = (await engine.Client.SearchAsync(Ask(By("flag"), "vec"))).Status;
        Assert.Contains("output field vec of type FloatVector", vectors.Reason, StringComparison.Ordinal);

        // Within a range there may be buckets, though no groups.
        var ranged = await lab.Found(With(Ask(By("flag")), ("radius", "10000")));
        Assert.Single(ranged.AggBuckets);

        async Task Refused(string why, SearchRequest request)
        {
            var status = (await engine.Client.SearchAsync(request)).Status;
            Assert.Equal(1100, status.Code);
            Assert.Contains(why, status.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Groups_are_made_by_several_fields_and_by_places_in_JSON()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 200);

        var several = await lab.Found(Near(3, ("group_by_fields", "flag,small"), ("group_size", "2"), ("strict_group_size", "true")));
        Assert.Null(several.GroupByFieldValue);
        Assert.Equal([50, 150, 51, 151, 52, 152], several.Ids.IntId.Data);
        Assert.Equal([true, true, false, false, true, true], several.GroupByFieldValues[0].Scalars.BoolData.Data);
        Assert.Equal([50, 50, 51, 51, 52, 52], several.GroupByFieldValues[1].Scalars.IntData.Data);

        var tags = await lab.Found(Near(10, ("group_by_field", "info[\"tag\"]")));
        Assert.Equal([50, 51, 52, 53, 54], tags.Ids.IntId.Data);
        Assert.Equal(["\"t0\"", "\"t1\"", "\"t2\"", "\"t3\"", "\"t4\""], tags.GroupByFieldValue.Scalars.StringData.Data.Order(StringComparer.Ordinal));
        Assert.Empty(tags.GroupByFieldValues);

        var texts = await lab.Found(Near(10, ("group_by_field", "info[\"tag\"]"), ("json_type", "VarChar")));
        Assert.Equal("t0", texts.GroupByFieldValue.Scalars.StringData.Data[0]);
        var numbers = await lab.Found(Near(10, ("group_by_field", "info"), ("json_path", "info[\"deep\"][\"n\"]"), ("json_type", "Int64")));
        Assert.Equal([0, 1, 2], numbers.GroupByFieldValue.Scalars.LongData.Data.Order());

        // Rows without the key are a group of their own.
        var colors = await lab.Found(Near(10, ("group_by_field", "color")));
        Assert.Equal(4, colors.Ids.IntId.Data.Count);
        Assert.Single(colors.GroupByFieldValue.ValidData, valid => !valid);
        Assert.Single((await lab.Found(Near(10, ("group_by_field", "nowhere")))).Ids.IntId.Data);
        Assert.Single((await lab.Found(Near(10, ("group_by_field", "info[\"tag\"]"), ("json_type", "Bool")))).Ids.IntId.Data);

        await Refused("failed to cast json value to BOOL", ("group_by_field", "info[\"tag\"]"), ("json_type", "Bool"), ("strict_cast", "true"));
        await Refused("unsupported json_type DOUBLE for JSON group by", ("group_by_field", "info[\"tag\"]"), ("json_type", "Double"));
        await Refused("unsupported data type VECTOR_FLOAT for group by operator", ("group_by_field", "vec"));
        await Refused("cannot parse identifier: 21", ("group_by_field", "21"));
        await Refused("group_by with json path is not supported for multi-field group_by, field:color", ("group_by_fields", "flag,color"));
        await Refused("order_by_fields is not supported with multi-field group_by_fields", ("group_by_fields", "flag,small"), ("order_by_fields", "id"));

        // Where no row can have more than its fields, an unknown name is one mistake more.
        var plain = Sample.Schema("plain");
        plain.EnableDynamicField = false;
        await lab.Ready("plain", schema: plain);
        var unknown = Near(10, ("group_by_field", "nothing"));
        unknown.CollectionName = "plain";
        var status = (await engine.Client.SearchAsync(unknown)).Status;
        Assert.Equal((1700, "groupBy field not found in schema: field not found[field=nothing]"), (status.Code, status.Reason));

        async Task Refused(string why, params (string, string)[] parameters) =>
            Assert.Contains(why, (await engine.Client.SearchAsync(Near(10, parameters))).Status.Reason, StringComparison.Ordinal);
    }

    private static SearchRequest Near(int limit, params (string, string)[] parameters) => ServiceLab.Search(Sample.Vector(50, 0), limit, parameters);

    private static SearchRequest Ask(SearchAggregationSpec spec, params string[] output)
    {
        var request = Near(10);
        request.SearchAggregation = spec;
        request.OutputFields.Add(output);
        return request;
    }

    private static SearchRequest With(SearchRequest request, params (string, string)[] parameters)
    {
        request.SearchParams.Add(ServiceLab.Parameters(parameters));
        return request;
    }

    private static SearchAggregationSpec By(string field) => new() { Fields = { field }, Size = 1 };

    private static SearchAggregationSpec Measured(string op, string field)
    {
        var spec = By("flag");
        spec.Metrics["m"] = new MetricAggSpec { Op = op, FieldName = field };
        return spec;
    }
}
