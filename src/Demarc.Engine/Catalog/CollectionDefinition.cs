using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>What a collection is, apart from its rows. Immutable: a change of indexes or of the loaded mark makes a new one.</summary>
internal sealed record CollectionDefinition(CreateCollectionOp Op, ulong CreatedTimestamp)
{
    /// <summary>The name of the field that holds what a row has beyond its schema.</summary>
    public const string DynamicFieldName = "$meta";

    public const string DefaultPartition = "_default";

    public long Id => Op.CollectionId;

    public string Name => Op.Schema.Name;

    public required IReadOnlyList<FieldDefinition> Fields { get; init; }

    public required int PrimaryIndex { get; init; }

    /// <summary>Index of the dynamic field in <see cref="Fields"/>, or -1.</summary>
    public required int DynamicIndex { get; init; }

    public FieldDefinition Primary => Fields[PrimaryIndex];

    public bool AutoId => Primary.Schema.AutoID;

    public bool Loaded { get; init; }

    public IReadOnlyList<StoredIndex> Indexes { get; init; } = [];

    /// <summary>The partition exists for clients that ask; its id is derived, so it needs no record.</summary>
    public long PartitionId => Id + 1;

    public FieldDefinition? Field(string name) => Fields.FirstOrDefault(f => f.Name == name);

    public int FieldIndex(string name)
    {
        for (var i = 0; i < Fields.Count; i++)
        {
            if (Fields[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }

    public StoredIndex? IndexOn(string field) => Indexes.FirstOrDefault(i => i.FieldName == field);

    /// <summary>The schema as clients see it: the dynamic field is announced by a flag, not as a field.</summary>
    public CollectionSchema PublicSchema()
    {
        var schema = Op.Schema.Clone();
        for (var i = schema.Fields.Count - 1; i >= 0; i--)
        {
            if (schema.Fields[i].IsDynamic)
            {
                schema.Fields.RemoveAt(i);
            }
        }

        return schema;
    }
}
