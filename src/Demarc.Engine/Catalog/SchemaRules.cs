using System.Globalization;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;
using KeyValuePair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Checks a schema a client sends and completes it: field ids from 100 as Milvus numbers them, and the dynamic field made
/// explicit, so that every later reader sees plain columns.
/// </summary>
internal static class SchemaRules
{
    private const long FirstFieldId = 100;

    public static CollectionDefinition Read(CreateCollectionOp op, ulong createdTimestamp)
    {
        var fields = op.Schema.Fields.Select(f => new FieldDefinition(f, Dimension(f), MaxLength(f))).ToList();
        var key = fields.FindIndex(f => f.Schema.IsPartitionKey);
        return new CollectionDefinition(op, createdTimestamp)
        {
            Fields = fields,
            PrimaryIndex = fields.FindIndex(f => f.Schema.IsPrimaryKey),
            DynamicIndex = fields.FindIndex(f => f.Schema.IsDynamic),
            PartitionKeyIndex = key,
            Partitions = FirstPartitions(op, key >= 0, createdTimestamp),
        };
    }

    /// <summary>The definition after a change: as it was, with another schema and other properties.</summary>
    public static CollectionDefinition Altered(CollectionDefinition before, CollectionSchema schema, IEnumerable<KeyValuePair> properties, ulong timestamp)
    {
        var op = before.Op.Clone();
        op.Schema = schema;
        op.Properties.Clear();
        op.Properties.Add(properties);
        return Read(op, before.CreatedTimestamp) with
        {
            Loaded = before.Loaded,
            LoadedPartitions = before.LoadedPartitions,
            LoadFields = before.LoadFields,
            Indexes = before.Indexes,
            Partitions = before.Partitions,
            UpdatedTimestamp = timestamp,
        };
    }

    /// <summary>One partition, or with a partition key as many as asked for; their ids follow the collection's.</summary>
    private static List<StoredPartition> FirstPartitions(CreateCollectionOp op, bool keyed, ulong timestamp) =>
        keyed
            ? [.. Enumerable.Range(0, (int)op.NumPartitions).Select(i => new StoredPartition
            {
                Id = op.CollectionId + 1 + i,
                Name = string.Create(CultureInfo.InvariantCulture, $"{CollectionDefinition.DefaultPartition}_{i}"),
                CreatedTimestamp = timestamp,
            })]
            : [new StoredPartition { Id = op.CollectionId + 1, Name = CollectionDefinition.DefaultPartition, CreatedTimestamp = timestamp }];

    /// <summary>The schema ready to be stored, or a fault that names the field and the rule.</summary>
    public static CollectionSchema Complete(CollectionSchema given, string collectionName, string database = Faults.DefaultDatabase)
    {
        CheckName(collectionName, "collection name");
        if (given.Fields.Count == 0)
        {
            throw Faults.Invalid("a schema needs at least a primary key and a vector field");
        }

        if (given.Fields.Count + given.StructArrayFields.Sum(s => s.Fields.Count) > Limits.Fields)
        {
            throw Faults.Invalid($"maximum field's number should be limited to {Limits.Fields}");
        }

        var schema = given.Clone();
        schema.Name = collectionName;
        schema.DbName = database;
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < schema.Fields.Count; i++)
        {
            var field = schema.Fields[i];
            CheckField(field);
            if (!names.Add(field.Name))
            {
                throw Faults.Invalid($"duplicated field name {field.Name}");
            }

            field.FieldID = FirstFieldId + i;
            field.State = FieldState.FieldCreated;
        }

        var next = StructRules.Complete(schema, names, FirstFieldId + schema.Fields.Count);
        CheckPrimaryKey(schema);
        CheckVectors(schema);
        CheckKeys(schema);
        FunctionRules.Complete(schema);
        if (schema.EnableDynamicField)
        {
            schema.Fields.Add(DynamicField(next));
        }

