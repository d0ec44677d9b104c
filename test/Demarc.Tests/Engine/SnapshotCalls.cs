using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>What takes more than one call to do with snapshots.</summary>
internal static class SnapshotCalls
{
    /// <summary>Restores a snapshot and waits for the outcome.</summary>
    public static async Task<Demarc.Engine.Protocol.Status> Restored(MilvusService.MilvusServiceClient client, string collection, string snapshot, string target)
    {
        var begun = await client.RestoreSnapshotAsync(new RestoreSnapshotRequest { CollectionName = collection, Name = snapshot, TargetCollectionName = target });
        while (begun.Status.Code == 0)
        {
            var told = (await client.GetRestoreSnapshotStateAsync(new GetRestoreSnapshotStateRequest { JobId = begun.JobId })).Info;
            if (told.State is RestoreSnapshotState.RestoreSnapshotCompleted or RestoreSnapshotState.RestoreSnapshotFailed)
            {
                return new Demarc.Engine.Protocol.Status { Code = told.State == RestoreSnapshotState.RestoreSnapshotCompleted ? 0 : 65535, Reason = told.Reason };
            }

            await Task.Delay(1);
        }

        return begun.Status;
    }
}
