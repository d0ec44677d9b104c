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
    private readonly List<(SegmentView View, CollectionDefinition Definition, StoredSegment Stored)> segments = [];

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
            for (var i = 0; i < view.Segments.Length; i++)
            {
                var segment = view.Segments[i];
                var entry = new StoredSegment
                {
                    SegmentId = segment.Segment.Id,
                    RowCount = segment.Count,
                    Sealed = i < view.Segments.Length - 1,
                    File = string.Create(CultureInfo.InvariantCulture, $"segment-{segment.Segment.Id:x16}-{segment.Count:x8}.dat"),
                    Deleted = UnsafeByteOperations.UnsafeWrap(segment.DeletedBytes()),
                    PartitionId = segment.Segment.PartitionId,
                };
                segment.Segment.Times.WriteTo(entry);
                stored.Segments.Add(entry);
                checkpoint.segments.Add((segment, definition, entry));
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
        foreach (var (view, definition, stored) in segments)
        {
            // Rows never change, so a file of this segment with this many rows has this content.
            if (view.Segment.StoredRows == view.Count && view.Segment.StoredFile == stored.File)
            {
                continue;
            }

            StoredFile.Write(disk, directory.PathOf(stored.File), StoredFile.SegmentMagic, view.Segment.ToBody(definition.Id, view.Count));
            view.Segment.StoredFile = stored.File;
            view.Segment.StoredRows = view.Count;
        }

        StoredFile.Write(disk, directory.PathOf(DataDirectory.ManifestName(manifest.LastLsn)), StoredFile.ManifestMagic, manifest);
        RemoveReplaced(directory, disk, manifest);
    }

    public static void RemoveReplaced(DataDirectory directory, Disk disk, Manifest manifest)
    {
        foreach (var old in directory.Manifests().Where(m => DataDirectory.Number(m) != manifest.LastLsn))
        {
            disk.Delete(old);
        }

        foreach (var log in directory.Logs().Where(l => DataDirectory.Number(l) <= manifest.LastLsn))
        {
            disk.Delete(log);
        }

        var named = manifest.Collections.SelectMany(c => c.Segments).Select(s => s.File).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(directory.Path, "segment-*.dat").Where(f => !named.Contains(Path.GetFileName(f))))
        {
            disk.Delete(file);
        }
    }
}
