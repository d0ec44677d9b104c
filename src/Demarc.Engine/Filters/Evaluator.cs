using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>True and false rows as bits; a row in neither is unknown (a null or missing value took part).</summary>
internal readonly record struct Mask(ulong[] True, ulong[] False);

/// <summary>
/// Evaluates a parsed filter over one segment, one node at a time over all rows: comparisons of a field with a value are
/// tight loops, everything else goes row by row. Three-valued as SQL is: not unknown stays unknown.
/// </summary>
internal sealed class Evaluator(SegmentView view)
{
    private readonly int count = view.Count;
    private readonly int words = (view.Count + 63) >> 6;

    /// <summary>Live rows for which the filter is true.</summary>
    public static ulong[] Matching(ConditionNode filter, SegmentView view)
    {
        var live = view.LiveMask();
        if (filter is ConstantNode { Value: true })
        {
            return live;
        }

        var mask = new Evaluator(view).Evaluate(filter).True;
        for (var i = 0; i < live.Length; i++)
        {
            live[i] &= mask[i];
        }

        return live;
    }

    private Mask Evaluate(ConditionNode node)
    {
        switch (node)
        {
            case AndNode and:
                var (a, b) = (Evaluate(and.Left), Evaluate(and.Right));
                Combine(a.True, b.True, conjunction: true);
                Combine(a.False, b.False, conjunction: false);
                return a;
            case OrNode or:
                var (c, d) = (Evaluate(or.Left), Evaluate(or.Right));
                Combine(c.True, d.True, conjunction: false);
                Combine(c.False, d.False, conjunction: true);
                return c;
            case NotNode not:
                var inner = Evaluate(not.Of);
                return new Mask(inner.False, inner.True);
            case CompareNode { Left: FieldNode f, Right: LiteralNode l } compare when Fast(f, l.Value, compare.Operation) is { } fast:
                return fast;
            case CompareNode { Left: LiteralNode l, Right: FieldNode f } compare when Fast(f, l.Value, Mirror(compare.Operation)) is { } fast:
                return fast;
            case InNode { Of: FieldNode f } within when FastIn(f, within.Values) is { } fast:
                return fast;
            default:
                return ByRow(node);
        }
    }

