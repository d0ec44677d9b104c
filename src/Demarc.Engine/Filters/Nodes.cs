namespace Demarc.Engine.Filters;

internal enum Comparison
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

internal enum Arithmetic
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

internal enum ContainsMode
{
    One,
    All,
    Any,
}

/// <summary>Something with a value per row.</summary>
internal abstract record ValueNode;

internal sealed record LiteralNode(Scalar Value) : ValueNode;

/// <summary>A field of the schema, by its place in it.</summary>
internal sealed record FieldNode(int Field, string Name) : ValueNode;

/// <summary>A path into a JSON field; a dynamic field's name is a path of one step into $meta.</summary>
internal sealed record JsonNode(int Field, IReadOnlyList<string> Path) : ValueNode;

internal sealed record ArithmeticNode(Arithmetic Operation, ValueNode Left, ValueNode Right) : ValueNode;

internal sealed record NegateNode(ValueNode Of) : ValueNode;

/// <summary>Something that is true, false or unknown per row.</summary>
internal abstract record ConditionNode;

internal sealed record ConstantNode(bool Value) : ConditionNode;

internal sealed record CompareNode(Comparison Operation, ValueNode Left, ValueNode Right) : ConditionNode;

internal sealed record InNode(ValueNode Of, ValueSet Values) : ConditionNode;

internal sealed record LikeNode(ValueNode Of, LikePattern Pattern) : ConditionNode;

internal sealed record NullNode(ValueNode Of) : ConditionNode;

internal sealed record ExistsNode(JsonNode Of) : ConditionNode;

internal sealed record ContainsNode(JsonNode Of, ValueSet Values, ContainsMode Mode) : ConditionNode;

/// <summary>A bool field or JSON path that stands alone.</summary>
internal sealed record TruthNode(ValueNode Of) : ConditionNode;

internal sealed record NotNode(ConditionNode Of) : ConditionNode;

internal sealed record AndNode(ConditionNode Left, ConditionNode Right) : ConditionNode;

internal sealed record OrNode(ConditionNode Left, ConditionNode Right) : ConditionNode;
