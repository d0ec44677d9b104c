using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Struct arrays on their way in and out: a column of structs on the wire, a column for each part in the engine.</summary>
internal static class StructColumns
{
    /// <summary>A request's columns, with those of struct arrays checked and taken apart; an array that carries nothing is left out.</summary>
    /// <param name="definition">The collection.</param>
    /// <param name="given">The request's columns.</param>
    /// <param name="rows">The request's row count.</param>
    /// <param name="partial">Whether arrays that must be given may be left out, because a row has them already.</param>
    public static IReadOnlyList<FieldData> Expanded(CollectionDefinition definition, IReadOnlyList<FieldData> given, int rows, bool partial = false)
    {
        var arrays = definition.Op.Schema.StructArrayFields;
        if (arrays.Count == 0)
        {
            return given;
        }

        var expanded = new List<FieldData>();
        foreach (var column in given)
        {
            if (arrays.FirstOrDefault(a => a.Name == column.FieldName) is { } array)
            {
                expanded.AddRange(Parts(definition, array, column, rows));
            }
            else if (StructRules.IsPart(column.FieldName))
            {
                throw RowReader.UnknownField(column);
            }
            else
            {
                expanded.Add(column);
            }
        }

        return !partial && arrays.FirstOrDefault(a => !a.Nullable && given.All(c => c.FieldName != a.Name)) is { } missing
            ? throw Faults.Invalid($"required struct array field '{missing.Name}' is missing in insert data")
            : expanded;
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

    private static IEnumerable<FieldData> Parts(CollectionDefinition definition, StructArrayFieldSchema array, FieldData column, int rows)
    {
        var parts = column.StructArrays?.Fields
            ?? throw Faults.Invalid($"field convert FieldData_StructArrays fail in fieldData, fieldName: {array.Name}, collectionName:{definition.Name}");
        if (parts.Count != array.Fields.Count)
        {
            throw Faults.Invalid($"length of fields of struct field mismatch length of the fields in schema, fieldName: {array.Name}, collectionName:{definition.Name}, fieldData fields length:{parts.Count}, schema fields length:{array.Fields.Count}");
        }

        if (!CarryValues(array.Name, parts))
        {
            return [];
        }

        if (array.Nullable)
        {
            CheckMarks(array.Name, parts);
        }

        var named = new List<(FieldDefinition Field, FieldData Data)>();
        foreach (var part in parts)
        {
            var name = StructRules.IsPart(part.FieldName) ? part.FieldName : StructRules.PartName(array.Name, part.FieldName);
            var field = definition.Field(name) ?? throw Faults.Invalid($"sub-field '{part.FieldName}' not found in struct schema '{array.Name}'");
            var renamed = part.Clone();
            renamed.FieldName = name;
            named.Add((field, renamed));
        }

        CheckLengths(array.Name, named, rows);
        return named.Select(n => n.Data);
    }

    /// <summary>Whether the parts carry values, which all of them do or none.</summary>
    private static bool CarryValues(string array, IReadOnlyList<FieldData> parts)
    {
        var carrying = parts.Count(p => p.FieldCase switch
        {
            FieldData.FieldOneofCase.Scalars => p.Scalars.DataCase != ScalarField.DataOneofCase.None,
            FieldData.FieldOneofCase.Vectors => p.Vectors.DataCase != VectorField.DataOneofCase.None,
            _ => false,
        });
        if (carrying == 0)
        {
            foreach (var part in parts)
            {
                if (part.ValidData.IndexOf(true) is var row and >= 0)
                {
                    throw Faults.Invalid($"sub-field '{part.FieldName}' in struct '{array}' claims row {row} is valid but no payload is provided");
                }
            }
        }

        return carrying == 0 || carrying == parts.Count ? carrying > 0
            : throw Faults.Invalid($"inconsistent sub-field data in struct '{array}': {carrying} of {parts.Count} sub-fields have data, all must be present or all absent");
    }

    /// <summary>A struct is null as a whole, so its parts are null in the same rows.</summary>
    private static void CheckMarks(string array, IReadOnlyList<FieldData> parts)
    {
        var first = parts[0];
        foreach (var part in parts.Skip(1))
        {
            if (part.ValidData.Count != first.ValidData.Count)
            {
                throw Faults.Invalid($"sub-field ValidData length mismatch in struct '{array}': '{first.FieldName}' has {first.ValidData.Count}, '{part.FieldName}' has {part.ValidData.Count}");
            }

            for (var row = 0; row < part.ValidData.Count; row++)
            {
                if (part.ValidData[row] != first.ValidData[row])
                {
                    throw Faults.Invalid($"sub-field ValidData mismatch in struct '{array}' at row {row}: '{first.FieldName}'={Go(first.ValidData[row])}, '{part.FieldName}'={Go(part.ValidData[row])}");
                }
            }
        }
    }

    /// <summary>The parts of one struct have as many rows, and in every row the same number of elements.</summary>
    private static void CheckLengths(string array, List<(FieldDefinition Field, FieldData Data)> parts, int rows)
    {
        var (first, expected) = (parts[0], RowsOf(array, parts[0].Data));
        foreach (var part in parts.Skip(1))
        {
            if (RowsOf(array, part.Data) is var got && got != expected)
            {
                throw Faults.Invalid($"inconsistent array length in struct field '{array}': expected {expected}, got {got} for sub-field '{PartOf(part.Field)}'");
            }
        }

        var places = first.Data.ValidData.Count == expected || first.Data.ValidData.Count != rows ? null
            : Enumerable.Range(0, rows).Where(r => first.Data.ValidData[r]).ToList();
        if (places is not null && places.Count != expected)
        {
            throw Faults.Invalid($"invalid ValidData for struct '{array}': true count {places.Count} does not match payload row count {expected}");
        }

        for (var at = 0; at < expected && parts.Count > 1; at++)
        {
            var row = places?[at] ?? at;
            var count = Length(array, first, at, row);
            foreach (var part in parts.Skip(1))
            {
                if (Length(array, part, at, row) is var length && length != count)
                {
                    throw Faults.Invalid($"inconsistent struct element count in struct '{array}' at row {row}: '{PartOf(first.Field)}' has {count}, '{PartOf(part.Field)}' has {length}");
                }
            }
        }
    }

    private static int RowsOf(string array, FieldData part) => part.FieldCase == FieldData.FieldOneofCase.Scalars
        ? part.Scalars.ArrayData?.Data.Count ?? throw Faults.Invalid($"scalar array data is nil in struct field '{array}', sub-field '{StructRules.Split(part.FieldName).Part}'")
        : part.Vectors.VectorArray?.Data.Count ?? throw Faults.Invalid($"vector array data is nil in struct field '{array}', sub-field '{StructRules.Split(part.FieldName).Part}'");

    private static int Length(string array, (FieldDefinition Field, FieldData Data) part, int at, int row)
    {
        var (field, data) = part;
        if (data.FieldCase == FieldData.FieldOneofCase.Scalars)
        {
            return ElementReader.Fits(field, data.Scalars.ArrayData.Data[at]) ? ElementReader.Count(field, data.Scalars.ArrayData.Data[at]) : 0;
        }

        var vectors = data.Vectors.VectorArray.Data[at];
        var (length, width) = field.IsVectorArray && vectors.DataCase == Column.NewData(field.Element).Vectors.DataCase ? ElementReader.VectorLength(field.Element, vectors) : (0, 1);
        return length % width == 0 ? length / width
            : throw Faults.Invalid($"struct '{array}' row {row} sub-field '{PartOf(field)}': payload length {length} is not divisible by vector width {width}");
    }

    private static string PartOf(FieldDefinition field) => StructRules.Split(field.Name).Part;

    private static string Go(bool value) => value ? "true" : "false";
}
