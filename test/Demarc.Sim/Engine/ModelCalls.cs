using System.Globalization;
using Demarc.Engine.Protocol;
using Demarc.Tests.Engine;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Sim.Engine;

/// <summary>What an engine might do wrong, to see that the model finds it.</summary>
public enum BrokenEngine
{
    None,
    ForgetsDeletes,
    ScoresWrong,
    LosesWritesWhenKilled,
    KeepsHalfOfWhatFailed,
}

/// <summary>The model's operations as calls of the client, and the client's answers as the model's values.</summary>
internal sealed class ModelCalls(MilvusService.MilvusServiceClient client, BrokenEngine broken = BrokenEngine.None)
{
    public const string Collection = "model";
    private const string Snapshot = "kept";
    private const int Ef = 200;

    public Demarc.Engine.Protocol.Status Create(ModelSchema schema)
    {
        var request = new CreateCollectionRequest { CollectionName = Collection, Schema = schema.ToMessage().ToByteString(), ConsistencyLevel = ConsistencyLevel.Bounded };
        if (schema.Spread == Spread.ByKey) request.NumPartitions = 3;
        return client.CreateCollection(request);
    }

    public Demarc.Engine.Protocol.Status CreateIndex(string field, ModelIndex? index)
    {
        var request = new CreateIndexRequest { CollectionName = Collection, FieldName = field, IndexName = "on_" + field };
        request.ExtraParams.Add(new Pair { Key = "index_type", Value = index?.Type ?? "AUTOINDEX" });
        if (index is not null) request.ExtraParams.Add(new Pair { Key = "metric_type", Value = index.Metric });
        if (index?.Type.StartsWith("IVF", StringComparison.Ordinal) == true) request.ExtraParams.Add(new Pair { Key = "nlist", Value = "32" });
        return client.CreateIndex(request);
    }

    /// <summary>Writes rows; gives the keys they have.</summary>
    public (Demarc.Engine.Protocol.Status Status, List<object> Keys) Put(ModelState state, PutOp op)
    {
        var columns = Columns(state, op.Rows, state.Fields.Where(f => !(f.IsKey && state.Schema.AutoId)), op.Dense);
        if (state.Schema.Dynamic) columns.Add(ModelValues.MetaColumn(op.Rows.Select(r => r.Meta)));
        MutationResult result;
        if (op.Upsert)
        {
            var request = new UpsertRequest { CollectionName = Collection, PartitionName = op.Partition, NumRows = (uint)op.Rows.Count };
            request.FieldsData.Add(columns);
            result = client.Upsert(request);
        }
        else
        {
            var request = new InsertRequest { CollectionName = Collection, PartitionName = op.Partition, NumRows = (uint)op.Rows.Count };
            request.FieldsData.Add(columns);
            result = client.Insert(request);
        }

        return (result.Status, Keys(result.IDs));
    }

    public Demarc.Engine.Protocol.Status Change(ModelState state, ChangeOp op)
    {
        var request = new UpsertRequest { CollectionName = Collection, PartitionName = op.Partition, NumRows = (uint)op.Rows.Count, PartialUpdate = true };
        request.FieldsData.Add(Columns(state, op.Rows, state.Fields.Where(f => f.IsKey || op.Given.Contains(f.Name)), dense: true));
        if (op.WithMeta) request.FieldsData.Add(ModelValues.MetaColumn(op.Rows.Select(r => r.Meta)));
        return client.Upsert(request).Status;
    }

    public Demarc.Engine.Protocol.Status Delete(string filter, string partition) => broken == BrokenEngine.ForgetsDeletes ? new()
        : client.Delete(new DeleteRequest { CollectionName = Collection, Expr = filter, PartitionName = partition }).Status;

    public QueryResults Query(string filter, IEnumerable<string> fields, int? limit, int offset, string? partition, ConsistencyLevel level)
    {
        var request = new QueryRequest { CollectionName = Collection, Expr = filter, ConsistencyLevel = level, UseDefaultConsistency = level == ConsistencyLevel.Customized, OutputFields = { fields } };
        if (partition is not null) request.PartitionNames.Add(partition);
        if (limit is { } most) request.QueryParams.Add(new Pair { Key = "limit", Value = Text(most) });
        if (offset > 0) request.QueryParams.Add(new Pair { Key = "offset", Value = Text(offset) });
        return client.Query(request);
    }

