using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Arrays of structs. Clients see one field with parts; the engine keeps each part as a field of its own, an array or an array
/// of vectors named <c>array[part]</c>, which is also how filters, indexes and searches name it. No other name has brackets.
/// </summary>
internal static class StructRules
{
    public static string PartName(string array, string part) => $"{array}[{part}]";

    public static bool IsPart(string field) => field.EndsWith(']');

    /// <summary>The array and the part that a field's name joins.</summary>
    public static (string Array, string Part) Split(string field)
    {
        var open = field.IndexOf('[', StringComparison.Ordinal);
        return (field[..open], field[(open + 1)..^1]);
    }

    /// <summary>Checks the arrays of structs of a schema, numbers them and puts their parts behind its fields; gives the next free number.</summary>
    public static long Complete(CollectionSchema schema, HashSet<string> names, long next)
    {
        foreach (var array in schema.StructArrayFields)
        {
            NameRules.CheckField(array.Name);
            next = Complete(schema, array, names, next);
        }

        return next;
    }

    /// <summary>The schema with one more array of structs, which is null in the rows that are there already.</summary>
    public static CollectionSchema WithArray(CollectionDefinition definition, StructArrayFieldSchema given)
    {
        if (!given.Nullable)
        {
            throw Faults.Invalid($"added struct field must be nullable, please check it, struct field name = {given.Name}");
        }

        RefuseReserved(given.Name);
        NameRules.CheckField(given.Name);
        foreach (var part in given.Fields)
        {
            RefuseReserved(part.Name);
        }

        var schema = definition.Op.Schema.Clone();
        var names = definition.Standing.Select(f => f.Name).Concat(schema.StructArrayFields.Select(a => a.Name)).ToHashSet(StringComparer.Ordinal);
        var array = given.Clone();
        _ = Complete(schema, array, names, definition.NextFieldId);
        schema.StructArrayFields.Add(array);
        if (definition.FieldCount + 1 + array.Fields.Count > Limits.Fields)
        {
            throw Faults.Invalid($"maximum field's number should be limited to {Limits.Fields}");
        }

        SchemaRules.CheckVectors(schema.Fields);
        schema.Version++;
        return schema;
    }

    private static long Complete(CollectionSchema schema, StructArrayFieldSchema array, HashSet<string> names, long next)
    {
        if (array.Fields.Count == 0)
        {
            throw Faults.Invalid($"struct array field {array.Name} has no sub-fields");
        }

        foreach (var part in array.Fields)
        {
            CheckPart(part, schema.Name);
        }

        var capacity = FieldDefinition.Parameter(array.Fields[0], "max_capacity");
        if (array.Fields.FirstOrDefault(p => FieldDefinition.Parameter(p, "max_capacity") != capacity) is { } other)
        {
            throw Faults.Invalid($"all sub-fields in struct array field must have the same max_capacity: structName={array.Name}, subFieldName={other.Name}, max_capacity={FieldDefinition.Parameter(other, "max_capacity")}, expected={capacity}");
        }

        if (!array.Nullable && array.Fields.FirstOrDefault(p => p.Nullable) is { } alone)
        {
            throw Faults.Invalid($"sub-field in non-nullable struct cannot be nullable individually, set nullable on the struct instead: structName={array.Name}, subFieldName={alone.Name}");
        }

        if (!names.Add(array.Name))
        {
            throw Faults.Invalid($"duplicated field name {array.Name}");
        }

        array.FieldID = next++;
        foreach (var part in array.Fields)
        {
            part.FieldID = next++;
            part.State = FieldState.FieldCreated;
            part.Nullable = array.Nullable; // A struct is null as a whole, and so are its parts.
            var field = part.Clone();
            field.Name = PartName(array.Name, part.Name);
            if (!names.Add(field.Name))
            {
                throw Faults.Invalid($"duplicated field name {part.Name}");
            }

            schema.Fields.Add(field);
        }

        return next;
    }

    /// <summary>Takes the parts out of the fields again and shows them as they are now in their arrays.</summary>
    public static void Fold(CollectionSchema schema)
    {
        var parts = schema.Fields.Where(f => IsPart(f.Name)).ToDictionary(f => f.Name, StringComparer.Ordinal);
        foreach (var array in schema.StructArrayFields)
        {
            foreach (var part in array.Fields)
            {
                var field = parts[PartName(array.Name, part.Name)];
                part.TypeParams.Clear();
                part.TypeParams.Add(field.TypeParams);
            }
        }

        for (var i = schema.Fields.Count - 1; i >= 0; i--)
        {
            if (IsPart(schema.Fields[i].Name))
            {
                schema.Fields.RemoveAt(i);
            }
        }
    }

    private static void CheckPart(FieldSchema part, string collection)
    {
        NameRules.CheckField(part.Name);
        if (part.DataType is not (DataType.Array or DataType.ArrayOfVector))
        {
            throw Faults.Invalid($"fields in StructArrayField must be Array or ArrayOfVector, field name = {part.Name}, field type = {FieldDefinition.TypeName(part.DataType)}");
        }

        if (part.ElementType is DataType.Array or DataType.ArrayOfStruct or DataType.ArrayOfVector)
        {
            throw Faults.Invalid($"nested array is not supported {part.Name}");
        }

        SchemaRules.CheckArray(part, collection);
        var mark = part.IsPrimaryKey ? "primary key"
            : part.AutoID ? "autoID"
            : part.IsPartitionKey ? "partition key"
            : part.IsClusteringKey ? "clustering key"
            : part.DefaultValue is not null ? "default value"
            : part.IsFunctionOutput || part.IsDynamic ? "function output"
            : null;
        if (mark is not null)
        {
            throw Faults.Invalid($"{mark} is not supported for struct field, field name = {part.Name}");
        }
    }

    /// <summary>Names that are the system's own.</summary>
    private static void RefuseReserved(string name)
    {
        if (name is "RowID" or "Timestamp" or "$meta" or "$namespace_id" or "__virtual_pk__")
        {
            throw Faults.Invalid($"not support to add system field, field name = {name}");
        }
    }
}
