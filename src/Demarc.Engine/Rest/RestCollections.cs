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
            return new Dictionary<string, object?> { ["loadState"] = "LoadState" + answer.State, ["loadProgress"] = answer.State == LoadState.Loaded ? 100 : 0, ["message"] = "" };
        });
        add("collections/flush", async call =>
        {
            RestCall.Check((await call.Core.Flush(new FlushRequest { DbName = call.Database, CollectionNames = { call.Collection } }, call.Context)).Status);
            return new Dictionary<string, object?>();
        });
        add("collections/compact", async call =>
        {
            var answer = await call.Core.ManualCompaction(new ManualCompactionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["compactionID"] = answer.CompactionID };
        });
        add("collections/get_compaction_state", async call =>
        {
            var answer = await call.Core.GetCompactionState(new GetCompactionStateRequest { CompactionID = call.NeededPart("compactionID").GetInt64() }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["compactionID"] = call.NeededPart("compactionID").GetInt64(), ["state"] = answer.State.ToString(), ["completedPlanNo"] = answer.CompletedPlanNo };
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
            new AddCollectionFieldRequest { DbName = call.Database, CollectionName = call.Collection, Schema = Field(call.NeededPart("schema")).ToByteString() }, call.Context)));
        add("collections/truncate", async call =>
        {
            RestCall.Check((await call.Core.TruncateCollection(new TruncateCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context)).Status);
            return new Dictionary<string, object?>();
        });
    }

    private static async Task<object> Create(RestCall call)
    {
        var parameters = call.Part("params") ?? default;
        var quick = call.Part("schema") is null;
        var request = new CreateCollectionRequest
        {
            DbName = call.Database,
            CollectionName = call.Collection,
            Schema = (quick ? Quick(call) : Schema(call.NeededPart("schema"), parameters)).ToByteString(),
            ShardsNum = Number(parameters, "shardsNum"),
            NumPartitions = Number(parameters, "partitionsNum"),
            ConsistencyLevel = Level(parameters),
        };
        if (parameters.ValueKind == JsonValueKind.Object)
        {
            foreach (var (name, property) in ((string, string)[])[("ttlSeconds", "collection.ttl.seconds"), ("mmap.enabled", "mmap.enabled")])
            {
                if (parameters.TryGetProperty(name, out var value))
                {
                    request.Properties.Add(new Pair { Key = property, Value = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText() });
                }
            }
        }

        await RestCall.Done(call.Core.CreateCollection(request, call.Context));
        if (quick)
        {
            var index = new CreateIndexRequest { DbName = call.Database, CollectionName = call.Collection, FieldName = Or(call.Text("vectorFieldName"), "vector") };
            index.ExtraParams.Add(new Pair { Key = "metric_type", Value = Or(call.Text("metricType"), "COSINE") });
            await RestCall.Done(call.Core.CreateIndex(index, call.Context));
        }

        foreach (var index in call.Part("indexParams") is { ValueKind: JsonValueKind.Array } indexes && !quick ? indexes.EnumerateArray() : default)
        {
            await RestCall.Done(call.Core.CreateIndex(RestCatalog.IndexOf(call.Database, call.Collection, index), call.Context));
        }

        // As in Milvus, a collection that can be searched is loaded at once.
        return quick || call.Part("indexParams") is { ValueKind: JsonValueKind.Array }
            ? await RestCall.Done(call.Core.LoadCollection(new LoadCollectionRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context))
            : new Dictionary<string, object?>();
    }

    private static CollectionSchema Quick(RestCall call)
    {
        if (call.Whole("dimension", 0) is not (> 0 and var dimension))
        {
            throw new Fault(1802, "missing required parameters, error: dimension is required for quickly create collection(default metric type: COSINE)");
        }

        var text = call.Text("idType").Equals("VarChar", StringComparison.OrdinalIgnoreCase);
        var key = new FieldSchema { Name = Or(call.Text("primaryFieldName"), "id"), IsPrimaryKey = true, AutoID = call.Flag("autoID"), DataType = text ? DataType.VarChar : DataType.Int64 };
        if (text)
        {
            key.TypeParams.Add(new Pair { Key = "max_length", Value = call.Part("params") is { ValueKind: JsonValueKind.Object } p && p.TryGetProperty("max_length", out var most) ? most.ToString() : "65535" });
        }

        var vector = new FieldSchema { Name = Or(call.Text("vectorFieldName"), "vector"), DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = dimension.ToString(CultureInfo.InvariantCulture) } } };
        return new CollectionSchema { Name = call.Collection, EnableDynamicField = true, Fields = { key, vector } };
    }

    private static CollectionSchema Schema(JsonElement given, JsonElement parameters)
    {
        var schema = new CollectionSchema
        {
            Description = given.TryGetProperty("description", out var text) ? text.GetString() ?? "" : "",
            EnableDynamicField = True(given, "enableDynamicField") || True(given, "enabledDynamicField") || True(parameters, "enableDynamicField"),
        };
        var autoId = True(given, "autoID") || True(given, "autoId");
        foreach (var field in given.TryGetProperty("fields", out var fields) ? fields.EnumerateArray() : default)
        {
            var read = Field(field);
            read.AutoID = read.IsPrimaryKey && (autoId || True(field, "autoID"));
            schema.Fields.Add(read);
        }

        return given.TryGetProperty("functions", out var functions) && functions.GetArrayLength() > 0 ? throw Faults.NotServed("functions over the RESTful interface") : schema;
    }

    private static FieldSchema Field(JsonElement given)
    {
        var type = given.TryGetProperty("dataType", out var named) ? named.GetString() ?? "" : "";
        var field = new FieldSchema
        {
            Name = given.TryGetProperty("fieldName", out var name) ? name.GetString() ?? "" : "",
            DataType = Type(type),
            IsPrimaryKey = True(given, "isPrimary"),
            IsPartitionKey = True(given, "isPartitionKey"),
            IsClusteringKey = True(given, "isClusteringKey"),
            Nullable = True(given, "nullable"),
        };
        if (given.TryGetProperty("elementDataType", out var element))
        {
            field.ElementType = Type(element.GetString() ?? "");
        }

        if (given.TryGetProperty("elementTypeParams", out var parameters))
        {
            field.TypeParams.Add(RestCall.Pairs(parameters));
        }

        if (given.TryGetProperty("defaultValue", out var value) && value.ValueKind != JsonValueKind.Null)
        {
            field.DefaultValue = Default(field, value);
        }

        return field;
    }

    private static ValueField Default(FieldSchema field, JsonElement value) => (field.DataType, value.ValueKind) switch
    {
        (DataType.Bool, JsonValueKind.True or JsonValueKind.False) => new ValueField { BoolData = value.GetBoolean() },
        (DataType.Int8 or DataType.Int16 or DataType.Int32, JsonValueKind.Number) => new ValueField { IntData = value.GetInt32() },
        (DataType.Int64, JsonValueKind.Number) => new ValueField { LongData = value.GetInt64() },
        (DataType.Float, JsonValueKind.Number) => new ValueField { FloatData = value.GetSingle() },
        (DataType.Double, JsonValueKind.Number) => new ValueField { DoubleData = value.GetDouble() },
        (_, JsonValueKind.String) => new ValueField { StringData = value.GetString()! },
        _ => throw Faults.Invalid($"convert defaultValue fail, err: {value.GetRawText()} is no default for {field.Name} of type {field.DataType}"),
    };

    private static DataType Type(string name) =>
        Enum.TryParse<DataType>(name, ignoreCase: true, out var type) && type != DataType.None ? type
            : throw new Fault(1100, $"data type {name} is invalid(case sensitive): invalid parameter");

    private static ConsistencyLevel Level(JsonElement parameters)
    {
        if (parameters.ValueKind != JsonValueKind.Object || !parameters.TryGetProperty("consistencyLevel", out var named))
        {
            return ConsistencyLevel.Bounded;
        }

        return Enum.TryParse<ConsistencyLevel>(named.GetString(), out var level) ? level : throw Faults.Invalid($"parameter:'{named}' is incorrect, please check it");
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
            ["fields"] = d.Schema.Fields.Select(Shown).ToList(),
            ["functions"] = d.Schema.Functions.Select(f => new Dictionary<string, object?> { ["name"] = f.Name, ["type"] = f.Type.ToString(), ["inputFieldNames"] = f.InputFieldNames, ["outputFieldNames"] = f.OutputFieldNames }).ToList(),
            ["indexes"] = indexes.IndexDescriptions.Select(i => new Dictionary<string, object?>
            {
                ["fieldName"] = i.FieldName, ["indexName"] = i.IndexName, ["metricType"] = i.Params.FirstOrDefault(p => p.Key == "metric_type")?.Value ?? "",
            }).ToList(),
            ["load"] = "LoadState" + load.State,
            ["partitionsNum"] = d.NumPartitions,
            ["properties"] = RestCatalog.Pairs(d.Properties),
            ["shardsNum"] = d.ShardsNum,
        };
    }

    private static Dictionary<string, object?> Shown(FieldSchema field)
    {
        var shown = new Dictionary<string, object?>
        {
            ["autoId"] = field.AutoID, ["clusteringKey"] = field.IsClusteringKey, ["description"] = field.Description, ["id"] = field.FieldID, ["name"] = field.Name,
            ["nullable"] = field.Nullable, ["partitionKey"] = field.IsPartitionKey, ["primaryKey"] = field.IsPrimaryKey, ["type"] = field.DataType.ToString(),
        };
        if (field.TypeParams.Count > 0)
        {
            shown["params"] = RestCatalog.Pairs(field.TypeParams);
        }

        if (field.ElementType != DataType.None)
        {
            shown["elementType"] = field.ElementType.ToString();
        }

        return shown;
    }

    private static string Or(string given, string otherwise) => given.Length > 0 ? given : otherwise;

    private static bool True(JsonElement of, string name) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static int Number(JsonElement of, string name) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) && value.TryGetInt32(out var number) ? number : 0;
}
