using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Snapshots of collections: taken and restored while service goes on, everything acknowledged in them, nothing copied that is on the disk already.</summary>
internal sealed partial class MilvusEndpoint
{
    private const string SnapshotName = "snapshot name";

    private readonly JobQueue<RestoreJob> restores = new(Limits.Restores);

    public override Task<Protocol.Status> CreateSnapshot(CreateSnapshotRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            NameRules.Check(request.Name, SnapshotName);
            if (request.CompactionProtectionSeconds < 0)
            {
                throw Faults.Invalid("compaction_protection_seconds must be non-negative");
            }

            if (request.CompactionProtectionSeconds > Limits.CompactionProtectionSeconds)
            {
                throw Faults.Invalid($"compaction_protection_seconds must not exceed {Limits.CompactionProtectionSeconds}");
            }

            if (request.Description.Length > Limits.SnapshotDescription)
            {
                throw Faults.Invalid($"the description of a snapshot should have at most {Limits.SnapshotDescription} characters");
            }

            var begun = store.Clock.Now;
            var taken = await store.TakeSnapshot(
                () =>
                {
                    var collection = Collection(call, request.CollectionName);
                    if (Of(collection.Definition.Id).Any(s => s.Name == request.Name))
                    {
                        throw Faults.Invalid($"snapshot name {request.Name} already exists in collection {collection.Definition.Id}");
                    }

                    return store.Snapshots.All.Count >= Limits.Snapshots ? throw Faults.Invalid($"exceeded the limit number of snapshots[limit={Limits.Snapshots}]") : collection;
                },
                request.Name,
                request.Description,
                call.Cancel);
            log.SnapshotTaken(request.Name, request.CollectionName, taken.Collection.Segments.Sum(s => (long)s.RowCount), (store.Clock.Now - begun) / 1000.0);
            return Success();
        });

    public override Task<Protocol.Status> DropSnapshot(DropSnapshotRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            NameRules.Check(request.Name, SnapshotName);

            // As in Milvus, dropping what is not there succeeds.
            if (SnapshotsOf(call, request.CollectionName, "drop snapshot").Find(s => s.Name == request.Name)?.Id is not { } id)
            {
                return Success();
            }

            await store.DropSnapshots(
                () =>
                {
                    var chosen = store.Snapshots.All.FindAll(s => s.Id == id);
                    chosen.ForEach(CheckUnpinned);
                    return chosen;
                },
                call.Cancel);
            return Success();
        });

    public override Task<ListSnapshotsResponse> ListSnapshots(ListSnapshotsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var answer = new ListSnapshotsResponse { Status = Success() };
            answer.Snapshots.Add(SnapshotsOf(call, request.CollectionName, "ListSnapshots").Select(s => s.Name));
            return answer;
        });

    public override Task<DescribeSnapshotResponse> DescribeSnapshot(DescribeSnapshotRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var snapshot = Snapshot(call, request.CollectionName, request.Name, "describe snapshot");
            var answer = new DescribeSnapshotResponse
            {
                Status = Success(),
                Name = snapshot.Name,
                Description = snapshot.Description,
                CollectionName = State.Find(snapshot.Collection.Definition.CollectionId)?.Definition.Name ?? snapshot.Collection.Definition.Schema.Name,
                CreateTs = (long)snapshot.CreatedTimestamp,
            };
            answer.PartitionNames.Add(snapshot.Collection.Partitions.Select(p => p.Name));
            return answer;
        });

    public override Task<PinSnapshotDataResponse> PinSnapshotData(PinSnapshotDataRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            if (request.TtlSeconds < 0)
            {
                throw Faults.Invalid("ttl_seconds must be non-negative");
            }

            if (request.TtlSeconds > Limits.PinSeconds)
            {
                throw Faults.Invalid($"ttl_seconds exceeds maximum of {Limits.PinSeconds} (30 days)");
            }

            var pin = new StoredPin { Id = store.Clock.NextId(), Until = request.TtlSeconds == 0 ? 0 : store.Clock.Now + (request.TtlSeconds * 1000) };
            await store.Pin(
                Snapshot(call, request.CollectionName, request.Name, "pin snapshot data").Id,
                snapshot =>
                {
                    var lasting = snapshot.Pins.Where(Lasts).ToList();
                    if (lasting.Count >= Limits.SnapshotPins)
                    {
                        throw Faults.Invalid($"exceeded the limit number of pins[limit={Limits.SnapshotPins}]");
                    }

                    snapshot.Pins.Clear();
                    snapshot.Pins.Add(lasting.Append(pin));
                },
                call.Cancel);
            return new PinSnapshotDataResponse { Status = Success(), PinId = pin.Id };
        });

    public override Task<Protocol.Status> UnpinSnapshotData(UnpinSnapshotDataRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            var id = request.PinId;
            var pinned = store.Snapshots.All.Find(s => s.Pins.Any(p => p.Id == id)) ?? throw Faults.Invalid($"pin {id} not found");
            await store.Pin(pinned.Id, snapshot => snapshot.Pins.Remove(snapshot.Pins.FirstOrDefault(p => p.Id == id)), call.Cancel);
            return Success();
        });

    public override Task<RestoreSnapshotResponse> RestoreSnapshot(RestoreSnapshotRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            NameRules.Check(request.Name, SnapshotName);
            _ = NameRules.Collection(request.TargetCollectionName.Length > 0 ? request.TargetCollectionName : throw Required("target_collection_name", "restore snapshot"));
            Refuse(request.RewriteData, "rewrite_data of a restore");
            var snapshot = Snapshot(call, request.CollectionName, request.Name, "restore snapshot");
            var database = request.TargetDbName.Length > 0 ? request.TargetDbName : call.Database;
            CheckRestored(database, request.TargetCollectionName);
            var job = new RestoreJob(store.Clock.NextId(), (snapshot.Id, snapshot.Name), database, request.TargetCollectionName, store.Clock.Now);
            restores.Start(job, RunRestore);
            return new RestoreSnapshotResponse { Status = Success(), JobId = job.Id };
        });

    public override Task<GetRestoreSnapshotStateResponse> GetRestoreSnapshotState(GetRestoreSnapshotStateRequest request, ServerCallContext context) =>
        Run(request, context, _ => new GetRestoreSnapshotStateResponse
        {
            Status = Success(),
            Info = restores.Find(request.JobId)?.Told(store.Clock.Now) ?? throw Faults.Invalid($"restore job {request.JobId} not found; jobs are known until the engine stops"),
        });

    public override Task<ListRestoreSnapshotJobsResponse> ListRestoreSnapshotJobs(ListRestoreSnapshotJobsRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var answer = new ListRestoreSnapshotJobsResponse { Status = Success() };
            answer.Jobs.Add(restores.All
                .Where(j => j.Database == call.Database && (request.CollectionName.Length == 0 || j.Collection == request.CollectionName))
                .Select(j => j.Told(store.Clock.Now)));
            return answer;
        });

    private async Task RunRestore(RestoreJob job)
    {
        var begun = store.Clock.Now;
        job.Progress(0, 1);
        try
        {
            var restored = await store.RestoreSnapshot(job.Snapshot.Id, job.Database, job.Collection, () => CheckRestored(job.Database, job.Collection), job.Progress);
            job.Complete(store.Clock.Now);
            log.SnapshotRestored(job.Collection, job.Snapshot.Name, restored.View.LiveRows, (store.Clock.Now - begun) / 1000.0);
        }
        catch (Fault fault)
        {
            job.Fail(fault.Message, store.Clock.Now);
        }
        catch (Exception e)
        {
            log.Defect(e, nameof(RestoreSnapshot));
            job.Fail("the restore failed by a defect of the engine; its log has the details", store.Clock.Now);
        }
    }

    /// <summary>Whether a collection of that name may come to be.</summary>
    private void CheckRestored(string database, string name)
    {
        CheckDatabase(database);
        if (State.Names.Aliases.ContainsKey((database, name)))
        {
            throw Faults.AliasTaken(database, name, "please choose a unique name");
        }

        if (State.Lookup(database, name) is not null)
        {
            throw Faults.Invalid($"create duplicate collection with different parameters, collection: {name}");
        }

        if (State.Collections.Count() >= Limits.Collections)
        {
            throw Faults.TooManyCollections();
        }
    }

    private IEnumerable<StoredSnapshot> Of(long collection) => store.Snapshots.All.Where(s => s.Collection.Definition.CollectionId == collection);

    /// <summary>
    /// A collection's snapshots; of a name that no collection has, those that say they are of one: they were brought here from
    /// another engine, or their collection is lost.
    /// </summary>
    private List<StoredSnapshot> SnapshotsOf(Call call, string collection, string use)
    {
        CheckDatabase(call.Database);
        if (collection.Length == 0)
        {
            throw Required("collection_name", use);
        }

        var found = State.Lookup(call.Database, collection);
        var own = found is null ? [] : Of(found.Definition.Id).ToList();
        var orphaned = store.Snapshots.All.Where(s => State.Find(s.Collection.Definition.CollectionId) is null
            && s.Collection.Definition.Schema.Name == collection
            && (s.Collection.Definition.Schema.DbName is { Length: > 0 } database ? database : Faults.DefaultDatabase) == call.Database);
        own.AddRange(orphaned.Where(s => !own.Exists(o => o.Name == s.Name)));
        return own.Count > 0 || found is not null ? own : throw Faults.CollectionNotFound(collection, call.Database);
    }

    private StoredSnapshot Snapshot(Call call, string collection, string name, string use)
    {
        NameRules.Check(name, SnapshotName);
        return SnapshotsOf(call, collection, use).Find(s => s.Name == name)
            ?? throw Faults.SnapshotNotFound(name, State.Lookup(call.Database, collection)?.Definition.Id ?? 0);
    }

    private static Fault Required(string parameter, string use) => new(1101, $"{parameter} is required for {use}: missing parameter");

    private bool Lasts(StoredPin pin) => pin.Until == 0 || pin.Until > store.Clock.Now;

    private void CheckUnpinned(StoredSnapshot snapshot)
    {
        if (snapshot.Pins.Any(Lasts))
        {
            throw Faults.SnapshotPinned(snapshot.Name);
        }
    }
}
