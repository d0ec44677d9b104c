using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Insert, upsert, delete and flush. An answer means the change is on the disk and every later read sees it.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<MutationResult> Insert(InsertRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                Refuse(request.HasNamespace, "namespace");
                var result = await Put(request.DbName, request.CollectionName, request.PartitionName, request.SchemaTimestamp, request.FieldsData, request.NumRows, insert: true);
                result.InsertCnt = request.NumRows;
                metrics.Inserted(request.NumRows);
                return result;
            },
            status => new MutationResult { Status = status });

    public override Task<MutationResult> Upsert(UpsertRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                Refuse(request.HasNamespace, "namespace");
                Refuse(request.PartialUpdate || request.FieldOps.Count > 0, "a partial update in an upsert");
                var result = await Put(request.DbName, request.CollectionName, request.PartitionName, request.SchemaTimestamp, request.FieldsData, request.NumRows, insert: false);
                result.UpsertCnt = request.NumRows;
                metrics.Upserted(request.NumRows);
                return result;
            },
            status => new MutationResult { Status = status });

    public override Task<MutationResult> Delete(DeleteRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                Refuse(request.HasNamespace, "namespace");
                CheckPartition(request.PartitionName);
                var collection = Collection(request.DbName, request.CollectionName);
                var definition = collection.View.Definition;
                if (string.IsNullOrWhiteSpace(request.Expr))
                {
                    throw Faults.Invalid("failed to create delete plan: expr in delete request should not be empty");
                }

                var filter = ParseFilter(definition, request.Expr, request.ExprTemplateValues, "failed to create delete plan");
                var timestamp = KeysOf(definition, filter) is { } keys
                    ? await Delete(definition.Id, keys)
                    : (Timestamp: 0UL, Count: -1);
                if (timestamp.Count < 0)
                {
                    timestamp = await DeleteMatching(definition, filter);
                }

                metrics.Deleted(timestamp.Count);
                return new MutationResult { Status = Success(), DeleteCnt = timestamp.Count, IDs = new IDs(), Acknowledged = true, Timestamp = timestamp.Timestamp };
            },
            status => new MutationResult { Status = status });

    public override Task<FlushResponse> Flush(FlushRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                if (request.CollectionNames.Count == 0)
                {
                    throw Faults.Missing("collection_names");
                }

                // What was acknowledged is on the disk already, so there is nothing to wait for.
                var answer = new FlushResponse { Status = Success(), DbName = Faults.DefaultDatabase };
                foreach (var name in request.CollectionNames)
                {
                    var rows = Collection(request.DbName, name);
                    rows.AskForIndex();
                    State.Touch();
                    var view = rows.View;
                    var ids = new LongArray();
                    ids.Data.Add(view.Segments.Select(s => s.Segment.Id));
                    answer.CollSegIDs[name] = ids;
                    answer.FlushCollSegIDs[name] = ids;
                    var now = store.Clock.Next();
                    answer.CollFlushTs[name] = now;
                    answer.CollSealTimes[name] = (long)HybridClock.Milliseconds(now);
                }

                return answer;
            },
            status => new FlushResponse { Status = status });

    public override Task<GetFlushStateResponse> GetFlushState(GetFlushStateRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                if (request.CollectionName.Length > 0)
                {
                    _ = Collection(request.DbName, request.CollectionName);
                }

                return new GetFlushStateResponse { Status = Success(), Flushed = true };
            },
            status => new GetFlushStateResponse { Status = status });

    public override Task<GetPersistentSegmentInfoResponse> GetPersistentSegmentInfo(GetPersistentSegmentInfoRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var view = Collection(request.DbName, request.CollectionName).View;
                var answer = new GetPersistentSegmentInfoResponse { Status = Success() };
                answer.Infos.Add(view.Segments.Select(s => new PersistentSegmentInfo
                {
                    SegmentID = s.Segment.Id,
                    CollectionID = view.Definition.Id,
                    PartitionID = view.Definition.PartitionId,
                    NumRows = s.Live,
                    State = SegmentState.Flushed,
                    Level = SegmentLevel.L1,
                }));
                return answer;
            },
            status => new GetPersistentSegmentInfoResponse { Status = status });

    private async Task<MutationResult> Put(
        string database, string name, string partition, ulong schemaTimestamp, RepeatedField<FieldData> given, uint rows, bool insert)
    {
        CheckPartition(partition);
        var definition = Collection(database, name).View.Definition;
        if (schemaTimestamp != 0 && schemaTimestamp != definition.CreatedTimestamp)
        {
            throw Faults.SchemaChanged(name);
        }

        CheckMemory();
        var columns = RowReader.Read(definition, given, (int)Math.Min(rows, int.MaxValue), insert && definition.AutoId ? n => NewKeys(definition, n) : null);
        var op = new PutRowsOp { CollectionId = definition.Id, RowCount = (int)rows };
        op.Columns.Add(columns);
        var timestamp = await store.Write(new LogOp { PutRows = op });
        var result = new MutationResult
        {
            Status = Success(),
            Acknowledged = true,
            Timestamp = timestamp,
            IDs = Ids(columns[definition.PrimaryIndex]),
        };
        result.SuccIndex.Add(Enumerable.Range(0, (int)rows).Select(i => (uint)i));
        return result;
    }

    private void CheckMemory()
    {
        if (options.MaxMemoryMib is { } limit && State.Bytes >> 20 is var used && used >= limit)
        {
            throw Faults.MemoryFull(used, limit);
        }
    }

    private FieldData NewKeys(CollectionDefinition definition, int rows)
    {
        var first = store.Clock.Reserve(rows);
        var keys = Column.NewData(definition.Primary);
        for (var i = 0; i < rows; i++)
        {
            if (definition.Primary.Type == DataType.Int64)
            {
                keys.Scalars.LongData.Data.Add(first + i);
            }
            else
            {
                keys.Scalars.StringData.Data.Add((first + i).ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        return keys;
    }

    private async Task<(ulong Timestamp, int Count)> Delete(long collection, IDs keys)
    {
        var count = (keys.IntId?.Data.Count ?? 0) + (keys.StrId?.Data.Count ?? 0);
        return (await store.Write(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = collection, Ids = keys } }), count);
    }

    /// <summary>Decided in its turn, so that it sees every write acknowledged before it and none after.</summary>
    private async Task<(ulong Timestamp, int Count)> DeleteMatching(CollectionDefinition definition, ConditionNode filter)
    {
        if (!definition.Loaded)
        {
            throw Faults.CollectionNotLoaded(definition.Name);
        }

        var count = 0;
        var timestamp = await store.Decide(() =>
        {
            var rows = State.Find(definition.Id) ?? throw Faults.CollectionNotFound(definition.Name);
            var keys = Column.NewData(definition.Primary);
            foreach (var (segment, row) in Matches(rows.View, filter))
            {
                segment.Segment.Columns[definition.PrimaryIndex].Write(keys, row);
                count++;
            }

            return count == 0 ? null : new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = definition.Id, Ids = Ids(keys) } };
        });
        return (timestamp, count);
    }

    private static IDs Ids(FieldData keys) => keys.Scalars.DataCase == ScalarField.DataOneofCase.LongData
        ? new IDs { IntId = keys.Scalars.LongData }
        : new IDs { StrId = keys.Scalars.StringData };

    private static void Refuse(bool present, string what)
    {
        if (present)
        {
            throw Faults.NotServed(what);
        }
    }
}
