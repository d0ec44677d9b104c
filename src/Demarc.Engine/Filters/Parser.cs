using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>
/// Reads a filter in Milvus's language against a collection's schema, by recursive descent. Names are resolved and types
/// checked here, so that evaluation has nothing left to refuse. Depth and size are bounded.
/// </summary>
/// <remarks>
/// Loosest first: or, and, not, then one comparison (also chained: 1 &lt; a &lt; 5, in, not in, like, is null), then + -, * / %,
/// unary minus, **. Conditions and values are told apart by what is found, not by the grammar.
/// </remarks>
internal sealed partial class Parser
{
    private readonly CollectionDefinition definition;
    private readonly IReadOnlyDictionary<string, TemplateValue> templates;
    private readonly string source;
    private readonly ulong seed;
    private readonly TimeZoneInfo zone;
    private readonly List<Token> tokens;
    private int at;
    private int depth;
    private int nodes;

    private Parser(CollectionDefinition definition, string text, IReadOnlyDictionary<string, TemplateValue> templates, ulong seed, TimeZoneInfo? zone = null)
    {
        this.definition = definition;
        this.templates = templates;
        this.seed = seed;
        this.zone = zone ?? definition.Zone;
        source = text;
        tokens = Lexer.Split(text);
    }

    private Token Current => tokens[at];

