using System.Text;
using System.Text.Json;
using Demarc.Engine.Text.Chinese;

namespace Demarc.Engine.Text;

/// <summary>Makes a tokenizer of what `analyzer_params` say: its name, or an object with `type` and options.</summary>
internal static class TokenizerReader
{
    private static readonly Lazy<Func<string, List<TextToken>>> Usual = new(() => new WordCutter(WordList.Default, within: true, guesses: true).Tokens);

    /// <summary>Chinese as `jieba` cuts it without options: for searches, with guesses.</summary>
    public static List<TextToken> Chinese(string text) => Usual.Value(text);

    public static Func<string, List<TextToken>> Read(JsonElement given)
    {
        var options = given.ValueKind == JsonValueKind.Object;
        var name = options
            ? AnalyzerReader.Text(given.TryGetProperty("type", out var type) ? type : throw AnalyzerReader.Refuse("customized tokenizer must set type"), "tokenizer type should be string")
            : AnalyzerReader.Text(given, "tokenizer name should be string or dict");
        return name switch
        {
            "standard" => Tokenizers.Standard,
            "whitespace" => Tokenizers.Whitespace,
            "jieba" => options ? Jieba(given) : Chinese,
            "icu" => WordBreaks.Tokens,
            "ngram" => Ngrams(AnalyzerReader.Number(given, "min_gram"), AnalyzerReader.Number(given, "max_gram")),
            "char_group" => Tokenizers.Delimited(Delimiter(given)),
            _ => throw AnalyzerReader.Refuse($"unsupported tokenizer: {name}"),
        };
    }

    private static Func<string, List<TextToken>> Ngrams(int least, int most) =>
        least >= 1 && most >= least && most <= Limits.NgramLength
            ? Tokenizers.Ngrams(least, most)
            : throw AnalyzerReader.Refuse($"ngram tokenizer takes 1 <= min_gram <= max_gram <= {Limits.NgramLength}");

    private static Func<string, List<TextToken>> Jieba(JsonElement given)
    {
        var search = !given.TryGetProperty("mode", out var mode) || AnalyzerReader.Text(mode, "jieba tokenizer mode must be string") switch
        {
            "search" => true,
            "exact" => false,
            _ => throw AnalyzerReader.Refuse("jieba tokenizer mode must be \"exact\" or \"search\""),
        };
        var guesses = !given.TryGetProperty("hmm", out var hmm)
            || (hmm.ValueKind is JsonValueKind.True or JsonValueKind.False ? hmm.GetBoolean() : throw AnalyzerReader.Refuse("jieba tokenizer mode must be boolean"));
        if (given.TryGetProperty("extra_dict_file", out _))
        {
            throw AnalyzerReader.Refuse("jieba tokenizer: demarc-engine has no file resources, extra_dict_file cannot be read");
        }

        return new WordCutter(given.TryGetProperty("dict", out var dict) ? Words(dict) : WordList.Default, search, guesses).Tokens;
    }

    /// <summary>The words of an analyzer's own, beside the list that is shipped if it is named among them.</summary>
    private static WordList Words(JsonElement dict)
    {
        var own = AnalyzerReader.Texts(dict, "jieba tokenizer dict must be array", "jieba tokenizer dict item must be string");
        var shipped = own.Count(w => w is "_default_" or "_extend_default_");
        if (shipped > 1)
        {
            throw AnalyzerReader.Refuse("jieba tokenizer dict can only set one system dict");
        }

        if (own.Contains("_extend_default_"))
        {
            throw AnalyzerReader.Refuse("jieba tokenizer: demarc-engine has the list _default_, not _extend_default_");
        }

        own.RemoveAll(w => w is "" or "_default_");
        if (own.Count > Limits.OwnWords)
        {
            throw AnalyzerReader.Refuse($"jieba tokenizer dict has {own.Count} words, the limit is {Limits.OwnWords}");
        }

        return WordCutter.With(shipped == 0 ? WordList.Empty : WordList.Default, own);
    }

    private static Func<Rune, bool> Delimiter(JsonElement given)
    {
        if (given.ValueKind != JsonValueKind.Object || !given.TryGetProperty("delimiters", out var list))
        {
            throw AnalyzerReader.Refuse(given.ValueKind == JsonValueKind.Object ? "char group tokenizer delimiters can't be empty" : "char group tokenizer must be customized");
        }

        var runes = new HashSet<Rune>();
        var groups = new List<Func<Rune, bool>>();
        foreach (var delimiter in AnalyzerReader.Texts(list, "char group tokenizer delimiters must be a vector", "char group tokenizer delimiter in delimiters must be string"))
        {
            if (delimiter.EnumerateRunes().ToArray() is [var one])
            {
                runes.Add(one);
            }
            else
            {
                groups.Add(Group(delimiter));
            }
        }

        return rune => runes.Contains(rune) || groups.Any(group => group(rune));
    }

    private static Func<Rune, bool> Group(string name) => name switch
    {
        "whitespace" => Rune.IsWhiteSpace,
        "letter" => Rune.IsLetter,
        "digit" or "ascii_digit" => rune => rune.IsAscii && char.IsAsciiDigit((char)rune.Value),
        "punctuation" => Rune.IsPunctuation,
        "symbol" => Rune.IsSymbol,
        "ascii_whitespace" => rune => rune.Value is ' ' or '\t' or '\n' or '\f' or '\r',
        "ascii_letter" => rune => rune.IsAscii && char.IsAsciiLetter((char)rune.Value),
        "ascii_punctuation" => rune => rune.IsAscii && rune.Value > ' ' && rune.Value != 0x7F && !char.IsAsciiLetterOrDigit((char)rune.Value),
        _ => throw AnalyzerReader.Refuse($"{name} not a char or name of build-in char group"),
    };
}
