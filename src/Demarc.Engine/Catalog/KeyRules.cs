using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>Which fields may be a schema's keys: one primary key, and one partition key and one clustering key at most.</summary>
internal static class KeyRules
{
    public static void Check(CollectionSchema schema)
    {
        CheckPrimary(schema);
        if (schema.Fields.Any(f => f.IsDynamic))
        {
            throw Faults.Invalid("cannot explicitly set a field as a dynamic field");
        }

        CheckAutoId(schema);
        CheckPartition(schema);
        CheckClustering(schema);
    }

    public static bool MayCluster(DataType type) =>
        type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar or DataType.FloatVector;

    private static void CheckPrimary(CollectionSchema schema)
    {
        FieldSchema? key = null;
        foreach (var field in schema.Fields.Where(f => f.IsPrimaryKey))
        {
            if (key is not null)
            {
                throw Faults.Invalid($"there are more than one primary key, field name = {key.Name}, {field.Name}");
            }

            key = field.DataType is DataType.Int64 or DataType.VarChar ? field : throw Faults.Invalid("the data type of primary key should be Int64 or VarChar");
        }

        if (key is null)
        {
            throw new Fault(1101, "primary key is not specified: missing parameter");
        }

        // Older clients set the mark on the schema instead of the field.
        key.AutoID |= schema.AutoID;
    }

    private static void CheckAutoId(CollectionSchema schema)
    {
        if (schema.Fields.FirstOrDefault(f => f.AutoID && !f.IsPrimaryKey) is { } other)
        {
            throw Faults.Invalid($"only primary field can speficy AutoID with true, field name = {other.Name}");
        }
    }

    private static void CheckPartition(CollectionSchema schema)
    {
        FieldSchema? key = null;
        foreach (var field in schema.Fields.Where(f => f.IsPartitionKey))
        {
            if (key is not null)
            {
                throw Faults.Invalid($"there are more than one partition key, field name = {key.Name}, {field.Name}");
            }

            if (field.IsPrimaryKey)
            {
                throw Faults.Invalid("the partition key field must not be primary field");
            }

            if (field.Nullable)
            {
                throw Faults.Invalid("partition key field not support nullable");
            }

            key = field.DataType is DataType.Int64 or DataType.VarChar ? field : throw Faults.Invalid("the data type of partition key should be Int64 or VarChar");
        }
    }

    private static void CheckClustering(CollectionSchema schema)
    {
        FieldSchema? key = null;
        foreach (var field in schema.Fields.Where(f => f.IsClusteringKey))
        {
            if (!MayCluster(field.DataType))
            {
                throw Faults.IllegalSchema(schema.Name, $"clustering key field {field.Name} has unsupported data type {FieldDefinition.TypeName(field.DataType)}");
            }

            if (field.DataType == DataType.FloatVector)
            {
                throw new Fault(107, $"vector clustering key not allowed[collection={schema.Name}]");
            }

            key = key is null ? field : throw Faults.IllegalSchema(schema.Name, $"there are more than one clustering key, field name = {key.Name}, {field.Name}");
        }
    }
}
