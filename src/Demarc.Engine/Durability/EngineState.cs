using System.Collections.Immutable;
using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Errors;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// Everything the engine knows, made by applying log operations one after another: by the writer in service, by recovery
/// at the start. Applying never fails, because an operation is checked before it is logged. Each part is immutable and is
/// swapped whole, so a reader takes it without a lock.
/// </summary>
internal sealed class EngineState(HybridClock clock)
{
    private NameTable names = NameTable.Empty;
    private ImmutableDictionary<long, CollectionRows> byId = ImmutableDictionary<long, CollectionRows>.Empty;
    private ImmutableSortedDictionary<string, StoredResourceGroup> resourceGroups = ImmutableSortedDictionary.Create<string, StoredResourceGroup>(StringComparer.Ordinal);
    private AccessState access = AccessState.Empty;
    private ImmutableList<StoredCollection> restored = [];

    /// <summary>Databases, the collections in them, and aliases.</summary>
    public NameTable Names => Volatile.Read(ref names);

    public IEnumerable<CollectionRows> Collections => Volatile.Read(ref byId).Values;

    public ImmutableSortedDictionary<string, StoredResourceGroup> ResourceGroups => Volatile.Read(ref resourceGroups);

    /// <summary>Users, roles and what they may do.</summary>
    public AccessState Access => Volatile.Read(ref access);

    /// <summary>Reads a collection whose rows are in files, for an operation that puts it in its place.</summary>
    public Func<StoredCollection, CollectionRows>? Reader { get; init; }

    /// <summary>
    /// What came out of snapshots by operations that stand in the log and in no manifest yet. A start does them again, from the
    /// files that they name, whatever has become of the collection since.
    /// </summary>
    public ImmutableList<StoredCollection> Restored => Volatile.Read(ref restored);

    /// <summary>The collection that is about to be put in its place, read already so that the writer does not wait for it.</summary>
    public CollectionRows? Prepared { get; set; }

    /// <summary>Raised on each change of users, so that remembered logins can be forgotten.</summary>
    public event Action? UsersChanged;

    /// <summary>Raised by the writer after each operation: there may be something to index.</summary>
    public event Action? Applied;

    public long Bytes => Collections.Sum(c => c.Bytes);

    public CollectionRows? Find(long id) => Volatile.Read(ref byId).GetValueOrDefault(id);

    /// <summary>A collection by its name or an alias of it.</summary>
    public CollectionRows? Lookup(string database, string name)
    {
        var table = Names;
        return table.Collections.TryGetValue((database, name), out var id) || table.Aliases.TryGetValue((database, name), out id) ? Find(id) : null;
    }

    public CollectionRows Find(string database, string name) => Lookup(database, name) ?? throw Faults.CollectionNotFound(name, database);

    public IEnumerable<CollectionRows> In(string database) => Collections.Where(c => c.Definition.Database == database);

    public void Apply(LogOp op)
    {
        clock.Raise((long)op.Timestamp);
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.Batch:
                foreach (var one in op.Batch.Ops)
                {
                    one.Timestamp = op.Timestamp;
                    Apply(one);
                }

                break;
            case LogOp.ChangeOneofCase.PutRows:
                Existing(op.PutRows.CollectionId).Put(op.PutRows, op.Timestamp);
                break;
            case LogOp.ChangeOneofCase.DeleteRows:
                Existing(op.DeleteRows.CollectionId).Delete(op.DeleteRows.Ids);
                break;
            case LogOp.ChangeOneofCase.PutResourceGroup:
                SetResourceGroups(resourceGroups.SetItem(op.PutResourceGroup.Group.Name, op.PutResourceGroup.Group));
                break;
            case LogOp.ChangeOneofCase.DropResourceGroup:
                SetResourceGroups(resourceGroups.Remove(op.DropResourceGroup.Name));
                break;
            case LogOp.ChangeOneofCase.None:
                throw new InvalidDataException("a log operation of a kind this version does not know; start the newer engine that wrote it");
            default:
                if (!ApplyToNames(op) && !ApplyToCollection(op))
                {
                    SetAccess(access.Apply(op));
                }

                break;
        }