    public static SearchRequest SearchRequest(ModelState state, SearchOp op, ModelRange range, params (string Key, string Value)[] more)
    {
        var field = state.Fields.Single(f => f.Name == op.Field);
        var placeholder = new PlaceholderValue { Tag = "$0", Type = Enum.Parse<PlaceholderType>(field.Type.ToString()) };
        placeholder.Values.Add(op.Queries.Select(q => ModelValues.ToQuery(field, q)));
        var request = new SearchRequest
        {
            CollectionName = Collection, DslType = DslType.BoolExprV1, Dsl = op.Filter.Text, PlaceholderGroup = new PlaceholderGroup { Placeholders = { placeholder } }.ToByteString(), Nq = op.Queries.Count,
            ConsistencyLevel = op.Level, UseDefaultConsistency = op.Level == ConsistencyLevel.Customized,
        };
        if (op.Partition is not null) request.PartitionNames.Add(op.Partition);
        request.SearchParams.Add(Parameters([("topk", Text(op.Limit)), ("anns_field", op.Field), ("ef", Text(Ef)), ("nprobe", "24"), .. more]));
        if (op.Offset > 0) request.SearchParams.Add(new Pair { Key = "offset", Value = Text(op.Offset) });
        if (range.Radius is { } radius) request.SearchParams.Add(new Pair { Key = "radius", Value = radius.ToString(CultureInfo.InvariantCulture) });
        if (range.Near is { } near) request.SearchParams.Add(new Pair { Key = "range_filter", Value = near.ToString(CultureInfo.InvariantCulture) });
        return request;
    }

    public SearchResults Search(SearchRequest request)
    {
        var answer = client.Search(request);
        for (var i = 0; broken == BrokenEngine.ScoresWrong && i < answer.Results?.Scores.Count; i++)
        {
            answer.Results.Scores[i] *= 1.001f;
        }

        return answer;
    }

    public SearchResults Hybrid(IEnumerable<SearchRequest> parts, int limit, bool weighted)
    {
        var request = new HybridSearchRequest { CollectionName = Collection };
        request.Requests.Add(parts);
        request.RankParams.Add(Parameters(("limit", Text(limit)), ("strategy", weighted ? "weighted" : "rrf"), ("params", weighted ? "{\"weights\":[0.25,0.75],\"norm_score\":true}" : "{\"k\":60}")));
        return client.HybridSearch(request);
    }

    public Demarc.Engine.Protocol.Status Do(ModelState state, PlainOp op, string partition, ModelField? field) => op.Kind switch
    {
        Plain.Flush => client.Flush(new FlushRequest { CollectionNames = { Collection } }).Status,
        Plain.Compact => client.ManualCompaction(new ManualCompactionRequest { CollectionName = Collection }).Status,
        Plain.Truncate => client.TruncateCollection(new TruncateCollectionRequest { CollectionName = Collection }).Status,
        Plain.Release => client.ReleaseCollection(new ReleaseCollectionRequest { CollectionName = Collection }),
        Plain.Load => client.LoadCollection(new LoadCollectionRequest { CollectionName = Collection }),
        Plain.MakePartition => client.CreatePartition(new CreatePartitionRequest { CollectionName = Collection, PartitionName = partition }),
        Plain.DropPartition => client.DropPartition(new DropPartitionRequest { CollectionName = Collection, PartitionName = partition }),
        Plain.LoadPartition => client.LoadPartitions(new LoadPartitionsRequest { CollectionName = Collection, PartitionNames = { partition } }),
        Plain.ReleasePartition => client.ReleasePartitions(new ReleasePartitionsRequest { CollectionName = Collection, PartitionNames = { partition } }),
        Plain.IndexScalar => CreateIndex(field!.Name, null),
        Plain.UnindexScalar => client.DropIndex(new DropIndexRequest { CollectionName = Collection, IndexName = "on_" + field!.Name, FieldName = field.Name }),
        Plain.AddField => client.AddCollectionField(new AddCollectionFieldRequest { CollectionName = Collection, Schema = state.Schema.ToMessage(field!).ToByteString() }),
        _ => throw new InvalidOperationException($"{op.Kind} is no call."),
    };

