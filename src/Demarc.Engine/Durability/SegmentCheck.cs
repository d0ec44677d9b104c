using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// Checks behind the service's back what a start has mapped but not read, so that damage is found also where nobody looks.
/// A search does not wait for its turn: it checks what it touches itself. Then the tables of keys are filled.
/// </summary>
internal sealed class SegmentCheck : IDisposable
{
    private readonly EngineState state;
    private readonly Disk disk;
    private readonly ILogger log;
    private readonly Thread worker;
    private volatile bool stopped;

    public SegmentCheck(EngineState state, Disk disk, ILogger log)
    {
        (this.state, this.disk, this.log) = (state, disk, log);
        worker = new Thread(Run) { Name = "demarc-engine check", IsBackground = true };
        worker.Start();
    }

    public void Dispose()
    {
        stopped = true;
        worker.Join();
    }

    private void Run()
    {
        foreach (var collection in state.Collections)
        {
            foreach (var segment in collection.View.Segments)
            {
                if (stopped)
                {
                    return;
                }

                Check(collection, segment.Segment);
            }
        }

        foreach (var collection in state.Collections)
        {
            if (!stopped)
            {
                collection.FillKeys();
            }
        }
    }

    private void Check(CollectionRows collection, Segment segment)
    {
        try
        {
            segment.File?.CheckPresent();
        }
        catch (DamagedDataException e)
        {
            var told = Quarantine.MoveAside(disk, e, log);
            collection.Refuse(told);
            log.Quarantined(collection.Definition.Name, told);
        }
    }
}
