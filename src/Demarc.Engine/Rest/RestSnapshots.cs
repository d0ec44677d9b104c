using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rest;

/// <summary>Snapshots and the jobs that restore them.</summary>
internal static class RestSnapshots
{
    public static void Add(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("snapshots/create", call => RestCall.Done(call.Core.CreateSnapshot(
            new CreateSnapshotRequest
            {
                DbName = call.Database,
                CollectionName = call.Collection,
                Name = call.Needed("snapshotName"),
                Description = call.Text("description"),
                CompactionProtectionSeconds = call.Whole("compactionProtectionSeconds", 0),
            },
            call.Context)));
        add("snapshots/drop", call => RestCall.Done(call.Core.DropSnapshot(new DropSnapshotRequest { DbName = call.Database, CollectionName = call.Collection, Name = call.Needed("snapshotName") }, call.Context)));
        add("snapshots/list", async call =>
        {
            var answer = await call.Core.ListSnapshots(new ListSnapshotsRequest { DbName = call.Database, CollectionName = call.Collection }, call.Context);
            RestCall.Check(answer.Status);
            return answer.Snapshots;
        });
        add("snapshots/describe", async call =>
        {
            var answer = await call.Core.DescribeSnapshot(new DescribeSnapshotRequest { DbName = call.Database, CollectionName = call.Collection, Name = call.Needed("snapshotName") }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?>
            {
                ["snapshotName"] = answer.Name,
                ["description"] = answer.Description,
                ["collectionName"] = answer.CollectionName,
                ["partitionNames"] = answer.PartitionNames,
                ["createTs"] = answer.CreateTs,
            };
        });
        add("snapshots/pin", async call =>
        {
            var answer = await call.Core.PinSnapshotData(
                new PinSnapshotDataRequest { DbName = call.Database, CollectionName = call.Collection, Name = call.Needed("snapshotName"), TtlSeconds = call.Whole("ttlSeconds", 0) }, call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["pinId"] = answer.PinId };
        });
        add("snapshots/unpin", call => RestCall.Done(call.Core.UnpinSnapshotData(new UnpinSnapshotDataRequest { PinId = call.Long("pinId") }, call.Context)));
        add("snapshots/restore", async call =>
        {
            var answer = await call.Core.RestoreSnapshot(
                new RestoreSnapshotRequest
                {
                    DbName = call.Database,
                    CollectionName = call.Needed("sourceCollectionName"),
                    Name = call.Needed("snapshotName"),
                    TargetDbName = call.Text("targetDbName"),
                    TargetCollectionName = call.Needed("targetCollectionName"),
                },
                call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?> { ["jobId"] = answer.JobId };
        });
        add("jobs/snapshot/describe", async call =>
        {
            var answer = await call.Core.GetRestoreSnapshotState(new GetRestoreSnapshotStateRequest { JobId = call.Long("jobId") }, call.Context);
            RestCall.Check(answer.Status);
            return Told(answer.Info);
        });
        add("jobs/snapshot/list", async call =>
        {
            var answer = await call.Core.ListRestoreSnapshotJobs(new ListRestoreSnapshotJobsRequest { DbName = call.Database, CollectionName = call.Text("collectionName") }, call.Context);
            RestCall.Check(answer.Status);
            return answer.Jobs.Select(Told).ToList();
        });
    }

    private static Dictionary<string, object?> Told(RestoreSnapshotInfo job) => new()
    {
        ["jobId"] = job.JobId,
        ["snapshotName"] = job.SnapshotName,
        ["dbName"] = job.DbName,
        ["collectionName"] = job.CollectionName,
        ["state"] = job.State.ToString(),
        ["progress"] = job.Progress,
        ["reason"] = job.Reason,
        ["startTime"] = job.StartTime,
        ["timeCost"] = job.TimeCost,
    };
}
