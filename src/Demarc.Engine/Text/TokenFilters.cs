using System.Text;
using System.Text.RegularExpressions;

namespace Demarc.Engine.Text;

/// <summary>One step behind the tokenizer: what becomes of a word, which is nothing, one or several words.</summary>
internal delegate IEnumerable<string> TokenFilter(string word);

/// <summary>Milvus's token filters.</summary>
internal static class TokenFilters
{
    /// <summary>The words that `_english_` stands for.</summary>
    public static readonly string[] EnglishStopWords =
    [
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or",
        "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
    ];

    // Letters of Latin-1 and Latin Extended-A with what they fold to, the folded text first.
    private static readonly string[] Folds =
    [
        "A ÀÁÂÃÄÅĀĂĄ", "AE Æ", "C ÇĆĈĊČ", "D ÐĎĐ", "E ÈÉÊËĒĔĖĘĚ", "G ĜĞĠĢ", "H ĤĦ", "I ÌÍÎÏĨĪĬĮİ", "IJ Ĳ", "J Ĵ", "K Ķ", "L ĹĻĽĿŁ", "N ÑŃŅŇŊ", "O ÒÓÔÕÖØŌŎŐ", "OE Œ",
        "R ŔŖŘ", "S ŚŜŞŠ", "T ŢŤŦ", "TH Þ", "U ÙÚÛÜŨŪŬŮŰŲ", "W Ŵ", "Y ÝŶŸ", "Z ŹŻŽ",
        "a àáâãäåāăą", "ae æ", "c çćĉċč", "d ðďđ", "e èéêëēĕėęě", "g ĝğġģ", "h ĥħ", "i ìíîïĩīĭįı", "ij ĳ", "j ĵ", "k ķĸ", "l ĺļľŀł", "n ñńņňŉŋ", "o òóôõöøōŏő", "oe œ",
        "r ŕŗř", "s śŝşšſ", "ss ß", "t ţťŧ", "th þ", "u ùúûüũūŭůűų", "w ŵ", "y ýÿŷ", "z źżž",
    ];

    private static readonly Dictionary<char, string> FoldOf = Folds.Select(f => f.Split(' ')).SelectMany(f => f[1].Select(c => (c, f[0]))).ToDictionary(f => f.c, f => f.Item2);

    public static IEnumerable<string> Lowercase(string word) => [word.ToLowerInvariant()];

    public static IEnumerable<string> Fold(string word)
    {
        if (Ascii.IsValid(word))
        {
            return [word];
        }

        var folded = new StringBuilder(word.Length);
        foreach (var c in word)
        {
            folded.Append(FoldOf.TryGetValue(c, out var plain) ? plain : c.ToString());
        }

        return [folded.ToString()];
    }

    /// <summary>Keeps words of ASCII letters and digits only.</summary>
    public static IEnumerable<string> AlphanumericOnly(string word) => word.All(char.IsAsciiLetterOrDigit) ? [word] : [];

    /// <summary>Keeps words of Han characters only.</summary>
    public static IEnumerable<string> HanOnly(string word) => word.EnumerateRunes().All(Tokenizers.IsHan) ? [word] : [];

    /// <summary>Keeps words of Han characters, ASCII letters and digits only.</summary>
    public static IEnumerable<string> HanOrAlphanumericOnly(string word) =>
        word.EnumerateRunes().All(r => Tokenizers.IsHan(r) || (r.IsAscii && char.IsAsciiLetterOrDigit((char)r.Value))) ? [word] : [];

    /// <summary>Takes out words that have neither a letter nor a digit.</summary>
    public static IEnumerable<string> WithoutPunctuation(string word) => word.EnumerateRunes().Any(Tokenizers.IsAlphanumeric) ? [word] : [];

    public static TokenFilter Stop(IEnumerable<string> words)
    {
        var stopped = words.ToHashSet(StringComparer.Ordinal);
        return word => stopped.Contains(word) ? [] : [word];
    }

    /// <summary>Takes out words of more bytes than this.</summary>
    public static TokenFilter Length(int most) => word => Encoding.UTF8.GetByteCount(word) <= most ? [word] : [];

    /// <summary>Keeps words that match.</summary>
    public static TokenFilter Matching(Regex expression) => word => expression.IsMatch(word) ? [word] : [];

    /// <summary>Splits a word that is made up whole of words of the list; the longest first.</summary>
    public static TokenFilter Decompound(IReadOnlyCollection<string> words)
    {
        var known = words.Where(w => w.Length > 0).ToHashSet(StringComparer.Ordinal);
        var longest = known.Count == 0 ? 0 : known.Max(w => w.Length);
        return word =>
        {
            var parts = new List<string>();
            for (var at = 0; at < word.Length;)
            {
                var length = Math.Min(longest, word.Length - at);
                while (length > 0 && !known.Contains(word.Substring(at, length)))
                {
                    length--;
                }

                if (length == 0)
                {
                    return [word];
                }

                parts.Add(word.Substring(at, length));
                at += length;
            }

            return parts;
        };
    }
}
