using Demarc.Engine.Durability;

namespace Demarc.Engine.Buckets;

/// <summary>
/// Before the data folder is read: ties it to its bucket, or fills it from the bucket. A folder that began to be filled and
/// was not finished has no engine.json, and is filled again.
/// </summary>
internal static class BucketStart
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Opens the folder with its bucket. What cannot be known because the bucket does not answer is left for later where the folder has all it needs.</summary>
    /// <param name="options">Which folder, and whether it may be filled.</param>
    /// <param name="bucket">The bucket.</param>
    /// <param name="disk">What writes.</param>
    /// <param name="time">The time.</param>
    /// <param name="log">Where to tell.</param>
    public static async Task<(DataDirectory Directory, BucketTie Tie)> OpenAsync(EngineOptions options, IBucket bucket, Disk disk, TimeProvider time, ILogger log)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        var isNew = !DataDirectory.Exists(options.Data);
        (BucketHead Head, string Tag)? there = null;
        try
        {
            there = await BucketHead.ReadAsync(bucket, patience.Token);
        }
        catch (Exception e) when (!isNew && e is BucketException or OperationCanceledException)
        {
            log.BucketAway(bucket.Place, e.Message);
            return OpenAlone(options, bucket, disk);
        }
        catch (OperationCanceledException)
        {
            throw new BucketException($"{bucket.Place} has not answered for {Patience.TotalSeconds:F0} seconds");
        }

        if (isNew && there is { } found)
        {
            return options.FromBucket && found.Head.Manifest is not null
                ? await FillAsync(options, bucket, disk, found.Head, found.Tag, log, CancellationToken.None)
                : throw new DataDirectoryException(ExitCodes.WrongData, found.Head.Manifest is null
                    ? $"{bucket.Place} was begun by instance {found.Head.Instance} and holds nothing yet: remove its {BucketHead.Name}, or name another prefix."
                    : $"{bucket.Place} holds what instance {found.Head.Instance} had stored until {found.Head.Updated:u}, and {options.Data} is empty. To go on from there give --from-bucket; to begin empty name another prefix.");
        }

        if (isNew && options.FromBucket)
        {
            throw new DataDirectoryException(ExitCodes.WrongData, $"--from-bucket finds nothing in {bucket.Place}: no {BucketHead.Name} is there. Without it an empty engine is begun.");
        }

        var directory = DataDirectory.Open(disk, options.Data, options.Instance, options.RequireExisting);
        try
        {
            return (directory, await TieAsync(directory, bucket, disk, there?.Head, time, patience.Token));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static (DataDirectory Directory, BucketTie Tie) OpenAlone(EngineOptions options, IBucket bucket, Disk disk)
    {
        var directory = DataDirectory.Open(disk, options.Data, options.Instance, options.RequireExisting);
        if (BucketTie.Read(directory) is { } tie && tie.Place == bucket.Place)
        {
            return (directory, tie);
        }

        directory.Dispose();
        throw new BucketException($"{options.Data} was not used with {bucket.Place} before, and the bucket cannot be reached: start once when it can");
    }

    private static async Task<BucketTie> TieAsync(DataDirectory directory, IBucket bucket, Disk disk, BucketHead? there, TimeProvider time, CancellationToken stop)
    {
        var tie = BucketTie.Read(directory);
        if (there is null)
        {
            if (tie is not null && directory.Segments().Concat(directory.Indexes()).Any(f => f.EndsWith(PartFile.Extension, StringComparison.Ordinal)))
            {
                throw new DataDirectoryException(ExitCodes.WrongData, $"{directory.Path} has parts of files whose rest is in {tie.Place}, and {bucket.Place} is empty. Name the former, or copy all of it to the latter first.");
            }

            // Another place gets everything anew, under the name that the folder has.
            tie = (tie ?? new BucketTie("", BucketHead.NewHolder(), [], [])) with { Place = bucket.Place, Before = [], Inherited = [] };
            tie.Write(directory, disk);
            return await BucketHead.New(directory.Instance, tie.Holder, time.GetUtcNow()).PutAsync(bucket, null, stop) ? tie : throw Taken(bucket, directory, (await BucketHead.ReadAsync(bucket, stop))?.Head);
        }

        if (tie?.Holder != there.Holders[0])
        {
            throw Taken(bucket, directory, there);
        }

        if (tie.Place != bucket.Place)
        {
            tie = tie with { Place = bucket.Place }; // All of it was copied there, its head too.
            tie.Write(directory, disk);
        }

        return tie;
    }

    private static DataDirectoryException Taken(IBucket bucket, DataDirectory directory, BucketHead? by) => new(
        ExitCodes.WrongData,
        $"{bucket.Place} belongs to another data folder, of instance {by?.Instance}, which stored there until {by?.Updated:u}. If that one took over from {directory.Path}, use it and not this one; otherwise name another prefix.");

    /// <summary>Makes a folder of what the bucket's newest manifest names. From when its head is replaced the folder before may not write there any more.</summary>
    private static async Task<(DataDirectory Directory, BucketTie Tie)> FillAsync(EngineOptions options, IBucket bucket, Disk disk, BucketHead head, string tag, ILogger log, CancellationToken stop)
    {
        if (options.Instance is { } instance && instance != head.Instance)
        {
            throw new DataDirectoryException(ExitCodes.WrongData, $"{bucket.Place} belongs to instance {head.Instance}, not to {instance}. Name the right bucket or the right --instance.");
        }

        var directory = DataDirectory.Fill(disk, options.Data, head.Instance);
        try
        {
            // Snapshots are those beside the manifest. Of everything else only what these name is taken over.
            var (holder, manifestName) = head.Manifest!.Split('/') is [var before, var named] ? (before, named) : throw new DamagedDataException($"{bucket.Place}/{BucketHead.Name}", 0, "it does not say where the manifest is");
            var number = DataDirectory.Number(manifestName);
            var listed = await bucket.ListAsync(stop);
            foreach (var name in listed.Keys.Where(k => k.StartsWith(holder + "/", StringComparison.Ordinal)).Select(k => k[(holder.Length + 1)..]).Where(DataDirectory.IsSnapshot))
            {
                await CopyAsync(bucket, $"{holder}/{name}", directory, disk, stop);
            }

            var snapshots = directory.Snapshots().Select(p => StoredFile.Read(p, StoredFile.SnapshotMagic, StoredSnapshot.Parser).Collection).ToList();
            await CopyAsync(bucket, head.Manifest, directory, disk, stop);
            var manifest = StoredFile.Read(directory.PathOf(manifestName), StoredFile.ManifestMagic, Manifest.Parser);
            var files = NamedFiles.Of([.. manifest.Collections, .. snapshots]);
            var taken = BucketFiles.Mine(listed, head.Holders, name => files.HasSegment(name) || files.HasIndex(name), owner: "");
            var tie = new BucketTie(bucket.Place, BucketHead.NewHolder(), head.Holders, [.. taken.Keys.Order(StringComparer.Ordinal)]);
            tie.Write(directory, disk);
            using (LogFile.Create(disk, directory.Path, number + 1))
            {
                // Nothing was acknowledged here after the manifest.
            }

            var mine = head with { Format = DataDirectory.FormatVersion, Holders = [tie.Holder, .. head.Holders] };
            if (!await mine.PutAsync(bucket, tag, stop))
            {
                throw new DataDirectoryException(ExitCodes.WrongData, $"{bucket.Place} is in use: another engine wrote there a moment ago. Stop it first.");
            }

            directory.Finish(disk);
            log.TakenOver(bucket.Place, head.Instance, head.Updated);
            return (directory, tie);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static async Task CopyAsync(IBucket bucket, string key, DataDirectory directory, Disk disk, CancellationToken stop)
    {
        var there = await bucket.ReadAsync(key, Limits.StoredFileBytes, stop) ?? throw new DamagedDataException($"{bucket.Place}/{key}", 0, "the file is missing");
        disk.WriteWhole(directory.PathOf(Path.GetFileName(key)), there.Content);
    }
}
