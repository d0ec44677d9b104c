using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Durability;

/// <summary>
/// The state as of one log frame, taken in an instant because views are immutable, and written in the background while
/// service goes on. Segment files come first, then the manifest that names them, then what they replace is removed:
/// whenever a crash comes, one complete state is on the disk.
/// </summary>
internal sealed class Checkpoint
{
    private readonly Manifest manifest;
    private readonly List<(CollectionRows Collection, CollectionDefinition Definition, SegmentView View, StoredSegment Stored)> segments = [];

    private Checkpoint(Manifest manifest) => this.manifest = manifest;

    public static Checkpoint Take(EngineState state, HybridClock clock, ulong lastFrame)
    {
        var manifest = new Manifest { LastLsn = lastFrame, LastTimestamp = (ulong)clock.Last, LastId = clock.Last };
        var checkpoint = new Checkpoint(manifest);
        AddCatalog(manifest, state);
        foreach (var collection in state.Collections)
        {
            var view = collection.View;
            var definition = view.Definition;
            var stored = new StoredCollection
            {
                Definition = definition.Op,
                CreatedTimestamp = definition.CreatedTimestamp,
                UpdatedTimestamp = definition.UpdatedTimestamp,
                Loaded = definition.Loaded,
            };
            stored.Indexes.Add(definition.Indexes);
            stored.Partitions.Add(definition.Partitions);
            stored.LoadedPartitions.Add(definition.LoadedPartitions);
            stored.LoadFields.Add(definition.LoadFields);
            if (collection.Withheld is { } withheld)
            {
                // What could not be read stays named as it was, and waits.
                stored.Segments.Add(withheld.Segments);
                stored.Pending.Add(withheld.Pending);
            }

            for (var i = 0; i < view.Segments.Length && collection.Withheld is null; i++)
            {
                var segment = view.Segments[i];
                var entry = new StoredSegment
                {
                    SegmentId = segment.Segment.Id,
                    RowCount = segment.Count,
                    Sealed = i < view.Segments.Length - 1,
                    File = string.Create(CultureInfo.InvariantCulture, $"segment-{segment.Segment.Id:x16}-{segment.Count:x8}{SegmentFile.Extension}"),
                    Deleted = UnsafeByteOperations.UnsafeWrap(segment.DeletedBytes()),
                    PartitionId = segment.Segment.PartitionId,
                };
                segment.Segment.Times.WriteTo(entry);
                stored.Segments.Add(entry);
                checkpoint.segments.Add((collection, definition, segment, entry));
            }

            manifest.Collections.Add(stored);
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

    /// <summary>Writes what is not on the disk yet, switches over, and removes what is no longer needed.</summary>
    public void Write(DataDirectory directory, Disk disk)
    {
        long freed = 0;
        foreach (var (collection, definition, view, stored) in segments)
        {
            // Rows never change, so a file of this segment with this many rows has this content.
            if (view.Segment.StoredRows == view.Count && view.Segment.StoredFile == stored.File)
            {
                continue;
            }

            SegmentFile.Write(disk, directory.PathOf(stored.File), view, definition);
            view.Segment.StoredFile = stored.File;
            view.Segment.StoredRows = view.Count;
            freed += ReadFromFile(directory.PathOf(stored.File), collection, definition, view, stored);
        }

        StoredFile.Write(disk, directory.PathOf(DataDirectory.ManifestName(manifest.LastLsn)), StoredFile.ManifestMagic, manifest);
        foreach (var (_, _, view, stored) in segments)
        {
            view.Segment.NamedRows = stored.RowCount;
        }

        RemoveReplaced(directory, disk, manifest);
        if (freed >= Limits.FreedBytesPerCollection)
        {
            // The collector has no reason of its own to look for arrays this large soon.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
        }
    }

    /// <summary>Removes what no state names any more. What cannot be removed now is removed at another time.</summary>
    public static void RemoveReplaced(DataDirectory directory, Disk disk, Manifest manifest)
    {
        var segments = manifest.Collections.SelectMany(c => c.Segments).Select(s => s.File).ToHashSet(StringComparer.Ordinal);
        var indexed = manifest.Collections.SelectMany(c => c.Segments.SelectMany(s => c.Indexes.Select(i => (s.SegmentId, i.IndexId)))).ToHashSet();
        var gone = directory.Manifests().Where(m => DataDirectory.Number(m) != manifest.LastLsn)
            .Concat(directory.Logs().Where(l => DataDirectory.Number(l) <= manifest.LastLsn))
            .Concat(directory.Segments().Where(f => !segments.Contains(Path.GetFileName(f))))
            .Concat(directory.Indexes().Where(f => !Indexes.IndexFile.TryName(f, out var name) || !indexed.Contains((name.Segment, name.Index))));
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
    private static long ReadFromFile(string path, CollectionRows collection, CollectionDefinition definition, SegmentView view, StoredSegment stored)
    {
        if (!view.Segment.IsFull)
        {
            return 0;
        }

        try
        {
            var file = SegmentFile.Open(path, definition, stored);
            file.CheckAll();
            return collection.MapFrom(view.Segment, file);
        }
        catch (DamagedDataException e)
        {
            throw new IOException($"{path} was just written and does not read back: {e.Place}", e);
        }
    }
}
