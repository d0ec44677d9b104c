using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>Searches by vectors, texts, lists of vectors or keys, alone or several put together.</summary>
internal static class RestSearches
{
    private const int DefaultLimit = 100;

    public static async Task<object> Search(RestCall call)
    {
        call.CheckLevel();
        var schema = (await call.Described()).Schema;
        RefuseUnserved(call);
        var (byKeys, byData) = (IsFilled(call.Part("ids")), IsFilled(call.Part("data")));
        if (byKeys && byData)
        {
            throw new Fault(1100, "primary keys (ids) and query vectors (data) are mutually exclusive. Please provide either 'ids' or 'data', not both");
        }

        if (!byKeys && !byData)
        {
            throw new Fault(1802, "either 'ids' (for primary key search) or 'data' (for vector search) must be provided");
        }

        var request = Read(call, call.Body, call.Part("searchParams"), call.Whole("limit", DefaultLimit));
        request.OutputFields.Add(call.Texts("outputFields"));
        request.PartitionNames.Add(call.Texts("partitionNames"));
        request.SearchParams.Add(Grouping(call));
        request.FunctionScore = RestSchemas.Score(call.Part("functionScore"));
        if (byKeys)
        {
            request.Ids = Keys(schema.Fields.First(f => f.IsPrimaryKey), call.NeededPart("ids"));
        }
        else
        {
            SetQueries(request, schema, call.Body);
        }

        return Found(call, await call.Core.Search(request, call.Context));
    }

    public static async Task<object> Hybrid(RestCall call)
    {
        call.CheckLevel();
        if (call.Part("functionChains") is { ValueKind: JsonValueKind.Array } chains && chains.GetArrayLength() > 0)
        {
            throw Faults.Invalid("functionChains is not supported for hybrid search yet");
        }

        var parts = call.Part("search") is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().ToList() : [];
        if (call.Part("searchAggregation") is not null || parts.Exists(s => s.ValueKind == JsonValueKind.Object && s.TryGetProperty("searchAggregation", out var asked) && asked.ValueKind != JsonValueKind.Null))
        {
            throw Faults.Invalid("searchAggregation is not supported for hybrid search");
        }

        var schema = (await call.Described()).Schema;
        var request = new HybridSearchRequest { DbName = call.Database, CollectionName = call.Collection, FunctionScore = RestSchemas.Score(call.Part("functionScore")) };
        request.PartitionNames.Add(call.Texts("partitionNames"));
        request.OutputFields.Add(call.Texts("outputFields"));
        foreach (var part in parts)
        {
            if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("data", out _))
            {
                throw new Fault(1802, "missing required parameters, error: 'data' of a search is required");
            }

            var search = Read(call, part, part.TryGetProperty("params", out var parameters) ? parameters : null, part.TryGetProperty("limit", out var limit) ? limit.GetInt32() : 0);
            SetQueries(search, schema, part);
            request.Requests.Add(search);
        }

        request.RankParams.Add(Pair("limit", call.Whole("limit", DefaultLimit)));
        request.RankParams.Add(Pair("offset", call.Whole("offset", 0)));
        request.RankParams.Add(Grouping(call));
        if (call.Part("rerank") is { ValueKind: JsonValueKind.Object } rerank)
        {
            request.RankParams.Add(RestCall.Pairs(rerank));
        }

