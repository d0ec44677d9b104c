using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Filters;

/// <summary>
/// Reads a filter in Milvus's language against a collection's schema, by recursive descent. Names are resolved and types
/// checked here, so that evaluation has nothing left to refuse. Depth and size are bounded.
/// </summary>
/// <remarks>
/// Loosest first: or, and, not, then one comparison (also chained: 1 &lt; a &lt; 5, in, not in, like, is null), then + -, * / %,
/// **, unary minus. Conditions and values are told apart by what is found, not by the grammar.
/// </remarks>
internal sealed partial class Parser
{
    private readonly CollectionDefinition definition;
    private readonly IReadOnlyDictionary<string, TemplateValue> templates;
    private readonly List<Token> tokens;
    private int at;
    private int depth;
    private int nodes;

    private Parser(CollectionDefinition definition, string text, IReadOnlyDictionary<string, TemplateValue> templates)
    {
        this.definition = definition;
        this.templates = templates;
        tokens = Lexer.Split(text);
    }

    private Token Current => tokens[at];

    public static ConditionNode Parse(CollectionDefinition definition, string text, IReadOnlyDictionary<string, TemplateValue>? templates = null)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return new ConstantNode(true);
        }

        var parser = new Parser(definition, text, templates ?? new Dictionary<string, TemplateValue>());
        var condition = parser.AsCondition(parser.Or());
        return parser.Current.Kind == TokenKind.End
            ? condition
            : throw new FilterException($"unexpected {parser.Current} at position {parser.Current.Position}");
    }

    private object Or()
    {
        Enter();
        var left = And();
        while (TakeSymbol("||") || TakeWord("or"))
        {
            left = new OrNode(AsCondition(left), AsCondition(And()));
            Count();
        }

        depth--;
        return left;
    }

    private object And()
    {
        var left = Not();
        while (TakeSymbol("&&") || TakeWord("and"))
        {
            left = new AndNode(AsCondition(left), AsCondition(Not()));
            Count();
        }

        return left;
    }

    private object Not()
    {
        if (!TakeSymbol("!") && !TakeWord("not"))
        {
            return Comparison();
        }

        Enter();
        var negated = new NotNode(AsCondition(Not()));
        depth--;
        return negated;
    }

    private object Comparison()
    {
        var left = Sum();
        if (left is ConditionNode)
        {
            return left;
        }

        if (Word("not") && Word("in", 1))
        {
            at += 2;
            return new NotNode(In((ValueNode)left));
        }

        if (TakeWord("in"))
        {
            return In((ValueNode)left);
        }

        if (TakeWord("like"))
        {
            return Like((ValueNode)left);
        }

        if (Word("is"))
        {
            return IsNull((ValueNode)left);
        }

        ConditionNode? result = null;
        var value = (ValueNode)left;
        while (Operator() is { } operation)
        {
            var right = AsValue(Sum());
            var compared = Compare(operation, value, right);
            result = result is null ? compared : new AndNode(result, compared);
            value = right;
        }

        return result ?? left;
    }

    private Comparison? Operator()
    {
        if (Current.Kind != TokenKind.Symbol)
        {
            return null;
        }

        Comparison? found = Current.Text switch
        {
            "==" => Filters.Comparison.Equal,
            "!=" => Filters.Comparison.NotEqual,
            "<" => Filters.Comparison.Less,
            "<=" => Filters.Comparison.LessOrEqual,
            ">" => Filters.Comparison.Greater,
            ">=" => Filters.Comparison.GreaterOrEqual,
            _ => null,
        };
        at += found is null ? 0 : 1;
        return found;
    }

    private object Sum()
    {
        var left = Product();
        while (Symbol("+") || Symbol("-"))
        {
            var operation = tokens[at++].Text == "+" ? Arithmetic.Add : Arithmetic.Subtract;
            left = Calculate(operation, AsValue(left), AsValue(Product()));
        }

        return left;
    }

    private object Product()
    {
        var left = Unary();
        while (Symbol("*") || Symbol("/") || Symbol("%"))
        {
            var operation = tokens[at++].Text switch { "*" => Arithmetic.Multiply, "/" => Arithmetic.Divide, _ => Arithmetic.Modulo };
            left = Calculate(operation, AsValue(left), AsValue(Unary()));
        }

        return left;
    }

    private object Unary()
    {
        if (TakeSymbol("+"))
        {
            Enter();
            var same = Unary();
            depth--;
            return same;
        }

        if (!TakeSymbol("-"))
        {
            return Power();
        }

        if (Current is { Kind: TokenKind.Integer, Text: "9223372036854775808" })
        {
            at++;
            return new LiteralNode(Scalar.Of(long.MinValue));
        }

        Enter();
        var of = AsValue(Unary());
        depth--;
        Count();
        return of is LiteralNode literal ? new LiteralNode(Values.Negate(literal.Value)) : new NegateNode(Numeric(of, "-"));
    }

    private object Power()
    {
        var left = Primary();
        if (!TakeSymbol("**"))
        {
            return left;
        }

        Enter();
        var right = AsValue(Unary());
        depth--;
        return Calculate(Arithmetic.Power, AsValue(left), right);
    }

    private object Primary()
    {
        Count();
        var token = tokens[at];
        at += token.Kind == TokenKind.End ? 0 : 1;
        switch (token.Kind)
        {
            case TokenKind.Integer:
                return new LiteralNode(long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole)
                    ? Scalar.Of(whole)
                    : throw new FilterException($"{token.Text} at position {token.Position} is beyond the range of int64"));
            case TokenKind.Number:
                return new LiteralNode(Scalar.Of(double.Parse(token.Text, CultureInfo.InvariantCulture)));
            case TokenKind.Text:
                return new LiteralNode(Scalar.Of(token.Text));
            case TokenKind.Template:
                return new LiteralNode(Template(token));
            case TokenKind.Symbol when token.Text == "(":
                var inner = Or();
                Expect(")");
                return inner;
            case TokenKind.Name:
                return Name(token);
            case TokenKind.Symbol:
            case TokenKind.End:
            default:
                throw new FilterException($"a field, a value or '(' should stand at position {token.Position}, not {token}");
        }
    }

    private void Enter()
    {
        if (++depth > Limits.FilterDepth)
        {
            throw new FilterException($"the filter is nested deeper than {Limits.FilterDepth} levels");
        }
    }

    private void Count()
    {
        if (++nodes > Limits.FilterNodes)
        {
            throw new FilterException($"the filter has more than {Limits.FilterNodes} parts; use `in` with a list, or a template value");
        }
    }

    private bool Symbol(string text) => Current.Kind == TokenKind.Symbol && Current.Text == text;

    private bool TakeSymbol(string text)
    {
        var taken = Symbol(text);
        at += taken ? 1 : 0;
        return taken;
    }

    private bool Word(string text, int ahead = 0) =>
        at + ahead < tokens.Count && tokens[at + ahead].Kind == TokenKind.Name && tokens[at + ahead].Text.Equals(text, StringComparison.OrdinalIgnoreCase);

    private bool TakeWord(string text)
    {
        var taken = Word(text);
        at += taken ? 1 : 0;
        return taken;
    }

    private void Expect(string symbol)
    {
        if (!TakeSymbol(symbol))
        {
            throw new FilterException($"'{symbol}' should stand at position {Current.Position}, not {Current}");
        }
    }
}
