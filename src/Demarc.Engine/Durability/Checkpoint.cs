using System.Collections.Immutable;

namespace Demarc.Engine.Durability;

/// <summary>
/// The state as of one log frame, taken in an instant because views are immutable, and written in the background while
/// service goes on. Segment files come first, then the manifest that names them, then what they replace is removed:
/// whenever a crash comes, one complete state is on the disk.
/// </summary>
internal sealed class Checkpoint
{
    private readonly Manifest manifest;
    private readonly List<SegmentImage> segments = [];
    private readonly ImmutableList<StoredCollection> restored;

    private Checkpoint(Manifest manifest, ImmutableList<StoredCollection> restored) => (this.manifest, this.restored) = (manifest, restored);

    public static Checkpoint Take(EngineState state, HybridClock clock, ulong lastFrame)
    {
        var manifest = new Manifest { LastLsn = lastFrame, LastTimestamp = (ulong)clock.Last, LastId = clock.Last };
        var checkpoint = new Checkpoint(manifest, state.Restored);
        AddCatalog(manifest, state);
        foreach (var collection in state.Collections)
        {
            var image = CollectionImage.Of(collection);
            manifest.Collections.Add(image.Stored);
            checkpoint.segments.AddRange(image.Segments);
        }

        return checkpoint;
    }

    private static void AddCatalog(Manifest manifest, EngineState state)
    {
        var access = state.Access;
        manifest.Users.Add(access.Users.Values);
        manifest.Roles.Add(access.Roles.Values);
        manifest.Grants.Add(access.Grants);
        manifest.PrivilegeGroups.Add(access.Groups.Values);
        manifest.Databases.Add(state.Names.Databases.Values);
        manifest.Aliases.Add(state.Names.Aliases.Select(a => new StoredAlias { Database = a.Key.Database, Name = a.Key.Name, CollectionId = a.Value }));
        manifest.ResourceGroups.Add(state.ResourceGroups.Values);
    }

    /// <summary>Writes what is not on the disk yet, switches over, and removes what is no longer needed; gives what is the newest manifest now.</summary>
    public Manifest Write(DataDirectory directory, Disk disk, EngineState state, Snapshots snapshots)
    {
        long freed = 0;
        foreach (var segment in segments)
        {
            if (segment.Write(directory, disk))
            {
                freed += ReadFromFile(directory, segment);
            }
        }

        StoredFile.Write(disk, directory.PathOf(DataDirectory.ManifestName(manifest.LastLsn)), StoredFile.ManifestMagic, manifest);
        foreach (var segment in segments)
        {
            segment.View.Segment.NamedRows = segment.Stored.RowCount;
        }

        state.Forget(restored);
        RemoveReplaced(directory, disk, manifest, state, snapshots);
        if (freed >= Limits.FreedBytesPerCollection)
        {
            // The collector has no reason of its own to look for arrays this large soon.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
        }

        return manifest;
    }

    /// <summary>Removes what no state names any more. What cannot be removed now is removed at another time.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="disk">What removes.</param>
    /// <param name="manifest">The newest on the disk.</param>
    /// <param name="state">What is there now, and what the log brings back: a collection may have come out of a snapshot since the manifest was taken.</param>
    /// <param name="snapshots">Which keep files too.</param>
    public static void RemoveReplaced(DataDirectory directory, Disk disk, Manifest manifest, EngineState state, Snapshots snapshots)
    {
        var named = NamedFiles.Of([.. manifest.Collections, .. snapshots.All.Select(s => s.Collection), .. state.Restored], state);
        var gone = directory.Manifests().Where(m => DataDirectory.Number(m) != manifest.LastLsn)
            .Concat(directory.Logs().Where(l => DataDirectory.Number(l) <= manifest.LastLsn))
            .Concat(snapshots.AreComplete ? directory.Segments().Where(f => !named.HasSegment(f)) : [])
            .Concat(directory.Indexes().Where(f => !named.HasIndex(f)));
        foreach (var file in gone.ToList())
        {
            try
            {
                disk.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Nothing rests on it; the next checkpoint or start tries again.
            }
        }
    }

    /// <summary>Full segments are read from their files from now on, so that memory holds what is still written to.</summary>
    private static long ReadFromFile(DataDirectory directory, SegmentImage image)
    {
        if (!image.View.Segment.IsFull)
        {
            return 0;
        }

        var path = directory.PathOf(image.Stored.File);
        try
        {
            var file = SegmentFile.Open(path, image.Definition, image.Stored, directory.Bucket);
            file.CheckAll();
            return image.Collection.MapFrom(image.View.Segment, file);
        }
        catch (DamagedDataException e)
        {
            throw new IOException($"{path} was just written and does not read back: {e.Place}", e);
        }
    }
}
