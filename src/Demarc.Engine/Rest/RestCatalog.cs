using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>Databases, partitions, indexes, aliases and resource groups.</summary>
internal static class RestCatalog
{
    public static void Add(Action<string, Func<RestCall, Task<object>>> add)
    {
        AddDatabases(add);
        AddPartitions(add);
        AddIndexes(add);
        AddAliases(add);
        AddResourceGroups(add);
    }

    public static List<object?> Pairs(IEnumerable<Pair> pairs) =>
        [.. pairs.Select(p => (object?)new Dictionary<string, object?> { ["key"] = p.Key, ["value"] = p.Value })];

    private static string Value(IEnumerable<Pair> pairs, string key) => pairs.FirstOrDefault(p => p.Key == key)?.Value ?? "";

    private static void AddDatabases(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("databases/create", call =>
        {
            var request = new CreateDatabaseRequest { DbName = call.Needed("dbName") };
            request.Properties.Add(RestCall.Pairs(call.Part("properties")));
            return RestCall.Done(call.Core.CreateDatabase(request, call.Context));
        });
        add("databases/drop", call => RestCall.Done(call.Core.DropDatabase(new DropDatabaseRequest { DbName = call.Needed("dbName") }, call.Context)));
        add("databases/list", async call =>
        {
            var answer = await call.Core.ListDatabases(new ListDatabasesRequest(), call.Context);
            RestCall.Check(answer.Status);
            return answer.DbNames;
        });
        add("databases/describe", async call =>
        {
            var answer = await call.Core.DescribeDatabase(new DescribeDatabaseRequest { DbName = call.Needed("dbName") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["dbName"] = answer.DbName, ["dbID"] = answer.DbID, ["properties"] = Pairs(answer.Properties) };
        });
        foreach (var path in (string[])["databases/alter", "databases/alter_properties"])
        {
            add(path, call =>
            {
                var request = new AlterDatabaseRequest { DbName = call.Needed("dbName") };
                request.Properties.Add(RestCall.Pairs(call.Part("properties")));
                return RestCall.Done(call.Core.AlterDatabase(request, call.Context));
            });
        }

        add("databases/drop_properties", call =>
        {
            var request = new AlterDatabaseRequest { DbName = call.Needed("dbName") };
            request.DeleteKeys.Add(call.Texts("propertyKeys"));
            return RestCall.Done(call.Core.AlterDatabase(request, call.Context));
        });
    }

    private static void AddPartitions(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("partitions/list", async call =>
        {
            var answer = await call.Core.ShowPartitions(new ShowPartitionsRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            RestCall.Check(answer.Status);
            return answer.PartitionNames;
        });
        add("partitions/has", async call =>
        {
            var answer = await call.Core.HasPartition(new HasPartitionRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Needed("partitionName") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["has"] = answer.Value };
        });
        add("partitions/get_stats", async call =>
        {
            var answer = await call.Core.GetPartitionStatistics(new GetPartitionStatisticsRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Needed("partitionName") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["rowCount"] = long.Parse(answer.Stats[0].Value, CultureInfo.InvariantCulture) };
        });
        add("partitions/create", call => RestCall.Done(call.Core.CreatePartition(
            new CreatePartitionRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Needed("partitionName") }, call.Context)));
        add("partitions/drop", call => RestCall.Done(call.Core.DropPartition(
            new DropPartitionRequest { DbName = call.Database, CollectionName = call.Collection, PartitionName = call.Needed("partitionName") }, call.Context)));
        add("partitions/load", call => RestCall.Done(call.Core.LoadPartitions(
            new LoadPartitionsRequest { DbName = call.Database, CollectionName = call.Collection, PartitionNames = { call.Texts("partitionNames") } }, call.Context)));
        add("partitions/release", call => RestCall.Done(call.Core.ReleasePartitions(
            new ReleasePartitionsRequest { DbName = call.Database, CollectionName = call.Collection, PartitionNames = { call.Texts("partitionNames") } }, call.Context)));
    }

    private static void AddIndexes(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("indexes/list", async call =>
        {
            var answer = await call.Core.DescribeIndex(new DescribeIndexRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            if (answer.Status.Code == 700)
            {
                return Array.Empty<string>();
            }

            RestCall.Check(answer.Status);
            return answer.IndexDescriptions.Select(d => d.IndexName).ToList();
        });
        add("indexes/describe", async call =>
        {
            var answer = await call.Core.DescribeIndex(new DescribeIndexRequest { DbName = call.Database, CollectionName = call.Collection, IndexName = call.Needed("indexName") }, call.Context);
            RestCall.Check(answer.Status);
            return answer.IndexDescriptions.Select(d => new Dictionary<string, object?>
            {
                ["fieldName"] = d.FieldName,
                ["indexName"] = d.IndexName,
                ["indexType"] = Value(d.Params, "index_type"),
                ["metricType"] = Value(d.Params, "metric_type"),
                ["mmap.enabled"] = Value(d.Params, "mmap.enabled"),
                ["indexoffsetcache.enabled"] = Value(d.Params, "indexoffsetcache.enabled"),
                ["warmup"] = Value(d.Params, "warmup"),
                ["indexParams"] = Pairs(d.Params),
                ["indexState"] = d.State.ToString(),
                ["failReason"] = d.IndexStateFailReason,
                ["totalRows"] = d.TotalRows,
                ["indexedRows"] = d.IndexedRows,
                ["pendingRows"] = d.PendingIndexRows,
            }).ToList();
        });
        add("indexes/create", async call =>
        {
            foreach (var index in call.NeededPart("indexParams").EnumerateArray())
            {
                await RestCall.Done(call.Core.CreateIndex(IndexOf(call.Database, call.Collection, index), call.Context));
            }

            return new Dictionary<string, object?>();
        });
        add("indexes/drop", call => RestCall.Done(call.Core.DropIndex(new DropIndexRequest { DbName = call.Database, CollectionName = call.Collection, IndexName = call.Needed("indexName") }, call.Context)));
        add("indexes/alter_properties", call =>
        {
            var request = new AlterIndexRequest { DbName = call.Database, CollectionName = call.Collection, IndexName = call.Needed("indexName") };
            request.ExtraParams.Add(RestCall.Pairs(call.Part("properties")));
            return RestCall.Done(call.Core.AlterIndex(request, call.Context));
        });
        add("indexes/drop_properties", call =>
        {
            var request = new AlterIndexRequest { DbName = call.Database, CollectionName = call.Collection, IndexName = call.Needed("indexName") };
            request.DeleteKeys.Add(call.Texts("propertyKeys"));
            return RestCall.Done(call.Core.AlterIndex(request, call.Context));
        });
    }

    /// <summary>One entry of indexParams, here and where a collection is created.</summary>
    public static CreateIndexRequest IndexOf(string database, string collection, JsonElement index)
    {
        var request = new CreateIndexRequest { DbName = database, CollectionName = collection, FieldName = Text("fieldName"), IndexName = Text("indexName") };
        var parameters = index.TryGetProperty("params", out var given) && given.ValueKind == JsonValueKind.Object ? given : default;
        var within = parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty("index_type", out var named) ? RestCall.Written(named) : "";
        if ((Text("indexType") is { Length: > 0 } direct ? direct : within) is { Length: > 0 } type)
        {
            request.ExtraParams.Add(new Pair { Key = "index_type", Value = type });
        }

        if (Text("metricType") is { Length: > 0 } metric)
        {
            request.ExtraParams.Add(new Pair { Key = "metric_type", Value = metric });
        }

        if (parameters.ValueKind == JsonValueKind.Object && parameters.EnumerateObject().Any())
        {
            request.ExtraParams.Add(new Pair { Key = "params", Value = parameters.GetRawText() });
        }

        return request;

        string Text(string name) => index.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
    }

    private static void AddAliases(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("aliases/list", async call =>
        {
            var answer = await call.Core.ListAliases(new ListAliasesRequest { DbName = call.Database, CollectionName = call.Text("collectionName") }, call.Context);
            RestCall.Check(answer.Status);
            return answer.Aliases;
        });
        add("aliases/describe", async call =>
        {
            var answer = await call.Core.DescribeAlias(new DescribeAliasRequest { DbName = call.Database, Alias = call.Needed("aliasName") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["dbName"] = answer.DbName, ["collectionName"] = answer.Collection, ["aliasName"] = answer.Alias };
        });
        add("aliases/create", call => RestCall.Done(call.Core.CreateAlias(new CreateAliasRequest { DbName = call.Database, CollectionName = call.Collection, Alias = call.Needed("aliasName") }, call.Context)));
        add("aliases/alter", call => RestCall.Done(call.Core.AlterAlias(new AlterAliasRequest { DbName = call.Database, CollectionName = call.Collection, Alias = call.Needed("aliasName") }, call.Context)));
        add("aliases/drop", call => RestCall.Done(call.Core.DropAlias(new DropAliasRequest { DbName = call.Database, Alias = call.Needed("aliasName") }, call.Context)));
    }

    private static void AddResourceGroups(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("resource_groups/list", async call =>
        {
            var answer = await call.Core.ListResourceGroups(new ListResourceGroupsRequest(), call.Context);
            RestCall.Check(answer.Status);
            return answer.ResourceGroups;
        });
        add("resource_groups/describe", async call =>
        {
            var answer = await call.Core.DescribeResourceGroup(new DescribeResourceGroupRequest { ResourceGroup = call.Needed("name") }, call.Context);
            RestCall.Check(answer.Status);
            var group = answer.ResourceGroup;
            return new Dictionary<string, object?> { ["resource_group_name"] = group.Name, ["capacity"] = group.Capacity, ["num_available_node"] = group.NumAvailableNode };
        });
        add("resource_groups/create", call => RestCall.Done(call.Core.CreateResourceGroup(new CreateResourceGroupRequest { ResourceGroup = call.Needed("name") }, call.Context)));
        add("resource_groups/drop", call => RestCall.Done(call.Core.DropResourceGroup(new DropResourceGroupRequest { ResourceGroup = call.Needed("name") }, call.Context)));
    }
}
