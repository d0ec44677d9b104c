using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Indexes: kept and shown as asked for, built in the background; until then rows are compared one by one.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateIndex(CreateIndexRequest request, ServerCallContext context) =>
        Change(request, context, call => DecideIndex(call, request));

    public override Task<Protocol.Status> AlterIndex(AlterIndexRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            if (request.ExtraParams.Count > 0 && request.DeleteKeys.Count > 0)
            {
                throw Faults.Invalid("cannot provide both DeleteKeys and ExtraParams");
            }

            if (request.ExtraParams.Select(p => p.Key).Concat(request.DeleteKeys).FirstOrDefault(k => !IndexRules.IsAlterable(k)) is { } fixedKey)
            {
                throw Faults.Invalid($"{fixedKey} is not a configable index property");
            }

            IndexRules.CheckWarmup(request.ExtraParams.ToDictionary(p => p.Key, p => p.Value));
            var definition = Definition(call, request.CollectionName);
            if (request.IndexName.Length == 0)
            {
                throw Faults.Invalid("index name is empty");
            }

            if (definition.Loaded)
            {
                throw Faults.CollectionLoaded(definition.Name, "can't alter index on loaded collection, please release the collection first");
            }

            var index = definition.Indexes.FirstOrDefault(i => i.Name == request.IndexName)?.Clone() ?? throw Faults.IndexNotNamed(request.IndexName);
            Merge(index.Params, request.ExtraParams, request.DeleteKeys);
            IndexRules.CheckAltered(index.Params);
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
                ? throw Faults.Invalid($"vector index cannot be dropped on loaded collection: {d.Id}")
                : new LogOp { DropIndex = new DropIndexOp { CollectionId = d.Id, IndexName = index.Name } };
        });

    private LogOp? DecideIndex(Call call, CreateIndexRequest request)
    {
        var d = Definition(call, request.CollectionName);
        CheckIndexName(request.IndexName.Trim());

        // A name that is no field's is a key of the dynamic field.
        var field = d.Field(request.FieldName) ?? (d.DynamicIndex >= 0 ? d.Fields[d.DynamicIndex] : null)
            ?? throw Faults.Unexpected($"cannot create index on non-exist field: {request.FieldName}");
        var index = new StoredIndex { FieldName = field.Name };
        index.Params.Add(IndexRules.Complete(field, request.ExtraParams));
        var path = "";
        if (field.Type == DataType.Json)
        {
            if (index.Parameter(IndexRules.JsonPathKey) is null && request.FieldName != field.Name)
            {
                index.Params.Add(new Protocol.KeyValuePair { Key = IndexRules.JsonPathKey, Value = request.FieldName });
            }

            path = JsonPath(d, index);
        }

        // Without a name the index that the field has already is meant, if it has one.
        var standing = d.Indexes.Where(i => i.FieldName == field.Name && JsonPath(d, i) == path).ToList();
        index.Name = request.IndexName.Length > 0 ? request.IndexName : standing.FirstOrDefault()?.Name ?? field.Name + path;
        if (d.Indexes.FirstOrDefault(i => i.Name == index.Name) is { } existing)
        {
            var metricGiven = request.ExtraParams.Any(p => p.Key == IndexRules.MetricKey);
            return standing.Contains(existing) && IndexRules.IsSame(existing, index, metricGiven)
                ? null
                : throw Faults.Invalid("at most one distinct index is allowed per field");
        }

        if (standing.Count > 0)
        {
            throw Faults.Invalid("CreateIndex failed: creating multiple indexes on same field is not supported");
        }

        index.IndexId = store.Clock.NextId();
        return new LogOp { PutIndex = new PutIndexOp { CollectionId = d.Id, Index = index } };
    }

    /// <summary>The steps into JSON that an index is over, as a JSON pointer; nothing for a whole field.</summary>
    private static string JsonPath(CollectionDefinition d, StoredIndex index)
    {
        if (d.Field(index.FieldName) is not { Type: DataType.Json })
        {
            return "";
        }

        var named = index.Parameter(IndexRules.JsonPathKey) ?? index.FieldName;
        try
        {
            var (field, path) = Parser.JsonPath(d, named) ?? throw Faults.Unreadable(named, null);
            return d.Fields[field].Name == index.FieldName
                ? string.Concat(path.Select(step => "/" + step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)))
                : throw Faults.Invalid("fieldID not match with field name");
        }
        catch (FilterException e)
        {
            throw Faults.Unreadable(named, e.Message);
        }
    }

    /// <summary>What clients see as an index's field: of an index over a key of the dynamic field, that key.</summary>
    private static string ShownField(CollectionDefinition d, StoredIndex index) =>
        index.FieldName == CollectionDefinition.DynamicFieldName && JsonPath(d, index) is { Length: > 0 } path
            ? path.Split('/')[1].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)
            : index.FieldName;

    /// <summary>Milvus's rule for names of indexes, which may have brackets as parts of struct arrays have.</summary>
    private static void CheckIndexName(string name)
    {
        var why = name.Length == 0 ? null
            : name.Length > Limits.NameLength ? $"The length of a index name must be less than {Limits.NameLength} characters."
            : !char.IsAsciiLetter(name[0]) && name[0] != '_' ? "The first character of a index name must be an underscore or letter."
            : name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '[' or ']')) ? "Index name can only contain numbers, letters, and underscores."
            : null;
        if (why is not null)
        {
            throw Faults.Invalid($"Invalid index name: {name}. {why}");
        }
    }

    private static IEnumerable<StoredIndex> Matching(CollectionDefinition d, string field, string name) =>
        d.Indexes.Where(i => (field.Length == 0 || ShownField(d, i) == field) && (name.Length == 0 || i.Name == name));

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
                FieldName = ShownField(view.Definition, index),
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
