using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;

namespace Demarc.Engine.Buckets;

/// <summary>All that has to do with the bucket of a running engine: what it has, what is put there, and how much stays here.</summary>
internal sealed class EngineBucket : IDisposable
{
    private static readonly TimeSpan ListPatience = TimeSpan.FromSeconds(30);

    private readonly IBucket bucket;
    private readonly BucketTie tie;
    private readonly long? cacheBytes;
    private readonly TimeSpan every;

    private EngineBucket(IBucket bucket, BucketFiles files, BucketTie tie, long? cacheBytes, TimeSpan every) =>
        (this.bucket, Files, this.tie, this.cacheBytes, this.every) = (bucket, files, tie, cacheBytes, every);

    public BucketFiles Files { get; }

    public BucketCache? Cache { get; private set; }

    public BucketMirror? Mirror { get; private set; }

    /// <summary>Opens the folder, with the bucket that the options name or the one that is given.</summary>
    public static async Task<(DataDirectory Directory, EngineBucket? Bucket)> OpenAsync(EngineOptions options, Disk disk, TimeProvider time, ILogger log, IBucket? given = null)
    {
        var bucket = given ?? (options.Bucket is { } place ? new S3Bucket(place, BucketAccess.Read(options.BucketAccess!)) : null);
        if (bucket is null)
        {
            var alone = DataDirectory.Open(disk, options.Data, options.Instance, options.RequireExisting);
            if (BucketTie.Read(alone) is { } left)
            {
                log.BucketNotNamed(left.Place);
            }

            return (alone, null);
        }

        DataDirectory? directory = null;
        try
        {
            (directory, var tie) = await BucketStart.OpenAsync(options, bucket, disk, time, log);
            var files = new BucketFiles(bucket, tie, directory, disk, log, limited: options.CacheMib is not null);
            directory.Bucket = files;
            await ListAsync(files, time, log);
            log.InBucket(bucket.Place);
            return (directory, new EngineBucket(bucket, files, tie, options.CacheMib << 20, options.BucketEvery));
        }
        catch
        {
            directory?.Dispose();
            bucket.Dispose();
            throw;
        }
    }

    /// <summary>Begins to put there what is stored.</summary>
    public void Begin(Store store, IndexFolder indexes, DataDirectory directory, Disk disk, TimeProvider time, ILogger log)
    {
        Cache = cacheBytes is { } most ? new BucketCache(most, Files, indexes, store.State, directory, disk, log) : null;
        Mirror = new BucketMirror(bucket, Files, tie, store, Cache, directory, every, time, log);
        indexes.Stored += Mirror.Wake;
    }

    public void Dispose()
    {
        Mirror?.Dispose();
        bucket.Dispose();
    }

    private static async Task ListAsync(BucketFiles files, TimeProvider time, ILogger log)
    {
        using var patience = new CancellationTokenSource(ListPatience, time);
        try
        {
            await files.ListAsync(patience.Token);
        }
        catch (Exception e) when (e is BucketException or OperationCanceledException)
        {
            // What the folder lacks is asked for again when it is needed.
            log.BucketAway(files.Place, e.Message);
        }
    }
}
