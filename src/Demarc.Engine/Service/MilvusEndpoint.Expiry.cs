using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>
/// Rows that live for a while. Before a collection that has such rows is read, those whose time is over are deleted like any
/// others, durably: no read sees one, and a restart brings none back.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    private async Task ExpireRows(CollectionRows collection)
    {
        if (Expired(collection) is null)
        {
            return;
        }

        await store.Decide(() => State.Find(collection.Definition.Id) is { } current && Expired(current) is { } keys
            ? new LogOp { DeleteRows = new DeleteRowsOp { CollectionId = current.Definition.Id, Ids = Ids(keys) } }
            : null);
    }

    private FieldData? Expired(CollectionRows collection)
    {
        var definition = collection.View.Definition;
        if (definition.Ttl is { } ttl)
        {
            return collection.WrittenBefore(HybridClock.At(store.Clock.Now - (long)ttl.TotalMilliseconds));
        }

        return definition.TtlField is { } field ? collection.PastBefore(definition.FieldIndex(field.Name), store.Clock.Now * 1000) : null;
    }
}
