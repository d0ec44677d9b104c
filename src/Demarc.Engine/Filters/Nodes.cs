using Demarc.Engine.Rows;
using Demarc.Engine.Text;

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

/// <summary>How many elements of a struct array have to meet a condition.</summary>
internal enum ElementsMode
{
    /// <summary>One at least; those that do are shown with the row, and only they are searched.</summary>
    Filter,
    Any,
    All,
    Least,
    Most,
    Exact,
}

/// <summary>Something with a value per row.</summary>
internal abstract record ValueNode;

internal sealed record LiteralNode(Scalar Value) : ValueNode;

/// <summary>A list written out; the right side of `in`, or compared with an array as a whole.</summary>
internal sealed record ListNode(IReadOnlyList<Scalar> Values) : ValueNode;

/// <summary>A point in time written out; it meets time fields only.</summary>
internal sealed record TimeNode(long Microseconds) : ValueNode;

/// <summary>A field of the schema, by its place in it.</summary>
internal sealed record FieldNode(int Field, string Name) : ValueNode;

/// <summary>A path into a JSON field; a dynamic field's name is a path of one step into $meta.</summary>
internal sealed record JsonNode(int Field, IReadOnlyList<string> Path) : ValueNode;

/// <summary>One element of an array field; absent beyond the array's end.</summary>
internal sealed record ElementNode(int Field, string Name, int Index) : ValueNode;

/// <summary>The value that a part has in the element of a struct array that is looked at.</summary>
internal sealed record PartNode(int Field, string Name) : ValueNode;

/// <summary>How many elements an array field or a JSON array has.</summary>
internal sealed record LengthNode(ValueNode Of) : ValueNode;

/// <summary>A time field moved by a length of time.</summary>
internal sealed record ShiftNode(FieldNode Of, Interval By, int Sign) : ValueNode;

internal sealed record ArithmeticNode(Arithmetic Operation, ValueNode Left, ValueNode Right) : ValueNode;

internal sealed record NegateNode(ValueNode Of) : ValueNode;

/// <summary>Something that is true, false or unknown per row.</summary>
internal abstract record ConditionNode;

internal sealed record ConstantNode(bool Value) : ConditionNode;

internal sealed record CompareNode(Comparison Operation, ValueNode Left, ValueNode Right) : ConditionNode;

internal sealed record InNode(ValueNode Of, ValueSet Values) : ConditionNode;

internal sealed record LikeNode(ValueNode Of, LikePattern Pattern) : ConditionNode;

/// <summary>A text begins with another one of the same row.</summary>
internal sealed record PrefixNode(ValueNode Of, ValueNode Prefix) : ConditionNode;

internal sealed record RegexNode(ValueNode Of, TextExpression Pattern) : ConditionNode;

internal sealed record NullNode(ValueNode Of) : ConditionNode;

internal sealed record ExistsNode(JsonNode Of) : ConditionNode;

/// <summary>Of is a path to a JSON array or an array field.</summary>
internal sealed record ContainsNode(ValueNode Of, ValueSet Values, ContainsMode Mode) : ConditionNode;

/// <summary>At least so many of the words stand in a text field; words count that are so many edits away.</summary>
internal sealed record TextMatchNode(int Field, IReadOnlyList<string> Words, int Least, int Edits = 0) : ConditionNode;

/// <summary>The words stand in a text field in this order, moved apart by no more than the slop.</summary>
internal sealed record PhraseMatchNode(int Field, IReadOnlyList<TextToken> Phrase, int Slop) : ConditionNode;

/// <summary>So many elements of a struct array meet a condition on their parts; Field is one of the parts.</summary>
internal sealed record ElementsNode(string Array, int Field, ConditionNode Of, ElementsMode Mode, long Count) : ConditionNode;

/// <summary>A bool field or JSON path that stands alone.</summary>
internal sealed record TruthNode(ValueNode Of) : ConditionNode;

internal sealed record NotNode(ConditionNode Of) : ConditionNode;

/// <summary>All or any of the parts; a chain of the same word is one node, so that its length costs no stack.</summary>
internal sealed record LogicNode(bool All, IReadOnlyList<ConditionNode> Parts) : ConditionNode;

/// <summary>A share of the rows that meet the condition, drawn by the seed.</summary>
internal sealed record SampleNode(ConditionNode Of, double Share, ulong Seed) : ConditionNode;
