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
        var fields = op.Schema.Fields.Select(f => new FieldDefinition(f, Dimension(f), MaxLength(f, op.Schema.Name))).ToList();
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
        var after = Read(op, before.CreatedTimestamp);
        return after with
        {
            Loaded = before.Loaded,
            LoadedPartitions = before.LoadedPartitions,
            LoadFields = [.. before.LoadFields.Where(Stays)],
            Indexes = [.. before.Indexes.Where(i => Stays(i.FieldName))],
            Partitions = before.Partitions,
            UpdatedTimestamp = timestamp,
        };

        // What rests on a field goes with it.
        bool Stays(string field) => before.Field(field) is null || after.Field(field) is not null;
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
        if (given.Fields.Count + given.StructArrayFields.Sum(a => 1 + a.Fields.Count) > Limits.Fields)
        {
            throw Faults.Invalid($"maximum field's number should be limited to {Limits.Fields}");
        }

        CheckVectors(given.Fields.Concat(given.StructArrayFields.SelectMany(a => a.Fields)));
        _ = NameRules.Collection(collectionName);
        var schema = given.Clone();
        schema.Name = collectionName;
        schema.DbName = database;
        KeyRules.Check(schema);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < schema.Fields.Count; i++)
        {
            var field = schema.Fields[i];
            CheckField(field, collectionName);
            field.FieldID = FirstFieldId + i;
            field.State = FieldState.FieldCreated;
        }

        foreach (var field in schema.Fields)
        {
            if (!names.Add(field.Name))
            {
                throw Faults.Invalid($"duplicated field name {field.Name} found");
            }

            DefaultRules.Check(field);
        }

        var next = StructRules.Complete(schema, names, FirstFieldId + schema.Fields.Count);
        FunctionRules.Complete(schema);
        foreach (var text in schema.Fields.Where(f => f.DataType is DataType.VarChar or DataType.Text))
        {
            FieldAnalyzers.Check(schema, text);
        }

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
    /// <param name="definition">The collection as it is.</param>
    /// <param name="given">The field.</param>
    /// <param name="isOutput">Whether it is added together with the function that makes its values.</param>
    public static CollectionSchema WithField(CollectionDefinition definition, FieldSchema given, bool isOutput = false)
    {
        if (definition.FieldCount >= Limits.Fields)
        {
            throw Faults.Invalid($"The number of fields has reached the maximum value {Limits.Fields}");
        }

        if (definition.Field(given.Name) is not null || definition.StructArray(given.Name) is not null)
        {
            throw Faults.Invalid($"duplicated field name {given.Name}");
        }

        CheckAddable(definition, given);
        if (!given.Nullable && !isOutput)
        {
            throw Faults.Invalid($"added field must be nullable, please check it, field name = {given.Name}");
        }

        var field = given.Clone();
        CheckField(field, definition.Name);
        DefaultRules.Check(field);
        field.FieldID = definition.NextFieldId;
        field.IsFunctionOutput = isOutput;
        field.State = FieldState.FieldCreated;
        var schema = definition.Op.Schema.Clone();
        schema.Fields.Add(field);
        schema.Version++;
        return schema;
    }

    private static void CheckAddable(CollectionDefinition definition, FieldSchema field)
    {
        if (field.IsPrimaryKey)
        {
            throw Faults.Invalid($"not support to add pk field, field name = {field.Name}");
        }

        if (field.AutoID)
        {
            throw Faults.Invalid($"only primary field can speficy AutoID with true, field name = {field.Name}");
        }

        if (field.IsPartitionKey)
        {
            throw Faults.Invalid($"not support to add partition key field, field name  = {field.Name}");
        }

        if (field.IsClusteringKey && !KeyRules.MayCluster(field.DataType))
        {
            throw Faults.Invalid($"clustering key field {field.Name} has unsupported data type {FieldDefinition.TypeName(field.DataType)}");
        }

        if (field.IsClusteringKey && definition.Fields.Any(f => f.Schema.IsClusteringKey))
        {
            throw Faults.Invalid($"already has another clustering key field, field name: {field.Name}");
        }

        if (FieldDefinition.IsVectorType(field.DataType))
        {
            if (definition.Fields.Count(f => f.IsSearchable) >= Limits.VectorFields)
            {
                throw TooManyVectors();
            }

            if (field.DataType != DataType.SparseFloatVector && field.TypeParams.Count == 0)
            {
                throw Faults.Invalid($"vector field must have dimension specified, field name = {field.Name}");
            }
        }
    }

    private static void CheckField(FieldSchema field, string collection)
    {
        NameRules.CheckField(field.Name);
        switch (field.DataType)
        {
            case DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64:
            case DataType.Float or DataType.Double or DataType.Json or DataType.Timestamptz or DataType.Geometry or DataType.Text:
                break;
            case DataType.Array:
                CheckArray(field, collection);
                break;
            case DataType.VarChar:
                _ = MaxLength(field, collection);
                break;
            case DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector or DataType.SparseFloatVector:
                CheckDimension(field);
                break;
            case DataType.String:
                throw Faults.Invalid("string data type not supported yet, please use VarChar type instead");
            case DataType.None:
                throw Faults.Invalid("data type None is not valid");
            case DataType.ArrayOfVector:
                throw Faults.Invalid($"array of vector can only be in the struct array field, field name: {field.Name}");
            default:
                throw Faults.NotServed($"data type {field.DataType} of field {field.Name}");
        }

        foreach (var twice in field.TypeParams.GroupBy(p => p.Key).Where(g => g.Skip(1).Any()))
        {
            throw Faults.Invalid($"duplicated type param key \"{twice.Key}\"");
        }
    }

    public static void CheckArray(FieldSchema field, string collection)
    {
        if (field.DataType == DataType.ArrayOfVector)
        {
            if (field.ElementType == DataType.SparseFloatVector || !FieldDefinition.IsVectorType(field.ElementType))
            {
                throw Faults.Invalid($"Unsupported element type {FieldDefinition.TypeName(field.ElementType)} of ArrayOfVector field {field.Name}, only fixed dimension vector types are supported");
            }

            CheckDimension(field);
        }
        else if (field.ElementType is not (DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar))
        {
            throw Faults.Invalid(field.ElementType switch
            {
                DataType.String => "string data type not supported yet, please use VarChar type instead",
                DataType.None => "element data type None is not valid",
                _ => $"element type {FieldDefinition.TypeName(field.ElementType)} is not supported",
            });
        }

        _ = MaxLength(field, collection);
        var text = FieldDefinition.Parameter(field, "max_capacity")
            ?? throw new Fault(1101, $"type param(max_capacity) should be specified for array field {field.Name} of collection {collection}: missing parameter");
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var capacity))
        {
            throw Faults.Invalid($"the value for max_capacity of field {field.Name} must be an integer");
        }

        if (capacity < 1 || capacity > Limits.ArrayCapacity)
        {
            throw Faults.Invalid($"the maximum capacity specified for a Array should be in (0, {Limits.ArrayCapacity}]");
        }
    }

    /// <summary>How many vectors a schema may have, those in structs among its fields.</summary>
    public static void CheckVectors(IEnumerable<FieldSchema> fields)
    {
        var count = fields.Count(f => FieldDefinition.IsVectorType(f.DataType) || f.DataType == DataType.ArrayOfVector);
        if (count == 0)
        {
            throw Faults.Invalid("schema does not contain vector field");
        }

        if (count > Limits.VectorFields)
        {
            throw TooManyVectors();
        }
    }

    private static Fault TooManyVectors() => Faults.Invalid($"maximum vector field's number should be limited to {Limits.VectorFields}");

    /// <summary>A vector of one dimension is refused when it is asked for, as in Milvus; collections that have one from earlier go on.</summary>
    private static void CheckDimension(FieldSchema field)
    {
        if (FieldDefinition.Parameter(field, "dim") is { } text && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var dim) && dim == 1)
        {
            throw TooFewDimensions(dim);
        }

        _ = Dimension(field);
    }

    private static Fault TooFewDimensions(int given) => Faults.Invalid($"invalid dimension: {given}. should be in range 2 ~ {Limits.Dimensions}");

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
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var dim))
        {
            throw Faults.Unexpected($"strconv.ParseInt: parsing \"{text}\": invalid syntax");
        }

        if (dim < 1)
        {
            throw TooFewDimensions(dim);
        }

        var (binary, most) = (type == DataType.BinaryVector, type == DataType.BinaryVector ? Limits.BinaryDimensions : Limits.Dimensions);
        if (binary && dim % 8 != 0)
        {
            throw Faults.Invalid($"invalid dimension: {dim} of field {field.Name}. binary vector dimension should be multiple of 8. ");
        }

        return dim <= most ? dim : throw Faults.Invalid($"invalid dimension: {dim} of field {field.Name}. {(binary ? "binary" : "float")} vector dimension should be in range 2 ~ {most}");
    }

    /// <summary>Bytes of a text field's values, or of each one in an array; 0 for other fields.</summary>
    public static int MaxLength(FieldSchema field, string collection)
    {
        if (field.DataType != DataType.VarChar && !(field.DataType == DataType.Array && field.ElementType == DataType.VarChar))
        {
            return 0;
        }

        var text = FieldDefinition.Parameter(field, "max_length")
            ?? throw new Fault(1101, $"type param(max_length) should be specified for the field({field.Name}) of collection {collection}: missing parameter");
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var length))
        {
            throw Faults.Unexpected($"strconv.ParseInt: parsing \"{text}\": invalid syntax");
        }

        return length is >= 1 and <= Limits.VarCharBytes ? length
            : throw Faults.Invalid($"the maximum length specified for the field({field.Name}) should be in (0, {Limits.VarCharBytes}], but got {length} instead");
    }
}
