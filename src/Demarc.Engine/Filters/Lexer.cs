using System.Globalization;

namespace Demarc.Engine.Filters;

/// <summary>Splits a filter into tokens. Every character is looked at once; anything unknown is named with its position.</summary>
internal static class Lexer
{
    private static readonly string[] Symbols =
    [
        "**", "==", "!=", "<=", ">=", "&&", "||", "=~", "!~", "<<", ">>", "<", ">", "!", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "=", "&", "|", "^", "~",
    ];

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
                tokens.Add(NameOrText(text, ref at));
            }
            else if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
            {
                tokens.Add(Numbers.Read(text, ref at));
            }
            else if (c is '"' or '\'')
            {
                tokens.Add(TextLiteral.Read(text, ref at));
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

    private static Token NameOrText(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '$'))
        {
            at++;
        }

        // A prefix tells how the text after it is written: r takes it as it stands, the others change nothing here.
        var name = text[start..at];
        return at < text.Length && text[at] is '"' or '\'' && name is "r" or "R" or "u8" or "u" or "U" or "L"
            ? TextLiteral.Read(text, ref at, raw: name is "r" or "R")
            : new Token(TokenKind.Name, name, start);
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

    /// <summary>Whole numbers in base 10, 16 (0x), 8 (a leading 0) and 2 (0b); fractions in base 10 and 16 (0x1.8p3).</summary>
    private static class Numbers
    {
        public static Token Read(string text, ref int at)
        {
            var start = at;
            if (text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'x' or 'X')
            {
                return Hexadecimal(text, ref at);
            }

            if (text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'b' or 'B')
            {
                at += 2;
                while (at < text.Length && text[at] is '0' or '1')
                {
                    at++;
                }

                return Whole(text[start..at], text.AsSpan(start + 2, at - start - 2), 2, start);
            }

            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is '.' or 'e' or 'E' || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E')))
            {
                at++;
            }

            var digits = text[start..at];
            if (!digits.All(char.IsAsciiDigit))
            {
                return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
                    ? new Token(TokenKind.Number, digits, start)
                    : throw Bad(digits, start);
            }

            return Whole(digits, digits, digits.Length > 1 && digits[0] == '0' ? 8 : 10, start);
        }

        private static Token Hexadecimal(string text, ref int at)
        {
            var start = at;
            at += 2;
            while (at < text.Length && (char.IsAsciiHexDigit(text[at]) || text[at] is '.' or 'p' or 'P' || (text[at] is '+' or '-' && text[at - 1] is 'p' or 'P')))
            {
                at++;
            }

            var whole = text.AsSpan(start + 2, at - start - 2);
            var mark = whole.IndexOfAny('p', 'P');
            if (mark < 0)
            {
                return Whole(text[start..at], whole, 16, start);
            }

            var point = whole[..mark].IndexOf('.');
            var mantissa = string.Concat(whole[..mark].ToString().Where(c => c != '.'));
            return mantissa.Length is > 0 and <= 13
                && long.TryParse(mantissa, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits)
                && int.TryParse(whole[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent)
                && Math.ScaleB(bits, Math.Clamp(exponent, -2000, 2000) - (point < 0 ? 0 : 4 * (mark - point - 1))) is var value && double.IsFinite(value)
                ? new Token(TokenKind.Number, value.ToString("R", CultureInfo.InvariantCulture), start)
                : throw Bad(text[start..at], start);
        }

        private static Token Whole(string shown, ReadOnlySpan<char> digits, int numberBase, int start)
        {
            ulong value = 0;
            foreach (var c in digits)
            {
                var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : 16;

                // One beyond the largest integer is let through, for the minus sign that may stand before it.
                if (digit >= numberBase || value > (long.MaxValue + 1UL - (ulong)digit) / (ulong)numberBase)
                {
                    throw digit >= numberBase ? Bad(shown, start) : new FilterException($"{shown} at position {start} is beyond the range of int64");
                }

                value = (value * (ulong)numberBase) + (ulong)digit;
            }

            return digits.Length == 0 ? throw Bad(shown, start) : new Token(TokenKind.Integer, value.ToString(CultureInfo.InvariantCulture), start);
        }

        private static FilterException Bad(string digits, int start) => new($"'{digits}' at position {start} is not a number in range");
    }
}
