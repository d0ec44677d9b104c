using System.Collections.Immutable;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// Everything the engine knows, made by applying log operations one after another: by the writer in service, by recovery
/// at the start. Applying never fails, because an operation is checked before it is logged.
/// </summary>
internal sealed class EngineState(HybridClock clock)
{
    private ImmutableDictionary<string, CollectionRows> byName = ImmutableDictionary.Create<string, CollectionRows>(StringComparer.Ordinal);
    private ImmutableDictionary<long, CollectionRows> byId = ImmutableDictionary<long, CollectionRows>.Empty;
    private ImmutableSortedDictionary<string, StoredUser> users = ImmutableSortedDictionary.Create<string, StoredUser>(StringComparer.Ordinal);

    public ImmutableDictionary<string, CollectionRows> Collections => Volatile.Read(ref byName);

    public ImmutableSortedDictionary<string, StoredUser> Users => Volatile.Read(ref users);

    /// <summary>Raised on each change of users, so that remembered logins can be forgotten.</summary>
    public event Action? UsersChanged;

    /// <summary>Raised by the writer after each operation: there may be something to index.</summary>
    public event Action? Applied;

    public long Bytes => Collections.Values.Sum(c => c.Bytes);

    public CollectionRows Find(string name) => Collections.TryGetValue(name, out var found) ? found : throw Faults.CollectionNotFound(name);

    public CollectionRows? Find(long id) => Volatile.Read(ref byId).GetValueOrDefault(id);

    public void Apply(LogOp op)
    {
        clock.Raise((long)op.Timestamp);
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.CreateCollection:
                Add(new CollectionRows(SchemaRules.Read(op.CreateCollection, op.Timestamp), clock.NextId));
                break;
            case LogOp.ChangeOneofCase.DropCollection:
                Remove(op.DropCollection.CollectionId);
                break;
            case LogOp.ChangeOneofCase.PutRows:
                Existing(op.PutRows.CollectionId).Put(op.PutRows);
                break;
            case LogOp.ChangeOneofCase.DeleteRows:
                Existing(op.DeleteRows.CollectionId).Delete(op.DeleteRows.Ids);
                break;
            case LogOp.ChangeOneofCase.PutIndex:
                Redefine(op.PutIndex.CollectionId, d => d with { Indexes = [.. d.Indexes.Where(i => i.Name != op.PutIndex.Index.Name), op.PutIndex.Index] });
                break;
            case LogOp.ChangeOneofCase.DropIndex:
                Redefine(op.DropIndex.CollectionId, d => d with { Indexes = [.. d.Indexes.Where(i => i.Name != op.DropIndex.IndexName)] });
                break;
            case LogOp.ChangeOneofCase.SetLoaded:
                Redefine(op.SetLoaded.CollectionId, d => d with { Loaded = op.SetLoaded.Loaded });
                break;
            case LogOp.ChangeOneofCase.PutUser:
                SetUsers(users.SetItem(op.PutUser.User.Name, op.PutUser.User));
                break;
            case LogOp.ChangeOneofCase.DropUser:
                SetUsers(users.Remove(op.DropUser.Name));
                break;
            case LogOp.ChangeOneofCase.None:
            default:
                throw new InvalidDataException("a log operation of a kind this version does not know; start the newer engine that wrote it");
        }

        Applied?.Invoke();
    }

    /// <summary>Has whoever waits for operations look again, though nothing was written.</summary>
    public void Touch() => Applied?.Invoke();

    public void Add(CollectionRows collection)
    {
        Volatile.Write(ref byId, byId.SetItem(collection.Definition.Id, collection));
        Volatile.Write(ref byName, byName.SetItem(collection.Definition.Name, collection));
    }

    public void SetUsers(ImmutableSortedDictionary<string, StoredUser> changed)
    {
        Volatile.Write(ref users, changed);
        UsersChanged?.Invoke();
    }

    private CollectionRows Existing(long id) =>
        byId.GetValueOrDefault(id) ?? throw new InvalidDataException($"a log operation names collection {id}, which does not exist");

    private void Remove(long id)
    {
        var collection = Existing(id);
        Volatile.Write(ref byName, byName.Remove(collection.Definition.Name));
        Volatile.Write(ref byId, byId.Remove(id));
    }

    private void Redefine(long id, Func<CollectionDefinition, CollectionDefinition> change)
    {
        var collection = Existing(id);
        collection.Redefine(change(collection.Definition));
        collection.AskForIndex();
    }
}
