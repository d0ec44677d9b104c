using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Filters;

/// <summary>Functions by name, whatever the letter case, and the values of templates.</summary>
internal sealed partial class Parser
{
    /// <summary>The shares Milvus takes lie this far from nothing and from all.</summary>
    private const double ShareMargin = 1e-10;

    private object Function(Token name)
    {
        at++;
        Enter();
        object node = name.Text.ToUpperInvariant() switch
        {
            "JSON_CONTAINS" or "ARRAY_CONTAINS" => Contains(ContainsMode.One),
            "JSON_CONTAINS_ALL" or "ARRAY_CONTAINS_ALL" => Contains(ContainsMode.All),
            "JSON_CONTAINS_ANY" or "ARRAY_CONTAINS_ANY" => Contains(ContainsMode.Any),
            "ARRAY_LENGTH" => Length(),
            "TEXT_MATCH" => TextMatch(),
            "TEXT_MATCH_FUZZY" => TextMatchFuzzy(),
            "PHRASE_MATCH" => PhraseMatch(),
            "RANDOM_SAMPLE" => Sample(),
            "EMPTY" => new CompareNode(Filters.Comparison.Equal, TextField("empty"), new LiteralNode(Scalar.Of(""))),
            "STARTS_WITH" => StartsWith(),
            "ELEMENT_FILTER" => Elements(ElementsMode.Filter),
            "MATCH_ANY" => Elements(ElementsMode.Any),
            "MATCH_ALL" => Elements(ElementsMode.All),
            "MATCH_LEAST" => Elements(ElementsMode.Least),
            "MATCH_MOST" => Elements(ElementsMode.Most),
            "MATCH_EXACT" => Elements(ElementsMode.Exact),
            "EXISTS" => Exists(AsValue(Sum())),
            _ => throw new FilterException($"function {name.Text} at position {name.Position} is not served by demarc-engine"),
        };
        Expect(")");
        depth--;
        return node;
    }

    private ContainsNode Contains(ContainsMode mode)
    {
        var name = mode switch { ContainsMode.One => "contains", ContainsMode.All => "contains_all", ContainsMode.Any => "contains_any" };
        var start = at;
        var of = AsValue(Sum());
        if (of is not JsonNode && !(of is FieldNode && TypeOf(of) == DataType.Array))
        {
            throw new FilterException($"{name} operation are only supported on json or array fields now, got: {Text(start)}");
        }

        Expect(",");
        start = at;
        var given = AsValue(Sum());
        if (!Constant(given))
        {
            throw new FilterException($"{name} operation are only supported explicitly specified element, got: {Text(start)}");
        }

        IReadOnlyList<Scalar> values = mode == ContainsMode.One ? [Literal(given)]
            : given is ListNode list ? list.Values
            : throw new FilterException($"{name} operation element must be an array");
        return new ContainsNode(of, new ValueSet([.. values.Select(v => Element(of, v, name))]), mode);
    }

    private Scalar Element(ValueNode of, Scalar value, string operation)
    {
        if (of is not FieldNode field)
        {
            return value;
        }

        var element = new ElementNode(field.Field, field.Name, 0);
        return TryCast(element, value) ?? throw new FilterException($"{operation} operation can't compare between array element type: {TypeName(element)} and {TypeName(new LiteralNode(value))}");
    }

    private LengthNode Length()
    {
        var start = at;
        var of = AsValue(Sum());
        if (of is ElementNode element && StructRules.IsPart(element.Name))
        {
            throw new FilterException($"mismatched input '{Text(start)}': one element is no array");
        }

        return of is JsonNode || (of is FieldNode && TypeOf(of) == DataType.Array)
            ? new LengthNode(of)
            : throw new FilterException($"array_length operation are only supported on json or array fields now, got: {Text(start)}");
    }

    private SampleNode Sample()
    {
        var start = at;
        var share = AsValue(Sum()) is LiteralNode given
            ? given.Value.Number
            : throw new FilterException($"\"float factor\" should be a const float expression: \"float factor\" passed: {Text(start)}");
        return share is > ShareMargin and < 1 - ShareMargin
            ? new SampleNode(new ConstantNode(true), share, seed)
            : throw new FilterException($"the sample factor should be between 0 and 1 and not too close to 0 or 1(the difference should be larger than 1e-10), but got {Text(start)}");
    }

    private ConditionNode StartsWith()
    {
        var of = TextField("starts_with");
        Expect(",");
        return AsValue(Sum()) switch
        {
            LiteralNode { Value: { Kind: ScalarKind.Text } prefix } => new LikeNode(of, LikePattern.Prefix(prefix.Text!)),
            FieldNode field when TypeOf(field) == DataType.VarChar => new PrefixNode(of, field),
            _ => throw new FilterException("starts_with takes a quoted text or a VarChar field"),
        };
    }

    private ValueNode TextField(string function)
    {
        var of = AsValue(Sum());
        return of is FieldNode && TypeOf(of) == DataType.VarChar ? of : throw new FilterException($"function {function} takes a VarChar field");
    }

    private ValueNode Template(Token token)
    {
        var value = templates.TryGetValue(token.Text, out var found) ? found : throw new FilterException($"the value of expression template variable name {{{token.Text}}} is not found");
        return value.ValCase switch
        {
            TemplateValue.ValOneofCase.BoolVal => new LiteralNode(Scalar.Of(value.BoolVal)),
            TemplateValue.ValOneofCase.Int64Val => new LiteralNode(Scalar.Of(value.Int64Val)),
            TemplateValue.ValOneofCase.FloatVal => new LiteralNode(Number(double.IsFinite(value.FloatVal) ? Scalar.Of(value.FloatVal) : Scalar.Absent)),
            TemplateValue.ValOneofCase.StringVal => new LiteralNode(Scalar.Of(value.StringVal)),
            TemplateValue.ValOneofCase.ArrayVal => new ListNode(Items(value.ArrayVal, token.Text, 0)),
            _ => throw new FilterException($"template variable {token.Text} is not a bool, a number, a text or a list of them"),
        };
    }

    private static List<Scalar> Items(TemplateArrayValue array, string name, int depth) => array.DataCase switch
    {
        TemplateArrayValue.DataOneofCase.BoolData => [.. array.BoolData.Data.Select(Scalar.Of)],
        TemplateArrayValue.DataOneofCase.LongData => [.. array.LongData.Data.Select(Scalar.Of)],
        TemplateArrayValue.DataOneofCase.DoubleData => [.. array.DoubleData.Data.Select(Scalar.Of)],
        TemplateArrayValue.DataOneofCase.StringData => [.. array.StringData.Data.Select(Scalar.Of)],
        TemplateArrayValue.DataOneofCase.ArrayData when depth < Limits.FilterDepth => [.. array.ArrayData.Data.Select(inner => Scalar.Of(Items(inner, name, depth + 1)))],
        TemplateArrayValue.DataOneofCase.JsonData => [.. array.JsonData.Data.Select(bytes => Values.ReadJson(bytes.Span, []))],
        TemplateArrayValue.DataOneofCase.None => [],
        _ => throw new FilterException($"template variable {name} is nested too deep"),
    };
}
