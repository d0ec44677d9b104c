using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Collections: create, describe, list, drop, load and release.</summary>
internal sealed partial class MilvusEndpoint
{
    private const int DefaultShards = 1;

    public override Task<Protocol.Status> CreateCollection(CreateCollectionRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);
                CollectionSchema given;
                try
                {
                    given = CollectionSchema.Parser.ParseFrom(request.Schema);
                }
                catch (InvalidProtocolBufferException)
                {
                    throw Faults.Invalid("the schema cannot be read");
                }

                var op = new CreateCollectionOp
                {
                    Schema = SchemaRules.Complete(given, request.CollectionName),
                    ShardsNum = request.ShardsNum > 0 ? request.ShardsNum : DefaultShards,
                    ConsistencyLevel = request.ConsistencyLevel,
                    NumPartitions = request.NumPartitions > 0 ? request.NumPartitions : 1,
                };
                op.Properties.Add(request.Properties);
                await store.Decide(() => DecideCreate(op));
                return Success();
            },
            status => status);

    public override Task<Protocol.Status> DropCollection(DropCollectionRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                CheckDatabase(request.DbName);

                // As in Milvus, dropping what is not there succeeds.
                await store.Decide(() => State.Collections.TryGetValue(request.CollectionName, out var found)
                    ? new LogOp { DropCollection = new DropCollectionOp { CollectionId = found.Definition.Id } }
                    : null);
                return Success();
            },
            status => status);

    public override Task<BoolResponse> HasCollection(HasCollectionRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                return new BoolResponse { Status = Success(), Value = State.Collections.ContainsKey(request.CollectionName) };
            },
            status => new BoolResponse { Status = status });

    public override Task<DescribeCollectionResponse> DescribeCollection(DescribeCollectionRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                var collection = request.CollectionName.Length > 0 ? State.Find(request.CollectionName)
                    : State.Find(request.CollectionID) ?? throw Faults.CollectionNotFound(request.CollectionID.ToString(System.Globalization.CultureInfo.InvariantCulture));
                var d = collection.View.Definition;
                var answer = new DescribeCollectionResponse
                {
                    Status = Success(),
                    Schema = d.PublicSchema(),
                    CollectionID = d.Id,
                    CollectionName = d.Name,
                    DbName = Faults.DefaultDatabase,
                    DbId = 1,
                    CreatedTimestamp = d.CreatedTimestamp,
                    CreatedUtcTimestamp = HybridClock.Milliseconds(d.CreatedTimestamp),
                    UpdateTimestamp = d.CreatedTimestamp,
                    UpdateTimestampStr = d.CreatedTimestamp.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    RequestTime = (ulong)store.Clock.Last,
                    ShardsNum = d.Op.ShardsNum,
                    ConsistencyLevel = d.Op.ConsistencyLevel,
                    NumPartitions = d.Op.NumPartitions,
                };
                answer.Properties.Add(d.Op.Properties);
                return answer;
            },
            status => new DescribeCollectionResponse { Status = status });

    public override Task<ShowCollectionsResponse> ShowCollections(ShowCollectionsRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                var answer = new ShowCollectionsResponse { Status = Success() };
                foreach (var collection in State.Collections.Values.OrderBy(c => c.Definition.Name, StringComparer.Ordinal))
                {
                    var d = collection.View.Definition;
                    if ((request.Type == ShowType.InMemory && !d.Loaded)
                        || (request.CollectionNames.Count > 0 && !request.CollectionNames.Contains(d.Name)))
                    {
                        continue;
                    }

                    answer.CollectionNames.Add(d.Name);
                    answer.CollectionIds.Add(d.Id);
                    answer.CreatedTimestamps.Add(d.CreatedTimestamp);
                    answer.CreatedUtcTimestamps.Add(HybridClock.Milliseconds(d.CreatedTimestamp));
                    answer.InMemoryPercentages.Add(d.Loaded ? 100 : 0);
                    answer.QueryServiceAvailable.Add(d.Loaded);
                    answer.ShardsNum.Add(d.Op.ShardsNum);
                }

                return answer;
            },
            status => new ShowCollectionsResponse { Status = status });

    public override Task<GetCollectionStatisticsResponse> GetCollectionStatistics(GetCollectionStatisticsRequest request, ServerCallContext context) =>
        Run(
            () => new GetCollectionStatisticsResponse
            {
                Status = Success(),
                Stats =
                {
                    new Protocol.KeyValuePair
                    {
                        Key = "row_count",
                        Value = Collection(request.DbName, request.CollectionName).View.LiveRows.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    },
                },
            },
            status => new GetCollectionStatisticsResponse { Status = status });

    public override Task<BoolResponse> HasPartition(HasPartitionRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                _ = Collection(request.DbName, request.CollectionName);
                return new BoolResponse { Status = Success(), Value = request.PartitionName == CollectionDefinition.DefaultPartition };
            },
            status => new BoolResponse { Status = status });

    public override Task<ShowPartitionsResponse> ShowPartitions(ShowPartitionsRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var d = Collection(request.DbName, request.CollectionName).View.Definition;
                CheckPartitions(request.PartitionNames);
                return new ShowPartitionsResponse
                {
                    Status = Success(),
                    PartitionNames = { CollectionDefinition.DefaultPartition },
                    PartitionIDs = { d.PartitionId },
                    CreatedTimestamps = { d.CreatedTimestamp },
                    CreatedUtcTimestamps = { HybridClock.Milliseconds(d.CreatedTimestamp) },
                    InMemoryPercentages = { d.Loaded ? 100 : 0 },
                };
            },
            status => new ShowPartitionsResponse { Status = status });

    private LogOp? DecideCreate(CreateCollectionOp op)
    {
        if (State.Collections.TryGetValue(op.Schema.Name, out var existing))
        {
            var known = existing.Definition.Op;
            return known.Schema.Equals(op.Schema) && known.ConsistencyLevel == op.ConsistencyLevel && known.ShardsNum == op.ShardsNum
                ? null
                : throw Faults.Unexpected($"create duplicate collection with different parameters, collection: {op.Schema.Name}");
        }

        if (State.Collections.Count >= Limits.Collections)
        {
            throw Faults.TooManyCollections();
        }

        // Two numbers: the collection's and its one partition's.
        op.CollectionId = store.Clock.Reserve(2);
        return new LogOp { CreateCollection = op };
    }
}
