using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Filters;

/// <summary>Names, lists, functions and the checks of types.</summary>
internal sealed partial class Parser
{
    private object Name(Token token)
    {
        var lower = token.Text.ToUpperInvariant();
        switch (lower)
        {
            case "TRUE":
                return new LiteralNode(Scalar.Of(true));
            case "FALSE":
                return new LiteralNode(Scalar.Of(false));
            case "EXISTS":
                return Reference(Take(TokenKind.Name, "a JSON path")) is JsonNode path
                    ? new ExistsNode(path)
                    : throw new FilterException("exists works on a path into a JSON or dynamic field");
            case "JSON_CONTAINS":
                return Contains(ContainsMode.One);
            case "JSON_CONTAINS_ALL":
                return Contains(ContainsMode.All);
            case "JSON_CONTAINS_ANY":
                return Contains(ContainsMode.Any);
            default:
                return Symbol("(")
                    ? throw new FilterException($"function {token.Text} at position {token.Position} is not served by demarc-engine")
                    : Reference(token);
        }
    }

    private ValueNode Reference(Token name)
    {
        var index = definition.FieldIndex(name.Text);
        if (index < 0)
        {
            return definition.DynamicIndex >= 0
                ? new JsonNode(definition.DynamicIndex, [name.Text, .. Path()])
                : throw new FilterException($"field {name.Text} not exist");
        }

        var field = definition.Fields[index];
        if (field.IsVector)
        {
            throw new FilterException($"vector field {name.Text} cannot be used in a filter");
        }

        if (field.Type == DataType.Json)
        {
            return new JsonNode(index, Path());
        }

        return Symbol("[")
            ? throw new FilterException($"field {name.Text} is not a JSON field, so [...] cannot follow it")
            : new FieldNode(index, name.Text);
    }

    private List<string> Path()
    {
        var path = new List<string>();
        while (TakeSymbol("["))
        {
            var step = Current;
            if (step.Kind is not (TokenKind.Text or TokenKind.Integer))
            {
                throw new FilterException($"a quoted key or an index should stand at position {step.Position}, not {step}");
            }

            at++;
            path.Add(step.Text);
            Expect("]");
            if (path.Count > Limits.JsonDepth)
            {
                throw new FilterException($"the JSON path is deeper than {Limits.JsonDepth} steps");
            }
        }

        return path;
    }

    private InNode In(ValueNode of)
    {
        var values = List();
        foreach (var value in values)
        {
            CheckFamily(of, value);
        }

        return new InNode(of, new ValueSet(values));
    }

    private List<Scalar> List()
    {
        if (Current.Kind == TokenKind.Template)
        {
            return TemplateList(tokens[at++]);
        }

        Expect("[");
        var values = new List<Scalar>();
        while (!TakeSymbol("]"))
        {
            if (values.Count > 0)
            {
                Expect(",");
                if (TakeSymbol("]"))
                {
                    break;
                }
            }

            values.Add(ListValue());
        }

        return values;
    }

    /// <summary>A literal; not counted as a node, so that long lists are allowed.</summary>
    private Scalar ListValue()
    {
        var before = nodes;
        var value = AsValue(Unary());
        nodes = before;
        return value is LiteralNode literal
            ? literal.Value
            : throw new FilterException($"a list may hold only values, near position {Current.Position}");
    }

    private LikeNode Like(ValueNode of)
    {
        var pattern = Current.Kind == TokenKind.Template ? Template(tokens[at++]) : Scalar.Of(Take(TokenKind.Text, "a quoted pattern").Text);
        if (pattern.Kind != ScalarKind.Text)
        {
            throw new FilterException("like takes a text pattern");
        }

        return of is JsonNode || (of is FieldNode field && definition.Fields[field.Field].Type == DataType.VarChar)
            ? new LikeNode(of, new LikePattern(pattern.Text!))
            : throw new FilterException("like works on a VarChar field or a JSON path");
    }

    private ConditionNode IsNull(ValueNode of)
    {
        at++;
        var negated = TakeWord("not");
        if (!TakeWord("null"))
        {
            throw new FilterException($"null should stand at position {Current.Position}, not {Current}");
        }

        var node = of is FieldNode or JsonNode ? new NullNode(of) : throw new FilterException("is null works on a field or a JSON path");
        return negated ? new NotNode(node) : node;
    }

    private ContainsNode Contains(ContainsMode mode)
    {
        Expect("(");
        var of = Reference(Take(TokenKind.Name, "a JSON path")) as JsonNode
            ?? throw new FilterException("json_contains works on a path into a JSON or dynamic field");
        Expect(",");
        var values = mode == ContainsMode.One ? [ListValue()] : List();
        Expect(")");
        return new ContainsNode(of, new ValueSet(values), mode);
    }

    private CompareNode Compare(Comparison operation, ValueNode left, ValueNode right)
    {
        Count();
        if (left is LiteralNode a)
        {
            CheckFamily(right, a.Value);
        }

        if (right is LiteralNode b)
        {
            CheckFamily(left, b.Value);
        }

        if (left is not LiteralNode && right is not LiteralNode && Family(left) is { } one && Family(right) is { } other && one != other)
        {
            throw new FilterException($"cannot compare {Describe(left)} with {Describe(right)}");
        }

        return new CompareNode(operation, left, right);
    }

