using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>Rows: written as JSON objects, found by key, filter or vector, and given back as JSON objects.</summary>
internal static class RestEntities
{
    private const int DefaultLimit = 100;

    public static void Add(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("entities/insert", Insert);
        add("entities/upsert", Upsert);
        add("entities/delete", async call =>
        {
            var request = new DeleteRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Text("partitionName"), Expr = call.Needed("filter") };
            AddTemplates(request.ExprTemplateValues, call);
            var answer = await call.Core.Delete(request, call.Context);
            RestCall.Check(answer.Status);
            return ((object)new Dictionary<string, object?>(), 0);
        });
        add("entities/query", call => Query(call, call.Text("filter"), call.Whole("limit", DefaultLimit)));
        add("entities/get", async call =>
        {
            var described = await call.Described();
            return await Query(call, KeyFilter(described.Schema, call.NeededPart("id")), -1);
        });
        add("entities/search", Search);
        add("entities/hybrid_search", Hybrid);
        add("entities/advanced_search", Hybrid);
    }

    private static async Task<object> Insert(RestCall call)
    {
        var (schema, rows) = await Rows(call);
        var request = new InsertRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Text("partitionName"), NumRows = (uint)rows.Count };
        request.FieldsData.Add(RowsFromJson.Columns(schema, rows));
        var answer = await call.Core.Insert(request, call.Context);
        RestCall.Check(answer.Status);
        return ((object)new Dictionary<string, object?> { ["insertCount"] = answer.InsertCnt, ["insertIds"] = Keys(answer.IDs) }, 0);
    }

    private static async Task<object> Upsert(RestCall call)
    {
        var (schema, rows) = await Rows(call);
        var request = new UpsertRequest
        {
            DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Text("partitionName"), NumRows = (uint)rows.Count, PartialUpdate = call.Flag("partialUpdate"),
        };
        request.FieldsData.Add(RowsFromJson.Columns(schema, rows));
        var answer = await call.Core.Upsert(request, call.Context);
        RestCall.Check(answer.Status);
        return ((object)new Dictionary<string, object?> { ["upsertCount"] = answer.UpsertCnt, ["upsertIds"] = Keys(answer.IDs) }, 0);
    }

    private static async Task<object> Query(RestCall call, string filter, int limit)
    {
        var request = new QueryRequest { DbName = call.Database, CollectionName = call.Collection, Expr = filter };
        request.PartitionNames.Add(call.Texts("partitionNames"));
        request.OutputFields.Add(Wanted(call));
        AddTemplates(request.ExprTemplateValues, call);
        if (!request.OutputFields.Any(f => f.Equals("count(*)", StringComparison.OrdinalIgnoreCase)) && limit > 0)
        {
            request.QueryParams.Add(Pair("limit", limit));
            request.QueryParams.Add(Pair("offset", call.Whole("offset", 0)));
        }

        var answer = await call.Core.Query(request, call.Context);
        RestCall.Check(answer.Status);
        return ((object)RowsToJson.Rows(answer.FieldsData), 0);
    }

    private static async Task<object> Search(RestCall call)
    {
        var described = await call.Described();
        var request = Read(call, described.Schema, call.Body, call.Whole("limit", DefaultLimit), call.Whole("offset", 0));
        request.OutputFields.Add(Wanted(call));
        request.PartitionNames.Add(call.Texts("partitionNames"));
        foreach (var name in (string[])["groupingField", "groupSize", "strictGroupSize"])
        {
            if (call.Part(name) is { } value)
            {
                request.SearchParams.Add(new Pair { Key = name switch { "groupingField" => "group_by_field", "groupSize" => "group_size", _ => "strict_group_size" }, Value = value.ToString().ToLowerInvariant() });
            }
        }

        if (call.Part("groupingField") is { ValueKind: JsonValueKind.String } grouping)
        {
            request.SearchParams.First(p => p.Key == "group_by_field").Value = grouping.GetString()!;
        }

        return Found(await call.Core.Search(request, call.Context));
    }

    private static async Task<object> Hybrid(RestCall call)
    {
        var described = await call.Described();
        var request = new HybridSearchRequest { DbName = call.Database, CollectionName = call.Collection };
        request.PartitionNames.Add(call.Texts("partitionNames"));
        request.OutputFields.Add(Wanted(call));
        foreach (var sub in call.NeededPart("search").EnumerateArray())
        {
            request.Requests.Add(Read(call, described.Schema, sub, sub.TryGetProperty("limit", out var limit) && limit.TryGetInt32(out var most) ? most : DefaultLimit, 0));
        }

        request.RankParams.Add(Pair("limit", call.Whole("limit", DefaultLimit)));
        request.RankParams.Add(Pair("offset", call.Whole("offset", 0)));
        if (call.Part("rerank") is { ValueKind: JsonValueKind.Object } rerank)
        {
            request.RankParams.Add(RestCall.Pairs(rerank));
        }

        return Found(await call.Core.HybridSearch(request, call.Context));
    }

    private static SearchRequest Read(RestCall call, CollectionSchema schema, JsonElement from, int limit, int offset)
    {
        var request = new SearchRequest { DbName = call.Database, CollectionName = call.Collection, DslType = DslType.BoolExprV1, Dsl = from.TryGetProperty("filter", out var filter) ? filter.GetString() ?? "" : "" };
        AddTemplates(request.ExprTemplateValues, call);
        var vectors = schema.Fields.Where(f => FieldDefinition.IsVectorType(f.DataType)).ToList();
        var name = from.TryGetProperty("annsField", out var named) && named.GetString() is { Length: > 0 } text ? text : vectors.Count == 1 ? vectors[0].Name : "";
        var field = vectors.Find(f => f.Name == name) ?? throw new Fault(1100, $"cannot find a vector field named: {name}: invalid parameter");
        if (!from.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array)
        {
            throw new Fault(1802, "missing required parameters, error: 'data' is required");
        }

        var value = new PlaceholderValue { Tag = "$0", Type = (PlaceholderType)(int)field.DataType };
        value.Values.Add(data.EnumerateArray().Select(v => ByteString.CopyFrom(RowsFromJson.VectorBytes(field, v))));
        request.PlaceholderGroup = new PlaceholderGroup { Placeholders = { value } }.ToByteString();
        request.Nq = value.Values.Count;
        request.SearchParams.Add(Pair("topk", limit));
        request.SearchParams.Add(Pair("offset", offset));
        request.SearchParams.Add(new Pair { Key = "anns_field", Value = field.Name });
        if (from.TryGetProperty("metricType", out var metric) && metric.GetString() is { Length: > 0 } asked)
        {
            request.SearchParams.Add(new Pair { Key = "metric_type", Value = asked });
        }

        if (from.TryGetProperty("searchParams", out var parameters))
        {
            request.SearchParams.Add(RestCall.Pairs(parameters));
        }

        return request;
    }

    private static object Found(SearchResults answer)
    {
        RestCall.Check(answer.Status);
        return ((object)RowsToJson.Hits(answer.Results), 0);
    }

    private static IEnumerable<string> Wanted(RestCall call) => call.Part("outputFields") is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0 ? call.Texts("outputFields") : ["*"];

    private static async Task<(CollectionSchema Schema, List<JsonElement> Rows)> Rows(RestCall call)
    {
        var data = call.NeededPart("data");
        var described = await call.Described();
        return (described.Schema, data.ValueKind == JsonValueKind.Array ? [.. data.EnumerateArray()] : [data]);
    }

    private static string KeyFilter(CollectionSchema schema, JsonElement ids)
    {
        var key = schema.Fields.First(f => f.IsPrimaryKey);
        var values = ids.ValueKind == JsonValueKind.Array ? ids.EnumerateArray().ToList() : [ids];
        var written = values.Select(v => key.DataType == DataType.VarChar ? JsonSerializer.Serialize(v.ToString(), RestTextJson.Default.String) : v.ToString());
        return $"{key.Name} in [{string.Join(',', written)}]";
    }

    private static IEnumerable<object?> Keys(IDs ids) => ids.IntId is { } whole ? whole.Data.Select(v => (object?)v) : ids.StrId.Data;

    private static Pair Pair(string key, int value) => new() { Key = key, Value = value.ToString(CultureInfo.InvariantCulture) };

    /// <summary>Values for {name} in a filter.</summary>
    private static void AddTemplates(MapField<string, TemplateValue> values, RestCall call)
    {
        foreach (var parameter in call.Part("exprParams") is { ValueKind: JsonValueKind.Object } given ? given.EnumerateObject() : default)
        {
            values[parameter.Name] = parameter.Value.ValueKind switch
            {
                JsonValueKind.True or JsonValueKind.False => new TemplateValue { BoolVal = parameter.Value.GetBoolean() },
                JsonValueKind.Number => parameter.Value.TryGetInt64(out var whole) ? new TemplateValue { Int64Val = whole } : new TemplateValue { FloatVal = parameter.Value.GetDouble() },
                JsonValueKind.Array => new TemplateValue { ArrayVal = ArrayOf(parameter.Value) },
                _ => new TemplateValue { StringVal = parameter.Value.ToString() },
            };
        }
    }

    private static TemplateArrayValue ArrayOf(JsonElement list)
    {
        var array = new TemplateArrayValue();
        var items = list.EnumerateArray().ToList();
        if (items.TrueForAll(i => i.ValueKind == JsonValueKind.Number && i.TryGetInt64(out _)))
        {
            array.LongData = new LongArray { Data = { items.Select(i => i.GetInt64()) } };
        }
        else if (items.TrueForAll(i => i.ValueKind == JsonValueKind.Number))
        {
            array.DoubleData = new DoubleArray { Data = { items.Select(i => i.GetDouble()) } };
        }
        else
        {
            array.StringData = new StringArray { Data = { items.Select(i => i.ToString()) } };
        }

        return array;
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class RestTextJson : System.Text.Json.Serialization.JsonSerializerContext;