    private static void Combine(ulong[] into, ulong[] other, bool conjunction)
    {
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = conjunction ? into[i] & other[i] : into[i] | other[i];
        }
    }

    private Mask? Fast(FieldNode node, Scalar value, Comparison operation)
    {
        var column = view.Segment.Columns[node.Field];
        return column switch
        {
            IntegerColumn c when value.Kind == ScalarKind.Integer => Scan(column, c.Values, value.Integer, operation),
            IntegerColumn c => Scan(column, c.Values, value.Number, operation, static v => v),
            FloatColumn c => Scan(column, c.Values, (double)(float)value.AsNumber, operation, static v => v),
            DoubleColumn c => Scan(column, c.Values, value.AsNumber, operation, static v => v),
            TextColumn c => Scan(column, c.Values, operation, value.Text!),
            _ => null,
        };
    }

    private Mask Scan(Column column, ReadOnlySpan<long> values, long value, Comparison operation)
    {
        var mask = NewMask();
        for (var row = 0; row < count; row++)
        {
            Set(mask, column, row, Holds(operation, values[row].CompareTo(value)));
        }

        return mask;
    }

    private Mask Scan<T>(Column column, ReadOnlySpan<T> values, double value, Comparison operation, Func<T, double> widen)
    {
        var mask = NewMask();
        for (var row = 0; row < count; row++)
        {
            Set(mask, column, row, Holds(operation, widen(values[row]).CompareTo(value)));
        }

        return mask;
    }

    private Mask Scan(Column column, ReadOnlySpan<string> values, Comparison operation, string value)
    {
        var mask = NewMask();
        for (var row = 0; row < count; row++)
        {
            Set(mask, column, row, Holds(operation, string.CompareOrdinal(values[row], value)));
        }

        return mask;
    }

    private Mask? FastIn(FieldNode node, ValueSet set)
    {
        var column = view.Segment.Columns[node.Field];
        if (column is IntegerColumn integers)
        {
            var mask = NewMask();
            var values = integers.Values;
            for (var row = 0; row < count; row++)
            {
                Set(mask, column, row, set.Contains(values[row]));
            }

            return mask;
        }

        if (column is TextColumn texts)
        {
            var mask = NewMask();
            var values = texts.Values;
            for (var row = 0; row < count; row++)
            {
                Set(mask, column, row, set.Contains(values[row]));
            }

            return mask;
        }

        if (column is FloatColumn floats)
        {
            // A float field holds the nearest float of what was written, so the list is rounded the same way.
            var rounded = set.Values.Where(v => v.IsNumeric).Select(v => (float)v.AsNumber).ToHashSet();
            var mask = NewMask();
            var values = floats.Values;
            for (var row = 0; row < count; row++)
            {
                Set(mask, column, row, rounded.Contains(values[row]));
            }

            return mask;
        }

        return null;
    }

    private Mask ByRow(ConditionNode node)
    {
        var mask = NewMask();
        for (var row = 0; row < count; row++)
        {
            if (Test(node, row) is { } result)
            {
                (result ? mask.True : mask.False)[row >> 6] |= 1UL << (row & 63);
            }
        }

        return mask;
    }

    private bool? Test(ConditionNode node, int row)
    {
        switch (node)
        {
            case ConstantNode constant:
                return constant.Value;
            case CompareNode compare:
                return Scalar.Compare(Value(compare.Left, row), Value(compare.Right, row)) is { } order ? Holds(compare.Operation, order) : null;
            case InNode within:
                var candidate = Value(within.Of, row);
                return candidate.Kind == ScalarKind.Absent ? null : within.Values.Contains(candidate);
            case LikeNode like:
                var text = Value(like.Of, row);
                return text.Kind == ScalarKind.Text ? like.Pattern.Matches(text.Text!) : text.Kind == ScalarKind.Absent ? null : false;
            case NullNode isNull:
                return Value(isNull.Of, row).Kind == ScalarKind.Absent;
            case ExistsNode exists:
                return Json(exists.Of.Field, row) is { Length: > 0 } found && Values.ExistsInJson(found, exists.Of.Path);
            case ContainsNode contains:
                return Contains(contains, row);
            case TruthNode truth:
                var value = Value(truth.Of, row);
                return value.Kind == ScalarKind.Bool ? value.Integer != 0 : null;
            default:
                throw new InvalidOperationException($"{node.GetType().Name} is evaluated over whole segments.");
        }
    }

    private bool? Contains(ContainsNode node, int row)
    {
        if (Values.ReadJsonArray(Json(node.Of.Field, row), node.Of.Path) is not { } items)
        {
            return null;
        }

        return node.Mode == ContainsMode.All
            ? node.Values.Values.All(v => items.Exists(i => Scalar.Compare(i, v) == 0))
            : items.Exists(i => node.Values.Contains(i));
    }

    private Scalar Value(ValueNode node, int row) => node switch
    {
        LiteralNode literal => literal.Value,
        FieldNode field => Field(view.Segment.Columns[field.Field], row),
        JsonNode json => Values.ReadJson(Json(json.Field, row), json.Path),
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
            _ => Scalar.Composite,
        };
    }

    private Mask NewMask() => new(new ulong[words], new ulong[words]);

    private static void Set(Mask mask, Column column, int row, bool result)
    {
        if (!column.IsNull(row))
        {
            (result ? mask.True : mask.False)[row >> 6] |= 1UL << (row & 63);
        }
    }

    private static bool Holds(Comparison operation, int order) => operation switch
    {
        Comparison.Equal => order == 0,
        Comparison.NotEqual => order != 0,
        Comparison.Less => order < 0,
        Comparison.LessOrEqual => order <= 0,
        Comparison.Greater => order > 0,
        Comparison.GreaterOrEqual => order >= 0,
    };

    private static Comparison Mirror(Comparison operation) => operation switch
    {
        Comparison.Less => Comparison.Greater,
        Comparison.LessOrEqual => Comparison.GreaterOrEqual,
        Comparison.Greater => Comparison.Less,
        Comparison.GreaterOrEqual => Comparison.LessOrEqual,
        Comparison.Equal => Comparison.Equal,
        Comparison.NotEqual => Comparison.NotEqual,
    };
}
