using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
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
            AddTemplates(request.ExprTemplateValues, call.Part("exprParams"));
            var answer = await call.Core.Delete(request, call.Context);
            RestCall.Check(answer.Status);
            return new RestRows(new Dictionary<string, object?> { ["deleteCount"] = answer.DeleteCnt });
        });
        add("entities/query", call => Query(call, call.Text("filter"), call.Whole("limit", DefaultLimit)));
        add("entities/get", async call =>
        {
            var described = await call.Described();
            return await Query(call, KeyFilter(described.Schema, call.NeededPart("id")), -1);
        });
        add("entities/search", RestSearches.Search);
        add("entities/hybrid_search", RestSearches.Hybrid);
        add("entities/advanced_search", RestSearches.Hybrid);
    }

    private static async Task<object> Insert(RestCall call)
    {
        var (schema, rows) = await Rows(call);
        if (schema.Fields.FirstOrDefault(f => f.IsPrimaryKey && f.AutoID) is { } key && !TakesOwnKeys(schema) && rows.Exists(r => r.ValueKind == JsonValueKind.Object && r.TryGetProperty(key.Name, out _)))
        {
            throw new Fault(1804, $"fail to deal the insert data, error: no need to pass pk field({key.Name}) when autoid==true in insert: invalid parameter");
        }

        var request = new InsertRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Text("partitionName"), NumRows = (uint)rows.Count };
        request.FieldsData.Add(RowsFromJson.Columns(schema, rows));
        var answer = await call.Core.Insert(request, call.Context);
        RestCall.Check(answer.Status);
        return new RestRows(new Dictionary<string, object?> { ["insertCount"] = answer.InsertCnt, ["insertIds"] = Keys(call, answer.IDs) });
    }

    private static bool TakesOwnKeys(CollectionSchema schema) => schema.Properties.Any(p => p.Key == "allow_insert_auto_id" && p.Value.Equals("true", StringComparison.OrdinalIgnoreCase));

    private static async Task<object> Upsert(RestCall call)
    {
        var operations = call.Part("fieldOps") is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Select(Operation).ToList() : [];
        var (schema, rows) = await Rows(call);
        var request = new UpsertRequest
        {
            DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Text("partitionName"), NumRows = (uint)rows.Count, PartialUpdate = call.Flag("partialUpdate"),
        };
        request.FieldOps.Add(operations);
        request.FieldsData.Add(RowsFromJson.Columns(schema, rows, partial: request.PartialUpdate));
        var answer = await call.Core.Upsert(request, call.Context);
        RestCall.Check(answer.Status);
        return new RestRows(new Dictionary<string, object?> { ["upsertCount"] = answer.UpsertCnt, ["upsertIds"] = Keys(call, answer.IDs) });
    }

    private static FieldPartialUpdateOp Operation(JsonElement given)
    {
        var named = given.TryGetProperty("op", out var op) ? RestCall.Written(op) : "";
        return new FieldPartialUpdateOp
        {
            FieldName = given.TryGetProperty("fieldName", out var name) ? RestCall.Written(name) : "",
            Op = named.Trim().ToUpperInvariant() switch
            {
                "REPLACE" => FieldPartialUpdateOp.Types.OpType.Replace,
                "ARRAY_APPEND" => FieldPartialUpdateOp.Types.OpType.ArrayAppend,
                "ARRAY_REMOVE" => FieldPartialUpdateOp.Types.OpType.ArrayRemove,
                _ => throw Faults.Invalid($"unsupported partial update op: {named}"),
            },
        };
    }

    private static async Task<object> Query(RestCall call, string filter, int limit)
    {
        call.CheckLevel();
        var request = new QueryRequest { DbName = call.Database, CollectionName = call.Collection, Expr = filter };
        request.PartitionNames.Add(call.Texts("partitionNames"));
        request.OutputFields.Add(call.Part("outputFields") is { ValueKind: JsonValueKind.Array } ? call.Texts("outputFields") : ["*"]);
        AddTemplates(request.ExprTemplateValues, call.Part("exprParams"));
        if (limit > 0 && !(request.OutputFields.Count == 1 && request.OutputFields[0].Trim().Equals("count(*)", StringComparison.OrdinalIgnoreCase)))
        {
            request.QueryParams.Add(Pair("limit", limit));
        }

        if (limit >= 0 && call.Whole("offset", 0) is > 0 and var offset)
        {
            request.QueryParams.Add(Pair("offset", offset));
        }

        if (limit >= 0 && call.Texts("orderByFields").ToList() is { Count: > 0 } order)
        {
            request.QueryParams.Add(new Pair { Key = "order_by_fields", Value = string.Join(',', order) });
        }

        var answer = await call.Core.Query(request, call.Context);
        RestCall.Check(answer.Status);
        return new RestRows(new RowsToJson(call.WideNumbers).Rows(answer.FieldsData));
    }

    private static async Task<(CollectionSchema Schema, List<JsonElement> Rows)> Rows(RestCall call)
    {
        var data = call.NeededPart("data");
        var described = await call.Described();
        List<JsonElement> rows = data.ValueKind == JsonValueKind.Array ? [.. data.EnumerateArray()] : [data];
        described.Schema.Properties.Add(described.Properties);
        return rows.Count > 0 ? (described.Schema, rows) : throw new Fault(1804, "fail to deal the insert data, error: missing required parameters");
    }

    private static string KeyFilter(CollectionSchema schema, JsonElement ids)
    {
        var key = schema.Fields.First(f => f.IsPrimaryKey);
        var values = ids.ValueKind == JsonValueKind.Array ? ids.EnumerateArray().ToList() : [ids];
        var written = values.Select(v => key.DataType == DataType.VarChar ? JsonSerializer.Serialize(v.ToString(), RestTextJson.Default.String) : v.ToString());
        return $"{key.Name} in [{string.Join(',', written)}]";
    }

    private static IEnumerable<object?> Keys(RestCall call, IDs ids) =>
        ids.IntId is { } whole ? whole.Data.Select(v => call.WideNumbers ? (object?)v : v.ToString(CultureInfo.InvariantCulture)) : ids.StrId.Data;

    private static Pair Pair(string key, int value) => new() { Key = key, Value = value.ToString(CultureInfo.InvariantCulture) };

    /// <summary>Values for {name} in a filter.</summary>
    public static void AddTemplates(MapField<string, TemplateValue> values, JsonElement? parameters)
    {
        foreach (var parameter in parameters is { ValueKind: JsonValueKind.Object } given ? given.EnumerateObject() : default)
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