    public Demarc.Engine.Protocol.Status DropIndex(string field) => client.DropIndex(new DropIndexRequest { CollectionName = Collection, IndexName = "on_" + field, FieldName = field });

    public Demarc.Engine.Protocol.Status TakeSnapshot(bool replace)
    {
        var dropped = replace ? client.DropSnapshot(new DropSnapshotRequest { CollectionName = Collection, Name = Snapshot }) : new();
        return dropped.Code != 0 ? dropped : client.CreateSnapshot(new CreateSnapshotRequest { CollectionName = Collection, Name = Snapshot });
    }

    /// <summary>Puts what the snapshot holds in the collection's place. The snapshot goes with the collection it was taken of.</summary>
    public Demarc.Engine.Protocol.Status GoBack()
    {
        const string restored = "restored";
        var told = SnapshotCalls.Restored(client, Collection, Snapshot, restored).GetAwaiter().GetResult();
        if (told.Code != 0) return told;
        told = client.DropCollection(new DropCollectionRequest { CollectionName = Collection });
        return told.Code != 0 ? told : client.RenameCollection(new RenameCollectionRequest { OldName = restored, NewName = Collection });
    }

    /// <summary>Rows that an index is still to be built over.</summary>
    public long PendingRows() => client.DescribeIndex(new DescribeIndexRequest { CollectionName = Collection }).IndexDescriptions.Sum(d => d.PendingIndexRows);

    public long RowCount()
    {
        var answer = client.GetCollectionStatistics(new GetCollectionStatisticsRequest { CollectionName = Collection });
        return answer.Status.Code == 0 ? long.Parse(answer.Stats.Single(s => s.Key == "row_count").Value, CultureInfo.InvariantCulture) : throw new ModelMismatchException($"no statistics: {answer.Status.Reason}");
    }

    /// <summary>Field, type and metric of each index, in order.</summary>
    public List<string> Indexes() => [.. client.DescribeIndex(new DescribeIndexRequest { CollectionName = Collection }).IndexDescriptions
        .Select(d => $"{d.FieldName} {Parameter(d, "index_type")} {Parameter(d, "metric_type")}").Order(StringComparer.Ordinal)];

    public List<string> Partitions() => [.. client.ShowPartitions(new ShowPartitionsRequest { CollectionName = Collection }).PartitionNames.Order(StringComparer.Ordinal)];

    private static string Parameter(IndexDescription index, string name) => index.Params.FirstOrDefault(p => p.Key == name)?.Value ?? "";

    public static List<object> Keys(IDs? ids) => ids?.IdFieldCase switch
    {
        IDs.IdFieldOneofCase.IntId => [.. ids.IntId.Data.Select(k => (object)k)],
        IDs.IdFieldOneofCase.StrId => [.. ids.StrId.Data],
        _ => [],
    };

    /// <summary>The hits of each query.</summary>
    public static List<Scored>[] Hits(SearchResultData results)
    {
        var keys = Keys(results.Ids);
        var at = 0;
        return [.. results.Topks.Select(count =>
        {
            var hits = Enumerable.Range(at, (int)count).Select(i => new Scored(keys[i], results.Scores[i])).ToList();
            at += (int)count;
            return hits;
        })];
    }

    private static List<FieldData> Columns(ModelState state, IReadOnlyList<DraftRow> rows, IEnumerable<ModelField> fields, bool dense) =>
        [.. fields.Select(f => (Field: f, Values: rows.Select(r => f.IsKey ? r.Key : r.Values.GetValueOrDefault(f.Name)).ToList()))
            .Where(c => !c.Field.MayBeLeftOut || dense || c.Values.Exists(v => v is not null))
            .Select(c => ModelValues.ToColumn(c.Field, c.Values, dense))];

    private static IEnumerable<Pair> Parameters(params (string Key, string Value)[] parameters) => parameters.Select(p => new Pair { Key = p.Key, Value = p.Value });

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
