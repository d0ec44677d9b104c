using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>
/// A set of characters in a regular expression, as ranges of code points. .NET matches UTF-16 units, so what lies beyond the
/// first 65,536 is written as pairs; a text never holds half a pair.
/// </summary>
internal sealed class ExpressionClass
{
    private const int LastCharacter = 0x10FFFF;
    private const int FirstPaired = 0x10000;
    private static readonly ConcurrentDictionary<string, List<(int Low, int High)>> Categories = new(StringComparer.Ordinal);

    private static readonly Dictionary<char, (int Low, int High)[]> Letters = new()
    {
        ['d'] = [('0', '9')],
        ['s'] = [('\t', '\n'), ('\f', '\r'), (' ', ' ')],
        ['w'] = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
    };

    private static readonly Dictionary<string, (int Low, int High)[]> Posix = new(StringComparer.Ordinal)
    {
        ["alnum"] = [('0', '9'), ('A', 'Z'), ('a', 'z')],
        ["alpha"] = [('A', 'Z'), ('a', 'z')],
        ["ascii"] = [(0, 0x7F)],
        ["blank"] = [('\t', '\t'), (' ', ' ')],
        ["cntrl"] = [(0, 0x1F), (0x7F, 0x7F)],
        ["digit"] = [('0', '9')],
        ["graph"] = [('!', '~')],
        ["lower"] = [('a', 'z')],
        ["print"] = [(' ', '~')],
        ["punct"] = [('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        ["space"] = [('\t', '\r'), (' ', ' ')],
        ["upper"] = [('A', 'Z')],
        ["word"] = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        ["xdigit"] = [('0', '9'), ('A', 'F'), ('a', 'f')],
    };

    /// <summary>The scripts in use, by Unicode's Scripts.txt.</summary>
    private static readonly Dictionary<string, (int Low, int High)[]> Scripts = new(StringComparer.Ordinal)
    {
        ["Any"] = [(0, LastCharacter)],
        ["Arabic"] = [(0x600, 0x604), (0x606, 0x60B), (0x60D, 0x61A), (0x61C, 0x61E), (0x620, 0x63F), (0x641, 0x64A), (0x656, 0x66F), (0x671, 0x6DC), (0x6DE, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8E1), (0x8E3, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)],
        ["Cyrillic"] = [(0x400, 0x484), (0x487, 0x52F), (0x1C80, 0x1C88), (0x1D2B, 0x1D2B), (0x1D78, 0x1D78), (0x2DE0, 0x2DFF), (0xA640, 0xA69F), (0xFE2E, 0xFE2F)],
        ["Devanagari"] = [(0x900, 0x950), (0x955, 0x963), (0x966, 0x97F), (0xA8E0, 0xA8FF)],
        ["Greek"] = [(0x370, 0x373), (0x375, 0x377), (0x37A, 0x37D), (0x37F, 0x37F), (0x384, 0x384), (0x386, 0x386), (0x388, 0x3E1), (0x3F0, 0x3FF), (0x1D26, 0x1D2A), (0x1F00, 0x1FFE), (0x2126, 0x2126)],
        ["Han"] = [(0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF1), (0x20000, 0x2A6DF), (0x2A700, 0x2EBE0), (0x2F800, 0x2FA1D), (0x30000, 0x323AF)],
        ["Hangul"] = [(0x1100, 0x11FF), (0x302E, 0x302F), (0x3131, 0x318E), (0x3200, 0x321E), (0x3260, 0x327E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB), (0xFFA0, 0xFFDC)],
        ["Hebrew"] = [(0x591, 0x5C7), (0x5D0, 0x5EA), (0x5EF, 0x5F4), (0xFB1D, 0xFB4F)],
        ["Hiragana"] = [(0x3041, 0x3096), (0x309D, 0x309F), (0x1B001, 0x1B11F), (0x1F200, 0x1F200)],
        ["Katakana"] = [(0x30A1, 0x30FA), (0x30FD, 0x30FF), (0x31F0, 0x31FF), (0x32D0, 0x32FE), (0x3300, 0x3357), (0xFF66, 0xFF6F), (0xFF71, 0xFF9D), (0x1B000, 0x1B000)],
        ["Latin"] = [('A', 'Z'), ('a', 'z'), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2B8), (0x2E0, 0x2E4), (0x1D00, 0x1D25), (0x1D2C, 0x1D5C), (0x1D62, 0x1D65), (0x1D6B, 0x1D77), (0x1D79, 0x1DBE), (0x1E00, 0x1EFF), (0x2071, 0x2071), (0x207F, 0x207F), (0x2090, 0x209C), (0x212A, 0x212B), (0x2160, 0x2188), (0x2C60, 0x2C7F), (0xA722, 0xA787), (0xA78B, 0xA7FF), (0xAB30, 0xAB5A), (0xAB5C, 0xAB64), (0xFB00, 0xFB06), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)],
        ["Thai"] = [(0xE01, 0xE3A), (0xE40, 0xE5B)],
    };

