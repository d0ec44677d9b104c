using Demarc.Engine.Durability;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Keeps indexes beside the segments that they are of, or share their rows. They are written once the manifest names the rows, and taken from
/// their files at a start. They are walked where they are mapped, and the system may take their pages back; what fits into a
/// budget is copied to memory of the process instead.
/// </summary>
internal sealed class IndexFolder(DataDirectory directory, Disk disk, long budget, ILogger log)
{
    private readonly Lock gate = new();
    private readonly Lock taking = new();

    /// <summary>Raised when an index has got a file.</summary>
    public event Action? Stored;

    /// <summary>Puts the indexes that have files in their places: first as they are mapped, which is soon done, then copied.</summary>
    public void Load(EngineState state, CancellationToken cancel)
    {
        var files = new Dictionary<(long Segment, long Index), List<IndexFileName>>();
        foreach (var path in directory.Indexes())
        {
            if (IndexFile.TryName(path, out var name))
            {
                (files.TryGetValue((name.Segment, name.Index), out var known) ? known : files[(name.Segment, name.Index)] = []).Add(name);
            }
        }

        var loaded = new List<(Place Place, IndexFileName Name, BlockFile File)>();
        foreach (var place in Places(state))
        {
            foreach (var name in place.Owners.SelectMany(o => files.GetValueOrDefault((o.Id, place.Index.IndexId), []).OrderByDescending(n => n.Rows)))
            {
                cancel.ThrowIfCancellationRequested();
                if (place.Segment.IndexOf(place.Field) is null && !LeaveInBucket(place, name) && Load(place, name) is { } file)
                {
                    loaded.Add((place, name, file));
                }
            }
        }

        if (loaded.Count > 0)
        {
            log.IndexesLoaded(loaded.Count);
        }

        foreach (var (place, name, file) in loaded)
        {
            cancel.ThrowIfCancellationRequested();
            if (Held(state) + file.Length <= budget && place.Segment.IndexOf(place.Field)?.IndexId == name.Index && place.Collection.Damage is null)
            {
                place.Segment.SetIndex(place.Field, IndexFile.Read(file, copied: true, name, place.Owner(name), place.Column));
            }
        }
    }

    /// <summary>Writes indexes whose rows the manifest names and that have no file yet.</summary>
    public void Store(EngineState state)
    {
        lock (gate)
        {
            foreach (var place in Places(state))
            {
                if (place.Segment.IndexOf(place.Field) is { Stored: false } built && built.IndexId == place.Index.IndexId && built.Rows <= place.Segment.NamedRows && place.Collection.Damage is null)
                {
                    Store(state, place, built);
                }
            }
        }
    }

