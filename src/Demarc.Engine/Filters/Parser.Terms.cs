using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>Names, lists and the conditions made of them.</summary>
internal sealed partial class Parser
{
    private object Name(Token token)
    {
        if (Symbol("("))
        {
            return Function(token);
        }

        if (token.Text == "$" && Symbol("["))
        {
            return Part();
        }

        switch (token.Text.ToUpperInvariant())
        {
            case "TRUE":
                return new LiteralNode(Scalar.Of(true));
            case "FALSE":
                return new LiteralNode(Scalar.Of(false));
            case "EXISTS" when Current.Kind == TokenKind.Name:
                return Exists(Reference(Take(TokenKind.Name, "a JSON path")));
            case "ISO" when Current.Kind == TokenKind.Text:
                var text = tokens[at++].Text;
                return Timestamps.TryParse(text, zone, out var time) ? new TimeNode(time)
                    : throw new FilterException($"invalid timestamp string: '{text}'. Does not match any known format");
            default:
                return Reference(token);
        }
    }

    private ValueNode Reference(Token name)
    {
        if (elementsOf is not null)
        {
            throw new FilterException($"only sub-fields can stand in a condition on elements, as $[…], not {name.Text}");
        }

        if (Symbol("[") && at + 4 < tokens.Count && tokens[at + 1].Kind == TokenKind.Integer && tokens[at + 3].Text == "[" && tokens[at + 4].Kind == TokenKind.Name)
        {
            return PartOfElement(name);
        }

        if (definition.StructArray(name.Text) is { } array && Word("is"))
        {
            // A struct array is null as a whole, and so in each of its parts.
            return new FieldNode(definition.FieldIndex(StructRules.PartName(array.Name, array.Fields[0].Name)), name.Text);
        }

        var index = definition.StructArray(name.Text) is null ? definition.FieldIndex(name.Text) : PartIndex(name);
        if (index < 0)
        {
            if (Symbol("[") && at + 2 < tokens.Count && tokens[at + 1].Kind == TokenKind.Name && tokens[at + 2].Text == "]")
            {
                throw NoStruct(StructRules.PartName(name.Text, tokens[at + 1].Text));
            }

            return definition.DynamicIndex >= 0
                ? new JsonNode(definition.DynamicIndex, [name.Text, .. Path()])
                : throw new FilterException($"field {name.Text} not exist");
        }

        var field = definition.Fields[index];
        if (field.IsSearchable)
        {
            throw new FilterException($"filter on vector field {name.Text} is not supported");
        }

        if (field.Type == DataType.Json)
        {
            return new JsonNode(index, Path());
        }

        if (!Symbol("["))
        {
            return new FieldNode(index, name.Text);
        }

        if (!field.IsArray)
        {
            throw new FilterException($"{field.Type} data type not supported accessed with []");
        }

        if (StructRules.IsPart(field.Name))
        {
            throw new FilterException($"invalid expression: {source}");
        }

        at++;
        var position = Current.Kind == TokenKind.Integer && int.TryParse(Current.Text, out var whole) ? whole : throw new FilterException("can only access array field with integer index");
        at++;
        Expect("]");
        return new ElementNode(index, name.Text, position);
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

            if (step.Text.Length == 0)
            {
                throw new FilterException($"invalid identifier: an empty key at position {step.Position}");
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

    private InNode In(ValueNode of, string name)
    {
        if (of is LiteralNode or ListNode)
        {
            throw new FilterException($"'term' can only be used on non-const expression, but got: {name}");
        }

        var right = at;
        var given = Sum();
        if (given is not ListNode list)
        {
            throw new FilterException(tokens[right].Kind == TokenKind.Template ? $"the value of term expression template variable {{{tokens[right].Text}}} is not array"
                : given is LiteralNode or TimeNode ? $"the right-hand side of 'in' must be a list, but got: {Text(right)}"
                : $"value '{Text(right)}' in list cannot be a non-const expression");
        }

        var values = new List<Scalar>(list.Values.Count);
        foreach (var value in list.Values)
        {
            values.Add(TryCast(of, value) ?? throw new FilterException($"value '{Wire(value)}' in list cannot be casted to {TypeName(of)}"));
        }

        return new InNode(of, new ValueSet(values));
    }

    /// <summary>What stands between [ and ]; its values are not counted as parts of the filter, so that long lists are allowed.</summary>
    private ListNode List()
    {
        Enter();
        var before = nodes;
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

            var start = at;
            values.Add(Sum() switch
            {
                LiteralNode literal => literal.Value,
                ListNode inner => Scalar.Of(inner.Values),
                _ => throw new FilterException($"array element type must be generic value, but got: {Text(start)}"),
            });
            nodes = before;
        }

        depth--;
        return new ListNode(values);
    }

    private LikeNode Like(ValueNode of)
    {
        MatchedText(of, "like operation", "like operation on non-string or no-json field is unsupported");
        var start = at;
        return Primary() is LiteralNode { Value: { Kind: ScalarKind.Text } pattern }
            ? new LikeNode(of, new LikePattern(pattern.Text!))
            : throw new FilterException($"like pattern should be a string literal or template variable, got: {Text(start)}");
    }

    private ConditionNode Regex(ValueNode of)
    {
        var negated = tokens[at++].Text == "!~";
        MatchedText(of, "regex match", "regex match on non-string or non-json field is unsupported");
        var node = new RegexNode(of, new TextExpression(RegexPattern()));
        return negated ? new NotNode(node) : node;
    }

    /// <summary>In a quoted expression a backslash belongs to the expression, unless it stands before the quote or itself.</summary>
    private string RegexPattern()
    {
        var token = Current;
        if (token.Kind == TokenKind.Text)
        {
            at++;
            return TextLiteral.Expression(source[token.Position..Current.Position].TrimEnd());
        }

        var start = at;
        var given = Primary();
        return token.Kind != TokenKind.Template ? throw new FilterException($"regex pattern should be a string literal or template variable, got: {Text(start)}")
            : given is LiteralNode { Value: { Kind: ScalarKind.Text } pattern } ? pattern.Text!
            : throw new FilterException($"the value of regex expression template variable {{{token.Text}}} is not string");
    }

    private void MatchedText(ValueNode of, string operation, string refusal)
    {
        if (of is not (FieldNode or JsonNode or ElementNode or PartNode))
        {
            throw new FilterException($"{operation} on complicated expr is unsupported");
        }

        if (of is FieldNode && TypeOf(of) == DataType.Array)
        {
            throw new FilterException("can not comparisons array fields directly");
        }

        if (!IsText(of))
        {
            throw new FilterException(refusal);
        }
    }

    private bool IsText(ValueNode of) => of is JsonNode || TypeOf(of) == DataType.VarChar;

    private ConditionNode IsNull(ValueNode of)
    {
        at++;
        var negated = TakeWord("not");
        if (!TakeWord("null"))
        {
            throw new FilterException($"null should stand at position {Current.Position}, not {Current}");
        }

        var node = of is FieldNode or JsonNode or ElementNode ? new NullNode(of) : throw new FilterException("is null works on a field or a JSON path");
        return negated ? new NotNode(node) : node;
    }

    private static ExistsNode Exists(ValueNode of) => of switch
    {
        JsonNode { Path.Count: > 0 } path => new ExistsNode(path),
        JsonNode => throw new FilterException("exists operations are only supportted on json key"),
        _ => throw new FilterException("exists operations are only supportted on json field"),
    };

    private ConditionNode Compare(Comparison operation, ValueNode left, ValueNode right)
    {
        Count();
        if (Constant(left) && Constant(right))
        {
            return Scalar.Holds(operation, Literal(left), Literal(right)) is { } result
                ? new ConstantNode(result)
                : throw new FilterException($"comparison operations cannot be applied to two incompatible operands: {source}");
        }

        if ((TypeOf(left) == DataType.Array && !Constant(left) && TypeOf(right) != DataType.Array) || (TypeOf(right) == DataType.Array && !Constant(right) && TypeOf(left) != DataType.Array))
        {
            throw new FilterException("can not comparisons array fields directly");
        }

        if (Constant(left))
        {
            return new CompareNode(Mirror(operation), right, new LiteralNode(Cast(right, left)));
        }

        if (Constant(right))
        {
            return new CompareNode(operation, left, new LiteralNode(Cast(left, right)));
        }

        return Family(left) is { } one && Family(right) is { } other && one != other
            ? throw new FilterException($"comparisons between {TypeName(left)} and {TypeName(right)} are not supported")
            : new CompareNode(operation, left, right);
    }

    private ValueNode Calculate(Arithmetic operation, ValueNode left, ValueNode right)
    {
        Count();
        var name = operation switch { Arithmetic.Add => "add", Arithmetic.Subtract => "subtract", Arithmetic.Multiply => "multiply", Arithmetic.Divide => "divide", Arithmetic.Modulo => "modulo", Arithmetic.Power => "power" };
        left = Numeric(left, name);
        right = Numeric(right, name);
        if (operation is Arithmetic.Divide or Arithmetic.Modulo && right is LiteralNode { Value.AsNumber: 0 })
        {
            throw new FilterException($"cannot {name} by zero");
        }

        if (operation == Arithmetic.Modulo && (IsFraction(left) || IsFraction(right)))
        {
            throw new FilterException("modulo can only apply on integer types");
        }

        return left is LiteralNode a && right is LiteralNode b
            ? new LiteralNode(Number(Values.Calculate(operation, a.Value, b.Value)))
            : new ArithmeticNode(operation, left, right);
    }

    private static Comparison Mirror(Comparison operation) => operation switch
    {
        Filters.Comparison.Less => Filters.Comparison.Greater,
        Filters.Comparison.LessOrEqual => Filters.Comparison.GreaterOrEqual,
        Filters.Comparison.Greater => Filters.Comparison.Less,
        Filters.Comparison.GreaterOrEqual => Filters.Comparison.LessOrEqual,
        Filters.Comparison.Equal => Filters.Comparison.Equal,
        Filters.Comparison.NotEqual => Filters.Comparison.NotEqual,
    };
}
