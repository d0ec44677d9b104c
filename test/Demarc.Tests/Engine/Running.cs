using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Engine;

/// <summary>A store on a folder. Abandoned, it is closed with its log as it is, as a killed process leaves it.</summary>
internal sealed class Running : IAsyncDisposable
{
    private Running(DataDirectory directory, Store store) => (Directory, Store) = (directory, store);

    public DataDirectory Directory { get; }

    public Store Store { get; }

    public static Running Open(TemporaryFolder folder, Disk? disk = null, TimeProvider? clock = null)
    {
        disk ??= new FaultyDisk();
        var directory = DataDirectory.Open(disk, folder.Path, null, requireExisting: false);
        try
        {
            return new Running(directory, Store.Open(directory, disk, clock ?? TimeProvider.System, NullLogger.Instance));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    public CollectionRows Rows(string name = "things") => Store.State.Find("default", name);

    public async Task<long> Create(string name = "things")
    {
        var schema = SchemaRules.Complete(Sample.Schema(name), name);
        await Store.Decide(() => new LogOp { CreateCollection = new CreateCollectionOp { CollectionId = Store.Clock.Reserve(2), Schema = schema } });
        return Store.State.Find("default", name).Definition.Id;
    }

    public Task Put(long collection, IReadOnlyList<long> keys, int version = 0) => Store.Write(new LogOp { PutRows = Sample.Put(collection, keys, version) });

    public Task Delete(long collection, params long[] keys) =>
        Store.Write(new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = collection, Ids = new() { IntId = new() { Data = { keys } } } } });

    public void Abandon() => Store.Dispose(checkpointing: false);

    public ValueTask DisposeAsync()
    {
        Store.Dispose();
        Directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
