using System.Text;

namespace Demarc.Engine.Filters;

/// <summary>
/// A `like` pattern: % is any run of characters, _ any one, a backslash makes the next plain. Matching is the classic
/// two-pointer walk: time is bounded by text × pattern, whatever the pattern.
/// </summary>
internal sealed class LikePattern
{
    private const char AnyRun = '\uFFFE';
    private const char AnyOne = '\uFFFF';
    private readonly string pattern;

    public LikePattern(string source)
    {
        Source = source;
        var compiled = new StringBuilder(source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            var c = source[i];
            if (c == '\\' && i + 1 < source.Length)
            {
                compiled.Append(source[++i]);
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
    }

    public string Source { get; }

    public bool Matches(string text)
    {
        int t = 0, p = 0, star = -1, resume = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] != AnyRun && (pattern[p] == AnyOne || pattern[p] == text[t]))
            {
                t++;
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