        return Found(call, await call.Core.HybridSearch(request, call.Context));
    }

    private static void RefuseUnserved(RestCall call)
    {
        foreach (var name in (string[])["functionChains", "searchAggregation"])
        {
            if (call.Part(name) is { } given && !(given.ValueKind == JsonValueKind.Array && given.GetArrayLength() == 0))
            {
                throw Faults.NotServed($"{name} of a search");
            }
        }
    }

    /// <summary>All of one search but what it looks for. The metric is the index's: Milvus does not read the one in a body.</summary>
    private static SearchRequest Read(RestCall call, JsonElement from, JsonElement? parameters, int limit)
    {
        var request = new SearchRequest { DbName = call.Database, CollectionName = call.Collection, DslType = DslType.BoolExprV1, Dsl = from.TryGetProperty("filter", out var filter) ? filter.GetString() ?? "" : "" };
        RestEntities.AddTemplates(request.ExprTemplateValues, from.TryGetProperty("exprParams", out var given) ? given : null);
        request.SearchParams.Add(Parameters(parameters));
        request.SearchParams.Add(Pair("topk", limit));
        request.SearchParams.Add(Pair("offset", from.TryGetProperty("offset", out var offset) ? offset.GetInt32() : 0));
        if (from.TryGetProperty("annsField", out var name) && name.GetString() is { Length: > 0 } field)
        {
            request.SearchParams.Add(new Pair { Key = "anns_field", Value = field });
        }

        return request;
    }

    /// <summary>Parameters beside `params` and within it count alike; the same name with two values is refused.</summary>
    private static IEnumerable<Pair> Parameters(JsonElement? given)
    {
        if (given is not { ValueKind: JsonValueKind.Object } members)
        {
            yield break;
        }

        var nested = members.TryGetProperty("params", out var inner) && inner.ValueKind != JsonValueKind.Null ? inner : default;
        if (nested.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Object))
        {
            throw Faults.Invalid("searchParams.params must be a dict");
        }

        foreach (var member in members.EnumerateObject())
        {
            if (member.Name != "params" && nested.ValueKind == JsonValueKind.Object && nested.TryGetProperty(member.Name, out var other) && !Same(member.Value, other))
            {
                throw Faults.Invalid($"ambiguous parameter: {member.Name}, in search_param: {RestCall.Written(member.Value)}, in search_param.params: {RestCall.Written(other)}");
            }

            yield return new Pair { Key = member.Name == "ignoreGrowing" ? "ignore_growing" : member.Name, Value = RestCall.Written(member.Value) };
        }
    }

    private static bool Same(JsonElement one, JsonElement other) => one.ValueKind == JsonValueKind.Number && other.ValueKind == JsonValueKind.Number
        ? one.GetDouble().Equals(other.GetDouble()) : JsonElement.DeepEquals(one, other);

    private static IEnumerable<Pair> Grouping(RestCall call)
    {
        if (call.Text("groupingField") is not { Length: > 0 } field)
        {
            yield break;
        }

        yield return new Pair { Key = "group_by_field", Value = field };
        if (call.Whole("groupSize", 0) is > 0 and var size)
        {
            yield return Pair("group_size", size);
            yield return new Pair { Key = "strict_group_size", Value = call.Flag("strictGroupSize") ? "true" : "false" };
        }
    }

    private static void SetQueries(SearchRequest request, CollectionSchema schema, JsonElement from)
    {
        var field = VectorField(schema, request.SearchParams.FirstOrDefault(p => p.Key == "anns_field")?.Value ?? "");
        var data = from.GetProperty("data");
        if (data.ValueKind != JsonValueKind.Array)
        {
            throw new Fault(1801, "can only accept json format request, error: data should be a list");
        }

        var queries = data.EnumerateArray().ToList();
        var value = new PlaceholderValue { Tag = "$0", Type = (PlaceholderType)(int)field.DataType };
        if (field.IsFunctionOutput && (field.DataType == DataType.SparseFloatVector || queries.TrueForAll(q => q.ValueKind == JsonValueKind.String)))
        {
            value.Type = PlaceholderType.VarChar;
            value.Values.Add(queries.Select(q => ByteString.CopyFromUtf8(RestCall.Written(q))));
        }
        else if (field.DataType == DataType.ArrayOfVector)
        {
            var lists = queries.Count > 0 && queries[0].ValueKind == JsonValueKind.Array && queries[0].EnumerateArray().FirstOrDefault().ValueKind is JsonValueKind.Array or JsonValueKind.String;
            var element = new FieldSchema { Name = field.Name, DataType = field.ElementType, TypeParams = { field.TypeParams } };
            value.Type = (PlaceholderType)((int)field.ElementType + (lists ? PlaceholderType.EmbListFloatVector - PlaceholderType.FloatVector : 0));
            value.Values.Add(queries.Select(q => lists ? ByteString.CopyFrom([.. q.EnumerateArray().SelectMany(v => Query(element, v))]) : ByteString.CopyFrom(Query(element, q))));
        }
        else
        {
            value.Values.Add(queries.Select(q => ByteString.CopyFrom(Query(field, q))));
        }

        request.PlaceholderGroup = new PlaceholderGroup { Placeholders = { value } }.ToByteString();
        request.Nq = value.Values.Count;
    }

    private static FieldSchema VectorField(CollectionSchema schema, string name)
    {
        var vectors = schema.Fields.Where(f => FieldDefinition.IsVectorType(f.DataType)).ToList();
        if (name.Length > 0)
        {
            return vectors.Find(f => f.Name == name)
                ?? schema.StructArrayFields.SelectMany(a => a.Fields.Where(p => p.DataType == DataType.ArrayOfVector && (p.Name == name || $"{a.Name}[{p.Name}]" == name))).FirstOrDefault()
                ?? throw new Fault(1801, $"can only accept json format request, error: cannot find a vector field: field not found[field={name}]");
        }

        return vectors.Count switch
        {
            0 => throw new Fault(1801, "can only accept json format request, error: cannot find a vector field: field not found[field=]"),
            1 => vectors[0],
            _ => throw new Fault(1801, $"can only accept json format request, error: search without annsField, but already found multiple vector fields: [{vectors[0].Name}, {vectors[1].Name},,,]: invalid parameter"),
        };
    }

    private static byte[] Query(FieldSchema field, JsonElement value)
    {
        byte[] bytes;
        try
        {
            bytes = RowsFromJson.VectorBytes(field, value);
        }
        catch (Fault)
        {
            throw Unfit($"{RowsFromJson.Short(value)} is no {RestSchemas.NameOf(field.DataType)}");
        }

        var (width, what) = field.DataType switch
        {
            DataType.FloatVector => (sizeof(float), "float"),
            DataType.Float16Vector or DataType.Bfloat16Vector => (sizeof(ushort), "float"),
            DataType.Int8Vector => (1, "int8"),
            _ => (0, ""),
        };
        return width == 0 || !int.TryParse(FieldDefinition.Parameter(field, "dim"), NumberStyles.None, CultureInfo.InvariantCulture, out var dim) || bytes.Length == dim * width ? bytes
            : throw Unfit($"dimension: {dim}, but length of []{what}: {bytes.Length / width}");

        Fault Unfit(string why) => new(1801, $"can only accept json format request, error: {why}: invalid parameter[expected={RestSchemas.NameOf(field.DataType)}][actual={RowsFromJson.Short(value)}]");
    }

    private static IDs Keys(FieldSchema key, JsonElement given)
    {
        var values = given.EnumerateArray().ToList();
        if (key.DataType == DataType.VarChar)
        {
            var empty = values.FindIndex(v => RestCall.Written(v).Length == 0);
            return empty < 0 ? new IDs { StrId = new StringArray { Data = { values.Select(RestCall.Written) } } }
                : throw new Fault(1100, $"invalid parameter, error: empty string id at index {empty}: invalid parameter");
        }

        return new IDs { IntId = new LongArray { Data = { values.Select(WholeKey) } } };
    }

    private static long WholeKey(JsonElement value, int index) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt64(out var whole) => whole,
        JsonValueKind.Number => throw new Fault(1100, $"invalid parameter, error: invalid int64 id at index {index}: {value.GetRawText()} has fractional part: invalid parameter"),
        JsonValueKind.String when long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        _ => throw new Fault(1100, $"invalid parameter, error: invalid int64 id at index {index}: {RestCall.Written(value)}: invalid parameter"),
    };

    private static bool IsFilled(JsonElement? list) => list is { } given && (given.ValueKind != JsonValueKind.Array || given.GetArrayLength() > 0);

    private static RestRows Found(RestCall call, SearchResults answer)
    {
        RestCall.Check(answer.Status);
        return answer.Results.TopK == 0 ? new RestRows(Array.Empty<object>()) : new RestRows(new RowsToJson(call.WideNumbers).Hits(answer.Results), answer.Results.Topks);
    }

    private static Pair Pair(string key, int value) => new() { Key = key, Value = value.ToString(CultureInfo.InvariantCulture) };
}
