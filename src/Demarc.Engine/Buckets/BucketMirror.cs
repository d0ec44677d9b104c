using Demarc.Engine.Durability;

namespace Demarc.Engine.Buckets;

/// <summary>
/// Keeps the bucket up with the folder, behind the service's back: files first, then the manifest that names them, then the
/// head that names the manifest, then what is no longer named goes. So whenever it stops, a whole state is in the bucket. A
/// bucket that is away holds nothing up: the folder has everything, and what is missing there is put there later.
/// </summary>
internal sealed class BucketMirror : IDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(20);

    /// <summary>Checkpoints that may come between before it waits for a while.</summary>
    private const int MostPasses = 10;

    private readonly IBucket bucket;
    private readonly BucketFiles files;
    private readonly BucketTie tie;
    private readonly Store store;
    private readonly BucketCache? cache;
    private readonly DataDirectory directory;
    private readonly TimeSpan every;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Bell bell = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Dictionary<string, DateTime> snapshotsPut = new(StringComparer.Ordinal);
    private readonly Thread worker;
    private IReadOnlyList<string>? garbage;
    private (BucketHead Head, string Tag)? head;
    private int asked = 1;
    private int done;
    private volatile bool fenced;
    private long behindSince;
    private volatile string? away;

    public BucketMirror(IBucket bucket, BucketFiles files, BucketTie tie, Store store, BucketCache? cache, DataDirectory directory, TimeSpan every, TimeProvider time, ILogger log)
    {
        (this.bucket, this.files, this.tie, this.store, this.cache, this.directory, this.every, this.time, this.log) = (bucket, files, tie, store, cache, directory, every, time, log);
        store.Stored += Wake;
        files.Fetched += bell.Ring; // The folder may have too much; the bucket lacks nothing by it.
        worker = new Thread(Run) { Name = "demarc-engine bucket", IsBackground = true };
        worker.Start();
    }

    /// <summary>For how long the bucket has lacked something that the folder has; zero when it has all.</summary>
    public TimeSpan Behind => Volatile.Read(ref behindSince) is not 0 and var since ? time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Why the last try did not succeed; null when it did.</summary>
    public string? Away => away;

    /// <summary>Whether the bucket has had everything since it was last asked.</summary>
    public bool IsDone => Volatile.Read(ref done) == Volatile.Read(ref asked);

    /// <summary>Has it look again whether the bucket lacks anything.</summary>
    public void Wake()
    {
        Interlocked.Increment(ref asked);
        bell.Ring();
    }

    /// <summary>Stops, after one more try to bring the bucket up with what the store has left behind.</summary>
    public void Dispose()
    {
        store.Stored -= Wake;
        files.Fetched -= bell.Ring;
        stop.Cancel();
        worker.Join();
        using var patience = new CancellationTokenSource(LastWords, time);
        Try(patience.Token);
        if (away is not null)
        {
            log.BucketLeftBehind(bucket.Place, away);
        }

        stop.Dispose();
        bell.Dispose();
    }

    private void Run()
    {
        var retry = FirstRetry;
        try
        {
            for (var checkpointed = time.GetTimestamp(); !fenced;)
            {
                bell.Wait(away is null ? every : retry, stop.Token);
                if (time.GetElapsedTime(checkpointed) >= every)
                {
                    // What is only in the log is not in the bucket; a checkpoint brings it there.
                    store.AskForCheckpoint();
                    checkpointed = time.GetTimestamp();
                }

                if (!IsDone)
                {
                    retry = Try(stop.Token) ? FirstRetry : TimeSpan.FromTicks(Math.Min(2 * retry.Ticks, LongestRetry.Ticks));
                }

                cache?.Trim();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>One pass, and what became of it.</summary>
    private bool Try(CancellationToken cancel)
    {
        if (fenced)
        {
            return false;
        }

        Interlocked.CompareExchange(ref behindSince, time.GetTimestamp(), 0);
        var now = Volatile.Read(ref asked);
        try
        {
            for (var left = MostPasses; !PassAsync(cancel).GetAwaiter().GetResult(); left--)
            {
                // A checkpoint came between; again from what it has left.
                if (left == 0)
                {
                    throw new IOException($"what is stored in {directory.Path} is replaced sooner than it can be put there, or its manifest is missing");
                }
            }

            Volatile.Write(ref behindSince, 0);
            away = null;
            Volatile.Write(ref done, now);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedDataException or OperationCanceledException)
        {
            if (away is null && !stop.IsCancellationRequested)
            {
                log.BucketAway(bucket.Place, e.Message);
            }

            away = e.Message;
            head = null; // It is read anew: what was put may be there although no answer came.
            return false;
        }
    }

    /// <summary>Puts there what is missing; false when the folder has changed meanwhile.</summary>
    private async Task<bool> PassAsync(CancellationToken cancel)
    {
        garbage ??= (await files.ListAsync(cancel)).Where(IsOfOurLine).ToList();
        head ??= await BucketHead.ReadAsync(bucket, cancel);
        if (head is null || head.Value.Head.Holders[0] != tie.Holder)
        {
            Fence();
            return true;
        }

        var stored = store.Stand();
        var missing = await PutFilesAsync(stored, cancel);
        if (missing.Count > 0 && store.Stand().Manifest != stored.Manifest)
        {
            return false;
        }

        await PutSnapshotsAsync(cancel);
        if (stored.Manifest is not { } manifest)
        {
            return true; // Nothing but the log yet.
        }

        if (!files.Has(manifest) && !await files.PutAsync(manifest, cancel))
        {
            return false;
        }

        var old = stored.IsComplete ? files.There.Where(n => IsReplaced(n, manifest, stored.Named)).ToList() : [];
        if (head.Value.Head.Manifest != files.KeyOf(manifest) || old.Count > 0 || garbage.Count > 0)
        {
            // Also before anything is removed: only who still holds the bucket may.
            foreach (var snapshot in old.Where(DataDirectory.IsSnapshot))
            {
                await files.DeleteAsync(snapshot, cancel);
            }

            if (!await SwitchAsync(files.KeyOf(manifest), cancel))
            {
                return true;
            }

            await RemoveAsync(old, cancel);
        }

        return true;
    }

    /// <summary>
    /// Puts segments and indexes there; gives the segments that are not in the folder. They may have been replaced meanwhile. Otherwise they are
    /// damaged or lost here, which a start has told, and the collection is what it is in the folder: no reason to leave all others out.
    /// </summary>
    private async Task<List<string>> PutFilesAsync(StoredFiles stored, CancellationToken cancel)
    {
        var missing = new List<string>();
        var indexes = directory.Indexes().Where(f => IsWhole(f) && stored.Named.HasIndex(f)).Select(f => Path.GetFileName(f)!);
        foreach (var name in stored.Wanted.Segments.Concat(indexes).Where(n => !files.Has(n)).ToList())
        {
            if (!await files.PutAsync(name, cancel) && stored.Wanted.HasSegment(name))
            {
                missing.Add(name);
            }
        }

        return missing;
    }

    private async Task PutSnapshotsAsync(CancellationToken cancel)
    {
        foreach (var path in directory.Snapshots())
        {
            // Pins change them, so that the name does not tell whether the bucket's is the same.
            var (name, written) = (Path.GetFileName(path), File.GetLastWriteTimeUtc(path));
            if (snapshotsPut.GetValueOrDefault(name) != written && await files.PutAsync(name, cancel))
            {
                snapshotsPut[name] = written;
            }
        }
    }

    private async Task<bool> SwitchAsync(string manifest, CancellationToken cancel)
    {
        var next = head!.Value.Head with { Format = DataDirectory.FormatVersion, Manifest = manifest, Updated = time.GetUtcNow() };
        if (await next.PutAsync(bucket, head.Value.Tag, cancel))
        {
            head = await BucketHead.ReadAsync(bucket, cancel);
            return true;
        }

        head = await BucketHead.ReadAsync(bucket, cancel);
        if (head?.Head.Holders[0] == tie.Holder)
        {
            throw new BucketException($"{bucket.Place}/{BucketHead.Name} was changed by somebody else, who is not an engine that took over");
        }

        Fence();
        return false;
    }

    private async Task RemoveAsync(List<string> old, CancellationToken cancel)
    {
        foreach (var name in old)
        {
            await files.DeleteAsync(name, cancel);
        }

        foreach (var key in garbage!)
        {
            await bucket.DeleteAsync(key, cancel);
        }

        garbage = [];
    }

    /// <summary>Another data folder has taken over: what would be written here from now on, nobody would find there.</summary>
    private void Fence()
    {
        fenced = true;
        store.Break($"{bucket.Place} belongs to another data folder now, which took over from {directory.Path}; use that one");
        log.Fenced(bucket.Place, directory.Path);
    }

    private bool IsReplaced(string name, string manifest, NamedFiles named) => Path.GetExtension(name) switch
    {
        ".manifest" => name != manifest && !File.Exists(directory.PathOf(name)),
        Indexes.IndexFile.Extension => !named.HasIndex(name),
        _ => !named.HasSegment(name),
    };

    /// <summary>Whether a key was put there by this folder or one before it; anything else is not ours to remove.</summary>
    private bool IsOfOurLine(string key) => tie.Before.Append(tie.Holder).Any(h => key.StartsWith(h + "/", StringComparison.Ordinal));

    private static bool IsWhole(string path) => !path.EndsWith(PartFile.Extension, StringComparison.Ordinal);
}
