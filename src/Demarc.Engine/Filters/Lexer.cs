using System.Globalization;
using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>Splits a filter into tokens. Every character is looked at once; anything unknown is named with its position.</summary>
internal static class Lexer
{
    private static readonly string[] Symbols =
        ["**", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%"];

    public static List<Token> Split(string text)
    {
        if (text.Length > Limits.FilterLength)
        {
            throw new FilterException($"the filter has {text.Length} characters, the limit is {Limits.FilterLength}; use a template value for a long list");
        }

        var tokens = new List<Token>();
        var at = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (char.IsLetter(c) || c is '_' or '$')
            {
                var start = at;
                while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '$'))
                {
                    at++;
                }

                tokens.Add(new Token(TokenKind.Name, text[start..at], start));
            }
            else if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
            {
                tokens.Add(Number(text, ref at));
            }
            else if (c is '"' or '\'')
            {
                tokens.Add(Quoted(text, ref at));
            }
            else if (c == '{')
            {
                tokens.Add(Template(text, ref at));
            }
            else
            {
                tokens.Add(Symbol(text, ref at));
            }
        }

        tokens.Add(new Token(TokenKind.End, "", text.Length));
        return tokens;
    }

    private static Token Number(string text, ref int at)
    {
        var start = at;
        if (text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'x' or 'X')
        {
            at += 2;
            while (at < text.Length && char.IsAsciiHexDigit(text[at]))
            {
                at++;
            }

            return long.TryParse(text.AsSpan(start + 2, at - start - 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex)
                ? new Token(TokenKind.Integer, hex.ToString(CultureInfo.InvariantCulture), start)
                : throw new FilterException($"'{text[start..at]}' at position {start} is not a number");
        }

        var whole = true;
        while (at < text.Length)
        {
            var c = text[at];
            var exponentSign = c is '+' or '-' && text[at - 1] is 'e' or 'E';
            if (!char.IsAsciiDigit(c) && c is not ('.' or 'e' or 'E') && !exponentSign)
            {
                break;
            }

            // A sign belongs to the number only right after its exponent mark.
            if (c is '+' or '-' && !exponentSign)
            {
                break;
            }

            whole &= char.IsAsciiDigit(c);
            at++;
        }

        var digits = text[start..at];
        if (whole && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            return new Token(TokenKind.Integer, digits, start);
        }

        // One beyond the largest integer is kept whole, for the minus sign that may stand before it.
        if (whole && digits == "9223372036854775808")
        {
            return new Token(TokenKind.Integer, digits, start);
        }

        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? new Token(TokenKind.Number, digits, start)
            : throw new FilterException($"'{digits}' at position {start} is not a number in range");
    }

    private static Token Quoted(string text, ref int at)
    {
        var start = at;
        var quote = text[at++];
        var value = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] != '\\' || at + 1 >= text.Length)
            {
                value.Append(text[at++]);
                continue;
            }

            var escape = text[at + 1];
            at += 2;
            switch (escape)
            {
                case 'n':
                    value.Append('\n');
                    break;
                case 't':
                    value.Append('\t');
                    break;
                case 'r':
                    value.Append('\r');
                    break;
                case 'u' when at + 4 <= text.Length && ushort.TryParse(text.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                    value.Append((char)code);
                    at += 4;
                    break;
                case '\\' or '"' or '\'':
                    value.Append(escape);
                    break;
                default:
                    // Kept for `like`, where \% and \_ mean the plain characters.
                    value.Append('\\').Append(escape);
                    break;
            }
        }

        if (at >= text.Length)
        {
            throw new FilterException($"the text that begins at position {start} has no closing {quote}");
        }

        at++;
        return new Token(TokenKind.Text, value.ToString(), start);
    }

    private static Token Template(string text, ref int at)
    {
        var start = at;
        var end = text.IndexOf('}', at);
        if (end < 0)
        {
            throw new FilterException($"the template that begins at position {start} has no closing brace");
        }

        at = end + 1;
        return new Token(TokenKind.Template, text[(start + 1)..end].Trim(), start);
    }

    private static Token Symbol(string text, ref int at)
    {
        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(text, at, symbol, 0, symbol.Length) == 0)
            {
                var token = new Token(TokenKind.Symbol, symbol, at);
                at += symbol.Length;
                return token;
            }
        }

        throw new FilterException($"unexpected character '{text[at]}' at position {at}");
    }
}
