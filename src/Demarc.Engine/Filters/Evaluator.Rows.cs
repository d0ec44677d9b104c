using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>Conditions and values of one row.</summary>
internal sealed partial class Evaluator
{
    private bool? Test(ConditionNode node, int row)
    {
        switch (node)
        {
            case CompareNode compare:
                return Scalar.Holds(compare.Operation, Value(compare.Left, row), Value(compare.Right, row));
            case InNode within:
                return within.Values.Holds(Value(within.Of, row));
            case LikeNode like:
                return Value(like.Of, row) is { Kind: ScalarKind.Text } text ? like.Pattern.Matches(text.Text!) : null;
            case PrefixNode begins:
                return (Value(begins.Of, row), Value(begins.Prefix, row)) is ({ Kind: ScalarKind.Text } whole, { Kind: ScalarKind.Text } start) ? whole.Text!.StartsWith(start.Text!, StringComparison.Ordinal) : null;
            case RegexNode regex:
                return Value(regex.Of, row) is { Kind: ScalarKind.Text } subject ? regex.Pattern.Matches(subject.Text!) : null;
            case NullNode isNull:
                return Value(isNull.Of, row).Kind == ScalarKind.Absent;
            case ExistsNode exists:
                return Json(exists.Of.Field, row) is { Length: > 0 } found && Values.ExistsInJson(found, exists.Of.Path);
            case ContainsNode contains:
                return Contains(contains, row);
            case ElementsNode elements:
                return CountHolds(elements, row);
            case TruthNode truth:
                var value = Value(truth.Of, row);
                return value.Kind == ScalarKind.Bool ? value.Integer != 0 : null;
            default:
                throw new InvalidOperationException($"{node.GetType().Name} is evaluated over whole segments.");
        }
    }

    private bool? Contains(ContainsNode node, int row)
    {
        var items = node.Of is JsonNode json
            ? Values.ReadJsonArray(Json(json.Field, row), json.Path)
            : Elements(view.Segment.Columns[((FieldNode)node.Of).Field], row);
        if (items is null)
        {
            return null;
        }

        return node.Mode == ContainsMode.All
            ? node.Values.Values.All(v => items.Exists(i => Scalar.Holds(Comparison.Equal, i, v) == true))
            : items.Exists(i => node.Values.Contains(i));
    }

    private Scalar Value(ValueNode node, int row) => node switch
    {
        LiteralNode literal => literal.Value,
        FieldNode field => Field(view.Segment.Columns[field.Field], row),
        JsonNode json => Values.ReadJson(Json(json.Field, row), json.Path),
        ElementNode element => Element(view.Segment.Columns[element.Field], row, element.Index),
        PartNode part => Element(view.Segment.Columns[part.Field], row, element),
        LengthNode { Of: JsonNode json } => Values.JsonLength(Json(json.Field, row), json.Path),
        LengthNode { Of: FieldNode field } => view.Segment.Columns[field.Field] is ArrayColumn array && !array.IsNull(row) ? Scalar.Of((long)array.Length(row)) : Scalar.Absent,
        ShiftNode shift => Field(view.Segment.Columns[shift.Of.Field], row) is { Kind: ScalarKind.Integer } time && shift.By.AddTo(time.Integer, shift.Sign) is { } moved ? Scalar.Of(moved) : Scalar.Absent,
        NegateNode negate => Values.Negate(Value(negate.Of, row)),
        ArithmeticNode a => Values.Calculate(a.Operation, Value(a.Left, row), Value(a.Right, row)),
        _ => throw new InvalidOperationException($"No value for {node.GetType().Name}."),
    };

    private ReadOnlySpan<byte> Json(int field, int row)
    {
        var column = (JsonColumn)view.Segment.Columns[field];
        return column.IsNull(row) ? [] : column.Values[row].Span;
    }

    private static Scalar Field(Column column, int row)
    {
        if (column.IsNull(row))
        {
            return Scalar.Absent;
        }

        return column switch
        {
            IntegerColumn c => Scalar.Of(c.Values[row]),
            FloatColumn c => Scalar.Of(c.Values[row]),
            DoubleColumn c => Scalar.Of(c.Values[row]),
            BoolColumn c => Scalar.Of(c.Values[row]),
            TextColumn c => Scalar.Of(c.Values[row]),
            ArrayColumn => Scalar.Of(Elements(column, row)!),
            _ => Scalar.Composite,
        };
    }

    private static Scalar Element(Column column, int row, int index)
    {
        if (column.IsNull(row) || index >= ((ArrayColumn)column).Length(row))
        {
            return Scalar.Absent;
        }

        return column switch
        {
            ArrayColumn<int> c => Scalar.Of((long)c.Row(row)[index]),
            ArrayColumn<long> c => Scalar.Of(c.Row(row)[index]),
            ArrayColumn<float> c => Scalar.Of((double)c.Row(row)[index]),
            ArrayColumn<double> c => Scalar.Of(c.Row(row)[index]),
            ArrayColumn<bool> c => Scalar.Of(c.Row(row)[index]),
            ArrayColumn<string> c => Scalar.Of(c.Row(row)[index]),
            _ => throw new InvalidOperationException($"No elements in {column.GetType().Name}."),
        };
    }

    private static List<Scalar>? Elements(Column column, int row)
    {
        if (column.IsNull(row))
        {
            return null;
        }

        var length = ((ArrayColumn)column).Length(row);
        var items = new List<Scalar>(length);
        for (var i = 0; i < length; i++)
        {
            items.Add(Element(column, row, i));
        }

        return items;
    }
}