    private readonly List<(int Low, int High)> ranges;
    private readonly bool negated;

    public ExpressionClass(IEnumerable<(int Low, int High)> ranges, bool negated)
    {
        this.ranges = Joined(ranges);
        this.negated = negated;
    }

    /// <summary>What stands in brackets; behind it afterwards.</summary>
    public static ExpressionClass Read(string text, ref int at)
    {
        var start = at++;
        var negated = at < text.Length && text[at] == '^';
        at += negated ? 1 : 0;
        var ranges = new List<(int Low, int High)>();
        for (var first = true; at >= text.Length || text[at] != ']' || first; first = false)
        {
            if (at >= text.Length)
            {
                throw ExpressionReader.Refused("missing closing ]", text[start..]);
            }

            var from = at;
            if ((PosixNamed(text, ref at) ?? (text[at] == '\\' ? Named(text, ref at) : null)) is { } named)
            {
                ranges.AddRange(named.negated ? Complement(named.ranges) : named.ranges);
                continue;
            }

            var low = One(text, start, ref at);
            var high = low;
            if (at + 1 < text.Length && text[at] == '-' && text[at + 1] != ']')
            {
                at++;
                high = One(text, start, ref at);
            }

            ranges.Add(low <= high ? (low, high) : throw ExpressionReader.Refused("invalid character class range", text[from..at]));
        }

        at++;
        return new ExpressionClass(ranges, negated);
    }

    /// <summary>\d, \pL, \p{Han} and the like, at a backslash; null when something else stands there.</summary>
    public static ExpressionClass? Named(string text, ref int at)
    {
        var letter = at + 1 < text.Length ? text[at + 1] : '\0';
        if (Letters.TryGetValue(char.ToLowerInvariant(letter), out var some))
        {
            at += 2;
            return new ExpressionClass(some, char.IsUpper(letter));
        }

        if (letter is not ('p' or 'P'))
        {
            return null;
        }

        var start = at;
        var end = at + 2 < text.Length && text[at + 2] == '{' ? text.IndexOf('}', at) : at + 2;
        if (end < 0 || end >= text.Length)
        {
            throw ExpressionReader.Refused("invalid character class range", text[start..]);
        }

        var name = end == at + 2 ? text.Substring(end, 1) : text[(at + 3)..end];
        var turned = name.StartsWith('^');
        at = end + 1;
        return Property(turned ? name[1..] : name) is { } found
            ? new ExpressionClass(found, letter == 'P' != turned)
            : throw ExpressionReader.Refused("invalid character class range", text[start..at]);
    }

