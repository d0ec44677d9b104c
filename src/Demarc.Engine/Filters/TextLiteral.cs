using System.Globalization;
using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>Quoted texts, in either quote, with the escapes of C.</summary>
internal static class TextLiteral
{
    /// <param name="text">The filter.</param>
    /// <param name="at">At the opening quote; afterwards behind the closing one.</param>
    /// <param name="raw">Whether backslashes stay as they are.</param>
    public static Token Read(string text, ref int at, bool raw = false)
    {
        var start = at;
        var quote = text[at++];
        var value = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] != '\\' || at + 1 >= text.Length)
            {
                value.Append(text[at++]);
            }
            else if (raw)
            {
                value.Append(text, at, 2);
                at += 2;
            }
            else
            {
                at++;
                Escape(text, ref at, value);
            }
        }

        if (at >= text.Length)
        {
            throw new FilterException($"the text that begins at position {start} has no closing {quote}");
        }

        at++;
        return new Token(TokenKind.Text, value.ToString(), start);
    }

    /// <summary>A quoted text taken for a regular expression, whose own backslashes stay; one with an r before it stays whole.</summary>
    public static string Expression(string literal)
    {
        var open = literal.IndexOfAny(['"', '\'']);
        var inner = literal[(open + 1)..^1];
        if (literal[0] is 'r' or 'R')
        {
            return inner;
        }

        var value = new StringBuilder(inner.Length);
        for (var i = 0; i < inner.Length; i++)
        {
            if (inner[i] == '\\' && i + 1 < inner.Length)
            {
                i++;
                value.Append(inner[i] == literal[open] || inner[i] == '\\' ? "" : "\\");
            }

            value.Append(inner[i]);
        }

        return value.ToString();
    }

    private static void Escape(string text, ref int at, StringBuilder value)
    {
        var escape = text[at++];
        var plain = escape switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '\\' or '"' or '\'' or '?' => escape,
            _ => '\0',
        };
        if (plain != '\0')
        {
            value.Append(plain);
        }
        else if (escape is >= '0' and <= '7')
        {
            at--;
            Code(text, ref at, value, 8, 3, 1);
        }
        else if (escape == 'x' && Code(text, ref at, value, 16, 2, 1))
        {
            return;
        }
        else if (escape == 'u' && Code(text, ref at, value, 16, 4, 4))
        {
            return;
        }
        else if (escape == 'U' && Code(text, ref at, value, 16, 8, 8))
        {
            return;
        }
        else
        {
            // Kept for `like`, where \% and \_ mean the plain characters.
            value.Append('\\').Append(escape);
        }
    }

    private static bool Code(string text, ref int at, StringBuilder value, int numberBase, int most, int fewest)
    {
        var digits = 0;
        var code = 0u;
        while (digits < most && at + digits < text.Length
            && int.TryParse(text.AsSpan(at + digits, 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var digit) && digit < numberBase)
        {
            code = (code * (uint)numberBase) + (uint)digit;
            digits++;
        }

        if (digits < fewest || code > 0x10FFFF)
        {
            return false;
        }

        at += digits;
        value.Append(code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32((int)code));
        return true;
    }
}
