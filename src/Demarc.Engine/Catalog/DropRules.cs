using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Takes fields and functions out of a schema. Columns are found by their place, in memory and in files, so a dropped field leaves its
/// place behind, with its number and without a name.
/// </summary>
internal static class DropRules
{
    // What Milvus numbers rows and writes with, and what it keeps names for.
    private static readonly string[] Reserved = ["RowID", "Timestamp", CollectionDefinition.DynamicFieldName, "$namespace_id"];

    /// <summary>Has the fields leave nothing but their places.</summary>
    public static void Take(CollectionSchema schema, Predicate<FieldSchema> gone)
    {
        for (var i = 0; i < schema.Fields.Count; i++)
        {
            if (schema.Fields[i].State != FieldState.FieldDropped && gone(schema.Fields[i]))
            {
                schema.Fields[i] = new FieldSchema { FieldID = schema.Fields[i].FieldID, State = FieldState.FieldDropped };
            }
        }
    }

    /// <summary>The schema without the field or array of structs of that number.</summary>
    public static CollectionSchema WithoutField(CollectionDefinition definition, long id)
    {
        if (definition.Op.Schema.StructArrayFields.FirstOrDefault(a => a.FieldID == id) is { } array)
        {
            return WithoutField(definition, array.Name);
        }

        var field = id > 0 ? definition.Standing.FirstOrDefault(f => f.Schema.FieldID == id && !f.Schema.IsDynamic) : null;
        return field is null ? throw Faults.Invalid($"field not found with id: {id}")
            : StructRules.IsPart(field.Name) ? throw PartStays(field.Name)
            : WithoutField(definition, field.Name);
    }

    /// <summary>The schema without the field or array of structs of that name.</summary>
    public static CollectionSchema WithoutField(CollectionDefinition definition, string name)
    {
        if (name.Length == 0)
        {
            throw Faults.Invalid("field name is empty");
        }

        var schema = definition.Op.Schema.Clone();
        schema.Version++;
        if (definition.StructArray(name) is { } array)
        {
            Take(definition, schema, array);
            return schema;
        }

        if (definition.Op.Schema.StructArrayFields.FirstOrDefault(a => a.Fields.Any(p => p.Name == name)) is { } holder)
        {
            throw PartStays(StructRules.PartName(holder.Name, name));
        }

        var field = definition.Field(name) is { Schema.IsDynamic: false } found && !StructRules.IsPart(name) ? found : throw Faults.Invalid($"field not found: {name}");
        CheckField(definition, field.Schema);
        Take(schema, f => f.Name == name);
        return schema;
    }

    /// <summary>The schema without a function and, if that is wanted, without the field it fills.</summary>
    public static CollectionSchema WithoutFunction(CollectionDefinition definition, string name, bool withOutput)
    {
        if (name.Length == 0)
        {
            throw Faults.Invalid("function name is empty");
        }

        var function = definition.Op.Schema.Functions.FirstOrDefault(f => f.Name == name) ?? throw Faults.Invalid($"function not found: {name}");
        if (!withOutput)
        {
            throw Faults.Invalid($"BM25 function must be dropped with its output field in drop_function_field interface: {name}");
        }

        if (definition.Standing.Count(f => f.IsSearchable) <= function.OutputFieldNames.Count)
        {
            throw Faults.Invalid($"cannot drop function {name}: it would leave no vector field in the collection");
        }

        var schema = definition.Op.Schema.Clone();
        schema.Version++;
        schema.Functions.Remove(function);
        Take(schema, f => function.OutputFieldNames.Contains(f.Name));
        return schema;
    }

    private static void Take(CollectionDefinition definition, CollectionSchema schema, StructArrayFieldSchema array)
    {
        var parts = array.Fields.Select(p => StructRules.PartName(array.Name, p.Name)).ToHashSet(StringComparer.Ordinal);
        if (!definition.Standing.Any(f => f.IsSearchable && !parts.Contains(f.Name)))
        {
            throw Faults.Invalid($"cannot drop struct array field {array.Name}: it would leave no vector field in the collection");
        }

        schema.StructArrayFields.Remove(array);
        Take(schema, f => parts.Contains(f.Name));
    }

    private static void CheckField(CollectionDefinition definition, FieldSchema field)
    {
        var name = field.Name;
        if (definition.Property(CollectionDefinition.TtlFieldProperty) == name)
        {
            throw Faults.Invalid($"cannot drop field {name} because it is referenced by collection property {CollectionDefinition.TtlFieldProperty}, drop the property first");
        }

        var kind = Array.IndexOf(Reserved, name) >= 0 ? "system"
            : field.IsPrimaryKey ? "primary key"
            : field.IsPartitionKey ? "partition key"
            : field.IsClusteringKey ? "clustering key"
            : null;
        if (kind is not null)
        {
            throw Faults.Invalid($"cannot drop {kind} field: {name}");
        }

        if (FieldDefinition.IsVectorType(field.DataType) && definition.Standing.Count(f => f.IsSearchable) <= 1)
        {
            throw Faults.Invalid($"cannot drop the last vector field: {name}");
        }

        foreach (var function in definition.Op.Schema.Functions)
        {
            var side = function.InputFieldNames.Contains(name) ? "input" : function.OutputFieldNames.Contains(name) ? "output" : null;
            if (side is not null)
            {
                throw Faults.Invalid($"field is referenced by function {function.Name} as {side}, drop function first");
            }
        }
    }

    private static Fault PartStays(string part)
    {
        var (array, name) = StructRules.Split(part);
        return Faults.Invalid($"cannot drop sub-field of struct array field: {array}.{name}");
    }
}
