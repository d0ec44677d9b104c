namespace Demarc.Engine.Buckets;

/// <summary>
/// Gives up an act that has not moved for a while. A large body may take hours as long as it moves, so a bound on the whole
/// act would be too long for a small one and too short for a large one.
/// </summary>
internal sealed class StallWatch : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource source;
    private readonly TimeSpan patience;
    private bool isOver;

    public StallWatch(TimeSpan patience, CancellationToken stop)
    {
        this.patience = patience;
        source = CancellationTokenSource.CreateLinkedTokenSource(stop);
        source.CancelAfter(patience);
    }

    /// <summary>Ends when the caller stops, or when the act has stalled.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Tells that something moved. It may come late, from a thread that does not know that the act is over.</summary>
    public void Moved()
    {
        lock (gate)
        {
            if (!isOver)
            {
                source.CancelAfter(patience);
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            isOver = true;
            source.Dispose();
        }
    }
}
