using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>Collections: create, describe, list, drop and count.</summary>
internal sealed partial class MilvusEndpoint
{
    private const int DefaultShards = 1;

    public override Task<Protocol.Status> CreateCollection(CreateCollectionRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            var database = CheckDatabase(call.Database);
            var op = new CreateCollectionOp
            {
                Schema = SchemaRules.Complete(Parsed(CollectionSchema.Parser, request.Schema, "schema"), request.CollectionName, call.Database),
                ShardsNum = request.ShardsNum > 0 ? request.ShardsNum : DefaultShards,
                ConsistencyLevel = request.ConsistencyLevel,
            };
            op.NumPartitions = PartitionCount(op.Schema, request.NumPartitions);
            op.Properties.Add(request.Properties);
            if (!op.Properties.Any(p => p.Key == CollectionDefinition.TimezoneProperty))
            {
                op.Properties.Add(new Pair { Key = CollectionDefinition.TimezoneProperty, Value = database.Properties.FirstOrDefault(p => p.Key == CollectionDefinition.TimezoneProperty)?.Value ?? "UTC" });
            }

            PropertyRules.Check(op.Schema, op.Properties);
            ZonedTimes.FixDefaults(op.Schema, PropertyRules.CheckZone(op.Properties.First(p => p.Key == CollectionDefinition.TimezoneProperty).Value));
            PropertyRules.CheckAutoId(op.Schema.Fields.Any(f => f.AutoID), op.Properties);
            await store.Decide(() => DecideCreate(call, op));
            return Success();
        });

    public override Task<Protocol.Status> DropCollection(DropCollectionRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            // As in Milvus, the snapshots of a collection go with it.
            var dropped = 0L;
            await store.Decide(() =>
            {
                var op = DecideDrop(call, request);
                dropped = op?.DropCollection.CollectionId ?? 0;
                return op;
            });
            if (Of(dropped).Any())
            {
                await store.DropSnapshots(() => Of(dropped), CancellationToken.None);
            }

            return Success();
        });

    private LogOp? DecideDrop(Call call, DropCollectionRequest request)
    {
        CheckDatabase(call.Database);
        if (State.Names.Aliases.ContainsKey((call.Database, request.CollectionName)))
        {
            throw Faults.Invalid($"cannot drop the collection via alias = {request.CollectionName}");
        }

        // As in Milvus, dropping what is not there succeeds.
        if (State.Lookup(call.Database, request.CollectionName)?.Definition is not { } found)
        {
            return null;
        }

        var aliases = State.Names.AliasesOf(found.Id).ToList();
        foreach (var snapshot in Of(found.Id))
        {
            CheckUnpinned(snapshot);
        }

        return aliases.Count > 0
            ? throw Faults.Invalid($"unable to drop the collection [{found.Name}] because it has associated aliases [{string.Join(' ', aliases)}], please remove all aliases before dropping the collection")
            : new LogOp { DropCollection = new DropCollectionOp { CollectionId = found.Id } };
    }

    public override Task<TruncateCollectionResponse> TruncateCollection(TruncateCollectionRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            await store.Decide(() => new LogOp { Truncate = new TruncateOp { CollectionId = Definition(call, NameRules.Collection(request.CollectionName)).Id } });
            return new TruncateCollectionResponse { Status = Success() };
        });

    public override Task<BoolResponse> HasCollection(HasCollectionRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            _ = NameRules.Collection(request.CollectionName);
            CheckDatabase(call.Database);
            return new BoolResponse { Status = Success(), Value = State.Lookup(call.Database, request.CollectionName) is not null };
        });

    public override Task<DescribeCollectionResponse> DescribeCollection(DescribeCollectionRequest request, ServerCallContext context) =>
        Run(request, context, call => Described(call, request.CollectionName, request.CollectionID));

    public override Task<BatchDescribeCollectionResponse> BatchDescribeCollection(BatchDescribeCollectionRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            if (request.CollectionName.Count == 0 && request.CollectionID.Count == 0)
            {
                throw Faults.Invalid("collection names and collection IDs cannot be both empty");
            }

            var answer = new BatchDescribeCollectionResponse { Status = Success() };
            answer.Responses.Add(request.CollectionName.Select(name => Tried(call, name, 0)));
            answer.Responses.Add(request.CollectionID.Select(id => Tried(call, "", id)));
            return answer;
        });

    public override Task<ShowCollectionsResponse> ShowCollections(ShowCollectionsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            CheckDatabase(call.Database);
            var answer = new ShowCollectionsResponse { Status = Success() };
            foreach (var collection in State.In(call.Database).OrderBy(c => c.Definition.Name, StringComparer.Ordinal))
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
        });

    public override Task<GetCollectionStatisticsResponse> GetCollectionStatistics(GetCollectionStatisticsRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            var collection = Collection(call, request.CollectionName);
            collection.ThrowIfDamaged();
            await ExpireRows(collection);
            return new GetCollectionStatisticsResponse { Status = Success(), Stats = { RowCount(collection.View.LiveRows) } };
        });

    private static T Parsed<T>(MessageParser<T> parser, ByteString bytes, string what)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            throw Faults.Invalid($"the {what} cannot be read");
        }
    }

    private static long PartitionCount(CollectionSchema schema, long asked)
    {
        var keyed = schema.Fields.Any(f => f.IsPartitionKey);
        if (!keyed && asked != 0)
        {
            throw Faults.Invalid("num_partitions should only be specified with partition key field enabled");
        }

        if (asked < 0)
        {
            throw Faults.Invalid("the specified partitions should be greater than 0 if partition key is used");
        }

        return asked > Limits.Partitions
            ? throw Faults.Invalid($"partition number ({asked}) exceeds max configuration ({Limits.Partitions})")
            : asked > 0 ? asked : keyed ? Limits.DefaultKeyPartitions : 1;
    }

    private DescribeCollectionResponse Tried(Call call, string name, long id)
    {
        try
        {
            return Described(call, name, id);
        }
        catch (Fault fault)
        {
            return new DescribeCollectionResponse { Status = fault.ToStatus() };
        }
    }

    private DescribeCollectionResponse Described(Call call, string name, long id)
    {
        if (name.Length > 0 || id == 0)
        {
            _ = NameRules.Collection(name);
        }

        CheckDatabase(call.Database);

        // Of this call alone the old enumeration says no more than that it failed, whatever the numbered code beside it says, and the words are older ones: clients' own suites hold a server to that.
        var collection = (name.Length > 0 ? State.Lookup(call.Database, name) : State.Find(id))
            ?? throw new Fault(100, $"can't find collection[database={call.Database}][collection={name}]", ErrorCode.UnexpectedError);
        var d = collection.View.Definition;
        var answer = new DescribeCollectionResponse
        {
            Status = Success(),
            Schema = d.PublicSchema(),
            CollectionID = d.Id,
            CollectionName = d.Name,
            DbName = d.Database,
            DbId = CheckDatabase(d.Database).Id,
            CreatedTimestamp = d.CreatedTimestamp,
            CreatedUtcTimestamp = HybridClock.Milliseconds(d.CreatedTimestamp),
            UpdateTimestamp = d.UpdatedTimestamp,
            UpdateTimestampStr = d.UpdatedTimestamp.ToString(CultureInfo.InvariantCulture),
            RequestTime = (ulong)store.Clock.Last,
            ShardsNum = d.Op.ShardsNum,
            ConsistencyLevel = d.Op.ConsistencyLevel,
            NumPartitions = d.PartitionKeyIndex >= 0 ? d.Op.NumPartitions : d.Partitions.Count,
        };
        var channels = Enumerable.Range(0, d.Op.ShardsNum).Select(i => string.Create(CultureInfo.InvariantCulture, $"by-dev-rootcoord-dml_{i}")).ToList();
        answer.PhysicalChannelNames.Add(channels);
        answer.VirtualChannelNames.Add(channels.Select((c, i) => string.Create(CultureInfo.InvariantCulture, $"{c}_{d.Id}v{i}")));
        answer.Properties.Add(d.Op.Properties.Where(p => p.Key != CollectionDefinition.HighestFieldProperty));
        if (d.Standing.Count() < d.Fields.Count)
        {
            // Milvus shows it from 3.0 on for every collection; clients of before hold the list to what they set, so ours shows it where it tells something.
            answer.Properties.Add(new Protocol.KeyValuePair { Key = CollectionDefinition.HighestFieldProperty, Value = (d.NextFieldId - 1).ToString(CultureInfo.InvariantCulture) });
        }

        answer.Aliases.Add(State.Names.AliasesOf(d.Id));
        return answer;
    }

    private LogOp? DecideCreate(Call call, CreateCollectionOp op)
    {
        CheckDatabase(call.Database);
        if (State.Names.Aliases.ContainsKey((call.Database, op.Schema.Name)))
        {
            throw Faults.AliasTaken(call.Database, op.Schema.Name, "please choose a unique name");
        }

        if (State.Lookup(call.Database, op.Schema.Name) is { } existing)
        {
            var known = existing.Definition.Op;
            return known.Schema.Equals(op.Schema) && known.ConsistencyLevel == op.ConsistencyLevel && known.ShardsNum == op.ShardsNum
                ? null
                : throw Faults.Invalid($"create duplicate collection with different parameters, collection: {op.Schema.Name}");
        }

        if (State.Collections.Count() >= Limits.Collections)
        {
            throw Faults.TooManyCollections();
        }

        // The collection's own number, and one for each of its first partitions.
        op.CollectionId = store.Clock.Reserve((int)op.NumPartitions + 1);
        return new LogOp { CreateCollection = op };
    }
}
