using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rows;

/// <summary>Operations of a partial update on arrays: values put behind those that are there, or every occurrence of values taken out.</summary>
internal static class ArrayChanges
{
    /// <param name="field">The array field.</param>
    /// <param name="index">Its place in the schema.</param>
    /// <param name="operation">Append or remove.</param>
    /// <param name="given">The request's column.</param>
    /// <param name="before">The row that is there for each of the request's rows, or null.</param>
    public static FieldData Applied(FieldDefinition field, int index, FieldPartialUpdateOp.Types.OpType operation, FieldData given, (Segment Segment, int Row)?[] before)
    {
        if (!field.IsArray)
        {
            throw Faults.Invalid($"field_ops of field {field.Name} need an array field, it is {field.Type}");
        }

        var values = given.Scalars?.ArrayData?.Data;
        if (values is null || values.Count != before.Length)
        {
            throw Faults.Invalid($"the num_rows ({values?.Count ?? 0}) of field ({field.Name}) is not equal to passed num_rows ({before.Length}); field_ops need a value for each row", before.Length, values?.Count ?? 0);
        }

        var changed = Column.NewData(field);
        for (var row = 0; row < before.Length; row++)
        {
            var there = new ScalarField();
            if (before[row] is { } place && !place.Segment.Columns[index].IsNull(place.Row))
            {
                var one = Column.NewData(field);
                place.Segment.Columns[index].Write(one, place.Row);
                there = one.Scalars.ArrayData.Data[0];
            }

            changed.Scalars.ArrayData.Data.Add(Applied(field.ElementType, operation, there, ElementReader.Array(field, values[row], row)));
            if (field.Nullable)
            {
                changed.ValidData.Add(true);
            }
        }

        return changed;
    }

    private static ScalarField Applied(DataType element, FieldPartialUpdateOp.Types.OpType operation, ScalarField there, ScalarField change)
    {
        switch (element)
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

        return there;
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
