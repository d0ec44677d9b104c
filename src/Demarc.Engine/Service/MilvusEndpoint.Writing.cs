using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Insert, upsert and delete. An answer means the change is on the disk and every later read sees it.</summary>
internal sealed partial class MilvusEndpoint
{
    /// <summary>The property that lets clients give keys although the engine makes them.</summary>
    private const string OwnKeysProperty = "allow_insert_auto_id";

    public override Task<MutationResult> Insert(InsertRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            Refuse(request.HasNamespace, "namespace");
            _ = NameRules.Collection(request.CollectionName);
            var definition = Writable(call, request.CollectionName, request.SchemaTimestamp);
            var ownKeys = definition.AutoId && bool.TryParse(definition.Property(OwnKeysProperty), out var allowed) && allowed && request.FieldsData.Any(f => f.FieldName == definition.Primary.Name);
            var columns = RowReader.Read(definition, request.FieldsData, Rows(request.NumRows), definition.AutoId && !ownKeys ? n => NewKeys(definition, n) : null);
            var op = PutRows(definition, request.PartitionName, columns, Rows(request.NumRows));
            var result = Written(definition, columns, await store.Write(new LogOp { PutRows = op }));
            result.InsertCnt = request.NumRows;
            metrics.Inserted(request.NumRows);
            return result;
        });

    public override Task<MutationResult> Upsert(UpsertRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            Refuse(request.HasNamespace, "namespace");
            var definition = Writable(call, request.CollectionName, request.SchemaTimestamp);
            var partial = ArrayChanges.Check(definition, request) || request.PartialUpdate;
            RefusePartition(definition, request.PartitionName);
            CheckDistinct(RowReader.Keys(definition, request.FieldsData));
            List<FieldData> columns = [];
            ulong timestamp;
            if (partial || definition.AutoId)
            {
                // What a row keeps is read in the writer's turn, so that no write in between is lost.
                timestamp = await store.Decide(() =>
                {
                    var op = Upserted(Collection(call, NameRules.Collection(request.CollectionName)), request, partial);
                    columns = [.. (op.PutRows ?? op.Batch.Ops[^1].PutRows).Columns];
                    return op;
                });
            }
            else
            {
                columns = RowReader.Read(definition, request.FieldsData, Rows(request.NumRows), null);
                timestamp = await store.Write(new LogOp { PutRows = PutRows(definition, request.PartitionName, columns, Rows(request.NumRows)) });
            }

            var result = Written(definition, columns, timestamp);
            result.InsertCnt = result.DeleteCnt = request.NumRows;
            result.UpsertCnt = request.NumRows;
            metrics.Upserted(request.NumRows);
            return result;
        });

    public override Task<MutationResult> Delete(DeleteRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            Refuse(request.HasNamespace, "namespace");
            var definition = Definition(call, NameRules.Collection(request.CollectionName));
            if (string.IsNullOrWhiteSpace(request.Expr))
            {
                throw Faults.Invalid("failed to create delete plan: expr in delete request should not be empty");
            }

            var filter = ParseFilter(definition, request.Expr, request.ExprTemplateValues, "failed to create delete plan");
            HashSet<long>? within = request.PartitionName.Length == 0 ? null : [Partition(definition, request.PartitionName).Id];
            var (timestamp, count) = within is null && KeysOf(definition, filter) is { } keys
                ? await DeleteKeys(definition.Id, keys)
                : await DeleteMatching(definition, filter, within);
            metrics.Deleted(count);
            return new MutationResult { Status = Success(), DeleteCnt = count, IDs = new IDs(), Acknowledged = true, Timestamp = timestamp };
        });

    internal static IDs Ids(FieldData keys) => keys.Scalars.DataCase == ScalarField.DataOneofCase.LongData
        ? new IDs { IntId = keys.Scalars.LongData }
        : new IDs { StrId = keys.Scalars.StringData };

    private static int Rows(uint rows) => (int)Math.Min(rows, int.MaxValue);

    private CollectionDefinition Writable(Call call, string name, ulong schemaTimestamp)
    {
        var definition = Definition(call, NameRules.Collection(name));
        if (schemaTimestamp != 0 && schemaTimestamp != definition.UpdatedTimestamp)
        {
            throw Faults.SchemaChanged(name);
        }

        if (options.MaxMemoryMib is { } limit && State.Bytes >> 20 is var used && used >= limit)
        {
            throw Faults.MemoryFull(used, limit);
        }

        return definition;
    }

    /// <summary>Rows made whole from those that are there, or under new keys where the engine makes keys: then the rows under the old ones go.</summary>
    private LogOp Upserted(CollectionRows current, UpsertRequest request, bool partial)
    {
        var definition = current.Definition;
        var rows = Rows(request.NumRows);
        Func<int, FieldData>? newKeys = definition.AutoId ? n => NewKeys(definition, n) : null;
        List<FieldData> columns;
        if (partial)
        {
            long? partition = definition.PartitionKeyIndex >= 0 ? null : request.PartitionName.Length == 0 ? definition.DefaultPartitionId : Partition(definition, request.PartitionName).Id;
            if (!definition.Loaded)
            {
                throw new Fault(101, $"failed to query: collection not loaded[collection={definition.Name}]"); // As the query says it that reads what is there.
            }

            columns = PartialRows.Completed(current, request, partition, newKeys);
        }
        else
        {
            columns = RowReader.Read(definition, [.. request.FieldsData.Where(c => c.FieldName != definition.Primary.Name)], rows, newKeys);
        }

        var put = new LogOp { PutRows = PutRows(definition, request.PartitionName, columns, rows) };
        if (!definition.AutoId)
        {
            return put;
        }

        var batch = new LogOp { Batch = new BatchOp() };
        batch.Batch.Ops.Add(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = definition.Id, Ids = Ids(RowReader.Keys(definition, request.FieldsData)) } });
        batch.Batch.Ops.Add(put);
        return batch;
    }

    private static void CheckDistinct(FieldData keys)
    {
        var (integers, texts) = (keys.Scalars?.LongData?.Data, keys.Scalars?.StringData?.Data);
        if (integers?.Distinct().Count() != integers?.Count || texts?.Distinct(StringComparer.Ordinal).Count() != texts?.Count)
        {
            throw Faults.Invalid("duplicate primary keys are not allowed in the same batch");
        }
    }

    private static void RefusePartition(CollectionDefinition definition, string partition)
    {
        if (partition.Length > 0 && definition.PartitionKeyIndex >= 0)
        {
            throw Faults.Invalid("not support manually specifying the partition names if partition key mode is used");
        }
    }

    private static PutRowsOp PutRows(CollectionDefinition definition, string partition, List<FieldData> columns, int rows)
    {
        var op = new PutRowsOp { CollectionId = definition.Id, RowCount = rows };
        op.Columns.Add(columns);
        if (definition.PartitionKeyIndex < 0)
        {
            if (partition.Length > 0)
            {
                NameRules.CheckPartition(partition);
                op.PartitionIds.Add(Partition(definition, partition).Id);
            }

            return op;
        }

        RefusePartition(definition, partition);
        op.PartitionIds.Add(PartitionKeys.Spread(definition, columns[definition.PartitionKeyIndex], rows));
        return op;
    }

    private static MutationResult Written(CollectionDefinition definition, List<FieldData> columns, ulong timestamp)
    {
        var ids = Ids(columns[definition.PrimaryIndex]);
        var rows = ids.IntId?.Data.Count ?? ids.StrId.Data.Count;
        var result = new MutationResult { Status = Success(), Acknowledged = true, Timestamp = timestamp, IDs = ids };
        result.SuccIndex.Add(Enumerable.Range(0, rows).Select(i => (uint)i));
        return result;
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
                keys.Scalars.StringData.Data.Add((first + i).ToString(CultureInfo.InvariantCulture));
            }
        }

        return keys;
    }

    private async Task<(ulong Timestamp, int Count)> DeleteKeys(long collection, IDs keys)
    {
        var count = (keys.IntId?.Data.Count ?? 0) + (keys.StrId?.Data.Count ?? 0);
        return (await store.Write(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = collection, Ids = keys } }), count);
    }

    /// <summary>Decided in its turn, so that it sees every write acknowledged before it and none after.</summary>
    private async Task<(ulong Timestamp, int Count)> DeleteMatching(CollectionDefinition definition, ConditionNode filter, IReadOnlySet<long>? within)
    {
        if (!definition.Loaded)
        {
            throw Faults.CollectionNotLoaded(definition.Name);
        }

        var count = 0;
        var timestamp = await store.Decide(() =>
        {
            var rows = State.Find(definition.Id) ?? throw Faults.CollectionNotFound(definition.Name, definition.Database);
            rows.ThrowIfDamaged(); // To find nothing in rows that are withheld is no answer.
            var keys = Column.NewData(definition.Primary);
            foreach (var (segment, row) in Matches(rows.View.Within(within), filter))
            {
                segment.Segment.Columns[definition.PrimaryIndex].Write(keys, row);
                count++;
            }

            return count == 0 ? null : new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = definition.Id, Ids = Ids(keys) } };
        });
        return (timestamp, count);
    }
}
