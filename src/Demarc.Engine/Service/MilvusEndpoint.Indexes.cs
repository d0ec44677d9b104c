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
    // What may be changed on an index that stands; the rest is how it was built.
    private static readonly string[] AlterableIndexParams = ["mmap.enabled", "indexoffsetcache.enabled", "warmup"];

    public override Task<Protocol.Status> CreateIndex(CreateIndexRequest request, ServerCallContext context) =>
        Change(request, context, call => DecideIndex(call, request));

    public override Task<Protocol.Status> AlterIndex(AlterIndexRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            if (request.ExtraParams.Count > 0 && request.DeleteKeys.Count > 0)
            {
                throw Faults.Invalid("cannot provide both DeleteKeys and ExtraParams");
            }

            var definition = Definition(call, request.CollectionName);
            var index = definition.Indexes.FirstOrDefault(i => i.Name == request.IndexName)?.Clone() ?? throw Faults.IndexNotFound(definition.Name, request.IndexName);
            foreach (var key in request.ExtraParams.Select(p => p.Key).Concat(request.DeleteKeys))
            {
                if (Array.IndexOf(AlterableIndexParams, key) < 0)
                {
                    throw Faults.Invalid($"{key} is not configable index property");
                }
            }

            if (request.ExtraParams.Any(p => p.Key == "mmap.enabled" && !bool.TryParse(p.Value, out _)))
            {
                throw Faults.Invalid("mmap.enabled should be true or false");
            }

            Merge(index.Params, request.ExtraParams, request.DeleteKeys);
            return new LogOp { PutIndex = new PutIndexOp { CollectionId = definition.Id, Index = index } };
        });

    public override Task<DescribeIndexResponse> DescribeIndex(DescribeIndexRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var answer = new DescribeIndexResponse { Status = Success() };
            answer.IndexDescriptions.Add(Descriptions(call, request.CollectionName, request.FieldName, request.IndexName));
            return answer;
        });

    public override Task<GetIndexStatisticsResponse> GetIndexStatistics(GetIndexStatisticsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var answer = new GetIndexStatisticsResponse { Status = Success() };
            answer.IndexDescriptions.Add(Descriptions(call, request.CollectionName, "", request.IndexName));
            return answer;
        });

    public override Task<GetIndexStateResponse> GetIndexState(GetIndexStateRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var all = Descriptions(call, request.CollectionName, request.FieldName, request.IndexName);
            var state = all.TrueForAll(d => d.State == IndexState.Finished) ? IndexState.Finished : IndexState.InProgress;
            return new GetIndexStateResponse { Status = Success(), State = state };
        });

    public override Task<GetIndexBuildProgressResponse> GetIndexBuildProgress(GetIndexBuildProgressRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var first = Descriptions(call, request.CollectionName, request.FieldName, request.IndexName)[0];
            return new GetIndexBuildProgressResponse { Status = Success(), IndexedRows = first.IndexedRows, TotalRows = first.TotalRows };
        });

    public override Task<Protocol.Status> DropIndex(DropIndexRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var d = Definition(call, request.CollectionName);

            // As in Milvus, dropping what is not there succeeds.
            if (Matching(d, request.FieldName, request.IndexName).FirstOrDefault() is not { } index)
            {
                return null;
            }

            return d.Loaded && d.Field(index.FieldName) is { IsSearchable: true }
                ? throw Faults.Invalid($"vector index cannot be dropped on loaded collection: {d.Name}; release the collection first")
                : new LogOp { DropIndex = new DropIndexOp { CollectionId = d.Id, IndexName = index.Name } };
        });

    private LogOp? DecideIndex(Call call, CreateIndexRequest request)
    {
        var d = Definition(call, request.CollectionName);
        var field = d.Field(request.FieldName)
            ?? throw Faults.Unexpected($"cannot create index on non-exist field: {request.FieldName}");

        // Without a name the index that the field has already is meant, if it has one.
        var name = request.IndexName.Length > 0 ? request.IndexName : d.IndexOn(field.Name)?.Name ?? field.Name;
        if (name != field.Name)
        {
            SchemaRules.CheckName(name, "index name");
        }

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

    private List<IndexDescription> Descriptions(Call call, string collectionName, string field, string name)
    {
        var view = Collection(call, collectionName).View;
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
