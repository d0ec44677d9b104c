using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>Collections: made with a schema or with little more than a dimension, described, altered, loaded, compacted.</summary>
internal static class RestCollections
{
    public static void Add(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("collections/create", Create);
        add("collections/list", async call =>
        {
            var answer = await call.Core.ShowCollections(new ShowCollectionsRequest { DbName = call.Database }, call.Context);
            RestCall.Check(answer.Status);
            return answer.CollectionNames;
        });
        add("collections/has", async call =>
        {
            var answer = await call.Core.HasCollection(new HasCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["has"] = answer.Value };
        });
        add("collections/describe", Describe);
        add("collections/drop", call => RestCall.Done(call.Core.DropCollection(new DropCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context)));
        add("collections/rename", call => RestCall.Done(call.Core.RenameCollection(
            new RenameCollectionRequest { DbName = call.Database, OldName = call.Collection, NewName = call.Needed("newCollectionName"), NewDBName = call.Text("newDbName") }, call.Context)));
        add("collections/get_stats", async call =>
        {
            var answer = await call.Core.GetCollectionStatistics(new GetCollectionStatisticsRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["rowCount"] = long.Parse(answer.Stats[0].Value, CultureInfo.InvariantCulture) };
        });
        AddLoading(add);
        AddAltering(add);
    }

