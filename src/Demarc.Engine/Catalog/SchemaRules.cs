using System.Globalization;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;

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
        return new CollectionDefinition(op, createdTimestamp)
        {
            Fields = fields,
            PrimaryIndex = fields.FindIndex(f => f.Schema.IsPrimaryKey),
            DynamicIndex = fields.FindIndex(f => f.Schema.IsDynamic),
        };
    }

    /// <summary>The schema ready to be stored, or a fault that names the field and the rule.</summary>
    public static CollectionSchema Complete(CollectionSchema given, string collectionName)
    {
        CheckName(collectionName, "collection name");
        if (given.StructArrayFields.Count > 0)
        {
            throw Faults.NotServed("a schema with struct array fields");
        }

        if (given.Fields.Count == 0)
        {
            throw Faults.Invalid("a schema needs at least a primary key and a vector field");
        }

        if (given.Fields.Count > Limits.Fields)
        {
            throw Faults.Invalid($"maximum field's number should be limited to {Limits.Fields}");
        }

        var schema = given.Clone();
        schema.Name = collectionName;
        schema.DbName = Faults.DefaultDatabase;
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

        CheckPrimaryKey(schema);
        CheckVectors(schema);
        FunctionRules.Complete(schema);
        if (schema.EnableDynamicField)
        {
            schema.Fields.Add(new FieldSchema
            {
                FieldID = FirstFieldId + schema.Fields.Count,
                Name = CollectionDefinition.DynamicFieldName,
                DataType = DataType.Json,
                IsDynamic = true,
                Description = "dynamic schema",
            });
        }

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

    private static void CheckArray(FieldSchema field)
    {
        if (field.ElementType is not (DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar))
        {
            throw Faults.Invalid($"element type {field.ElementType} of array field {field.Name} is not supported");
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
        (DataType.Timestamptz, ValueField.DataOneofCase.StringData) => Timestamps.TryParse(field.DefaultValue.StringData, out _),
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

    private static void CheckVectors(CollectionSchema schema)
    {
        var count = schema.Fields.Count(f => FieldDefinition.IsVectorType(f.DataType));
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
        if (!FieldDefinition.IsVectorType(field.DataType))
        {
            return 0;
        }

        var text = field.TypeParams.FirstOrDefault(p => p.Key == "dim")?.Value;
        if (field.DataType == DataType.SparseFloatVector)
        {
            return text is null ? 0 : throw Faults.Invalid($"dim should not be specified for sparse vector field {field.Name}({field.FieldID})");
        }

        text = text
            ?? throw Faults.Invalid($"dimension is not defined in field type params of field {field.Name}, check type param `dim` for vector field");
        var most = field.DataType == DataType.BinaryVector ? Limits.BinaryDimensions : Limits.Dimensions;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var dim) || dim < 1 || dim > most)
        {
            throw Faults.Invalid($"invalid dimension: {text} of field {field.Name}. it should be in range 1 to {most}");
        }

        return field.DataType != DataType.BinaryVector || dim % 8 == 0 ? dim
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
