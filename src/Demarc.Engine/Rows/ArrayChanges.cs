using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rows;

/// <summary>Operations of a partial update on arrays: values put behind those that are there, or every occurrence of values taken out.</summary>
internal static class ArrayChanges
{
    /// <summary>Checks a request's operations on fields; gives whether one of them asks for what is there, which makes the update partial.</summary>
    public static bool Check(CollectionDefinition definition, UpsertRequest request)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var op in request.FieldOps)
        {
            if (op.FieldName.Length == 0)
            {
                throw Faults.MissingSaid("FieldPartialUpdateOp.field_name is required");
            }

            if (!named.Add(op.FieldName))
            {
                throw Faults.Invalid($"duplicate partial-update op for field \"{op.FieldName}\"");
            }

            if (op.Op != FieldPartialUpdateOp.Types.OpType.Replace)
            {
                Check(definition, request, op);
            }
            else if (StructRules.IsPart(op.FieldName))
            {
                throw Faults.Invalid($"partial struct update is not supported for struct sub-field \"{op.FieldName}\"; use the whole struct field instead");
            }
        }

        return request.FieldOps.Any(o => o.Op != FieldPartialUpdateOp.Types.OpType.Replace);
    }

    /// <param name="field">The array field.</param>
    /// <param name="index">Its place in the schema.</param>
    /// <param name="operation">Append or remove.</param>
    /// <param name="given">The request's column.</param>
    /// <param name="before">The row that is there for each of the request's rows, or null.</param>
    public static FieldData Applied(FieldDefinition field, int index, FieldPartialUpdateOp.Types.OpType operation, FieldData given, (Segment Segment, int Row)?[] before)
    {
        var (values, marks, rows) = (given.Scalars.ArrayData.Data, given.ValidData, before.Length);
        RowReader.CheckMarks(field, marks, rows);
        if (values.Count != rows && (marks.Count == 0 || values.Count != marks.Count(m => m)))
        {
            throw Faults.Invalid($"the num_rows ({values.Count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, values.Count);
        }

        var changed = Column.NewData(field);
        for (int row = 0, at = 0; row < rows; row++)
        {
            var isGiven = marks.Count == 0 || marks[row];
            var change = values.Count == rows ? values[row] : isGiven ? values[at++] : new ScalarField();
            var there = new ScalarField();
            var isThere = before[row] is { } place && !place.Segment.Columns[index].IsNull(place.Row);
            if (isThere)
            {
                var one = Column.NewData(field);
                before[row]!.Value.Segment.Columns[index].Write(one, before[row]!.Value.Row);
                there = one.Scalars.ArrayData.Data[0];
            }

            // A null has nothing to put in or to take out; a row that is not there yet is a new one, with what it brings.
            changed.Scalars.ArrayData.Data.Add(!isGiven ? there : before[row] is null ? change : Applied(field, operation, there, ElementReader.Array(field, change, row)));
            if (field.Nullable)
            {
                changed.ValidData.Add(isGiven || isThere);
            }
        }

        return changed;
    }

    private static void Check(CollectionDefinition definition, UpsertRequest request, FieldPartialUpdateOp op)
    {
        var name = op.FieldName;
        var operation = op.Op == FieldPartialUpdateOp.Types.OpType.ArrayAppend ? "ARRAY_APPEND" : "ARRAY_REMOVE";
        if (name == definition.Primary.Name)
        {
            throw Faults.Invalid($"field \"{name}\" is the primary key and cannot carry a partial-update op");
        }

        if (StructRules.IsPart(name) || definition.StructArray(name) is not null)
        {
            throw Faults.Invalid($"op {operation} is not supported for struct field \"{name}\"");
        }

        var field = definition.Field(name) ?? throw Faults.Invalid($"field \"{name}\" not found in collection schema");
        if (op.Op is not (FieldPartialUpdateOp.Types.OpType.ArrayAppend or FieldPartialUpdateOp.Types.OpType.ArrayRemove))
        {
            throw Faults.Invalid($"unsupported partial update op: {(int)op.Op}");
        }

        if (!field.IsArray)
        {
            throw Faults.Invalid($"op {operation} requires Array field, but field \"{name}\" is {FieldDefinition.TypeName(field.Type)}");
        }

        var column = request.FieldsData.FirstOrDefault(c => c.FieldName == name)
            ?? throw Faults.Invalid($"partial-update op targets field \"{name}\" not present in fields_data");
        var values = (column.FieldCase == FieldData.FieldOneofCase.Scalars ? column.Scalars.ArrayData : null)
            ?? throw Faults.Invalid($"partial-update op field \"{name}\" payload is not an Array");
        if (values.ElementType != DataType.None && values.ElementType != field.ElementType)
        {
            throw Faults.Invalid($"field \"{name}\" expects element type {FieldDefinition.TypeName(field.ElementType)} but request provides {FieldDefinition.TypeName(values.ElementType)}");
        }

        for (var row = 0; row < values.Data.Count && op.Op == FieldPartialUpdateOp.Types.OpType.ArrayAppend; row++)
        {
            if (ElementReader.Count(field, values.Data[row]) is var count && count > field.MaxCapacity)
            {
                throw Faults.Invalid($"ARRAY_APPEND payload for field \"{name}\" row {row} has length {count} exceeding max_capacity {field.MaxCapacity}");
            }
        }
    }

    private static ScalarField Applied(FieldDefinition field, FieldPartialUpdateOp.Types.OpType operation, ScalarField there, ScalarField change)
    {
        switch (field.ElementType)
        {
            case DataType.Bool:
                Change(operation, (there.BoolData ??= new BoolArray()).Data, change.BoolData?.Data);
                break;
            case DataType.Int64:
                Change(operation, (there.LongData ??= new LongArray()).Data, change.LongData?.Data);
                break;
            case DataType.Float:
                Change(operation, (there.FloatData ??= new FloatArray()).Data, change.FloatData?.Data);
                break;
            case DataType.Double:
                Change(operation, (there.DoubleData ??= new DoubleArray()).Data, change.DoubleData?.Data);
                break;
            case DataType.VarChar:
                Change(operation, (there.StringData ??= new StringArray()).Data, change.StringData?.Data);
                break;
            default:
                Change(operation, (there.IntData ??= new IntArray()).Data, change.IntData?.Data);
                break;
        }

        return ElementReader.Count(field, there) is var length && length <= field.MaxCapacity ? there
            : throw Faults.Invalid($"array length {length} exceeds max_capacity {field.MaxCapacity}");
    }

    private static void Change<T>(FieldPartialUpdateOp.Types.OpType operation, RepeatedField<T> there, RepeatedField<T>? change)
    {
        if (operation == FieldPartialUpdateOp.Types.OpType.ArrayAppend)
        {
            there.AddRange(change ?? []);
            return;
        }

        var gone = new HashSet<T>(change ?? []);
        var left = there.Where(v => !gone.Contains(v)).ToList();
        there.Clear();
        there.AddRange(left);
    }
}
