using System.Buffers;
using System.Globalization;
using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>
/// Reads a regular expression as RE2 does and writes it for .NET, so that it finds what it finds in Milvus: a dot takes line
/// ends and whole characters, $ is the very end, \d \w \s are ASCII, scripts have names. What RE2 refuses is refused in its words.
/// </summary>
internal sealed class ExpressionReader
{
    private const int Depth = 200;
    private const int MostRepeats = 1000;
    private static readonly SearchValues<char> Operators = SearchValues.Create(@"\.+*?()|[]{}^$");
    private readonly string text;
    private readonly StringBuilder written = new();
    private int at;
    private int depth;
    private bool lines;
    private bool dotTakesAll = true;
    private bool ignoresCase;

    private ExpressionReader(string text) => this.text = text;

    private bool AtEnd => at >= text.Length;

    /// <summary>Whether the expression is a text that stands for itself.</summary>
    public static bool IsPlain(string text) => text.AsSpan().IndexOfAny(Operators) < 0;

    public static string Translate(string text)
    {
        var reader = new ExpressionReader(text);
        reader.Alternatives();
        return reader.AtEnd ? reader.written.ToString() : throw Refused("unexpected )", text);
    }

    internal static FilterException Refused(string why, string part) => new($"invalid regex pattern: error parsing regexp: {why}: `{part}`");

    private void Alternatives()
    {
        if (++depth > Depth)
        {
            throw Refused("expression nests too deeply", text);
        }

        while (!AtEnd && text[at] != ')')
        {
            if (text[at] == '|')
            {
                at++;
                written.Append('|');
            }
            else
            {
                Repeated();
            }
        }

        depth--;
    }

    private void Repeated()
    {
        var start = at;
        if (Repeat() is not null)
        {
            throw Refused("missing argument to repetition operator", text[start..at]);
        }

        var place = written.Length;
        if (!Atom())
        {
            return;
        }

        start = at;
        if (Repeat() is not { } first)
        {
            return;
        }

        var end = at;
        if (Repeat() is not null)
        {
            throw Refused("invalid nested repetition operator", text[start..at]);
        }

        at = end;
        written.Insert(place, "(?:").Append(')').Append(first);
    }

    /// <summary>How often, in .NET's writing; whether it is greedy changes nothing here. Null when none stands here.</summary>
    private string? Repeat()
    {
        var start = at;
        string? found = AtEnd ? null : text[at] switch
        {
            '*' => "*",
            '+' => "+",
            '?' => "?",
            '{' => Counted(),
            _ => null,
        };
        if (found is null)
        {
            return null;
        }

        at = text[start] == '{' ? start + found.Length : start + 1;
        at += !AtEnd && text[at] == '?' ? 1 : 0;
        return found;
    }

    /// <summary>{2}, {2,} or {2,5}; anything else in braces is plain text.</summary>
    private string? Counted()
    {
        var end = text.IndexOf('}', at);
        if (end < 0)
        {
            return null;
        }

        var bounds = text[(at + 1)..end].Split(',');
        if (bounds.Length > 2 || !bounds[0].All(char.IsAsciiDigit) || bounds[0].Length == 0 || !bounds[^1].All(char.IsAsciiDigit))
        {
            return null;
        }

        var fits = bounds.All(b => b.Length == 0 || (int.TryParse(b, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= MostRepeats));
        return fits && (bounds[^1].Length == 0 || int.Parse(bounds[0], CultureInfo.InvariantCulture) <= int.Parse(bounds[^1], CultureInfo.InvariantCulture))
            ? text[at..(end + 1)]
            : throw Refused("invalid repeat count", text[at..(end + 1)]);
    }

    /// <summary>One part; false for one that only sets how the rest is read.</summary>
    private bool Atom()
    {
        switch (text[at])
        {
            case '(':
                return Group();
            case '[':
                ExpressionClass.Read(text, ref at).WriteTo(written);
                return true;
            case '.':
                at++;
                new ExpressionClass(dotTakesAll ? [] : [('\n', '\n')], negated: true).WriteTo(written);
                return true;
            case '^':
                at++;
                written.Append(lines ? "(?m:^)" : @"\A");
                return true;
            case '$':
                at++;
                written.Append(lines ? "(?m:$)" : @"\z");
                return true;
            case '\\':
                Escape();
                return true;
            default:
                Literal(Rune.GetRuneAt(text, at));
                return true;
        }
    }

    private void Literal(Rune rune)
    {
        at += rune.Utf16SequenceLength;
        ExpressionClass.Write(rune.Value, written);
    }

    private bool Group()
    {
        var start = at++;
        var (wasLines, tookAll, ignored) = (lines, dotTakesAll, ignoresCase);
        var open = true;
        if (!AtEnd && text[at] == '?')
        {
            open = Opening(start);
        }

        written.Append(open ? "(?:" : "").Append(ignoresCase == ignored ? "" : ignoresCase ? "(?i)" : "(?-i)");
        if (!open)
        {
            return false;
        }

        Alternatives();
        if (AtEnd)
        {
            throw Refused("missing closing )", text);
        }

        at++;
        written.Append(')');
        (lines, dotTakesAll, ignoresCase) = (wasLines, tookAll, ignored);
        return true;
    }

    /// <summary>What follows (? : a name, or flags. False when the flags hold for what comes next and no group is opened.</summary>
    private bool Opening(int start)
    {
        at++;
        if (string.CompareOrdinal(text, at, "P<", 0, 2) == 0 || (string.CompareOrdinal(text, at, "<", 0, 1) == 0 && string.CompareOrdinal(text, at, "<=", 0, 2) != 0 && string.CompareOrdinal(text, at, "<!", 0, 2) != 0))
        {
            var from = text.IndexOf('<', at) + 1;
            var end = text.IndexOf('>', at);
            if (end <= from || !text.AsSpan(from, end - from).ToString().All(c => char.IsLetterOrDigit(c) || c == '_'))
            {
                throw Refused("invalid named capture", end < 0 ? text[start..] : text[start..(end + 1)]);
            }

            at = end + 1;
            return true;
        }

        var on = true;
        for (; !AtEnd; at++)
        {
            switch (text[at])
            {
                case 'i':
                    ignoresCase = on;
                    break;
                case 'm':
                    lines = on;
                    break;
                case 's':
                    dotTakesAll = on;
                    break;
                case 'U':
                    break;
                case '-' when on && !AtEnd:
                    on = false;
                    break;
                case ':':
                case ')':
                    return text[at++] == ':';
                default:
                    throw Refused("invalid or unsupported Perl syntax", text[start..(at + 1)]);
            }
        }

        throw Refused("missing closing )", text);
    }

    private void Escape()
    {
        if (at + 1 >= text.Length)
        {
            throw Refused("trailing backslash at end of expression", "");
        }

        switch (text[at + 1])
        {
            case 'A' or 'z' or 'b' or 'B':
                written.Append(text, at, 2);
                at += 2;
                return;
            case 'Q':
                var end = text.IndexOf(@"\E", at + 2, StringComparison.Ordinal);
                var quoted = end < 0 ? text[(at + 2)..] : text[(at + 2)..end];
                foreach (var rune in quoted.EnumerateRunes())
                {
                    ExpressionClass.Write(rune.Value, written);
                }

                at = end < 0 ? text.Length : end + 2;
                return;
            default:
                if (ExpressionClass.Named(text, ref at) is { } named)
                {
                    named.WriteTo(written);
                }
                else
                {
                    ExpressionClass.Write(ExpressionClass.Escaped(text, ref at), written);
                }

                return;
        }
    }
}