    /// <summary>The one character that an escape stands for.</summary>
    public static int Escaped(string text, ref int at)
    {
        var start = at++;
        var letter = at < text.Length ? text[at++] : throw ExpressionReader.Refused("trailing backslash at end of expression", "");
        switch (letter)
        {
            case 'a':
                return '\a';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'v':
                return '\v';
            case 'x':
                return Hexadecimal(text, start, ref at);
            case >= '0' and <= '7' when letter == '0' || (at < text.Length && text[at] is >= '0' and <= '7'):
                var code = letter - '0';
                for (var i = 0; i < 2 && at < text.Length && text[at] is >= '0' and <= '7'; i++)
                {
                    code = (code * 8) + text[at++] - '0';
                }

                return code;
            default:
                return char.IsAscii(letter) && !char.IsAsciiLetterOrDigit(letter) ? letter : throw ExpressionReader.Refused("invalid escape sequence", text[start..at]);
        }
    }

    /// <summary>One character that stands for itself, as one part.</summary>
    public static void Write(int character, StringBuilder to)
    {
        if (character >= FirstPaired)
        {
            var pair = char.ConvertFromUtf32(character);
            to.Append(CultureInfo.InvariantCulture, $"(?:{Unit(pair[0])}{Unit(pair[1])})");
        }
        else if (char.IsAsciiLetterOrDigit((char)character))
        {
            to.Append((char)character);
        }
        else
        {
            to.Append(Unit(character));
        }
    }

    public void WriteTo(StringBuilder to)
    {
        var parts = new List<string>();
        var units = string.Concat(ranges.Where(r => r.Low < FirstPaired).Select(r => $"{Unit(r.Low)}-{Unit(Math.Min(r.High, FirstPaired - 1))}"));
        if (negated)
        {
            // Half a pair is no character.
            parts.Add($"[^{units}\\uD800-\\uDFFF]");
        }
        else if (units.Length > 0)
        {
            parts.Add($"[{units}]");
        }

        foreach (var (low, high) in (negated ? Complement(ranges) : ranges).Where(r => r.High >= FirstPaired))
        {
            Pairs(Math.Max(low, FirstPaired), high, parts);
        }

        to.Append(parts.Count == 0 ? @"[^\s\S]" : $"(?:{string.Join('|', parts)})");
    }

    private static void Pairs(int low, int high, List<string> parts)
    {
        var (first, last) = (char.ConvertFromUtf32(low), char.ConvertFromUtf32(high));
        if (first[0] == last[0])
        {
            parts.Add($"{Unit(first[0])}[{Unit(first[1])}-{Unit(last[1])}]");
            return;
        }

        parts.Add($"{Unit(first[0])}[{Unit(first[1])}-\\uDFFF]");
        if (last[0] - first[0] > 1)
        {
            parts.Add($"[{Unit(first[0] + 1)}-{Unit(last[0] - 1)}][\\uDC00-\\uDFFF]");
        }

        parts.Add($"{Unit(last[0])}[\\uDC00-{Unit(last[1])}]");
    }

    private static string Unit(int unit) => $"\\u{unit:X4}";