        Applied?.Invoke();
    }

    /// <summary>Has whoever waits for operations look again, though nothing was written.</summary>
    public void Touch() => Applied?.Invoke();

    public void Add(CollectionRows collection)
    {
        Volatile.Write(ref byId, byId.SetItem(collection.Definition.Id, collection));
        Volatile.Write(ref names, names.WithCollection(collection.Definition));
    }

    /// <summary>A manifest has them: their operations are not done again.</summary>
    public void Forget(ImmutableList<StoredCollection> checkpointed) => ImmutableInterlocked.Update(ref restored, all => all.RemoveRange(checkpointed));

    public void SetNames(NameTable changed) => Volatile.Write(ref names, changed);

    public void SetResourceGroups(ImmutableSortedDictionary<string, StoredResourceGroup> changed) => Volatile.Write(ref resourceGroups, changed);

    public void SetAccess(AccessState changed)
    {
        var users = access.Users;
        Volatile.Write(ref access, changed);
        if (!ReferenceEquals(users, changed.Users))
        {
            UsersChanged?.Invoke();
        }
    }

    /// <summary>The collection an operation on rows names, looked for before it is logged.</summary>
    public static long? CollectionOf(LogOp op) => op.PutRows?.CollectionId ?? op.DeleteRows?.CollectionId;

    private bool ApplyToNames(LogOp op)
    {
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.PutDatabase:
                SetNames(names with { Databases = names.Databases.SetItem(op.PutDatabase.Database.Name, op.PutDatabase.Database) });
                return true;
            case LogOp.ChangeOneofCase.DropDatabase:
                SetNames(names with { Databases = names.Databases.Remove(op.DropDatabase.Name) });
                return true;
            case LogOp.ChangeOneofCase.PutAlias:
                var alias = op.PutAlias.Alias;
                SetNames(names with { Aliases = names.Aliases.SetItem((alias.Database, alias.Name), alias.CollectionId) });
                return true;
            case LogOp.ChangeOneofCase.DropAlias:
                SetNames(names with { Aliases = names.Aliases.Remove((op.DropAlias.Database, op.DropAlias.Name)) });
                return true;
            default:
                return false;
        }
    }

    private bool ApplyToCollection(LogOp op)
    {
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.CreateCollection:
                Add(new CollectionRows(SchemaRules.Read(op.CreateCollection, op.Timestamp), clock.NextId));
                return true;
            case LogOp.ChangeOneofCase.RestoreCollection:
                var stored = op.RestoreCollection.Collection;
                ImmutableInterlocked.Update(ref restored, all => all.Add(stored));
                Add(Prepared?.Definition.Id == stored.Definition.CollectionId ? Prepared : Reader!(stored));
                return true;
            case LogOp.ChangeOneofCase.DropCollection:
                Remove(op.DropCollection.CollectionId);
                return true;
            case LogOp.ChangeOneofCase.AlterCollection:
                Alter(op.AlterCollection, op.Timestamp);
                return true;
            case LogOp.ChangeOneofCase.Truncate:
                Existing(op.Truncate.CollectionId).Truncate();
                return true;
            case LogOp.ChangeOneofCase.PutPartition:
                var made = op.PutPartition.Partition;
                Redefine(op.PutPartition.CollectionId, d => d with { Partitions = [.. d.Partitions, made] });
                return true;
            case LogOp.ChangeOneofCase.DropPartition:
                Existing(op.DropPartition.CollectionId).DropPartition(op.DropPartition.PartitionId);
                return true;
            case LogOp.ChangeOneofCase.PutIndex:
                Redefine(op.PutIndex.CollectionId, d => d with { Indexes = [.. d.Indexes.Where(i => i.Name != op.PutIndex.Index.Name), op.PutIndex.Index] });
                return true;
            case LogOp.ChangeOneofCase.DropIndex:
                Redefine(op.DropIndex.CollectionId, d => d with { Indexes = [.. d.Indexes.Where(i => i.Name != op.DropIndex.IndexName)] });
                return true;
            case LogOp.ChangeOneofCase.SetLoaded:
                var mark = op.SetLoaded;
                Redefine(mark.CollectionId, d => d with { Loaded = mark.Loaded, LoadedPartitions = [.. mark.PartitionIds], LoadFields = [.. mark.LoadFields] });
                return true;
            default:
                return false;
        }
    }

    private CollectionRows Existing(long id) =>
        byId.GetValueOrDefault(id) ?? throw new InvalidDataException($"a log operation names collection {id.ToString(CultureInfo.InvariantCulture)}, which does not exist");

    private void Remove(long id)
    {
        var collection = Existing(id);
        Volatile.Write(ref names, names.WithoutCollection(collection.Definition));
        Volatile.Write(ref byId, byId.Remove(id));
    }

    private void Alter(AlterCollectionOp op, ulong timestamp)
    {
        var collection = Existing(op.CollectionId);
        var before = collection.Definition;
        collection.Alter(SchemaRules.Altered(before, op.Schema, op.Properties, timestamp));
        Volatile.Write(ref names, names.WithoutName(before).WithCollection(collection.Definition));
    }

    private void Redefine(long id, Func<CollectionDefinition, CollectionDefinition> change)
    {
        var collection = Existing(id);
        collection.Redefine(change(collection.Definition));
        collection.AskForIndex();
    }
}
