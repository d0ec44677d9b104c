using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>
/// A `like` pattern: % is any run of characters, _ any one, a backslash makes the next plain. The usual shapes (a beginning,
/// an end, a part, the whole) are compared as such; the rest by the classic two-pointer walk, whose time is bounded by
/// text × pattern, whatever the pattern.
/// </summary>
internal sealed class LikePattern
{
    private const char AnyRun = '\uFFFE';
    private const char AnyOne = '\uFFFF';
    private readonly string pattern;
    private readonly string plain;
    private readonly bool opens;
    private readonly bool closes;
    private readonly bool simple;

    public LikePattern(string source)
    {
        Source = source;
        var compiled = new StringBuilder(source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            var c = source[i];
            if (c == '\\')
            {
                compiled.Append(++i < source.Length ? source[i] : throw new FilterException("Invalid LIKE pattern: trailing backslash with nothing to escape"));
            }
            else if (c == '%')
            {
                if (compiled.Length == 0 || compiled[^1] != AnyRun)
                {
                    compiled.Append(AnyRun);
                }
            }
            else
            {
                compiled.Append(c == '_' ? AnyOne : c);
            }
        }

        pattern = compiled.ToString();
        opens = pattern.StartsWith(AnyRun);
        closes = pattern.Length > 1 ? pattern.EndsWith(AnyRun) : opens;
        plain = pattern.Trim(AnyRun);
        simple = plain.AsSpan().IndexOfAny(AnyRun, AnyOne) < 0;
    }

    public string Source { get; }

    /// <summary>What every matching text begins with; empty when nothing is known.</summary>
    public string Beginning => opens ? "" : pattern.AsSpan().IndexOfAny(AnyRun, AnyOne) is var end and >= 0 ? pattern[..end] : pattern;

    /// <summary>Whether beginning with <see cref="Beginning"/> is all it takes.</summary>
    public bool IsBeginning => simple && !opens && closes;

    /// <summary>The pattern of all texts that begin with this one, taken as it stands.</summary>
    public static LikePattern Prefix(string text) => new(text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal) + "%");

    public bool Matches(string text) => !simple ? Walk(text)
        : (opens, closes) switch
        {
            (true, true) => text.Contains(plain, StringComparison.Ordinal),
            (true, false) => text.EndsWith(plain, StringComparison.Ordinal),
            (false, true) => text.StartsWith(plain, StringComparison.Ordinal),
            (false, false) => text == plain,
        };

    private bool Walk(string text)
    {
        int t = 0, p = 0, star = -1, resume = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] != AnyRun && (pattern[p] == AnyOne || pattern[p] == text[t]))
            {
                // Any one character may be a pair of units.
                t += pattern[p] == AnyOne && char.IsHighSurrogate(text[t]) && t + 1 < text.Length ? 2 : 1;
                p++;
            }
            else if (p < pattern.Length && pattern[p] == AnyRun)
            {
                star = p++;
                resume = t;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == AnyRun)
        {
            p++;
        }

        return p == pattern.Length;
    }
}
