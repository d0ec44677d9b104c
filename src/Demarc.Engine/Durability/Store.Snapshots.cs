using Demarc.Engine.Errors;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// Snapshots, taken and restored while service goes on. What is written or removed under the names of segments is done by
/// one at a time, checkpoints among them, so that nothing is removed that another is about to name.
/// </summary>
internal sealed partial class Store
{
    /// <summary>Keeps a collection as it is when the writer comes to it.</summary>
    /// <param name="find">Looks the collection up, and refuses, in the writer's turn.</param>
    /// <param name="name">The snapshot's name.</param>
    /// <param name="description">What its maker says of it.</param>
    /// <param name="cancel">Gives up while it waits for its turn.</param>
    public async Task<StoredSnapshot> TakeSnapshot(Func<CollectionRows> find, string name, string description, CancellationToken cancel)
    {
        await files.WaitAsync(cancel);
        try
        {
            CollectionImage? image = null;
            StoredSnapshot? snapshot = null;
            await Decide(() =>
            {
                var collection = find();
                collection.ThrowIfDamaged();
                image = CollectionImage.Of(collection);
                snapshot = new StoredSnapshot { Id = Clock.NextId(), Name = name, Description = description, CreatedTimestamp = Clock.Next(), Collection = image.Stored };
                return null;
            });
            await OnFiles("the snapshot", () =>
            {
                foreach (var segment in image!.Segments)
                {
                    segment.Write(directory, disk);
                }

                Snapshots.Put(snapshot!);
            });
            Stored?.Invoke();
            return snapshot!;
        }
        finally
        {
            files.Release();
        }
    }

    /// <summary>Changes the pins of a snapshot, from what they are when its turn comes.</summary>
    public async Task Pin(long id, Action<StoredSnapshot> change, CancellationToken cancel)
    {
        await files.WaitAsync(cancel);
        try
        {
            var changed = (Snapshots.All.Find(s => s.Id == id) ?? throw Faults.SnapshotNotFound(id.ToString(System.Globalization.CultureInfo.InvariantCulture))).Clone();
            change(changed);
            await OnFiles("the pin", () => Snapshots.Put(changed));
            Stored?.Invoke();
        }
        finally
        {
            files.Release();
        }
    }

    /// <summary>Drops those of a choice that is made when its turn comes, and what only they named.</summary>
    public async Task DropSnapshots(Func<IEnumerable<StoredSnapshot>> choose, CancellationToken cancel)
    {
        await files.WaitAsync(cancel);
        try
        {
            var chosen = choose().ToList();
            if (chosen.Count == 0)
            {
                return;
            }

            await OnFiles("the removal", () => chosen.ForEach(Snapshots.Remove));
            Stored?.Invoke();
            await Decide(() =>
            {
                // A checkpoint that is under way may name what nothing else does any more, and removes the rest itself.
                if (checkpoint.IsCompleted)
                {
                    Checkpoint.RemoveReplaced(directory, disk, newest, State, Snapshots);
                }

                return null;
            });
        }
        finally
        {
            files.Release();
        }
    }

    /// <summary>Puts a collection in its place that has the rows of a snapshot, whole or not at all. Its files are the snapshot's, until it is written to.</summary>
    /// <param name="id">The snapshot.</param>
    /// <param name="database">Where the collection goes.</param>
    /// <param name="name">How it is called.</param>
    /// <param name="check">Refuses, in the writer's turn.</param>
    /// <param name="progress">Told how many of how many segments are read.</param>
    public async Task<CollectionRows> RestoreSnapshot(long id, string database, string name, Action check, Action<int, int> progress)
    {
        await files.WaitAsync();
        try
        {
            var snapshot = Snapshots.All.Find(s => s.Id == id) ?? throw Faults.SnapshotNotFound(id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            StoredCollection? stored = null;
            CollectionRows? rows = null;
            await OnFiles("the restore", () =>
            {
                try
                {
                    stored = AnotherCollection(snapshot.Collection, database, name);
                    rows = StoredCollections.ReadWhole(directory, stored, Clock, read => progress(read, stored.Segments.Count));
                }
                catch (Exception e) when (StoredCollections.IsOfTheContent(e))
                {
                    throw StoredCollections.Unfit(directory.PathOf(Snapshots.NameOf(id)), e);
                }
            });
            await Decide(() =>
            {
                check();
                State.Prepared = rows;
                return new LogOp { RestoreCollection = new RestoreCollectionOp { Collection = stored! } };
            });
            return rows!;
        }
        finally
        {
            State.Prepared = null;
            files.Release();
        }
    }

    /// <summary>What a snapshot describes, as a collection of its own: with other ids, not loaded, in files that say whose rows they were.</summary>
    private StoredCollection AnotherCollection(StoredCollection source, string database, string name)
    {
        var stored = source.Clone();
        stored.Definition.CollectionId = Clock.NextId();
        (stored.Definition.Schema.DbName, stored.Definition.Schema.Name) = (database, name);
        stored.CreatedTimestamp = stored.UpdatedTimestamp = Clock.Next();
        stored.Loaded = false;
        stored.LoadedPartitions.Clear();
        stored.LoadFields.Clear();
        var partitions = new Dictionary<long, long> { [0] = 0 };
        foreach (var partition in stored.Partitions)
        {
            partition.Id = partitions[partition.Id] = Clock.NextId();
        }

        foreach (var segment in stored.Segments)
        {
            if (segment.OriginSegmentId == 0)
            {
                (segment.OriginCollectionId, segment.OriginSegmentId) = (source.Definition.CollectionId, segment.SegmentId);
            }

            segment.SegmentId = Clock.NextId();
            segment.PartitionId = partitions[segment.PartitionId];
            if (segment.RunRows.Count == 0)
            {
                segment.RunRows.Add(0);
                segment.RunTimestamps.Add(source.CreatedTimestamp);
            }
        }

        return stored;
    }

    private static async Task OnFiles(string what, Action act)
    {
        try
        {
            await Task.Run(act);
        }
        catch (DamagedDataException e)
        {
            throw Faults.Damaged("the snapshot", e.Place);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Faults.DiskFull($"{what} could not be stored: {e.Message}; free some space");
        }
    }
}
