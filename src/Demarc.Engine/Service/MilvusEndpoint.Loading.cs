using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Load and release, of whole collections and of partitions. Rows are in memory anyway; the mark is kept because clients
/// rely on it: what is not loaded cannot be searched, and loading needs an index.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    /// <summary>The one node there is.</summary>
    internal const long NodeId = 1;

    /// <summary>The resource group that is always there.</summary>
    private const string DefaultResourceGroup = "__default_resource_group";

    public override Task<Protocol.Status> LoadCollection(LoadCollectionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Loadable(call, request.CollectionName, request.LoadFields);
            CheckReplicas(request.ReplicaNumber, request.ResourceGroups);
            return definition.Loaded && definition.LoadedPartitions.Count == 0 && definition.LoadFields.SequenceEqual(request.LoadFields) ? null : Mark(definition, true, [], request.LoadFields);
        });

    public override Task<Protocol.Status> ReleaseCollection(ReleaseCollectionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            return definition.Loaded ? Mark(definition, false, [], []) : null;
        });

    public override Task<Protocol.Status> LoadPartitions(LoadPartitionsRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Loadable(call, request.CollectionName, request.LoadFields);
            var wanted = Named(definition, request.PartitionNames, "load", () => Faults.Invalid("failed to load partition, due to no partition specified"));
            if (definition.Loaded && request.ReplicaNumber > 1)
            {
                throw Faults.Invalid("can't change the replica number for loaded partitions", 1, request.ReplicaNumber);
            }

            CheckReplicas(request.ReplicaNumber, request.ResourceGroups);
            return definition.Loaded && (definition.LoadedPartitions.Count == 0 || wanted.All(definition.IsLoaded))
                ? null
                : Mark(definition, true, [.. definition.LoadedPartitions.Union(wanted)], request.LoadFields);
        });

    public override Task<Protocol.Status> ReleasePartitions(ReleasePartitionsRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            var gone = Named(definition, request.PartitionNames, "release", () => new Fault(1100, "invalid parameter[expected=any partition][actual=empty partition list]"));
            if (!definition.Loaded || !gone.Any(definition.IsLoaded))
            {
                return null;
            }

            var left = definition.Partitions.Select(p => p.Id).Where(definition.IsLoaded).Except(gone).ToList();
            return Mark(definition, left.Count > 0, left, definition.LoadFields);
        });

    public override Task<GetLoadingProgressResponse> GetLoadingProgress(GetLoadingProgressRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            foreach (var name in request.PartitionNames)
            {
                if (!definition.IsLoaded(Partition(definition, name).Id))
                {
                    throw definition.Loaded ? Faults.PartitionNotLoaded(name) : Faults.CollectionNotLoaded(definition.Name);
                }
            }

            return definition.Loaded
                ? new GetLoadingProgressResponse { Status = Success(), Progress = 100, RefreshProgress = 100 }
                : throw Faults.CollectionNotLoaded(definition.Name);
        });

    public override Task<GetLoadStateResponse> GetLoadState(GetLoadStateRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            _ = NameRules.Collection(request.CollectionName);
            CheckDatabase(call.Database);
            var state = LoadState.NotExist;
            if (State.Lookup(call.Database, request.CollectionName)?.View.Definition is { } definition)
            {
                var partitions = request.PartitionNames.Select(name => Partition(definition, name).Id).ToList();
                var loaded = partitions.Count == 0 ? definition.Loaded : partitions.TrueForAll(definition.IsLoaded);
                state = loaded ? LoadState.Loaded : LoadState.NotLoad;
            }

            return new GetLoadStateResponse { Status = Success(), State = state };
        });

    public override Task<GetReplicasResponse> GetReplicas(GetReplicasRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var definition = request.CollectionName.Length > 0
                ? Definition(call, NameRules.Collection(request.CollectionName))
                : State.Find(request.CollectionID)?.View.Definition ?? throw Faults.CollectionNotFound(request.CollectionID.ToString(CultureInfo.InvariantCulture), call.Database);
            if (!definition.Loaded)
            {
                throw Faults.ReplicaNotFound(definition.Name);
            }

            var replica = new ReplicaInfo { ReplicaID = definition.Id, CollectionID = definition.Id, ResourceGroupName = DefaultResourceGroup, NodeIds = { NodeId } };
            replica.PartitionIds.Add(definition.Partitions.Select(p => p.Id).Where(definition.IsLoaded));
            for (var i = 0; i < definition.Op.ShardsNum; i++)
            {
                var shard = new ShardReplica { LeaderID = NodeId, DmChannelName = string.Create(CultureInfo.InvariantCulture, $"by-dev-rootcoord-dml_{i}_{definition.Id}v{i}") };
                if (request.WithShardNodes)
                {
                    shard.NodeIds.Add(NodeId);
                }

                replica.ShardReplicas.Add(shard);
            }

            return new GetReplicasResponse { Status = Success(), Replicas = { replica } };
        });

    /// <summary>What a read works on: the rows of the loaded partitions it names, or of all loaded ones.</summary>
    private (CollectionRows Collection, CollectionView View) Loaded(Call call, string name, RepeatedField<string> partitionNames, Func<string, Fault>? refusal = null)
    {
        var collection = Collection(call, name);
        collection.ThrowIfDamaged();
        var view = collection.View;
        var definition = view.Definition;
        if (definition.PartitionKeyIndex < 0 && partitionNames.FirstOrDefault(name => name.Length > 0 && definition.Partitions.All(p => p.Name != name)) is { } unknown)
        {
            throw Faults.Invalid($"partition name {unknown} not found");
        }

        var asked = PartitionIds(definition, partitionNames, refusal);
        if (!definition.Loaded)
        {
            throw Faults.CollectionNotLoaded(name);
        }

        if (asked is null)
        {
            return (collection, definition.LoadedPartitions.Count == 0 ? view : view.Within(new HashSet<long>(definition.LoadedPartitions)));
        }

        var missing = definition.Partitions.FirstOrDefault(p => asked.Contains(p.Id) && !definition.IsLoaded(p.Id));
        return missing is null ? (collection, view.Within(asked)) : throw Faults.PartitionNotLoaded(missing.Name);
    }

    private static void CheckReplicas(int replicas, RepeatedField<string> groups)
    {
        if (replicas > 1)
        {
            throw new Fault(12, $"when load {replicas} replica count: service resource insufficient[currentStreamingNode=1][expectedStreamingNode={replicas}]", retriable: true);
        }

        if (groups.Any(g => g is not ("" or DefaultResourceGroup)))
        {
            throw new Fault(302, $"resource group node not enough[rg={groups.First(g => g is not ("" or DefaultResourceGroup))}]");
        }
    }

    private CollectionDefinition Loadable(Call call, string name, RepeatedField<string> fields)
    {
        var definition = Definition(call, NameRules.Collection(name));
        foreach (var field in fields)
        {
            _ = definition.Field(field) ?? throw Faults.FieldNotFound(field);
        }

        if (fields.Count > 0)
        {
            CheckLoadFields(definition, fields);
        }

        var bare = definition.Fields.Where(f => f.IsSearchable && (fields.Count == 0 || fields.Contains(f.Name)) && definition.IndexOn(f.Name) is null).Select(f => f.Name).ToList();
        return bare.Count > 0
            ? throw new Fault(700, $"there is no vector index on field: [{string.Join(' ', bare)}], please create index firstly: index not found[collection={definition.Name}]")
            : definition;
    }

    private static void CheckLoadFields(CollectionDefinition definition, RepeatedField<string> fields)
    {
        if (!fields.Contains(definition.Primary.Name))
        {
            throw Faults.Invalid($"load field list {string.Join(' ', fields)} does not contain primary key field {definition.Primary.Name}");
        }

        if (definition.PartitionKeyIndex >= 0 && !fields.Contains(definition.Fields[definition.PartitionKeyIndex].Name))
        {
            throw Faults.Invalid($"load field list {string.Join(' ', fields)} does not contain partition key field {definition.Fields[definition.PartitionKeyIndex].Name}");
        }

        if (!definition.Fields.Any(f => f.IsSearchable && fields.Contains(f.Name)))
        {
            throw Faults.Invalid($"load field list {string.Join(' ', fields)} does not contain vector field");
        }
    }

    private static List<long> Named(CollectionDefinition definition, RepeatedField<string> names, string verb, Func<Fault> none)
    {
        if (definition.PartitionKeyIndex >= 0)
        {
            throw Faults.Invalid($"disable {verb} partitions if partition key mode is used");
        }

        return names.Count == 0
            ? throw none()
            : [.. names.Select(name => Partition(definition, name).Id)];
    }

    private static LogOp Mark(CollectionDefinition definition, bool loaded, IEnumerable<long> partitions, IEnumerable<string> fields)
    {
        var op = new SetLoadedOp { CollectionId = definition.Id, Loaded = loaded };
        op.PartitionIds.Add(partitions);
        op.LoadFields.Add(fields);
        return new LogOp { SetLoaded = op };
    }
}
