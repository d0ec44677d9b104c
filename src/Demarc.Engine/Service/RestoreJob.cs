using Demarc.Engine.Protocol;

namespace Demarc.Engine.Service;

/// <summary>One collection on its way out of a snapshot. Changed by the one thread that runs it, read by any.</summary>
/// <param name="id">Known to the client.</param>
/// <param name="snapshot">Which snapshot, and under which name the client knows it.</param>
/// <param name="database">Where the collection goes.</param>
/// <param name="collection">How it will be called.</param>
/// <param name="started">Milliseconds since 1970.</param>
internal sealed class RestoreJob(long id, (long Id, string Name) snapshot, string database, string collection, long started) : IJob
{
    private readonly Lock gate = new();
    private RestoreSnapshotState state = RestoreSnapshotState.RestoreSnapshotPending;
    private int percent;
    private string reason = "";
    private long ended;

    public long Id => id;

    public (long Id, string Name) Snapshot => snapshot;

    public string Database => database;

    public string Collection => collection;

    public bool Ended
    {
        get
        {
            lock (gate)
            {
                return state is RestoreSnapshotState.RestoreSnapshotCompleted or RestoreSnapshotState.RestoreSnapshotFailed;
            }
        }
    }

    /// <summary>So many of so many segments are read; the collection is there when it is completed, not before.</summary>
    public void Progress(int read, int of)
    {
        lock (gate)
        {
            (state, percent) = (RestoreSnapshotState.RestoreSnapshotExecuting, of == 0 ? 0 : 99 * read / of);
        }
    }

    public void Complete(long now)
    {
        lock (gate)
        {
            (state, percent, ended) = (RestoreSnapshotState.RestoreSnapshotCompleted, 100, now);
        }
    }

    public void Fail(string why, long now)
    {
        lock (gate)
        {
            (state, reason, ended) = (RestoreSnapshotState.RestoreSnapshotFailed, why, now);
        }
    }

    public RestoreSnapshotInfo Told(long now)
    {
        lock (gate)
        {
            return new RestoreSnapshotInfo
            {
                JobId = id,
                SnapshotName = snapshot.Name,
                DbName = database,
                CollectionName = collection,
                State = state,
                Progress = percent,
                Reason = reason,
                StartTime = (ulong)started,
                TimeCost = (ulong)Math.Max(0, (ended > 0 ? ended : now) - started),
            };
        }
    }
}
