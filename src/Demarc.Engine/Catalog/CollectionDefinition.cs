using System.Globalization;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>What a collection is, apart from its rows. Immutable: a change of indexes or of the loaded mark makes a new one.</summary>
internal sealed record CollectionDefinition(CreateCollectionOp Op, ulong CreatedTimestamp)
{
    /// <summary>The name of the field that holds what a row has beyond its schema.</summary>
    public const string DynamicFieldName = "$meta";

    public const string DefaultPartition = "_default";

    /// <summary>The property that says after how many seconds a row is gone.</summary>
    public const string TtlProperty = "collection.ttl.seconds";

    /// <summary>The property that names the field that says when a row is gone.</summary>
    public const string TtlFieldProperty = "ttl_field";

    /// <summary>The property that has every search be about one partition key.</summary>
    public const string IsolationProperty = "partitionkey.isolation";

    /// <summary>The property that shows, once a field was dropped, the highest number that one has or had; it is not kept but follows from the fields.</summary>
    public const string HighestFieldProperty = "max_field_id";

    /// <summary>The property that says in which zone times are read and shown; every collection has it, as in Milvus.</summary>
    public const string TimezoneProperty = "timezone";

    public long Id => Op.CollectionId;

    public string Name => Op.Schema.Name;

    public string Database => Op.Schema.DbName.Length > 0 ? Op.Schema.DbName : Faults.DefaultDatabase;

    /// <summary>One for each column of the rows, in their order, the places of dropped ones among them.</summary>
    public required IReadOnlyList<FieldDefinition> Fields { get; init; }

    /// <summary>The fields that are there.</summary>
    public IEnumerable<FieldDefinition> Standing => Fields.Where(f => !f.IsDropped);

    public required int PrimaryIndex { get; init; }

    /// <summary>Index of the dynamic field in <see cref="Fields"/>, or -1.</summary>
    public required int DynamicIndex { get; init; }

    /// <summary>Index of the field whose value decides a row's partition, or -1.</summary>
    public required int PartitionKeyIndex { get; init; }

    public FieldDefinition Primary => Fields[PrimaryIndex];

    public bool AutoId => Primary.Schema.AutoID;

    public bool Loaded { get; init; }

    /// <summary>Which partitions are loaded; empty for all, if any is.</summary>
    public IReadOnlyList<long> LoadedPartitions { get; init; } = [];

    /// <summary>Which fields a load asked for; empty for all.</summary>
    public IReadOnlyList<string> LoadFields { get; init; } = [];

    public IReadOnlyList<StoredIndex> Indexes { get; init; } = [];

    /// <summary>The first is the one that rows go to when none is named.</summary>
    public required IReadOnlyList<StoredPartition> Partitions { get; init; }

    /// <summary>When the schema or the properties last changed.</summary>
    public ulong UpdatedTimestamp { get; init; } = CreatedTimestamp;

    public long DefaultPartitionId => Partitions[0].Id;

    public FieldDefinition? Field(string name) => Fields.FirstOrDefault(f => f.Name == name && !f.IsDropped);

    public int FieldIndex(string name)
    {
        for (var i = 0; i < Fields.Count; i++)
        {
            if (Fields[i].Name == name && !Fields[i].IsDropped)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>How many fields clients see: arrays of structs and their parts among them, the dynamic field not.</summary>
    public int FieldCount => Standing.Count(f => !f.Schema.IsDynamic) + Op.Schema.StructArrayFields.Count;

    /// <summary>The number of the next field: above those of all that were ever there.</summary>
    public long NextFieldId => Fields.Select(f => f.Schema.FieldID).Concat(Op.Schema.StructArrayFields.Select(a => a.FieldID)).Max() + 1;

    /// <summary>The struct array of that name, if there is one.</summary>
    public StructArrayFieldSchema? StructArray(string name) => Op.Schema.StructArrayFields.FirstOrDefault(s => s.Name == name);

    public StoredIndex? IndexOn(string field) => Indexes.FirstOrDefault(i => i.FieldName == field);

    public StoredPartition? Partition(string name) => Partitions.FirstOrDefault(p => p.Name == name);

    public bool IsLoaded(long partition) => Loaded && (LoadedPartitions.Count == 0 || LoadedPartitions.Contains(partition));

    /// <summary>In which times without an offset are read, and all are shown; UTC where the machine does not know the zone.</summary>
    public TimeZoneInfo Zone => Property(TimezoneProperty) is { } name && Rows.Timestamps.Zone(name) is { } known ? known : TimeZoneInfo.Utc;

    public string? Property(string key) => Op.Properties.FirstOrDefault(p => p.Key == key)?.Value;

    /// <summary>After how long a row is gone; null for never.</summary>
    public TimeSpan? Ttl => long.TryParse(Property(TtlProperty), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0 ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The field that says when a row is gone, or null.</summary>
    public FieldDefinition? TtlField => Property(TtlFieldProperty) is { } name ? Field(name) : null;

    /// <summary>The schema as clients see it: the dynamic field is announced by a flag, not as a field, and parts stand in their struct arrays.</summary>
    public CollectionSchema PublicSchema()
    {
        var schema = Op.Schema.Clone();
        StructRules.Fold(schema);
        for (var i = schema.Fields.Count - 1; i >= 0; i--)
        {
            if (schema.Fields[i].IsDynamic || schema.Fields[i].State == FieldState.FieldDropped)
            {
                schema.Fields.RemoveAt(i);
            }
            else if (schema.Fields[i].DefaultValue is { DataCase: ValueField.DataOneofCase.TimestamptzData } time)
            {
                time.StringData = Rows.Timestamps.Format(time.TimestamptzData, Zone);
            }
        }

        return schema;
    }
}
