using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Indexes: kept and shown as asked for, built in the background; until then rows are compared one by one.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateIndex(CreateIndexRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);
                await store.Decide(() => DecideIndex(request));
                return Success();
            },
            status => status);

    public override Task<DescribeIndexResponse> DescribeIndex(DescribeIndexRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var answer = new DescribeIndexResponse { Status = Success() };
                answer.IndexDescriptions.Add(Descriptions(request.DbName, request.CollectionName, request.FieldName, request.IndexName));
                return answer;
            },
            status => new DescribeIndexResponse { Status = status });

    public override Task<GetIndexStatisticsResponse> GetIndexStatistics(GetIndexStatisticsRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var answer = new GetIndexStatisticsResponse { Status = Success() };
                answer.IndexDescriptions.Add(Descriptions(request.DbName, request.CollectionName, "", request.IndexName));
                return answer;
            },
            status => new GetIndexStatisticsResponse { Status = status });

    public override Task<GetIndexStateResponse> GetIndexState(GetIndexStateRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var all = Descriptions(request.DbName, request.CollectionName, request.FieldName, request.IndexName);
                var state = all.TrueForAll(d => d.State == IndexState.Finished) ? IndexState.Finished : IndexState.InProgress;
                return new GetIndexStateResponse { Status = Success(), State = state };
            },
            status => new GetIndexStateResponse { Status = status });

    public override Task<GetIndexBuildProgressResponse> GetIndexBuildProgress(GetIndexBuildProgressRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var first = Descriptions(request.DbName, request.CollectionName, request.FieldName, request.IndexName)[0];
                return new GetIndexBuildProgressResponse { Status = Success(), IndexedRows = first.IndexedRows, TotalRows = first.TotalRows };
            },
            status => new GetIndexBuildProgressResponse { Status = status });

    public override Task<Protocol.Status> DropIndex(DropIndexRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);
                await store.Decide(() =>
                {
                    var d = State.Find(request.CollectionName).Definition;

                    // As in Milvus, dropping what is not there succeeds.
                    if (Matching(d, request.FieldName, request.IndexName).FirstOrDefault() is not { } index)
                    {
                        return null;
                    }

                    return d.Loaded && d.Field(index.FieldName) is { IsVector: true }
                        ? throw Faults.Invalid($"vector index cannot be dropped on loaded collection: {d.Name}; release the collection first")
                        : new LogOp { DropIndex = new DropIndexOp { CollectionId = d.Id, IndexName = index.Name } };
                });
                return Success();
            },
            status => status);

    private LogOp? DecideIndex(CreateIndexRequest request)
    {
        var d = State.Find(request.CollectionName).Definition;
        var field = d.Field(request.FieldName)
            ?? throw Faults.Invalid($"cannot create index on non-exist field: {request.FieldName}");
        var name = request.IndexName.Length > 0 ? request.IndexName : field.Name;
        SchemaRules.CheckName(name, "index name");
        var index = new StoredIndex { Name = name, FieldName = field.Name };
        index.Params.Add(IndexRules.Complete(field, request.ExtraParams));
        if (d.IndexOn(field.Name) is { } existing)
        {
            return existing.Name == name && existing.Params.Equals(index.Params)
                ? null
                : throw Faults.Unexpected("at most one distinct index is allowed per field");
        }

        if (d.Indexes.Any(i => i.Name == name))
        {
            throw Faults.Invalid($"invalid index name: {name}, it is in use for another field");
        }

        index.IndexId = store.Clock.NextId();
        return new LogOp { PutIndex = new PutIndexOp { CollectionId = d.Id, Index = index } };
    }

    private static IEnumerable<StoredIndex> Matching(CollectionDefinition d, string field, string name) =>
        d.Indexes.Where(i => (field.Length == 0 || i.FieldName == field) && (name.Length == 0 || i.Name == name));

    private List<IndexDescription> Descriptions(string database, string collectionName, string field, string name)
    {
        var view = Collection(database, collectionName).View;
        var found = Matching(view.Definition, field, name).Select(index =>
        {
            var progress = IndexBuilder.Progress(view, index);
            var description = new IndexDescription
            {
                IndexName = index.Name,
                IndexID = index.IndexId,
                FieldName = index.FieldName,
                IndexedRows = progress.Indexed,
                TotalRows = progress.Total,
                PendingIndexRows = progress.Pending,
                State = progress.Pending == 0 ? IndexState.Finished : IndexState.InProgress,
            };
            description.Params.Add(index.Params);
            return description;
        }).ToList();
        return found.Count > 0 ? found : throw Faults.IndexNotFound(collectionName);
    }
}
