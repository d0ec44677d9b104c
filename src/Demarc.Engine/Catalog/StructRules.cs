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
            SchemaRules.CheckName(array.Name, "field name");
            if (!names.Add(array.Name))
            {
                throw Faults.Invalid($"duplicated field name {array.Name}");
            }

            if (array.Nullable)
            {
                throw Faults.NotServed($"a nullable struct array, as field {array.Name} is,");
            }

            if (array.Fields.Count == 0)
            {
                throw Faults.Invalid($"struct array field {array.Name} has no sub-fields");
            }

            array.FieldID = next++;
            foreach (var part in array.Fields)
            {
                CheckPart(array.Name, part);
                part.FieldID = next++;
                part.State = FieldState.FieldCreated;
                var field = part.Clone();
                field.Name = PartName(array.Name, part.Name);
                if (!names.Add(field.Name))
                {
                    throw Faults.Invalid($"duplicated field name {part.Name} in struct array field {array.Name}");
                }

                SchemaRules.CheckArray(field);
                schema.Fields.Add(field);
            }

            var capacities = array.Fields.Select(p => FieldDefinition.Parameter(p, "max_capacity")).Distinct().ToList();
            if (capacities.Count > 1)
            {
                throw Faults.Invalid($"the sub-fields of struct array field {array.Name} should have one max_capacity, but have {string.Join(", ", capacities)}");
            }
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

    private static void CheckPart(string array, FieldSchema part)
    {
        SchemaRules.CheckName(part.Name, "field name");
        if (part.DataType is not (DataType.Array or DataType.ArrayOfVector))
        {
            throw Faults.Invalid($"Fields in StructArrayField can only be array or array of vector, but field {array}.{part.Name} is {part.DataType}");
        }

        if (part.IsPrimaryKey || part.IsPartitionKey || part.IsClusteringKey || part.AutoID || part.IsFunctionOutput || part.IsDynamic || part.Nullable || part.DefaultValue is not null)
        {
            throw Faults.Invalid($"sub-field {part.Name} of struct array field {array} can be no key, no function's output, not nullable and have no default value");
        }
    }
}
