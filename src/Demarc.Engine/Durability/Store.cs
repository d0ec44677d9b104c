using System.Threading.Channels;
using Demarc.Engine.Errors;
using Google.Protobuf;

namespace Demarc.Engine.Durability;

/// <summary>
/// The one writer. Requests queue up; the writer gathers what is waiting into one frame, writes and syncs it, applies it,
/// and only then answers: what is answered survives a crash, and what is visible to readers survives one too. While one
/// frame is being synced the next one gathers, so many clients share the cost of a sync.
/// </summary>
internal sealed partial class Store : IDisposable
{
    private readonly DataDirectory directory;
    private readonly Disk disk;
    private readonly ILogger log;
    private readonly AckedMark acked;
    private readonly Channel<Pending> queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(Limits.WriteQueue) { SingleReader = true });
    private readonly Thread writer;
    private readonly SegmentCheck check;
    private LogFile file;
    private ulong firstFrame;
    private ulong lastFrame;
    private readonly long checkpointAfter;
    private long nextCheckpointAt;
    private Task checkpoint = Task.CompletedTask;
    private Manifest newest;

    // Whoever writes or removes files of segments: a checkpoint, a snapshot, a restore.
    private readonly SemaphoreSlim files = new(1, 1);

    private Store(DataDirectory directory, Disk disk, HybridClock clock, AckedMark acked, Recovered recovered, ILogger log, long checkpointAfter)
    {
        this.checkpointAfter = nextCheckpointAt = checkpointAfter;
        (this.directory, this.disk, Clock, this.acked, this.log) = (directory, disk, clock, acked, log);
        State = recovered.State;
        (Snapshots, newest) = (recovered.Snapshots, recovered.Manifest);
        file = recovered.Log;
        firstFrame = DataDirectory.Number(file.Path);
        lastFrame = recovered.LastFrame;
        writer = new Thread(Run) { Name = "demarc-engine writer", IsBackground = true };
        writer.Start();
        check = new SegmentCheck(State, disk, log);
    }

    public EngineState State { get; }

    public HybridClock Clock { get; }

    public Snapshots Snapshots { get; }

    /// <summary>Why writes are refused until a restart, once that is so.</summary>
    public string? Broken => file.Broken;

    /// <summary>Raised when other files are named than before.</summary>
    public event Action? Stored;

    /// <summary>Frames committed since the start, for the metrics.</summary>
    public long Commits { get; private set; }

    public long LogBytes => file.Length;

    /// <param name="checkpointAfter">Log bytes after which a checkpoint starts; tests take few, to see many checkpoints.</param>
    public static Store Open(DataDirectory directory, Disk disk, TimeProvider time, ILogger log, long checkpointAfter = Limits.LogBytesPerCheckpoint)
    {
        var clock = new HybridClock(time);
        var acked = new AckedMark(directory, disk);
        try
        {
            var recovered = Recovery.Run(directory, disk, clock, acked, log);
            log.Recovered(recovered.State.Collections.Count(), recovered.State.Collections.Sum(c => c.View.LiveRows), recovered.Frames);
            if (recovered.TornBytes > 0)
            {
                log.TornTail(recovered.TornBytes, recovered.Log.Path);
            }

            return new Store(directory, disk, clock, acked, recovered, log, checkpointAfter);
        }
        catch
        {
            acked.Dispose();
            throw;
        }
    }

    /// <summary>Begins a checkpoint soon, if anything was written since the last one and none is under way.</summary>
    public void AskForCheckpoint() => InTurn(() =>
    {
        if (file.Length > LogFormat.HeaderBytes && checkpoint.IsCompleted && Broken is null)
        {
            BeginCheckpoint();
        }
    });

    /// <summary>Takes no more writes after those that wait.</summary>
    public void Break(string why) => InTurn(() => file.Break(why));

    /// <summary>What is named now; waits for whoever writes or removes files of segments.</summary>
    public StoredFiles Stand()
    {
        files.Wait();
        try
        {
            var snapshots = Snapshots.All.ConvertAll(s => s.Collection);
            IEnumerable<StoredCollection> wanted = [.. newest.Collections, .. snapshots];
            return new StoredFiles(newest.LastLsn == 0 ? null : DataDirectory.ManifestName(newest.LastLsn), NamedFiles.Of(wanted), NamedFiles.Of([.. wanted, .. State.Restored], State), Snapshots.AreComplete);
        }
        finally
        {
            files.Release();
        }
    }

    /// <summary>Commits a change that depends on nothing but its collection's existence.</summary>
    public Task<ulong> Write(LogOp op) => Enqueue(new Pending(op, null));

    /// <summary>
    /// Commits a change that is decided in its turn, when everything before it has been applied: it may look at the state,
    /// throw a fault, or return null when there is nothing to do.
    /// </summary>
    public Task<ulong> Decide(Func<LogOp?> decide) => Enqueue(new Pending(null, decide));

    /// <summary>Takes no more writes, finishes those waiting, and leaves a checkpoint for a quick start.</summary>
    public void Dispose() => Dispose(checkpointing: true);

    /// <summary>Without a checkpoint the folder is left as a killed process leaves it; tests start from there.</summary>
    public void Dispose(bool checkpointing)
    {
        if (!queue.Writer.TryComplete())
        {
            return;
        }

        writer.Join();
        check.Dispose();
        checkpoint.Wait();
        if (checkpointing && file.Broken is null && file.Length > LogFormat.HeaderBytes)
        {
            BeginCheckpoint();
            checkpoint.Wait();
        }

        file.Dispose();
        acked.Dispose();
    }

    /// <summary>Has the writer do something between two frames. Once it has stopped there is nothing to be done any more.</summary>
    private void InTurn(Action act) => _ = Decide(() =>
    {
        act();
        return null;
    }).ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private async Task<ulong> Enqueue(Pending pending)
    {
        try
        {
            await queue.Writer.WriteAsync(pending);
        }
        catch (ChannelClosedException)
        {
            throw Faults.WritesStopped("the engine is stopping");
        }

        return await pending.Done.Task;
    }

    private void Run()
    {
        var batch = new List<Pending>();
        Pending? next = null;
        while (next is not null || Wait(out next))
        {
            batch.Clear();
            if (next!.Decide is not null)
            {
                Settle(next, batch);
                next = null;
            }
            else
            {
                next = Gather(next, batch);
            }

            if (batch.Count > 0)
            {
                Commit(batch);
            }
        }
    }

    private bool Wait(out Pending? next)
    {
        next = null;
        while (!queue.Reader.TryRead(out next))
        {
            // A thread of its own may block; a pool thread is not spent on waiting.
            if (!queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Collects waiting writes up to the frame's target size; returns one that must come after them.</summary>
    private Pending? Gather(Pending first, List<Pending> batch)
    {
        long bytes = 0;
        var next = first;
        while (true)
        {
            if (next.Decide is not null)
            {
                return next;
            }

            if (Admit(next))
            {
                batch.Add(next);
                bytes += next.Op!.CalculateSize();
            }

            if (bytes >= Limits.FrameTargetBytes || !queue.Reader.TryRead(out next!))
            {
                return null;
            }
        }
    }

    /// <summary>The collection or the partition may have been dropped, or the schema may have got more fields, while the write waited.</summary>
    private bool Admit(Pending pending)
    {
        if (EngineState.CollectionOf(pending.Op!) is not { } id)
        {
            return true;
        }

        var collection = State.Find(id);
        if (collection is null)
        {
            pending.Done.SetException(Faults.CollectionNotFound(id.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            return false;
        }

        if (collection.Damage is { } place)
        {
            pending.Done.SetException(Faults.Damaged($"collection {collection.Definition.Name}", place));
            return false;
        }

        var definition = collection.Definition;

        if (pending.Op!.PutRows is not { } rows)
        {
            return true;
        }

        if (rows.PartitionIds.Any(p => !definition.Partitions.Any(known => known.Id == p)))
        {
            pending.Done.SetException(Faults.PartitionNotFound(string.Join(',', rows.PartitionIds.Distinct())));
            return false;
        }

        Rows.RowReader.Complete(definition, rows.Columns, rows.RowCount);
        return true;
    }

    private void Settle(Pending pending, List<Pending> batch)
    {
        try
        {
            pending.Op = pending.Decide!();
            RefuseDamaged(pending.Op);
        }
        catch (Exception e)
        {
            pending.Done.SetException(e);
            return;
        }

        if (pending.Op is null)
        {
            pending.Done.SetResult((ulong)Clock.Last);
        }
        else
        {
            batch.Add(pending);
        }
    }

    /// <summary>Rows that cannot all be read are not changed; what only concerns the catalogue is.</summary>
    private void RefuseDamaged(LogOp? op)
    {
        foreach (var one in op?.Batch?.Ops ?? Enumerable.Repeat(op, 1))
        {
            if (one is not null && (EngineState.CollectionOf(one) ?? one.Truncate?.CollectionId ?? one.DropPartition?.CollectionId) is { } id)
            {
                State.Find(id)?.ThrowIfDamaged();
            }
        }
    }

    private void Commit(List<Pending> batch)
    {
        try
        {
            GuardDisk(batch);
            var frame = new LogFrame();
            foreach (var pending in batch)
            {
                pending.Op!.Timestamp = Clock.Next();
                frame.Ops.Add(pending.Op);
            }

            var size = frame.CalculateSize();
            var bytes = GC.AllocateUninitializedArray<byte>(LogFormat.FrameHeaderBytes + size);
            frame.WriteTo(bytes.AsSpan(LogFormat.FrameHeaderBytes));
            LogFormat.Seal(bytes, lastFrame + 1);
            file.Append(bytes);
        }
        catch (Exception e)
        {
            Refuse(batch, e);
            return;
        }

        lastFrame++;
        Commits++;
        acked.Set(firstFrame, file.Length);
        foreach (var pending in batch)
        {
            State.Apply(pending.Op!);
        }

        foreach (var pending in batch)
        {
            pending.Done.SetResult(pending.Op!.Timestamp);
        }

        if (file.Length >= nextCheckpointAt && checkpoint.IsCompleted)
        {
            BeginCheckpoint();
        }
    }

    private void GuardDisk(List<Pending> batch)
    {
        // Deleting is how space is won back, so only what adds rows is refused early.
        if (batch.Exists(p => p.Op!.PutRows is not null || p.Op.Batch?.Ops.Any(o => o.PutRows is not null) == true) && disk.FreeBytes(directory.Path) < Limits.FreeDiskBytes)
        {
            throw Faults.DiskFull($"less than {Limits.FreeDiskBytes >> 20} MiB free in {directory.Path}; free some space, reads go on");
        }
    }

    private void Refuse(List<Pending> batch, Exception cause)
    {
        var told = cause switch
        {
            Fault f => f,
            IOException when file.Broken is { } broken => Faults.WritesStopped(broken),
            IOException or UnauthorizedAccessException => Faults.DiskFull($"the write could not be stored and was taken back: {cause.Message}; free some space, reads go on"),
            _ => cause,
        };
        log.WriteRefused(batch.Count, cause.Message);
        foreach (var pending in batch)
        {
            pending.Done.SetException(told);
        }
    }

    /// <summary>Turns to a new log and writes the state before it in the background.</summary>
    private void BeginCheckpoint()
    {
        try
        {
            var next = LogFile.Create(disk, directory.Path, lastFrame + 1);
            file.Dispose();
            file = next;
            firstFrame = lastFrame + 1;
            acked.Set(firstFrame, file.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            nextCheckpointAt = file.Length + (checkpointAfter / 4);
            log.CheckpointFailed(e.Message);
            TakeBackNextLog();
            return;
        }

        nextCheckpointAt = checkpointAfter;
        var taken = Checkpoint.Take(State, Clock, lastFrame);
        checkpoint = Task.Run(() =>
        {
            files.Wait();
            try
            {
                newest = taken.Write(directory, disk, State, Snapshots);
                State.Touch(); // Indexes of what is stored now can be stored too.
                Stored?.Invoke();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The logs since the last checkpoint are all still there; the next one tries again.
                log.CheckpointFailed(e.Message);
            }
            finally
            {
                files.Release();
            }
        });
    }

    /// <summary>
    /// A log that was begun may stand under its name although turning to it failed. Frames go on in the log before it, and
    /// a start would miss them there; so it goes, or if that cannot be made sure nothing more is written.
    /// </summary>
    private void TakeBackNextLog()
    {
        var path = directory.PathOf(DataDirectory.LogName(lastFrame + 1));
        try
        {
            disk.Delete(path);
            disk.SyncDirectory(directory.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file.Break($"beginning {path} failed and taking it back failed too ({e.Message}); restart the engine once the disk is sound");
        }
    }

    private sealed class Pending(LogOp? op, Func<LogOp?>? decide)
    {
        public LogOp? Op { get; set; } = op;

        public Func<LogOp?>? Decide { get; } = decide;

        public TaskCompletionSource<ulong> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>What is named at one moment.</summary>
/// <param name="Manifest">The newest manifest's name; null before the first.</param>
/// <param name="Wanted">The files that it and the snapshots name.</param>
/// <param name="Named">Those, and the files that rest on nothing but the log and memory.</param>
/// <param name="IsComplete">Whether that is all: a snapshot that cannot be read may name more.</param>
internal sealed record StoredFiles(string? Manifest, NamedFiles Wanted, NamedFiles Named, bool IsComplete);