    private ValueNode Calculate(Arithmetic operation, ValueNode left, ValueNode right)
    {
        Count();
        var sign = operation.ToString();
        left = Numeric(left, sign);
        right = Numeric(right, sign);
        if (right is LiteralNode { Value: { } zero } && operation is Arithmetic.Divide or Arithmetic.Modulo && right is LiteralNode && zero.AsNumber == 0)
        {
            throw new FilterException($"{sign} by zero");
        }

        return left is LiteralNode a && right is LiteralNode b
            ? new LiteralNode(Values.Calculate(operation, a.Value, b.Value))
            : new ArithmeticNode(operation, left, right);
    }

    private ValueNode Numeric(ValueNode node, string operation) =>
        Family(node) is null or ScalarKind.Number ? node : throw new FilterException($"{Describe(node)} cannot be used with {operation}");

    /// <summary>A value must be of the field's own kind: a mistake there is told, not answered with no rows.</summary>
    private void CheckFamily(ValueNode of, Scalar value)
    {
        var family = value.IsNumeric ? ScalarKind.Number : value.Kind;
        if (Family(of) is { } expected && expected != family)
        {
            throw new FilterException($"cannot compare {Describe(of)} with {value}");
        }
    }

    /// <summary>The kind a node is sure to have; null for JSON, which decides row by row.</summary>
    private ScalarKind? Family(ValueNode node) => node switch
    {
        LiteralNode l => l.Value.IsNumeric ? ScalarKind.Number : l.Value.Kind,
        ArithmeticNode or NegateNode => ScalarKind.Number,
        FieldNode f => definition.Fields[f.Field].Type switch
        {
            DataType.Bool => ScalarKind.Bool,
            DataType.VarChar => ScalarKind.Text,
            _ => ScalarKind.Number,
        },
        _ => null,
    };

    private string Describe(ValueNode node) => node switch
    {
        FieldNode f => $"{definition.Fields[f.Field].Type} field {f.Name}",
        LiteralNode l => l.Value.ToString(),
        _ => "a calculated value",
    };

    private ConditionNode AsCondition(object node) => node switch
    {
        ConditionNode condition => condition,
        LiteralNode { Value.Kind: ScalarKind.Bool } literal => new ConstantNode(literal.Value.Integer != 0),
        JsonNode json => new TruthNode(json),
        FieldNode field when definition.Fields[field.Field].Type == DataType.Bool => new TruthNode(field),
        ValueNode value => throw new FilterException($"{Describe(value)} is not a condition; compare it with something"),
        _ => throw new InvalidOperationException("The parser makes only conditions and values."),
    };

    private static ValueNode AsValue(object node) =>
        node as ValueNode ?? throw new FilterException("a condition stands where a value should");

    private Token Take(TokenKind kind, string what)
    {
        var token = Current;
        if (token.Kind != kind)
        {
            throw new FilterException($"{what} should stand at position {token.Position}, not {token}");
        }

        at++;
        return token;
    }

    private TemplateValue TemplateOf(Token token) =>
        templates.TryGetValue(token.Text, out var value) ? value : throw new FilterException($"the value of expression template variable name {{{token.Text}}} is not found");

    private Scalar Template(Token token) => TemplateOf(token) switch
    {
        { ValCase: TemplateValue.ValOneofCase.BoolVal } v => Scalar.Of(v.BoolVal),
        { ValCase: TemplateValue.ValOneofCase.Int64Val } v => Scalar.Of(v.Int64Val),
        { ValCase: TemplateValue.ValOneofCase.FloatVal } v => Scalar.Of(v.FloatVal),
        { ValCase: TemplateValue.ValOneofCase.StringVal } v => Scalar.Of(v.StringVal),
        _ => throw new FilterException($"template variable {token.Text} is not a single bool, number or text"),
    };

    private List<Scalar> TemplateList(Token token)
    {
        var value = TemplateOf(token);
        if (value.ValCase != TemplateValue.ValOneofCase.ArrayVal)
        {
            throw new FilterException($"template variable {token.Text} is not a list");
        }

        var array = value.ArrayVal;
        return array.DataCase switch
        {
            TemplateArrayValue.DataOneofCase.BoolData => [.. array.BoolData.Data.Select(Scalar.Of)],
            TemplateArrayValue.DataOneofCase.LongData => [.. array.LongData.Data.Select(Scalar.Of)],
            TemplateArrayValue.DataOneofCase.DoubleData => [.. array.DoubleData.Data.Select(Scalar.Of)],
            TemplateArrayValue.DataOneofCase.StringData => [.. array.StringData.Data.Select(Scalar.Of)],
            TemplateArrayValue.DataOneofCase.None => [],
            _ => throw new FilterException($"template variable {token.Text} holds values that a list cannot hold"),
        };
    }
}