    private static int One(string text, int start, ref int at)
    {
        if (at >= text.Length)
        {
            throw ExpressionReader.Refused("missing closing ]", text[start..]);
        }

        if (text[at] == '\\')
        {
            return Escaped(text, ref at);
        }

        var rune = Rune.GetRuneAt(text, at);
        at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    private static ExpressionClass? PosixNamed(string text, ref int at)
    {
        if (string.CompareOrdinal(text, at, "[:", 0, 2) != 0 || text.IndexOf(":]", at + 2, StringComparison.Ordinal) is not (>= 0 and var end))
        {
            return null;
        }

        var name = text[(at + 2)..end];
        var turned = name.StartsWith('^');
        var found = Posix.TryGetValue(turned ? name[1..] : name, out var ranges) ? ranges : throw ExpressionReader.Refused("invalid character class range", text[at..(end + 2)]);
        at = end + 2;
        return new ExpressionClass(found, turned);
    }

    private static int Hexadecimal(string text, int start, ref int at)
    {
        var braced = at < text.Length && text[at] == '{';
        var end = braced ? text.IndexOf('}', at) : at + 2;
        var from = braced ? at + 1 : at;
        if (end >= from && end <= text.Length && end - from <= 8
            && int.TryParse(text.AsSpan(from, end - from), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && Rune.IsValid(code))
        {
            at = braced ? end + 1 : end;
            return code;
        }

        throw ExpressionReader.Refused("invalid escape sequence", text[start..Math.Min(text.Length, at + 1)]);
    }

    /// <summary>A script, or a general category by its one or two letters.</summary>
    private static IReadOnlyList<(int Low, int High)>? Property(string name)
    {
        if (Scripts.TryGetValue(name, out var script))
        {
            return script;
        }

        var wanted = Enumerable.Range(0, (int)UnicodeCategory.OtherNotAssigned).Where(c => Short((UnicodeCategory)c) is var of && (of == name || of[..1] == name)).ToHashSet();
        return wanted.Count == 0 ? null : Categories.GetOrAdd(name, _ => Joined(Enumerable.Range(0, LastCharacter + 1).Where(c => wanted.Contains((int)CharUnicodeInfo.GetUnicodeCategory(c))).Select(c => (c, c))));
    }

    private static string Short(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => "Lu",
        UnicodeCategory.LowercaseLetter => "Ll",
        UnicodeCategory.TitlecaseLetter => "Lt",
        UnicodeCategory.ModifierLetter => "Lm",
        UnicodeCategory.OtherLetter => "Lo",
        UnicodeCategory.NonSpacingMark => "Mn",
        UnicodeCategory.SpacingCombiningMark => "Mc",
        UnicodeCategory.EnclosingMark => "Me",
        UnicodeCategory.DecimalDigitNumber => "Nd",
        UnicodeCategory.LetterNumber => "Nl",
        UnicodeCategory.OtherNumber => "No",
        UnicodeCategory.SpaceSeparator => "Zs",
        UnicodeCategory.LineSeparator => "Zl",
        UnicodeCategory.ParagraphSeparator => "Zp",
        UnicodeCategory.Control => "Cc",
        UnicodeCategory.Format => "Cf",
        UnicodeCategory.Surrogate => "Cs",
        UnicodeCategory.PrivateUse => "Co",
        UnicodeCategory.ConnectorPunctuation => "Pc",
        UnicodeCategory.DashPunctuation => "Pd",
        UnicodeCategory.OpenPunctuation => "Ps",
        UnicodeCategory.ClosePunctuation => "Pe",
        UnicodeCategory.InitialQuotePunctuation => "Pi",
        UnicodeCategory.FinalQuotePunctuation => "Pf",
        UnicodeCategory.OtherPunctuation => "Po",
        UnicodeCategory.MathSymbol => "Sm",
        UnicodeCategory.CurrencySymbol => "Sc",
        UnicodeCategory.ModifierSymbol => "Sk",
        UnicodeCategory.OtherSymbol => "So",
        _ => "Cn",
    };

    private static List<(int Low, int High)> Joined(IEnumerable<(int Low, int High)> ranges)
    {
        var joined = new List<(int Low, int High)>();
        foreach (var range in ranges.OrderBy(r => r.Low))
        {
            if (joined.Count > 0 && range.Low <= joined[^1].High + 1)
            {
                joined[^1] = (joined[^1].Low, Math.Max(joined[^1].High, range.High));
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }

    private static List<(int Low, int High)> Complement(List<(int Low, int High)> ranges)
    {
        var rest = new List<(int Low, int High)>();
        var next = 0;
        foreach (var (low, high) in ranges)
        {
            if (low > next)
            {
                rest.Add((next, low - 1));
            }

            next = high + 1;
        }

        if (next <= LastCharacter)
        {
            rest.Add((next, LastCharacter));
        }

        return rest;
    }
}
