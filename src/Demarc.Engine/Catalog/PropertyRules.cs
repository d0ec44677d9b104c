using System.Globalization;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>Properties that change what the engine does are checked; the others are kept and shown, as Milvus keeps those of other programs.</summary>
internal static class PropertyRules
{
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
                default:
                    break;
            }
        }

        if (ttl && field)
        {
            throw Faults.Invalid("collection TTL and entity TTL cannot be set at the same time");
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
        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) || seconds is < -1 or > int.MaxValue)
        {
            throw Faults.Invalid($"collection TTL is out of range, expect [-1, {int.MaxValue}], got {value}");
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
