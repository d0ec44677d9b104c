using System.Globalization;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>Properties that change what the engine does are checked, and those whose values Milvus checks; the others are kept and shown, as Milvus keeps those of other programs.</summary>
internal static class PropertyRules
{
    /// <summary>Of one field; the engine keeps it and shows it, and loads everything anyway.</summary>
    public const string FieldWarmupKey = "warmup";

    private const string AutoIdKey = "allow_insert_auto_id";
    private const long MostTtlSeconds = 3_155_760_000;

    private static readonly string[] CollectionWarmupKeys = ["warmup.scalarField", "warmup.scalarIndex", "warmup.vectorField", "warmup.vectorIndex"];

    public static IReadOnlyList<string> WarmupKeys { get; } = [FieldWarmupKey, .. CollectionWarmupKeys];

    public static bool IsWarmup(string key) => WarmupKeys.Contains(key);

    public static void Check(CollectionSchema schema, IEnumerable<Pair> properties)
    {
        var (ttl, field) = (false, false);
        foreach (var pair in properties)
        {
            switch (pair.Key)
            {
                case CollectionDefinition.TtlProperty:
                    CheckTtl(pair.Value);
                    ttl = true;
                    break;
                case CollectionDefinition.TtlFieldProperty:
                    CheckTtlField(schema, pair.Value);
                    field = true;
                    break;
                case CollectionDefinition.TimezoneProperty:
                    CheckZone(pair.Value);
                    break;
                case "mmap.enabled" when !bool.TryParse(pair.Value, out _):
                    throw Faults.Invalid($"invalid {pair.Key} value: {pair.Value}, should be true or false");
                case CollectionDefinition.IsolationProperty when Isolates(pair.Value) && !schema.Fields.Any(f => f.IsPartitionKey):
                    throw new Fault(105, $"partition key isolation mode is enabled but no partition key field is set. Please set the partition key first: illegal collection schema[collection={schema.Name}]");
                case FieldWarmupKey:
                    throw Faults.Invalid($"warmup key '{pair.Key}' is only allowed at field level, use warmup.scalarField/warmup.scalarIndex/warmup.vectorField/warmup.vectorIndex at collection level");
                case var key when CollectionWarmupKeys.Contains(key):
                    CheckWarmupPolicy(pair.Value, $"invalid warmup value for key {key}: ");
                    break;
                default:
                    break;
            }
        }

        if (ttl && field)
        {
            throw Faults.Invalid("collection TTL and ttl field cannot be set at the same time");
        }
    }

    /// <summary>The one way of letting rows expire excludes the other, also when it is set later.</summary>
    public static void CheckTtlChange(CollectionDefinition definition, IReadOnlyCollection<string> set)
    {
        var (ttl, field) = (set.Contains(CollectionDefinition.TtlProperty), set.Contains(CollectionDefinition.TtlFieldProperty));
        if (ttl && !field && definition.Property(CollectionDefinition.TtlFieldProperty) is not null)
        {
            throw Faults.Invalid("ttl field is already exists, cannot be set collection TTL");
        }

        if (field && !ttl && definition.Property(CollectionDefinition.TtlProperty) is not null)
        {
            throw Faults.Invalid("collection TTL is already set, cannot be set ttl field");
        }
    }

    public static void CheckAutoId(bool generated, IEnumerable<Pair> properties)
    {
        if (!generated && properties.Any(p => p.Key == AutoIdKey && bool.TryParse(p.Value, out var on) && on))
        {
            throw Faults.Invalid($"the value for {AutoIdKey} must be false when autoID is false");
        }
    }

    public static void CheckWarmupPolicy(string value, string where = "")
    {
        if (value is not ("disable" or "sync" or "async"))
        {
            var why = $"invalid warmup policy: {value}, must be 'disable', 'sync' or 'async'";
            throw where.Length > 0 ? Faults.Invalid($"{where}{why}: invalid parameter") : Faults.Invalid(why);
        }
    }

    /// <summary>Whether the property's value keeps partition keys apart, as Milvus reads it.</summary>
    public static bool Isolates(string? value) => value?.ToUpperInvariant() switch
    {
        null or "FALSE" or "F" or "0" => false,
        "TRUE" or "T" or "1" => true,
        _ => throw Faults.Invalid($"failed to parse partition key isolation: strconv.ParseBool: parsing \"{value}\": invalid syntax"),
    };

    public static TimeZoneInfo CheckZone(string name) => Rows.Timestamps.Zone(name) ?? throw Faults.Invalid($"unknown or invalid IANA Time Zone ID: {name}");

    private static void CheckTtl(string value)
    {
        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds))
        {
            throw Faults.Invalid($"collection ttl property value not valid, parse error: strconv.ParseInt: parsing \"{value}\": invalid syntax");
        }

        if (seconds is < -1 or > MostTtlSeconds)
        {
            throw Faults.Invalid($"collection TTL is out of range, expect [-1, {MostTtlSeconds}], got {value}");
        }
    }

    private static void CheckTtlField(CollectionSchema schema, string name)
    {
        var field = schema.Fields.FirstOrDefault(f => f.Name == name) ?? throw Faults.Invalid($"ttl field name {name} not found in schema");
        if (field.DataType != DataType.Timestamptz)
        {
            throw Faults.Invalid($"ttl field must be timestamptz, field name = {name}");
        }
    }
}