        return schema;
    }

    /// <summary>The field that holds what a row has beyond its schema.</summary>
    public static FieldSchema DynamicField(long id) => new()
    {
        FieldID = id,
        Name = CollectionDefinition.DynamicFieldName,
        DataType = DataType.Json,
        IsDynamic = true,
        Description = "dynamic schema",
    };

    /// <summary>The schema with one more field, which the rows that are there already leave out.</summary>
    public static CollectionSchema WithField(CollectionDefinition definition, FieldSchema given)
    {
        var field = given.Clone();
        CheckField(field);
        if (field.IsPrimaryKey || field.IsPartitionKey || field.AutoID || field.IsFunctionOutput)
        {
            throw Faults.Invalid($"not support to add pk field, partition key field, auto id field or function output field, field name = {field.Name}");
        }

        if (!field.Nullable)
        {
            throw Faults.Invalid($"added field must be nullable, please check it, field name = {field.Name}");
        }

        if (definition.Field(field.Name) is not null || definition.StructArray(field.Name) is not null)
        {
            throw Faults.Invalid($"duplicated field name {field.Name}");
        }

        if (definition.Fields.Count >= Limits.Fields)
        {
            throw Faults.Invalid($"The number of fields has reached the maximum value {Limits.Fields}");
        }

        field.FieldID = definition.Fields.Max(f => f.Schema.FieldID) + 1;
        field.State = FieldState.FieldCreated;
        var schema = definition.Op.Schema.Clone();
        schema.Fields.Add(field);
        schema.Version++;
        CheckVectors(schema);
        return schema;
    }

    /// <summary>Milvus's rule: a letter or underscore first, then letters, digits and underscores.</summary>
    public static void CheckName(string name, string what)
    {
        if (name.Length == 0)
        {
            throw Faults.Invalid($"{what} should not be empty");
        }

        if (name.Length > Limits.NameLength)
        {
            throw Faults.Invalid($"the length of {what} must be not greater than {Limits.NameLength}");
        }

        if (!char.IsAsciiLetter(name[0]) && name[0] != '_')
        {
            throw Faults.Invalid($"Invalid {what}: {name}. the first character must be an underscore or letter");
        }

        if (name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '_' and not '$'))
        {
            throw Faults.Invalid($"Invalid {what}: {name}. {what} can only contain numbers, letters and underscores");
        }
    }

    /// <summary>Milvus's rule for names of partitions that rows are written to.</summary>
    public static void CheckPartitionName(string given)
    {
        var name = given.Trim();
        var refusal = $"Invalid partition name: {name}. ";
        if (name.Length == 0)
        {
            throw Faults.Invalid(refusal + "Partition name should not be empty.");
        }

        if (name.Length > Limits.NameLength)
        {
            throw Faults.Invalid($"{refusal}The length of a partition name must be less than {Limits.NameLength} characters.");
        }

        if (name[0] != '_' && !char.IsAsciiLetterOrDigit(name[0]))
        {
            throw Faults.Invalid(refusal + "The first character of a partition name must be an underscore or letter.");
        }

        if (name.Any(c => c is not ('_' or '-') && !char.IsAsciiLetterOrDigit(c)))
        {
            throw Faults.Invalid(refusal + "Partition name can only contain numbers, letters and underscores.");
        }
    }

    private static void CheckField(FieldSchema field)
    {
        CheckName(field.Name, "field name");
        switch (field.DataType)
        {
            case DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64:
            case DataType.Float or DataType.Double or DataType.Json or DataType.Timestamptz or DataType.Geometry:
                break;
            case DataType.Array:
                CheckArray(field);
                break;
            case DataType.VarChar:
                _ = MaxLength(field);
                CheckAnalyzer(field);
                break;
            case DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector or DataType.SparseFloatVector:
                _ = Dimension(field);
                break;
            default:
                throw Faults.NotServed($"data type {field.DataType} of field {field.Name}");
        }

        if (field.DefaultValue is not null && field.DataType is DataType.Array or DataType.Json or DataType.Geometry)
        {
            throw Faults.Invalid($"type not support default_value, type:{field.DataType}, name:{field.Name}");
        }

        if (field.DefaultValue is not null && !DefaultFits(field))
        {
            throw Faults.Invalid($"type ({field.DataType}) of field ({field.Name}) is not matched with its default value ({field.DefaultValue.DataCase})");
        }
    }

    private static void CheckAnalyzer(FieldSchema field)
    {
        if (FieldDefinition.Parameter(field, "multi_analyzer_params") is { Length: > 0 })
        {
            throw Faults.NotServed($"multi_analyzer_params of field {field.Name}");
        }

        _ = AnalyzerReader.Read(FieldDefinition.Parameter(field, "analyzer_params"));
        if (FieldDefinition.IsOn(field, "enable_match") && !FieldDefinition.IsOn(field, "enable_analyzer"))
        {
            throw Faults.Invalid($"field {field.Name} with enable_match should set enable_analyzer to true");
        }
    }

    public static void CheckArray(FieldSchema field)
    {
        if (field.DataType == DataType.ArrayOfVector)
        {
            _ = field.ElementType != DataType.SparseFloatVector && FieldDefinition.IsVectorType(field.ElementType)
                ? Dimension(field)
                : throw Faults.Invalid($"Unsupported element type {FieldDefinition.TypeName(field.ElementType)} of ArrayOfVector field {field.Name}, only fixed dimension vector types are supported");
        }
        else if (field.ElementType is not (DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar))
        {
            throw Faults.Invalid(field.ElementType switch
            {
                DataType.None => "element data type None is not valid",
                DataType.String => "string data type not supported yet, please use VarChar type instead",
                _ => $"element type {FieldDefinition.TypeName(field.ElementType)} is not supported",
            });
        }

        _ = MaxLength(field);
        var text = field.TypeParams.FirstOrDefault(p => p.Key == "max_capacity")?.Value
            ?? throw Faults.Invalid($"type param(max_capacity) should be specified for array field {field.Name}");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var capacity) || capacity < 1 || capacity > Limits.ArrayCapacity)
        {
            throw Faults.Invalid($"the maximum capacity specified for a Array should be in (0, {Limits.ArrayCapacity}]");
        }
    }

    private static bool DefaultFits(FieldSchema field) => (field.DataType, field.DefaultValue.DataCase) switch
    {
        (DataType.Bool, ValueField.DataOneofCase.BoolData) => true,
        (DataType.Int8 or DataType.Int16 or DataType.Int32, ValueField.DataOneofCase.IntData) => true,
        (DataType.Int64, ValueField.DataOneofCase.LongData) => true,
        (DataType.Float, ValueField.DataOneofCase.FloatData) => true,
        (DataType.Double, ValueField.DataOneofCase.DoubleData) => true,
        (DataType.VarChar, ValueField.DataOneofCase.StringData) => true,
        (DataType.Timestamptz, ValueField.DataOneofCase.TimestamptzData) => true,
        (DataType.Timestamptz, ValueField.DataOneofCase.StringData) => Timestamps.TryParse(field.DefaultValue.StringData, TimeZoneInfo.Utc, out _)
            ? true : throw Faults.Invalid($"invalid timestamp string: '{field.DefaultValue.StringData}'. Does not match any known format"),
        _ => false,
    };

    private static void CheckPrimaryKey(CollectionSchema schema)
    {
        var keys = schema.Fields.Where(f => f.IsPrimaryKey).ToList();
        if (keys.Count == 0)
        {
            throw Faults.Invalid("primary key is not specified");
        }

        if (keys.Count > 1)
        {
            throw Faults.Invalid("there are more than one primary key, field name = " + string.Join(", ", keys.Select(k => k.Name)));
        }

        var key = keys[0];
        if (key.DataType is not (DataType.Int64 or DataType.VarChar))
        {
            throw Faults.Invalid($"the data type of primary key should be Int64 or VarChar, field {key.Name} is {key.DataType}");
        }

        if (key.Nullable || key.DefaultValue is not null)
        {
            throw Faults.Invalid($"primary key field ({key.Name}) can be neither nullable nor have a default value");
        }

        if (schema.Fields.FirstOrDefault(f => f.AutoID && !f.IsPrimaryKey) is { } other)
        {
            throw Faults.Invalid($"only primary field can speficy AutoID with true, field name = {other.Name}");
        }

        // Older clients set the mark on the schema instead of the field.
        key.AutoID |= schema.AutoID;
    }

    /// <summary>The partition key and the clustering key: one field each at most.</summary>
    private static void CheckKeys(CollectionSchema schema)
    {
        var keys = schema.Fields.Where(f => f.IsPartitionKey).ToList();
        if (keys.Count > 1)
        {
            throw Faults.Invalid($"there are more than one partition key, field name = {keys[0].Name}, {keys[1].Name}");
        }

        if (keys.Count == 1)
        {
            var key = keys[0];
            if (key.IsPrimaryKey)
            {
                throw Faults.Invalid($"the partition key field must not be primary field, field name = {key.Name}");
            }

            if (key.DataType is not (DataType.Int64 or DataType.VarChar))
            {
                throw Faults.Invalid($"the data type of partition key should be Int64 or VarChar, field {key.Name} is {key.DataType}");
            }
        }

        var clusters = schema.Fields.Where(f => f.IsClusteringKey).ToList();
        if (clusters.Count > 1)
        {
            throw Faults.Invalid($"there are more than one clustering key, field name = {clusters[0].Name}, {clusters[1].Name}");
        }
    }

    public static void CheckVectors(CollectionSchema schema)
    {
        var count = schema.Fields.Count(f => FieldDefinition.IsVectorType(f.DataType) || f.DataType == DataType.ArrayOfVector);
        if (count == 0)
        {
            throw Faults.Invalid("schema does not contain vector field");
        }

        if (count > Limits.VectorFields)
        {
            throw Faults.Invalid($"maximum vector field's number should be limited to {Limits.VectorFields}");
        }
    }

    private static int Dimension(FieldSchema field)
    {
        var type = field.DataType == DataType.ArrayOfVector ? field.ElementType : field.DataType;
        if (!FieldDefinition.IsVectorType(type))
        {
            return 0;
        }

        var text = field.TypeParams.FirstOrDefault(p => p.Key == "dim")?.Value;
        if (type == DataType.SparseFloatVector)
        {
            return text is null ? 0 : throw Faults.Invalid($"dim should not be specified for sparse vector field {field.Name}({field.FieldID})");
        }

        text = text
            ?? throw Faults.Invalid($"dimension is not defined in field type params of field {field.Name}, check type param `dim` for vector field");
        var most = type == DataType.BinaryVector ? Limits.BinaryDimensions : Limits.Dimensions;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var dim) || dim < 1 || dim > most)
        {
            throw Faults.Invalid($"invalid dimension: {text} of field {field.Name}. it should be in range 1 to {most}");
        }

        return type != DataType.BinaryVector || dim % 8 == 0 ? dim
            : throw Faults.Invalid($"invalid dimension: {dim} of field {field.Name}. binary vector dimension should be multiple of 8.");
    }

    private static int MaxLength(FieldSchema field)
    {
        if (field.DataType != DataType.VarChar && !(field.DataType == DataType.Array && field.ElementType == DataType.VarChar))
        {
            return 0;
        }

        var text = field.TypeParams.FirstOrDefault(p => p.Key == "max_length")?.Value
            ?? throw Faults.Invalid($"type param(max_length) should be specified for the field({field.Name}) of collection");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length < 1 || length > Limits.VarCharBytes)
        {
            throw Faults.Invalid($"the maximum length specified for the field({field.Name}) should be in (0, {Limits.VarCharBytes}], but got {text} instead");
        }

        return length;
    }
}
