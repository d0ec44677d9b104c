using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>
/// One thing that groups of a search are made by: a field, or a place in a JSON field. What stands at a place in JSON is read
/// as the type that the request names, and otherwise as the JSON text it is.
/// </summary>
/// <param name="Field">The field's place in the schema.</param>
/// <param name="Json">The place in it, when it is JSON.</param>
internal sealed record GroupPlace(FieldDefinition Definition, int Field, JsonPlace? Json)
{
    /// <summary>As what values in JSON are read; None for their text.</summary>
    public DataType Cast { get; init; }

    /// <summary>Whether a value in JSON that is of another type ends the search; otherwise it counts as null.</summary>
    public bool Strict { get; init; }

    /// <summary>The place that a request names, by the name of a field, of a place in JSON, or of a key of the dynamic field.</summary>
    public static GroupPlace Read(CollectionDefinition definition, string name)
    {
        var bracket = name.IndexOf('[', StringComparison.Ordinal);
        var index = definition.FieldIndex(name);
        if (index < 0 && bracket >= 0 && name.Contains(']', StringComparison.Ordinal))
        {
            // Behind the name of a field that is no JSON, Milvus does not look at the brackets.
            index = definition.FieldIndex(name[..bracket]);
            if (index >= 0 && definition.Fields[index].Type == DataType.Json)
            {
                return new GroupPlace(definition.Fields[index], index, JsonPlace.Read(definition, name));
            }
        }

        if (index < 0 && definition.DynamicIndex < 0)
        {
            throw new Fault(1700, $"groupBy field not found in schema: field not found[field={name}]");
        }

        return index < 0 ? new GroupPlace(definition.Fields[definition.DynamicIndex], definition.DynamicIndex, JsonPlace.Read(definition, name)) : Of(definition, index);
    }

    /// <summary>A field as a whole.</summary>
    public static GroupPlace Of(CollectionDefinition definition, int field) =>
        new(definition.Fields[field], field, definition.Fields[field].Type == DataType.Json ? new JsonPlace(field, []) : null);

    /// <summary>Refuses what makes no groups, in the words that its rows are read with.</summary>
    public void Check()
    {
        if (Json is not null && Cast is not (DataType.None or DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.VarChar))
        {
            throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: unsupported json_type {Named(Cast)} for JSON group by");
        }

        if (Json is null && !Definition.IsInteger && Definition.Type is not (DataType.Bool or DataType.VarChar or DataType.Timestamptz))
        {
            throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: unsupported data type {Named(Definition.Type)} for group by operator");
        }
    }

    /// <summary>The value that a row belongs to the group of.</summary>
    public object? ValueOf(SegmentView segment, int row) => Json is null ? RowValue.Of(segment.Segment.Columns[Field], row) : Cast switch
    {
        DataType.None => Json.Text(Json.Of(segment, row)),
        _ => Casted(Values.ReadJson(Json.Of(segment, row).Span, Json.Path)),
    };

    /// <summary>An empty column for the values of groups.</summary>
    public FieldData NewData()
    {
        if (Json is null)
        {
            return Column.NewData(Definition);
        }

        var data = new FieldData { Type = Cast == DataType.None ? DataType.VarChar : Cast, FieldName = Definition.Name, FieldId = Definition.Schema.FieldID };
        data.Scalars = Cast switch
        {
            DataType.Bool => new ScalarField { BoolData = new BoolArray() },
            DataType.Int64 => new ScalarField { LongData = new LongArray() },
            DataType.Int8 or DataType.Int16 or DataType.Int32 => new ScalarField { IntData = new IntArray() },
            _ => new ScalarField { StringData = new StringArray() },
        };
        return data;
    }

    public void Write(FieldData data, SegmentView segment, int row)
    {
        if (Json is null)
        {
            segment.Segment.Columns[Field].Write(data, row);
            return;
        }

        var value = ValueOf(segment, row);
        data.ValidData.Add(value is not null);
        switch (data.Scalars.DataCase)
        {
            case ScalarField.DataOneofCase.BoolData:
                data.Scalars.BoolData.Data.Add(value is true);
                break;
            case ScalarField.DataOneofCase.LongData:
                data.Scalars.LongData.Data.Add(value as long? ?? 0);
                break;
            case ScalarField.DataOneofCase.IntData:
                data.Scalars.IntData.Data.Add((int)(value as long? ?? 0));
                break;
            default:
                data.Scalars.StringData.Data.Add(value as string ?? "");
                break;
        }
    }

    private object? Casted(in Scalar value)
    {
        object? cast = (Cast, value.Kind) switch
        {
            (DataType.Bool, ScalarKind.Bool) => value.Integer != 0,
            (DataType.VarChar, ScalarKind.Text) => value.Text,
            (DataType.Int8, ScalarKind.Integer) => (long)unchecked((sbyte)value.Integer),
            (DataType.Int16, ScalarKind.Integer) => (long)unchecked((short)value.Integer),
            (DataType.Int32, ScalarKind.Integer) => (long)unchecked((int)value.Integer),
            (DataType.Int64, ScalarKind.Integer) => value.Integer,
            _ => null,
        };
        return cast is null && Strict ? throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: failed to cast json value to {Named(Cast)}, wrong json data inner type") : cast;
    }

    /// <summary>As the part of Milvus that reads rows names types.</summary>
    private static string Named(DataType type) => type switch
    {
        DataType.BinaryVector => "VECTOR_BINARY",
        DataType.FloatVector => "VECTOR_FLOAT",
        DataType.Float16Vector => "VECTOR_FLOAT16",
        DataType.Bfloat16Vector => "VECTOR_BFLOAT16",
        DataType.SparseFloatVector => "VECTOR_SPARSE_U32_F32",
        DataType.Int8Vector => "VECTOR_INT8",
        DataType.ArrayOfVector => "VECTOR_ARRAY",
        _ => type.ToString().ToUpperInvariant(),
    };
}
