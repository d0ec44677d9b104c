using System.Collections.Immutable;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Durability;

/// <summary>What names mean: databases, and the collection behind each name and alias in them.</summary>
internal sealed record NameTable(
    ImmutableSortedDictionary<string, StoredDatabase> Databases,
    ImmutableDictionary<(string Database, string Name), long> Collections,
    ImmutableDictionary<(string Database, string Name), long> Aliases)
{
    /// <summary>The database that is always there; its id is Milvus's.</summary>
    public const long DefaultDatabaseId = 1;

    public static NameTable Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, StoredDatabase>(StringComparer.Ordinal)
            .Add(Faults.DefaultDatabase, new StoredDatabase { Name = Faults.DefaultDatabase, Id = DefaultDatabaseId }),
        ImmutableDictionary<(string, string), long>.Empty,
        ImmutableDictionary<(string, string), long>.Empty);

    public NameTable WithCollection(CollectionDefinition definition) =>
        this with { Collections = Collections.SetItem((definition.Database, definition.Name), definition.Id) };

    public NameTable WithoutName(CollectionDefinition definition) =>
        this with { Collections = Collections.Remove((definition.Database, definition.Name)) };

    /// <summary>A collection that goes takes its aliases along.</summary>
    public NameTable WithoutCollection(CollectionDefinition definition) =>
        WithoutName(definition) with { Aliases = Aliases.RemoveRange(Aliases.Where(a => a.Value == definition.Id).Select(a => a.Key)) };

    public IEnumerable<string> AliasesOf(long collection) =>
        Aliases.Where(a => a.Value == collection).Select(a => a.Key.Name).Order(StringComparer.Ordinal);
}
