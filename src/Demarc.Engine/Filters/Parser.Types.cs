using System.Globalization;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Filters;

/// <summary>What type a value has and which values may meet: what Milvus refuses is refused, so that a filter that works here works there.</summary>
internal sealed partial class Parser
{
    private static bool Constant(ValueNode node) => node is LiteralNode or ListNode or TimeNode;

    private static Scalar Literal(ValueNode node) => node switch
    {
        LiteralNode literal => literal.Value,
        ListNode list => Scalar.Of(list.Values),
        TimeNode time => Scalar.Of(time.Microseconds),
        _ => throw new InvalidOperationException("Only constants are asked for their value."),
    };

    private Scalar Cast(ValueNode of, ValueNode constant)
    {
        if (constant is TimeNode time)
        {
            return TypeOf(of) == DataType.Timestamptz ? Scalar.Of(time.Microseconds) : throw new FilterException($"field '{TypeName(of)}' is not a timestamptz datatype");
        }

        var value = Literal(constant);
        return TryCast(of, value) ?? throw new FilterException($"cannot cast value to {TypeName(of)}, value: {Wire(value)}");
    }

    /// <summary>The value as the other side's type, or null where Milvus does not convert either.</summary>
    private Scalar? TryCast(ValueNode of, Scalar value) => TypeOf(of) switch
    {
        DataType.Json or DataType.None => value.Kind == ScalarKind.Absent ? null : value,
        DataType.VarChar => value.Kind == ScalarKind.Text ? value : null,
        DataType.Bool => value.Kind == ScalarKind.Bool ? value : null,

        // A float field holds the nearest float of what was written, so the value is rounded the same way.
        DataType.Float => value.IsNumeric ? Scalar.Of((double)(float)value.AsNumber) : null,
        DataType.Double => value.IsNumeric ? Scalar.Of(value.AsNumber) : null,
        DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 => value.Kind == ScalarKind.Integer || (of is ArithmeticNode && value.IsNumeric) ? value : null,
        DataType.Array => value.Kind == ScalarKind.Composite ? value : null,
        _ => null,
    };

    /// <summary>The type a node is sure to have; JSON decides row by row.</summary>
    private DataType TypeOf(ValueNode node) => node switch
    {
        FieldNode f => definition.Fields[f.Field] is { IsText: true } ? DataType.VarChar : definition.Fields[f.Field].Type,
        ElementNode e => definition.Fields[e.Field].ElementType,
        PartNode p => definition.Fields[p.Field].ElementType,
        JsonNode => DataType.Json,
        LengthNode => DataType.Int64,
        ShiftNode => DataType.Timestamptz,
        TimeNode => DataType.Timestamptz,
        ListNode => DataType.Array,
        NegateNode n => TypeOf(n.Of),
        ArithmeticNode a => (TypeOf(a.Left), TypeOf(a.Right)) is var (l, r) && (l == DataType.Json || r == DataType.Json) ? DataType.Json
            : IsFraction(a.Left) || IsFraction(a.Right) ? DataType.Double : DataType.Int64,
        LiteralNode l => l.Value.Kind switch
        {
            ScalarKind.Bool => DataType.Bool,
            ScalarKind.Integer => DataType.Int64,
            ScalarKind.Number => DataType.Double,
            ScalarKind.Text => DataType.VarChar,
            ScalarKind.Composite => DataType.Array,
            ScalarKind.Absent => DataType.None,
        },
        _ => DataType.None,
    };

    private bool IsFraction(ValueNode node) => TypeOf(node) is DataType.Float or DataType.Double;

    private ScalarKind? Family(ValueNode node) => TypeOf(node) switch
    {
        DataType.Bool => ScalarKind.Bool,
        DataType.VarChar => ScalarKind.Text,
        DataType.Array or DataType.Geometry => ScalarKind.Composite,
        DataType.Timestamptz => ScalarKind.Absent,
        DataType.Json or DataType.None => null,
        _ => ScalarKind.Number,
    };

    private ValueNode Numeric(ValueNode node, string operation) => Family(node) is null or ScalarKind.Number
        ? node
        : throw new FilterException(TypeOf(node) == DataType.Array && !Constant(node)
            ? "can not comparisons array fields directly"
            : $"'{operation}' can only be used between integer or floating or json field expressions, not {TypeName(node)}");

    private static Scalar Number(Scalar value) =>
        value.IsNumeric ? value : throw new FilterException(value.Kind == ScalarKind.Absent ? "the result of the arithmetic is not a number in range" : $"{Wire(value)} is not a number");

    private string TypeName(ValueNode node) => TypeOf(node) is DataType.Json ? "JSON" : TypeOf(node).ToString();

    /// <summary>A value as Milvus's messages show it.</summary>
    private static string Wire(Scalar value) => value.Kind switch
    {
        ScalarKind.Bool => value.Integer != 0 ? "bool_val:true" : "bool_val:false",
        ScalarKind.Integer => "int64_val:" + value.Integer.ToString(CultureInfo.InvariantCulture),
        ScalarKind.Number => "float_val:" + value.Number.ToString(CultureInfo.InvariantCulture),
        ScalarKind.Text => $"string_val:\"{value.Text}\"",
        _ => $"array_val:{value.Text}",
    };

    private ConditionNode AsCondition(object node) => node switch
    {
        ConditionNode condition => condition,
        LiteralNode { Value.Kind: ScalarKind.Bool } literal => new ConstantNode(literal.Value.Integer != 0),
        JsonNode json => new TruthNode(json),
        ValueNode value when TypeOf(value) == DataType.Bool => new TruthNode(value),
        ValueNode value => throw new FilterException($"predicate is not a boolean expression: {source}, data type: {TypeName(value)}"),
        _ => throw new InvalidOperationException("The parser makes only conditions and values."),
    };

    private static ValueNode AsValue(object node) =>
        node as ValueNode ?? throw new FilterException("a condition stands where a value should");
}