    /// <summary>Puts an index in its place that was built for a segment whose rows these are, if its file is there and has more of them than are indexed.</summary>
    public bool Share(CollectionRows collection, Segment segment, int field, StoredIndex index)
    {
        var place = new Place(collection, segment, field, index);
        if (place.Owners.Count == 1)
        {
            return false;
        }

        var origin = place.Owners[1].Id;
        var covered = segment.IndexOf(field) is { } there && there.IndexId == index.IndexId ? there.Rows : 0;
        foreach (var path in directory.Indexes())
        {
            if (IndexFile.TryName(path, out var name) && name.Segment == origin && name.Index == index.IndexId && name.Rows > covered && name.Rows <= segment.Count && Load(place, name) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Segments that have indexes still to come, or such as no file has: their rows are needed again soon.</summary>
    public static HashSet<Segment> Waiting(EngineState state) =>
    [
        .. Places(state)
            .Where(p => IndexParameters.Structure(p.Column.Field, p.Index) != VectorStructure.None && p.Segment.NotIndexable(p.Field) != p.Index.IndexId)
            .Where(p => p.Segment.IndexOf(p.Field) is not { Stored: true } built || built.IndexId != p.Index.IndexId || built.Rows < p.Segment.Count)
            .Select(p => p.Segment),
    ];

    /// <summary>Leaves the indexes of a segment to the bucket as far as it has them; gives the files that may go.</summary>
    public IReadOnlyList<string> LetGo(EngineState state, Segment segment)
    {
        var gone = new List<string>();
        foreach (var place in Places(state).Where(p => p.Segment == segment))
        {
            foreach (var owner in place.Owners)
            {
                if (segment.IndexOf(place.Field) is not { Stored: true } built || built.IndexId != place.Index.IndexId)
                {
                    continue;
                }

                var name = new IndexFileName(owner.Id, built.IndexId, built.Rows);
                var path = directory.PathOf(IndexFile.Name(name));
                if (directory.Bucket?.Has(path) != true || !File.Exists(path))
                {
                    continue;
                }

                disk.WriteWhole(PartFile.NameOf(path));
                gone.Add(path);
                if (built.Bytes == 0)
                {
                    segment.SetIndex(place.Field, Absent(place, name));
                }
            }
        }

        return gone;
    }

    private bool LeaveInBucket(Place place, IndexFileName name)
    {
        // One that is here is taken in later too, if rows have to be fetched to see that it is theirs.
        if (directory.Bucket is null || (File.Exists(directory.PathOf(IndexFile.Name(name))) && place.Segment.File is not { IsPart: true }))
        {
            return false;
        }

        place.Segment.SetIndex(place.Field, Absent(place, name));
        return true;
    }

    private AbsentIndex Absent(Place place, IndexFileName name) => new(name.Index, name.Rows, () => Take(place, name));

    /// <summary>Takes an index from the bucket; null when it cannot be had now.</summary>
    private VectorIndex? Take(Place place, IndexFileName name)
    {
        lock (taking)
        {
            if (place.Segment.IndexOf(place.Field) is AbsentIndex)
            {
                try
                {
                    directory.Bucket!.Fetch(directory.PathOf(IndexFile.Name(name)));
                    if (Load(place, name) is null)
                    {
                        place.Segment.SetIndex(place.Field, null);
                    }
                }
                catch (DamagedDataException e)
                {
                    log.IndexDamaged(e.Place);
                    Remove(PartFile.NameOf(directory.PathOf(IndexFile.Name(name))));
                    place.Segment.SetIndex(place.Field, null);
                }
                catch (IOException e)
                {
                    log.IndexNotFetched(e.Message);
                    return null;
                }
            }

            return place.Segment.IndexOf(place.Field) is { } there and not AbsentIndex && there.IndexId == name.Index ? there : null;
        }
    }

    private BlockFile? Load(Place place, IndexFileName name)
    {
        var path = directory.PathOf(IndexFile.Name(name));
        try
        {
            var file = IndexFile.Open(path);
            if (IndexFile.Read(file, copied: false, name, place.Owner(name), place.Column) is { } index)
            {
                place.Segment.SetIndex(place.Field, index);
                return file;
            }

            log.IndexDamaged($"{path} is of other rows");
        }
        catch (DamagedDataException e)
        {
            log.IndexDamaged(e.Place);
        }
        catch (Errors.Fault)
        {
            return null; // The rows themselves are damaged, which is said and dealt with elsewhere.
        }

        Remove(path);
        return null;
    }

    private void Store(EngineState state, Place place, VectorIndex built)
    {
        var name = new IndexFileName(place.Segment.Id, built.IndexId, built.Rows);
        var path = directory.PathOf(IndexFile.Name(name));
        try
        {
            IndexFile.Write(disk, path, place.Collection.Definition.Id, place.Segment.Id, place.Column, built);
            foreach (var older in directory.Indexes().Where(f => IndexFile.TryName(f, out var n) && n.Segment == name.Segment && n.Index == name.Index && n != name).ToList())
            {
                Remove(older);
            }

            if (Held(state) > budget)
            {
                place.Segment.SetIndex(place.Field, IndexFile.Read(IndexFile.Open(path), copied: false, name, place.Collection.Definition.Id, place.Column));
            }

            // At the end: from then on the file may be let go of, if the bucket has it.
            built.Stored = true;
            Stored?.Invoke();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedDataException or Errors.Fault)
        {
            log.IndexNotStored(place.Index.Name, place.Collection.Definition.Name, e.Message);
        }
    }

    private void Remove(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is not named by anything; the next checkpoint tries again.
        }
    }

    /// <summary>Memory of the process that indexes hold.</summary>
    private static long Held(EngineState state) => Places(state).Sum(p => p.Segment.IndexOf(p.Field)?.Bytes ?? 0);

    private static IEnumerable<Place> Places(EngineState state)
    {
        foreach (var collection in state.Collections)
        {
            var view = collection.View;
            foreach (var index in view.Definition.Indexes)
            {
                var field = view.Definition.FieldIndex(index.FieldName);
                for (var i = 0; field >= 0 && view.Definition.Fields[field].IsVector && i < view.Segments.Length; i++)
                {
                    yield return new Place(collection, view.Segments[i].Segment, field, index);
                }
            }
        }
    }

    private sealed record Place(CollectionRows Collection, Segment Segment, int Field, StoredIndex Index)
    {
        public VectorColumn Column => (VectorColumn)Segment.Columns[Field];

        /// <summary>Of which collections and segments an index may be: of this one, or of the one that the file of its rows is shared with.</summary>
        public IReadOnlyList<BlockFileIdentity> Owners { get; } = Segment.Stored is { } stored && stored.Identity.Id != Segment.Id
            ? [new BlockFileIdentity(Collection.Definition.Id, Segment.Id, 0), stored.Identity]
            : [new BlockFileIdentity(Collection.Definition.Id, Segment.Id, 0)];

        public long Owner(IndexFileName name) => Owners.First(o => o.Id == name.Segment).Owner;
    }
}
