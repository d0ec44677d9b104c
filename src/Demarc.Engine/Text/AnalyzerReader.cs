using System.Text.Json;
using System.Text.RegularExpressions;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Text;

/// <summary>
/// Makes an analyzer of `analyzer_params`: a built-in `type` with its options, or a `tokenizer` with `filter`s. What is not
/// known is refused, so that a text is never split otherwise than asked.
/// </summary>
internal static class AnalyzerReader
{
    public static Analyzer Read(string? parameters)
    {
        if (string.IsNullOrWhiteSpace(parameters))
        {
            return Analyzer.Standard;
        }

        try
        {
            using var document = JsonDocument.Parse(parameters, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            var root = document.RootElement;
            return root.ValueKind != JsonValueKind.Object ? throw Refuse("params should be a json map")
                : !root.EnumerateObject().Any() ? Analyzer.Standard
                : root.TryGetProperty("type", out var type) ? BuiltIn(root, Text(type, "analyzer type should be string"))
                : Custom(root);
        }
        catch (JsonException)
        {
            throw Refuse("params is not valid JSON");
        }
    }

    private static Analyzer BuiltIn(JsonElement root, string type)
    {
        foreach (var option in root.EnumerateObject().Where(o => o.Name is not ("type" or "stop_words")))
        {
            throw Refuse($"unknown analyzer option key: {option.Name}");
        }

        TokenFilter[] own = root.TryGetProperty("stop_words", out var words) ? [TokenFilters.Stop(StopWords(words))] : [];
        return type switch
        {
            "standard" => new Analyzer(Tokenizers.Standard, [TokenFilters.Lowercase, .. own]),
            "english" => new Analyzer(Tokenizers.Standard, [TokenFilters.Lowercase, EnglishStemmer.Filter, TokenFilters.Stop(TokenFilters.EnglishStopWords), .. own]),
            "chinese" => new Analyzer(TokenizerReader.Chinese, [TokenFilters.HanOrAlphanumericOnly, .. own]),
            _ => throw Refuse($"unknown build-in analyzer type: {type}"),
        };
    }

    private static Analyzer Custom(JsonElement root)
    {
        var filters = new List<TokenFilter>();
        foreach (var option in root.EnumerateObject())
        {
            switch (option.Name)
            {
                case "tokenizer":
                    break;
                case "filter":
                    if (option.Value.ValueKind != JsonValueKind.Array)
                    {
                        throw Refuse("filter params should be array");
                    }

                    filters.AddRange(option.Value.EnumerateArray().Select(Filter));
                    break;
                default:
                    throw Refuse($"unknown analyzer option key: {option.Name}");
            }
        }

        return root.TryGetProperty("tokenizer", out var tokenizer) ? new Analyzer(TokenizerReader.Read(tokenizer), filters) : throw Refuse("tokenizer name or type must be set");
    }

    private static TokenFilter Filter(JsonElement given)
    {
        if (given.ValueKind == JsonValueKind.String)
        {
            var name = given.GetString()!;
            return name switch
            {
                "lowercase" => TokenFilters.Lowercase,
                "asciifolding" => TokenFilters.Fold,
                "alphanumonly" => TokenFilters.AlphanumericOnly,
                "cncharonly" => TokenFilters.HanOnly,
                "cnalphanumonly" => TokenFilters.HanOrAlphanumericOnly,
                "removepunct" => TokenFilters.WithoutPunctuation,
                _ => throw Refuse($"build analyzer failed, filter not found :{name}"),
            };
        }

        if (given.ValueKind != JsonValueKind.Object || !given.TryGetProperty("type", out var type))
        {
            throw Refuse("no type field in filter params");
        }

        var kind = Text(type, "filter type should be string");
        return kind switch
        {
            "length" => TokenFilters.Length(Number(given, "max")),
            "stop" => TokenFilters.Stop(StopWords(given.TryGetProperty("stop_words", out var words) ? words : default)),
            "decompounder" => TokenFilters.Decompound(Texts(given.TryGetProperty("word_list", out var list) ? list : default, "decompounder word list should be array")),
            "stemmer" => given.TryGetProperty("language", out var language) && language.ValueKind == JsonValueKind.String && language.GetString()!.Equals("english", StringComparison.OrdinalIgnoreCase)
                ? EnglishStemmer.Filter
                : throw Refuse($"unsupported language for stemmer: {language}; demarc-engine has english"),
            "regex" => TokenFilters.Matching(Expression(given.TryGetProperty("expr", out var expression) ? Text(expression, "regex filter expr should be string") : throw Refuse("regex filter needs expr"))),
            _ => throw Refuse($"unsupport filter type: {kind}"),
        };
    }

    private static Regex Expression(string text)
    {
        try
        {
            return text.Length <= Limits.RegexLength
                ? new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)
                : throw Refuse($"the regular expression has {text.Length} characters, the limit is {Limits.RegexLength}");
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Refuse($"invalid regex: {text}");
        }
    }

    /// <summary>Words as given; `_english_` stands for its list.</summary>
    private static IEnumerable<string> StopWords(JsonElement list) =>
        Texts(list, "filter stop_words should be array").SelectMany(word => word == "_english_" ? TokenFilters.EnglishStopWords : [word]);

    public static List<string> Texts(JsonElement list, string otherwise, string? itemOtherwise = null) =>
        list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(item => Text(item, itemOtherwise ?? otherwise))] : throw Refuse(otherwise);

    public static string Text(JsonElement value, string otherwise) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Refuse(otherwise);

    public static int Number(JsonElement given, string name) =>
        given.ValueKind == JsonValueKind.Object && given.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0
            ? number
            : throw Refuse($"{name} param was none or not uint");

    public static Fault Refuse(string why) => Faults.Invalid($"build analyzer failed: {why}");
}
