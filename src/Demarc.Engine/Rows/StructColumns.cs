using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Struct arrays on their way in and out: a column of structs on the wire, a column for each part in the engine.</summary>
internal static class StructColumns
{
    /// <summary>A request's columns, with those of struct arrays taken apart.</summary>
    public static IReadOnlyList<FieldData> Expanded(CollectionDefinition definition, IReadOnlyList<FieldData> given)
    {
        if (!given.Any(f => f.FieldCase == FieldData.FieldOneofCase.StructArrays))
        {
            return given;
        }

        var expanded = new List<FieldData>();
        foreach (var column in given)
        {
            if (column.FieldCase != FieldData.FieldOneofCase.StructArrays)
            {
                expanded.Add(column);
                continue;
            }

            _ = definition.StructArray(column.FieldName) ?? throw Faults.Invalid($"field {column.FieldName} is no struct array of collection {definition.Name}");
            foreach (var part in column.StructArrays.Fields)
            {
                var renamed = part.Clone();
                renamed.FieldName = StructRules.IsPart(part.FieldName) ? part.FieldName : StructRules.PartName(column.FieldName, part.FieldName);
                expanded.Add(renamed);
            }
        }

        return expanded;
    }

    /// <summary>The parts of one struct have the same number of elements in every row.</summary>
    public static void CheckLengths(CollectionDefinition definition, IReadOnlyList<FieldData> columns, int rows)
    {
        foreach (var array in definition.Op.Schema.StructArrayFields)
        {
            var parts = array.Fields.Select(p => definition.FieldIndex(StructRules.PartName(array.Name, p.Name))).ToList();
            for (var row = 0; row < rows; row++)
            {
                var first = Length(definition.Fields[parts[0]], columns[parts[0]], row);
                foreach (var part in parts)
                {
                    if (Length(definition.Fields[part], columns[part], row) is var length && length != first)
                    {
                        throw Faults.Invalid($"inconsistent array length in struct array field {array.Name}, row {row}: {definition.Fields[part].Name} has {length}, {definition.Fields[parts[0]].Name} has {first}", first, length);
                    }
                }
            }
        }
    }

    /// <summary>The columns of an answer, with parts of one struct array put together under its name.</summary>
    public static IEnumerable<FieldData> Folded(IEnumerable<FieldData> columns)
    {
        var arrays = new Dictionary<string, FieldData>(StringComparer.Ordinal);
        var folded = new List<FieldData>();
        foreach (var column in columns)
        {
            if (!StructRules.IsPart(column.FieldName))
            {
                folded.Add(column);
                continue;
            }

            var (name, part) = StructRules.Split(column.FieldName);
            if (!arrays.TryGetValue(name, out var array))
            {
                arrays[name] = array = new FieldData { Type = DataType.ArrayOfStruct, FieldName = name, StructArrays = new StructArrayField() };
                folded.Add(array);
            }

            column.FieldName = part;
            array.StructArrays.Fields.Add(column);
        }

        return folded;
    }

    private static int Length(FieldDefinition field, FieldData column, int row) => field.IsVectorArray
        ? VectorArrayColumn.CountOf(field.Element, column.Vectors.VectorArray.Data[row])
        : ElementReader.Count(field, column.Scalars.ArrayData.Data[row]);
}
