using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf.Reflection;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>A collection's schema as JSON gives it: fields, arrays of structs and functions.</summary>
internal static class RestSchemas
{
    /// <summary>Names of the wire's enumerations as Milvus spells them, which C# does not keep.</summary>
    private static readonly Dictionary<string, DataType> Types = Names("DataType").ToDictionary(v => v.Name, v => (DataType)v.Number, StringComparer.Ordinal);

    private static readonly Dictionary<DataType, string> TypeNames = Types.ToDictionary(t => t.Value, t => t.Key);

    private static readonly Dictionary<string, FunctionType> FunctionTypes = Names("FunctionType").ToDictionary(v => v.Name, v => (FunctionType)v.Number, StringComparer.Ordinal);

    /// <summary>The vector types that a collection without a schema may have.</summary>
    private static readonly string[] QuickVectors = ["FloatVector", "BinaryVector", "Float16Vector", "BFloat16Vector", "SparseFloatVector"];

    public static string NameOf(DataType type) => TypeNames[type];

    /// <summary>A key and one vector, for who names little more than a dimension.</summary>
    public static CollectionSchema Quick(RestCall call)
    {
        var vector = QuickVector(call);
        var key = new FieldSchema { Name = Or(call.Text("primaryFieldName"), "id"), IsPrimaryKey = true, AutoID = call.Flag("autoID"), DataType = DataType.Int64 };
        switch (call.Text("idType"))
        {
            case "VarChar" or "Varchar":
                key.DataType = DataType.VarChar;
                key.TypeParams.Add(new Pair { Key = "max_length", Value = call.Part("params") is { ValueKind: JsonValueKind.Object } p && p.TryGetProperty("max_length", out var most) ? RestCall.Written(most) : "<nil>" });
                break;
            case "" or "Int64" or "int64":
                break;
            case var other:
                throw Faults.Invalid("idType can only be [Int64, VarChar], default: Int64", "Int64, Varchar", other);
        }

        return new CollectionSchema { Name = call.Collection, Description = call.Text("description"), EnableDynamicField = QuickDynamic(call), Fields = { key, vector } };
    }

    public static CollectionSchema Full(RestCall call, JsonElement given)
    {
        var schema = new CollectionSchema { Name = call.Collection, Description = Or(call.Text("description"), Text(given, "description")), EnableDynamicField = True(given, "enableDynamicField") || True(given, "enabledDynamicField") };
        schema.Functions.Add(List(given, "functions").Select(Function));
        var outputs = schema.Functions.SelectMany(f => f.OutputFieldNames).ToHashSet(StringComparer.Ordinal);
        var autoId = True(given, "autoID") || True(given, "autoId");
        foreach (var field in List(given, "fields"))
        {
            var read = Field(field);
            read.AutoID = read.IsPrimaryKey && (autoId || True(field, "autoID"));
            read.IsFunctionOutput = outputs.Contains(read.Name);
            schema.Fields.Add(read);
        }

        foreach (var array in List(given, "structFields"))
        {
            var read = Structs(array);
            if (schema.Fields.Any(f => f.Name == read.Name) || schema.StructArrayFields.Any(a => a.Name == read.Name))
            {
                throw Faults.Invalid($"duplicated field name: {read.Name}");
            }

            schema.StructArrayFields.Add(read);
        }

        return schema;
    }

    public static FieldSchema Field(JsonElement given)
    {
        var field = new FieldSchema
        {
            Name = Text(given, "fieldName"),
            Description = Text(given, "description"),
            DataType = Type(Text(given, "dataType"), "data type"),
            IsPrimaryKey = True(given, "isPrimary"),
            IsPartitionKey = True(given, "isPartitionKey"),
            IsClusteringKey = True(given, "isClusteringKey"),
            Nullable = True(given, "nullable"),
        };
        if (field.DataType is DataType.Array or DataType.ArrayOfVector)
        {
            field.ElementType = Type(Text(given, "elementDataType"), "element data type");
        }

        if (given.TryGetProperty("elementTypeParams", out var parameters))
        {
            field.TypeParams.Add(RestCall.Pairs(parameters));
        }

        if (given.TryGetProperty("defaultValue", out var value) && value.ValueKind != JsonValueKind.Null)
        {
            field.DefaultValue = Default(field, value);
        }

        return field;
    }

    public static FunctionSchema Function(JsonElement given)
    {
        var function = new FunctionSchema
        {
            Name = Text(given, "name"),
            Description = Text(given, "description"),
            Type = FunctionTypes.TryGetValue(Text(given, "type"), out var type) ? type : throw Faults.Invalid($"Unsupported function type: {Text(given, "type")}"),
        };
        function.InputFieldNames.Add(List(given, "inputFieldNames").Select(RestCall.Written));
        function.OutputFieldNames.Add(List(given, "outputFieldNames").Select(RestCall.Written));
        if (given.TryGetProperty("params", out var parameters))
        {
            function.Params.Add(RestCall.Pairs(parameters));
        }

        return function;
    }

    /// <summary>Functions that give hits other scores; null where none are given.</summary>
    public static FunctionScore? Score(JsonElement? given)
    {
        if (given is not { ValueKind: JsonValueKind.Object } asked || List(asked, "functions") is not { Count: > 0 } functions)
        {
            return null;
        }

        var score = new FunctionScore();
        score.Functions.Add(functions.Select(Function));
        if (asked.TryGetProperty("params", out var parameters))
        {
            score.Params.Add(RestCall.Pairs(parameters));
        }

        return score;
    }

