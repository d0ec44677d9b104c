using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Flush, compaction and segments. What was acknowledged is on the disk already, so a flush has nothing to wait for and
/// only has indexes built over the rows as they are.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    /// <summary>Milvus's default of the largest segment, in MiB: the least that a target of a compaction may be.</summary>
    private const long LeastTargetMib = 1024;

    private readonly Compactions compactions = new();

    public override Task<FlushResponse> Flush(FlushRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            if (request.CollectionNames.Count == 0)
            {
                throw Faults.Missing("collection_names");
            }

            var answer = new FlushResponse { Status = Success(), DbName = call.Database };
            foreach (var name in request.CollectionNames)
            {
                var rows = Collection(call, name);
                rows.AskForIndex();
                var ids = SegmentIds(rows.View);
                answer.CollSegIDs[name] = ids;
                answer.FlushCollSegIDs[name] = ids;
                var now = store.Clock.Next();
                answer.CollFlushTs[name] = now;
                answer.CollSealTimes[name] = (long)HybridClock.Milliseconds(now);
            }

            State.Touch();
            return answer;
        });

    public override Task<GetFlushStateResponse> GetFlushState(GetFlushStateRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            if (request.CollectionName.Length > 0)
            {
                _ = Collection(call, request.CollectionName);
            }

            return new GetFlushStateResponse { Status = Success(), Flushed = true };
        });

    public override Task<FlushAllResponse> FlushAll(FlushAllRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            foreach (var rows in State.Collections)
            {
                rows.AskForIndex();
            }

            State.Touch();
            var now = store.Clock.Next();
            var answer = new FlushAllResponse { Status = Success(), FlushAllTs = now };
            answer.FlushAllMsgs["by-dev-rootcoord-dml_0"] = new ImmutableMessage
            {
                Id = new MessageID { Id = now.ToString(CultureInfo.InvariantCulture), WALName = WALName.Unknown },
                Properties = { ["_tt"] = now.ToString(CultureInfo.InvariantCulture) },
            };
            return answer;
        });

    public override Task<GetFlushAllStateResponse> GetFlushAllState(GetFlushAllStateRequest request, ServerCallContext context) =>
        Run(request, context, _ => new GetFlushAllStateResponse { Status = Success(), Flushed = true });

    public override Task<GetPersistentSegmentInfoResponse> GetPersistentSegmentInfo(GetPersistentSegmentInfoRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var view = Collection(call, request.CollectionName).View;
            var answer = new GetPersistentSegmentInfoResponse { Status = Success() };
            answer.Infos.Add(view.Segments.Select(s => new PersistentSegmentInfo
            {
                SegmentID = s.Segment.Id,
                CollectionID = view.Definition.Id,
                PartitionID = s.Segment.PartitionId,
                NumRows = s.Live,
                State = SegmentState.Flushed,
                Level = SegmentLevel.L1,
            }));
            return answer;
        });

    public override Task<GetQuerySegmentInfoResponse> GetQuerySegmentInfo(GetQuerySegmentInfoRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var (_, view) = Loaded(call, request.CollectionName, []);
            var index = view.Definition.Indexes.FirstOrDefault(i => view.Definition.Field(i.FieldName) is { IsSearchable: true });
            var answer = new GetQuerySegmentInfoResponse { Status = Success() };
            answer.Infos.Add(view.Segments.Where(s => view.Definition.IsLoaded(s.Segment.PartitionId)).Select(s => new QuerySegmentInfo
            {
                SegmentID = s.Segment.Id,
                CollectionID = view.Definition.Id,
                PartitionID = s.Segment.PartitionId,
                MemSize = s.Segment.Bytes,
                NumRows = s.Live,
                IndexName = index?.Name ?? "",
                IndexID = index?.IndexId ?? 0,
                NodeID = NodeId,
                NodeIds = { NodeId },
                State = s.Segment.IsFull ? SegmentState.Sealed : SegmentState.Growing,
                Level = SegmentLevel.L1,
            }));
            return answer;
        });

    public override Task<ManualCompactionResponse> ManualCompaction(ManualCompactionRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            var rows = request.CollectionName.Length > 0
                ? Collection(call, request.CollectionName)
                : State.Find(request.CollectionID) ?? throw Faults.CollectionNotFound(request.CollectionID.ToString(CultureInfo.InvariantCulture), call.Database);
            if (request.TargetSize is > 0 and < LeastTargetMib)
            {
                throw Faults.Invalid($"targetSize {request.TargetSize} MB is less than the configured segment max size {LeastTargetMib} MB");
            }

            await ExpireRows(rows);
            List<(long Source, long Target)> done = [];
            await store.Decide(() =>
            {
                // Rows and keys stay the same, so there is nothing to log.
                done = rows.CompactAll();
                return null;
            });
            State.Touch();
            var id = store.Clock.NextId();
            compactions.Add(id, done);
            return new ManualCompactionResponse { Status = Success(), CompactionID = id, CompactionPlanCount = done.Count };
        });

    public override Task<GetCompactionStateResponse> GetCompactionState(GetCompactionStateRequest request, ServerCallContext context) =>
        Run(request, context, _ => new GetCompactionStateResponse
        {
            Status = Success(),
            State = CompactionState.Completed,
            CompletedPlanNo = compactions.Find(request.CompactionID).Count,
        });

    public override Task<GetCompactionPlansResponse> GetCompactionStateWithPlans(GetCompactionPlansRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var answer = new GetCompactionPlansResponse { Status = Success(), State = CompactionState.Completed };
            answer.MergeInfos.Add(compactions.Find(request.CompactionID).Select(p => new CompactionMergeInfo { Sources = { p.Source }, Target = p.Target }));
            return answer;
        });

    /// <summary>There is one node, so there is nothing to balance between; the names are checked all the same.</summary>
    public override Task<Protocol.Status> LoadBalance(LoadBalanceRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            _ = State.Lookup(call.Database, request.CollectionName) ?? throw Faults.CollectionNotFound(request.CollectionName, call.Database);
            return request.SrcNodeID == NodeId && request.DstNodeIDs.All(n => n == NodeId)
                ? Success()
                : throw new Fault(901, $"node not found[node={(request.SrcNodeID != NodeId ? request.SrcNodeID : request.DstNodeIDs.First(n => n != NodeId))}]");
        });

    private static LongArray SegmentIds(CollectionView view)
    {
        var ids = new LongArray();
        ids.Data.Add(view.Segments.Select(s => s.Segment.Id));
        return ids;
    }
}