    /// <param name="definition">The collection.</param>
    /// <param name="text">The filter; empty for all rows.</param>
    /// <param name="templates">The values of {names}.</param>
    /// <param name="seed">What random_sample draws by.</param>
    /// <param name="zone">Where times without an offset are meant; the collection's when not given.</param>
    public static ConditionNode Parse(CollectionDefinition definition, string text, IReadOnlyDictionary<string, TemplateValue>? templates = null, ulong seed = 0, TimeZoneInfo? zone = null)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return new ConstantNode(true);
        }

        var parser = new Parser(definition, text, templates ?? new Dictionary<string, TemplateValue>(), seed, zone);
        var read = parser.Or();
        return parser.Current.Kind == TokenKind.End
            ? parser.AsCondition(read)
            : throw new FilterException($"unexpected {parser.Current} at position {parser.Current.Position}");
    }

    private object Or()
    {
        Enter();
        var left = And();
        if (IsOr())
        {
            var parts = new List<ConditionNode> { AsCondition(left) };
            while (IsOr())
            {
                at++;
                Count();
                parts.Add(AsCondition(And()));
            }

            Outermost(parts);
            left = parts.Exists(p => p is SampleNode)
                ? throw new FilterException("random sample expression cannot be used in logical and expression")
                : new LogicNode(false, parts);
        }

        depth--;
        return left;
    }

    /// <summary>Which elements are found is said for the whole filter, so it has no meaning under an or or a not.</summary>
    private static void Outermost(List<ConditionNode> parts)
    {
        if (parts.Exists(p => Evaluator.ElementFilter(p) is not null))
        {
            throw new FilterException("element_filter cannot be used in a logical or or a not expression; match_any can");
        }
    }

    private bool IsOr() => Symbol("||") || Word("or");

    private bool IsAnd() => Symbol("&&") || Word("and");

    private object And()
    {
        var left = Not();
        if (!IsAnd())
        {
            return left;
        }

        var parts = new List<ConditionNode> { AsCondition(left) };
        while (IsAnd())
        {
            if (parts[^1] is ElementsNode { Mode: ElementsMode.Filter })
            {
                throw new FilterException("element_filter can only be the last expression in the logical and expression");
            }

            if (parts[^1] is SampleNode)
            {
                throw new FilterException("random sample expression can only be the last expression in the logical and expression");
            }

            at++;
            Count();
            parts.Add(AsCondition(Not()));
        }

        // A sample at the end draws from the rows that meet everything before it.
        return parts[^1] is SampleNode sample
            ? sample with { Of = parts.Count == 2 ? parts[0] : new LogicNode(true, parts[..^1]) }
            : new LogicNode(true, parts);
    }

    private object Not()
    {
        if (!TakeSymbol("!") && !TakeWord("not"))
        {
            return Comparison();
        }

        Enter();
        var of = AsCondition(Not());
        Outermost([of]);
        depth--;
        return of is SampleNode ? throw new FilterException("random sample expression cannot be used in unary expression") : new NotNode(of);
    }

    private object Comparison()
    {
        var start = at;
        var left = Sum();
        if (left is ConditionNode)
        {
            return left;
        }

        var value = (ValueNode)left;
        if (Word("not") && Word("in", 1))
        {
            var named = Text(start);
            at += 2;
            return new NotNode(In(value, named));
        }

        if (Word("in"))
        {
            var named = Text(start);
            at++;
            return In(value, named);
        }

        if (TakeWord("like"))
        {
            return Like(value);
        }

        if (Symbol("=~") || Symbol("!~"))
        {
            return Regex(value);
        }

        if (Word("is"))
        {
            return IsNull(value);
        }

        return Chain(value);
    }

    /// <summary>One comparison, or several as in 1 &lt; a &lt;= 5, which hold together.</summary>
    private object Chain(ValueNode value)
    {
        var parts = new List<ConditionNode>();
        ValueNode left = value;
        while (Operator() is { } operation)
        {
            at++;
            var right = AsValue(Sum());
            parts.Add(Compare(operation, left, right));
            left = right;
        }

        foreach (var sign in new[] { ("&", "BitAnd"), ("|", "BitOr"), ("^", "BitXor"), ("<<", "shift"), (">>", "shift") })
        {
            if (Symbol(sign.Item1))
            {
                throw new FilterException($"{sign.Item2} is not supported: {source}");
            }
        }

        return parts.Count switch { 0 => value, 1 => parts[0], _ => new LogicNode(true, parts) };
    }

    private Comparison? Operator() => Current.Kind != TokenKind.Symbol ? null : Current.Text switch
    {
        "==" => Filters.Comparison.Equal,
        "!=" => Filters.Comparison.NotEqual,
        "<" => Filters.Comparison.Less,
        "<=" => Filters.Comparison.LessOrEqual,
        ">" => Filters.Comparison.Greater,
        ">=" => Filters.Comparison.GreaterOrEqual,
        _ => null,
    };

    private object Sum()
    {
        var left = Product();
        while (Symbol("+") || Symbol("-"))
        {
            var sign = tokens[at++].Text;
            left = TakeWord("interval")
                ? Shift(left, sign == "+" ? 1 : -1)
                : Calculate(sign == "+" ? Arithmetic.Add : Arithmetic.Subtract, AsValue(left), AsValue(Product()));
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
        return of is LiteralNode literal ? new LiteralNode(Values.Negate(Number(literal.Value))) : new NegateNode(Numeric(of, "-"));
    }

    /// <summary>Left to right, as Milvus groups it, and between constants only.</summary>
    private object Power()
    {
        var left = Primary();
        while (TakeSymbol("**"))
        {
            Enter();
            var right = AsValue(Symbol("-") || Symbol("+") ? Unary() : Primary());
            depth--;
            left = AsValue(left) is LiteralNode a && right is LiteralNode b
                ? Calculate(Arithmetic.Power, a, b)
                : throw new FilterException($"power can only apply on constants: {source}");
        }

        return left;
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
                return Template(token);
            case TokenKind.Symbol when token.Text == "(":
                var inner = Or();
                Expect(")");
                return inner;
            case TokenKind.Symbol when token.Text == "[":
                return List();
            case TokenKind.Name:
                return Name(token);
            case TokenKind.Symbol:
            case TokenKind.End:
            default:
                throw new FilterException($"a field, a value or '(' should stand at position {token.Position}, not {token}");
        }
    }

    private ShiftNode Shift(object left, int sign)
    {
        var text = Take(TokenKind.Text, "a quoted interval").Text;
        return left is not FieldNode { } field || definition.Fields[field.Field].Type != DataType.Timestamptz ? throw new FilterException("interval can only be added to a timestamptz field")
            : Timestamps.TryParseInterval(text, out var interval) ? new ShiftNode(field, interval, sign)
            : throw new FilterException($"invalid interval string: {text}");
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

    private void Expect(string symbol)
    {
        if (!TakeSymbol(symbol))
        {
            throw new FilterException($"'{symbol}' should stand at position {Current.Position}, not {Current}");
        }
    }

    /// <summary>What stands in the filter from a token up to the current one, for messages.</summary>
    private string Text(int from)
    {
        var text = source[tokens[from].Position..Current.Position].Trim();
        return text.Length <= 100 ? text : text[..100] + "…";
    }
}