    /// <summary>A field that is no array of structs: those have a call of their own.</summary>
    public static FieldSchema PlainField(JsonElement given) =>
        Text(given, "dataType") is "ArrayOfStruct" || (Text(given, "dataType") == "Array" && Text(given, "elementDataType") == "Struct")
            ? throw Faults.Invalid("StructArray field must be added through /v2/vectordb/collections/struct_fields/add")
            : Field(given);

    public static StructArrayFieldSchema Structs(JsonElement given)
    {
        var array = new StructArrayFieldSchema { Name = Text(given, "fieldName"), Description = Text(given, "description"), Nullable = True(given, "nullable") };
        if (given.TryGetProperty("typeParams", out var parameters))
        {
            array.TypeParams.Add(RestCall.Pairs(parameters));
        }

        array.Fields.Add(List(given, "fields").Select(part => StructPart(array, Field(part))));
        if (array.Fields.Count == 0)
        {
            throw Faults.Invalid($"struct field {array.Name} must contain at least one sub-field");
        }

        return array.Fields.GroupBy(f => f.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw Faults.Invalid($"duplicated sub-field name {twice.Key} in struct {array.Name}") : array;
    }

    private static FieldSchema StructPart(StructArrayFieldSchema array, FieldSchema part)
    {
        var place = $"sub-field {part.Name} of struct {array.Name}";
        var unfit = part switch
        {
            { DataType: not (DataType.Array or DataType.ArrayOfVector) } => $"{place} must be Array or ArrayOfVector, got {NameOf(part.DataType)}",
            { IsPrimaryKey: true } or { IsPartitionKey: true } or { IsClusteringKey: true } => $"{place} cannot be primary / partition / clustering key",
            { Nullable: true } => $"{place} cannot be nullable",
            { DefaultValue: not null } => $"{place} cannot set defaultValue",
            _ => null,
        };
        if (unfit is not null)
        {
            throw Faults.Invalid(unfit);
        }

        if (array.TypeParams.FirstOrDefault(p => p.Key == "max_capacity") is { } capacity && part.TypeParams.All(p => p.Key != capacity.Key))
        {
            part.TypeParams.Add(capacity.Clone());
        }

        return part;
    }

    private static FieldSchema QuickVector(RestCall call)
    {
        var named = Or(call.Text("vectorFieldType"), "FloatVector");
        var type = QuickVectors.Contains(named) ? Types[named]
            : throw Faults.Invalid($"vectorFieldType can only be [{string.Join(", ", QuickVectors)}], default: FloatVector", string.Join(", ", QuickVectors), named);
        var vector = new FieldSchema { Name = Or(call.Text("vectorFieldName"), "vector"), DataType = type };
        var dimension = call.Whole("dimension", 0);
        if (type == DataType.SparseFloatVector)
        {
            return dimension == 0 ? vector : throw Faults.Invalid("dimension should not be specified for SparseFloatVector quick create", 0, dimension);
        }

        if (dimension == 0)
        {
            throw Faults.Invalid("dimension is required for quickly create collection(default metric type: COSINE)", "collectionName & dimension", "collectionName");
        }

        vector.TypeParams.Add(new Pair { Key = "dim", Value = dimension.ToString(CultureInfo.InvariantCulture) });
        return vector;
    }

    private static bool QuickDynamic(RestCall call)
    {
        if (call.Part("params") is not { ValueKind: JsonValueKind.Object } parameters || !parameters.TryGetProperty("enableDynamicField", out var given))
        {
            return true;
        }

        return RestCall.Written(given).ToLowerInvariant() switch
        {
            "true" or "t" or "1" => true,
            "false" or "f" or "0" => false,
            var other => throw new Fault(65535, $"parse enableDynamicField fail, err:strconv.ParseBool: parsing \"{other}\": invalid syntax"),
        };
    }

    private static ValueField Default(FieldSchema field, JsonElement value) => (field.DataType, value.ValueKind) switch
    {
        (DataType.Bool, JsonValueKind.True or JsonValueKind.False) => new ValueField { BoolData = value.GetBoolean() },
        (DataType.Int8 or DataType.Int16 or DataType.Int32, JsonValueKind.Number) => new ValueField { IntData = value.GetInt32() },
        (DataType.Int64, JsonValueKind.Number) => new ValueField { LongData = value.GetInt64() },
        (DataType.Float, JsonValueKind.Number) => new ValueField { FloatData = value.GetSingle() },
        (DataType.Double, JsonValueKind.Number) => new ValueField { DoubleData = value.GetDouble() },
        (DataType.VarChar or DataType.String or DataType.Timestamptz or DataType.Geometry, JsonValueKind.String) => new ValueField { StringData = value.GetString()! },
        _ => throw Faults.Invalid($"convert defaultValue fail, err:cannot use \"{RestCall.Written(value)}\" as default value of field {field.Name} of type {NameOf(field.DataType)}"),
    };

    private static DataType Type(string name, string what) =>
        Types.TryGetValue(name, out var type) && type != DataType.None ? type : throw new Fault(1100, $"invalid parameter, {what} {name} is invalid(case sensitive).");

    private static IList<EnumValueDescriptor> Names(string enumeration) => SchemaReflection.Descriptor.FindTypeByName<EnumDescriptor>(enumeration).Values;

    private static List<JsonElement> List(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : [];

    private static string Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";

    private static string Or(string given, string otherwise) => given.Length > 0 ? given : otherwise;

    private static bool True(JsonElement of, string name) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
