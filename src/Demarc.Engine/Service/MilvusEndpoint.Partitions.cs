using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>Partitions: each has segments of its own, so that a read of some touches no others.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreatePartition(CreatePartitionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            RefuseWithKey(definition, "create");
            NameRules.CheckPartition(request.PartitionName);

            // As in Milvus, making what is there succeeds.
            if (definition.Partition(request.PartitionName) is not null)
            {
                return null;
            }

            if (definition.Partitions.Count >= Limits.Partitions)
            {
                throw Faults.Invalid($"partition number ({definition.Partitions.Count}) exceeds max configuration ({Limits.Partitions}), collection: {definition.Name}");
            }

            var made = new StoredPartition { Id = store.Clock.NextId(), Name = request.PartitionName, CreatedTimestamp = store.Clock.Next() };
            return new LogOp { PutPartition = new PutPartitionOp { CollectionId = definition.Id, Partition = made } };
        });

    public override Task<Protocol.Status> DropPartition(DropPartitionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            RefuseWithKey(definition, "drop");
            NameRules.CheckPartition(request.PartitionName);
            if (request.PartitionName == CollectionDefinition.DefaultPartition)
            {
                throw Faults.Invalid("default partition cannot be deleted");
            }

            // As in Milvus, dropping what is not there succeeds.
            if (definition.Partition(request.PartitionName) is not { } partition)
            {
                return null;
            }

            return definition.IsLoaded(partition.Id)
                ? throw Faults.Invalid("partition cannot be dropped, partition is loaded, please release it first")
                : new LogOp { DropPartition = new DropPartitionOp { CollectionId = definition.Id, PartitionId = partition.Id } };
        });

    public override Task<BoolResponse> HasPartition(HasPartitionRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            NameRules.CheckPartition(request.PartitionName);
            return new BoolResponse { Status = Success(), Value = definition.Partition(request.PartitionName) is not null };
        });

    public override Task<ShowPartitionsResponse> ShowPartitions(ShowPartitionsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var definition = request.CollectionName.Length > 0
                ? Definition(call, NameRules.Collection(request.CollectionName))
                : State.Find(request.CollectionID)?.View.Definition ?? throw Faults.CollectionNotFound(request.CollectionID.ToString(CultureInfo.InvariantCulture), call.Database);
            foreach (var name in request.PartitionNames)
            {
                _ = Partition(definition, name);
            }

            var answer = new ShowPartitionsResponse { Status = Success() };
            foreach (var partition in definition.Partitions)
            {
                var loaded = definition.IsLoaded(partition.Id);
                if ((request.PartitionNames.Count > 0 && !request.PartitionNames.Contains(partition.Name)) || (request.Type == ShowType.InMemory && !loaded))
                {
                    continue;
                }

                answer.PartitionNames.Add(partition.Name);
                answer.PartitionIDs.Add(partition.Id);
                answer.CreatedTimestamps.Add(partition.CreatedTimestamp);
                answer.CreatedUtcTimestamps.Add(HybridClock.Milliseconds(partition.CreatedTimestamp));
                answer.InMemoryPercentages.Add(loaded ? 100 : 0);
            }

            return answer;
        });

    public override Task<GetPartitionStatisticsResponse> GetPartitionStatistics(GetPartitionStatisticsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var collection = Collection(call, request.CollectionName);
            collection.ThrowIfDamaged();
            var view = collection.View;
            var partition = Partition(view.Definition, request.PartitionName);
            return new GetPartitionStatisticsResponse { Status = Success(), Stats = { RowCount(view.Within(new HashSet<long> { partition.Id }).LiveRows) } };
        });

    private static Pair RowCount(long rows) => new() { Key = "row_count", Value = rows.ToString(CultureInfo.InvariantCulture) };

    private static void RefuseWithKey(CollectionDefinition definition, string verb)
    {
        if (definition.PartitionKeyIndex >= 0)
        {
            throw Faults.Unexpected($"disable {verb} partition if partition key mode is used");
        }
    }
}