    private static void AddLoading(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("collections/load", call => RestCall.Done(call.Core.LoadCollection(new LoadCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context)));
        add("collections/refresh_load", call => RestCall.Done(call.Core.LoadCollection(new LoadCollectionRequest { DbName = call.Database, CollectionName = call.Collection, Refresh = true }, call.Context)));
        add("collections/release", call => RestCall.Done(call.Core.ReleaseCollection(new ReleaseCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context)));
        add("collections/get_load_state", async call =>
        {
            var request = new GetLoadStateRequest { DbName = call.Database, CollectionName = call.Collection };
            request.PartitionNames.Add(call.Texts("partitionNames"));
            var answer = await call.Core.GetLoadState(request, call.Context);
            RestCall.Check(answer.Status);
            return answer.State == LoadState.NotLoad
                ? new Dictionary<string, object?> { ["loadState"] = "LoadState" + answer.State }
                : new Dictionary<string, object?> { ["loadState"] = "LoadState" + answer.State, ["loadProgress"] = answer.State == LoadState.Loaded ? 100 : 0 };
        });
        add("collections/flush", async call =>
        {
            RestCall.Check((await call.Core.Flush(new FlushRequest { DbName = call.Database, CollectionNames = { call.Collection } }, call.Context)).Status);
            return new Dictionary<string, object?>();
        });
        add("collections/compact", async call =>
        {
            var answer = await call.Core.ManualCompaction(new ManualCompactionRequest { DbName = call.Database, CollectionName = call.Collection, MajorCompaction = call.Flag("isClustering") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["compactionID"] = answer.CompactionID };
        });
        add("collections/get_compaction_state", async call =>
        {
            var job = call.Part("jobID") is null ? 0 : call.Long("jobID");
            var answer = await call.Core.GetCompactionState(new GetCompactionStateRequest { CompactionID = job }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?>
            {
                ["compactionID"] = job, ["state"] = answer.State.ToString(), ["executingPlanNumber"] = answer.ExecutingPlanNo, ["timeoutPlanNumber"] = answer.TimeoutPlanNo, ["completedPlanNumber"] = answer.CompletedPlanNo,
            };
        });
    }

    private static void AddAltering(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("collections/alter_properties", call =>
        {
            var request = new AlterCollectionRequest { DbName = call.Database, CollectionName = call.Collection };
            request.Properties.Add(RestCall.Pairs(call.Part("properties")));
            return RestCall.Done(call.Core.AlterCollection(request, call.Context));
        });
        add("collections/drop_properties", call =>
        {
            var request = new AlterCollectionRequest { DbName = call.Database, CollectionName = call.Collection };
            request.DeleteKeys.Add(call.Texts("propertyKeys"));
            return RestCall.Done(call.Core.AlterCollection(request, call.Context));
        });
        add("collections/fields/alter_properties", call =>
        {
            var request = new AlterCollectionFieldRequest { DbName = call.Database, CollectionName = call.Collection, FieldName = call.Needed("fieldName") };
            request.Properties.Add(RestCall.Pairs(call.Part("fieldParams")));
            return RestCall.Done(call.Core.AlterCollectionField(request, call.Context));
        });
        add("collections/fields/add", call => RestCall.Done(call.Core.AddCollectionField(
            new AddCollectionFieldRequest { DbName = call.Database, CollectionName = call.Collection, Schema = RestSchemas.PlainField(call.NeededPart("schema")).ToByteString() }, call.Context)));
        add("collections/struct_fields/add", call => RestCall.Done(call.Core.AddCollectionStructField(
            new AddCollectionStructFieldRequest { DbName = call.Database, CollectionName = call.Collection, StructArrayFieldSchema = RestSchemas.Structs(call.NeededPart("schema")) }, call.Context)));
        add("collections/add_function", call => RestCall.Done(call.Core.AddCollectionFunction(
            new AddCollectionFunctionRequest { DbName = call.Database, CollectionName = call.Collection, FunctionSchema = RestSchemas.Function(call.NeededPart("function")) }, call.Context)));
        add("collections/alter_function", call => RestCall.Done(call.Core.AlterCollectionFunction(
            new AlterCollectionFunctionRequest { DbName = call.Database, CollectionName = call.Collection, FunctionName = call.Needed("functionName"), FunctionSchema = RestSchemas.Function(call.NeededPart("function")) }, call.Context)));
        add("collections/drop_function", call => RestCall.Done(call.Core.DropCollectionFunction(
            new DropCollectionFunctionRequest { DbName = call.Database, CollectionName = call.Collection, FunctionName = call.Part("FunctionName") is null ? call.Needed("functionName") : call.Needed("FunctionName") }, call.Context)));
        add("collections/truncate", async call =>
        {
            RestCall.Check((await call.Core.TruncateCollection(new TruncateCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context)).Status);
            return new Dictionary<string, object?>();
        });
    }

    private static async Task<object> Create(RestCall call)
    {
        var given = call.Part("schema");
        var quick = given is not { ValueKind: JsonValueKind.Object } schema || !schema.TryGetProperty("fields", out var fields) || fields.ValueKind != JsonValueKind.Array || fields.GetArrayLength() == 0;
        var parameters = call.Part("params") ?? default;
        var described = quick ? RestSchemas.Quick(call) : RestSchemas.Full(call, given!.Value);
        var request = new CreateCollectionRequest
        {
            DbName = call.Database,
            CollectionName = call.Collection,
            Schema = described.ToByteString(),
            ShardsNum = Number(parameters, "shardsNum", 1),
            NumPartitions = described.Fields.Any(f => f.IsPartitionKey) ? Number(parameters, "partitionsNum", 0) : 0,
            ConsistencyLevel = Level(call, parameters),
        };
        request.Properties.Add(Properties(call, parameters));
        var metric = quick ? QuickMetric(call, described.Fields[1].DataType) : "";
        await RestCall.Done(call.Core.CreateCollection(request, call.Context));
        var indexes = call.Part("indexParams") is { ValueKind: JsonValueKind.Array } list && !quick ? list.EnumerateArray().ToList() : [];
        if (quick)
        {
            var index = new CreateIndexRequest { DbName = call.Database, CollectionName = call.Collection, FieldName = described.Fields[1].Name, IndexName = described.Fields[1].Name };
            index.ExtraParams.Add(new Pair { Key = "metric_type", Value = metric });
            await RestCall.Done(call.Core.CreateIndex(index, call.Context));
        }

        foreach (var index in indexes)
        {
            var wanted = RestCatalog.IndexOf(call.Database, call.Collection, index);
            if (!IsDefined(described, wanted.FieldName))
            {
                throw new Fault(1802, $"missing required parameters, error: `{wanted.FieldName}` hasn't defined in schema");
            }

            await RestCall.Done(call.Core.CreateIndex(wanted, call.Context));
        }

        // As in Milvus, a collection that can be searched is loaded at once.
        return quick || indexes.Count > 0
            ? await RestCall.Done(call.Core.LoadCollection(new LoadCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context))
            : new Dictionary<string, object?>();
    }

    private static bool IsDefined(CollectionSchema schema, string name) => schema.Fields.Any(f => f.Name == name)
        || schema.StructArrayFields.Any(a => a.Name == name || a.Fields.Any(p => $"{a.Name}[{p.Name}]" == name));

    private static string QuickMetric(RestCall call, DataType type)
    {
        var asked = call.Text("metricType");
        var (otherwise, allowed, refusal) = type switch
        {
            DataType.BinaryVector => ("HAMMING", ["HAMMING", "JACCARD"], "binary vector index does not support metric type: " + asked),
            DataType.SparseFloatVector => ("IP", ["IP"], asked == "BM25" ? "only BM25 Function output field support BM25 metric type" : "only IP&BM25 is the supported metric type for sparse index"),
            _ => ("COSINE", (string[])["L2", "IP", "COSINE"], "float vector index does not support metric type: " + asked),
        };
        return asked.Length == 0 ? otherwise : allowed.Contains(asked) ? asked : throw Faults.Invalid(refusal, "valid index params", "invalid index params");
    }

    /// <summary>What a body says beside the schema: the time to live in any of its three places, and others by name.</summary>
    private static IEnumerable<Pair> Properties(RestCall call, JsonElement parameters)
    {
        const string TimeToLive = "collection.ttl.seconds";
        var lives = new[] { TimeToLive, "ttl.seconds" }.Select(k => Value(call.Part("properties"), k)).Append(Value(parameters, "ttlSeconds")).OfType<string>().ToList();
        if (lives.Count > 1)
        {
            throw Faults.Invalid("collection TTL is specified multiple times");
        }

        var others = new (string Given, string Property)[]
        {
            ("ttlField", "ttl_field"), ("partitionKeyIsolation", "partitionkey.isolation"), ("mmap.enabled", "mmap.enabled"),
            ("warmup.scalarField", "warmup.scalarField"), ("warmup.scalarIndex", "warmup.scalarIndex"), ("warmup.vectorField", "warmup.vectorField"), ("warmup.vectorIndex", "warmup.vectorIndex"),
        };
        return lives.Select(l => new Pair { Key = TimeToLive, Value = l })
            .Concat(others.Where(o => Value(parameters, o.Given) is not null).Select(o => new Pair { Key = o.Property, Value = Value(parameters, o.Given)! }));
    }

    private static ConsistencyLevel Level(RestCall call, JsonElement parameters)
    {
        var (direct, within) = (call.Text("consistencyLevel"), Value(parameters, "consistencyLevel"));
        if (direct.Length > 0 && within is not null && direct != within)
        {
            throw Faults.Invalid("top-level consistencyLevel conflicts with params.consistencyLevel", "same consistencyLevel", within);
        }

        var named = direct.Length > 0 ? direct : within ?? "";
        return named.Length == 0 ? ConsistencyLevel.Bounded : RestCall.Level(named)
            ?? throw Faults.Invalid("consistencyLevel can only be [Strong, Session, Bounded, Eventually, Customized], default: Bounded", "Strong, Session, Bounded, Eventually, Customized", named);
    }

    private static async Task<object> Describe(RestCall call)
    {
        var d = await call.Described();
        var load = await call.Core.GetLoadState(new GetLoadStateRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
        var indexes = await call.Core.DescribeIndex(new DescribeIndexRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
        return new Dictionary<string, object?>
        {
            ["aliases"] = d.Aliases,
            ["autoId"] = d.Schema.Fields.Any(f => f.AutoID),
            ["collectionID"] = d.CollectionID,
            ["collectionName"] = d.CollectionName,
            ["consistencyLevel"] = d.ConsistencyLevel.ToString(),
            ["description"] = d.Schema.Description,
            ["enableDynamicField"] = d.Schema.EnableDynamicField,
            ["externalSource"] = "",
            ["externalSpec"] = "",
            ["fields"] = d.Schema.Fields.Select(Shown).ToList(),
            ["functions"] = d.Schema.Functions.Select(Shown).ToList(),
            ["indexes"] = indexes.IndexDescriptions.Select(i => new Dictionary<string, object?>
            {
                ["fieldName"] = i.FieldName, ["indexName"] = i.IndexName, ["metricType"] = i.Params.FirstOrDefault(p => p.Key == "metric_type")?.Value ?? "",
            }).ToList(),
            ["load"] = "LoadState" + load.State,
            ["partitionsNum"] = d.NumPartitions,
            ["properties"] = RestCatalog.Pairs(d.Properties),
            ["shardsNum"] = d.ShardsNum,
            ["structFields"] = d.Schema.StructArrayFields.Select(Shown).ToList(),
        };
    }

    private static Dictionary<string, object?> Shown(FieldSchema field)
    {
        var shown = new Dictionary<string, object?>
        {
            ["autoId"] = field.AutoID, ["clusteringKey"] = field.IsClusteringKey, ["description"] = field.Description, ["id"] = field.FieldID, ["name"] = field.Name,
            ["nullable"] = field.Nullable, ["partitionKey"] = field.IsPartitionKey, ["primaryKey"] = field.IsPrimaryKey, ["type"] = RestSchemas.NameOf(field.DataType),
        };
        if (field.TypeParams.Count > 0)
        {
            shown["params"] = RestCatalog.Pairs(field.TypeParams);
        }

        if (field.DataType is DataType.Array or DataType.ArrayOfVector)
        {
            shown["elementType"] = RestSchemas.NameOf(field.ElementType);
        }

        if (field.IsFunctionOutput)
        {
            shown["isFunctionOutput"] = true;
        }

        if (field.DefaultValue is { } value)
        {
            // The shape that Milvus's own structures have as JSON.
            shown["defaultValue"] = new Dictionary<string, object?> { ["Data"] = new Dictionary<string, object?> { [value.DataCase.ToString()] = Plain(value) } };
        }

        return shown;
    }

    private static object Plain(ValueField value) => value.DataCase switch
    {
        ValueField.DataOneofCase.BoolData => value.BoolData,
        ValueField.DataOneofCase.IntData => value.IntData,
        ValueField.DataOneofCase.LongData => value.LongData,
        ValueField.DataOneofCase.FloatData => value.FloatData,
        ValueField.DataOneofCase.DoubleData => value.DoubleData,
        ValueField.DataOneofCase.TimestamptzData => value.TimestamptzData,
        _ => value.StringData,
    };

    private static Dictionary<string, object?> Shown(StructArrayFieldSchema array)
    {
        var shown = new Dictionary<string, object?>
        {
            ["description"] = array.Description, ["fields"] = array.Fields.Select(Shown).ToList(), ["id"] = array.FieldID, ["name"] = array.Name,
            ["nullable"] = array.Nullable, ["type"] = RestSchemas.NameOf(DataType.ArrayOfStruct),
        };
        if (array.TypeParams.Count > 0)
        {
            shown["params"] = RestCatalog.Pairs(array.TypeParams);
        }

        return shown;
    }

    private static Dictionary<string, object?> Shown(FunctionSchema function) => new()
    {
        ["description"] = function.Description, ["id"] = function.Id, ["inputFieldNames"] = function.InputFieldNames, ["name"] = function.Name,
        ["outputFieldNames"] = function.OutputFieldNames, ["params"] = RestCatalog.Pairs(function.Params), ["type"] = (int)function.Type,
    };

    private static string? Value(JsonElement? of, string name) =>
        of is { ValueKind: JsonValueKind.Object } members && members.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? RestCall.Written(value) : null;

    private static int Number(JsonElement of, string name, int otherwise) => int.TryParse(Value(of, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
