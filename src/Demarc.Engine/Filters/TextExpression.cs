using System.Text.RegularExpressions;

namespace Demarc.Engine.Filters;

/// <summary>
/// A regular expression that finds its match anywhere in the text. The engine without backtracking is used: its time is
/// bounded by the text's length, whatever the expression. One without operators is looked for as it stands.
/// </summary>
internal sealed class TextExpression
{
    private readonly string plain;
    private readonly Regex? regex;

    public TextExpression(string pattern)
    {
        plain = pattern;
        if (ExpressionReader.IsPlain(pattern))
        {
            return;
        }

        if (pattern.Length > Limits.RegexLength)
        {
            throw new FilterException($"the regular expression has {pattern.Length} characters, the limit is {Limits.RegexLength}");
        }

        try
        {
            regex = new Regex(ExpressionReader.Translate(pattern), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw ExpressionReader.Refused("expression too large", pattern);
        }
    }

    public bool Matches(string text) => regex?.IsMatch(text) ?? text.Contains(plain, StringComparison.Ordinal);
}
