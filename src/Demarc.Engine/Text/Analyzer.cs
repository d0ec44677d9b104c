namespace Demarc.Engine.Text;

/// <summary>A tokenizer and the filters behind it. Holds no state, so that one serves all threads.</summary>
internal sealed class Analyzer(Func<string, List<TextToken>> tokenizer, IReadOnlyList<TokenFilter> filters)
{
    public static readonly Analyzer Standard = new(Tokenizers.Standard, [TokenFilters.Lowercase]);

    public List<TextToken> Analyze(string text)
    {
        var tokens = tokenizer(text);
        foreach (var filter in filters)
        {
            var passed = new List<TextToken>(tokens.Count);
            foreach (var token in tokens)
            {
                foreach (var word in filter(token.Text))
                {
                    passed.Add(token with { Text = word });
                }
            }

            tokens = passed;
        }

        return tokens;
    }
}
