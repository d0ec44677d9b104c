using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Load and release. Rows are in memory anyway; the mark is kept because clients rely on it: a collection that is not
/// loaded cannot be searched, and loading needs an index.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> LoadCollection(LoadCollectionRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);
                if (request.ReplicaNumber > 1)
                {
                    throw Faults.NotServed($"{request.ReplicaNumber} replicas");
                }

                await store.Decide(() =>
                {
                    var d = State.Find(request.CollectionName).Definition;
                    foreach (var name in request.LoadFields)
                    {
                        _ = d.Field(name) ?? throw Faults.FieldNotFound(name);
                    }

                    var bare = d.Fields.Where(f => f.IsVector && d.IndexOn(f.Name) is null).Select(f => f.Name).ToList();
                    return bare.Count > 0
                        ? throw new Fault(700, $"there is no vector index on field: [{string.Join(' ', bare)}], please create index firstly: index not found[collection={d.Name}]")
                        : d.Loaded ? null : new LogOp { SetLoaded = new SetLoadedOp { CollectionId = d.Id, Loaded = true } };
                });
                return Success();
            },
            status => status);

    public override Task<Protocol.Status> ReleaseCollection(ReleaseCollectionRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);
                await store.Decide(() =>
                {
                    var d = State.Find(request.CollectionName).Definition;
                    return d.Loaded ? new LogOp { SetLoaded = new SetLoadedOp { CollectionId = d.Id, Loaded = false } } : null;
                });
                return Success();
            },
            status => status);

    public override Task<GetLoadingProgressResponse> GetLoadingProgress(GetLoadingProgressRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var d = Collection(request.DbName, request.CollectionName).View.Definition;
                CheckPartitions(request.PartitionNames);
                return d.Loaded
                    ? new GetLoadingProgressResponse { Status = Success(), Progress = 100, RefreshProgress = 100 }
                    : throw Faults.CollectionNotLoaded(d.Name);
            },
            status => new GetLoadingProgressResponse { Status = status });

    public override Task<GetLoadStateResponse> GetLoadState(GetLoadStateRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                CheckPartitions(request.PartitionNames);
                var state = !State.Collections.TryGetValue(request.CollectionName, out var collection) ? LoadState.NotExist
                    : collection.View.Definition.Loaded ? LoadState.Loaded : LoadState.NotLoad;
                return new GetLoadStateResponse { Status = Success(), State = state };
            },
            status => new GetLoadStateResponse { Status = status });
}
