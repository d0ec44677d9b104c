using System.Text;
using System.Text.RegularExpressions;

namespace Demarc.Engine.Text.Chinese;

/// <summary>
/// Cuts Chinese texts into words as jieba does: of all ways to cut a run into words of a list the likeliest is taken, and
/// what is left over in single characters is cut by how characters stand in words. A cut for searches gives the shorter words
/// within a word too.
/// </summary>
internal sealed partial class WordCutter
{
    private readonly WordList words;
    private readonly bool within;
    private readonly bool guesses;

    /// <param name="words">The words that are known.</param>
    /// <param name="within">Whether words of two and three characters within longer ones are given too.</param>
    /// <param name="guesses">Whether characters that make no known word are put together by how likely they do.</param>
    public WordCutter(WordList words, bool within, bool guesses) => (this.words, this.within, this.guesses) = (words, within, guesses);

    /// <summary>The list with words more, their counts chosen so that each is found as a whole.</summary>
    public static WordList With(WordList words, IEnumerable<string> added) => words.With(added, CountOf);

    private static long CountOf(WordList words, string word)
    {
        var total = Math.Log(words.Total);
        var likely = 0.0;
        foreach (var (from, to) in new WordCutter(words, within: false, guesses: false).Cut(word))
        {
            likely += Math.Log(words.Count(word.AsSpan(from, to - from)) ?? 1) - total;
        }

        var needed = Math.Exp(likely + total);
        return Math.Max((double.IsNaN(needed) ? 0 : (long)needed) + 1, words.Count(word) ?? 1);
    }

    /// <summary>The words of a text; a word's position and length are in characters.</summary>
    public List<TextToken> Tokens(string text)
    {
        var tokens = new List<TextToken>();
        int at = 0, bytes = 0, runes = 0;
        foreach (var (from, to) in Cut(text))
        {
            (bytes, runes, at) = (bytes + Encoding.UTF8.GetByteCount(text.AsSpan(at, from - at)), runes + Runes(text.AsSpan(at, from - at)), from);
            var word = text.AsSpan(from, to - from);
            if (within)
            {
                AddWithin(tokens, text, from, to, bytes, runes);
            }

            tokens.Add(new TextToken(word.ToString(), bytes, bytes + Encoding.UTF8.GetByteCount(word), runes, Runes(word)));
        }

        return tokens;
    }

    private void AddWithin(List<TextToken> tokens, string text, int from, int to, int bytes, int runes)
    {
        var starts = new List<int>();
        for (var i = from; i < to; i += char.IsHighSurrogate(text[i]) && i + 1 < to ? 2 : 1)
        {
            starts.Add(i);
        }

        starts.Add(to);
        for (var length = 2; length <= 3; length++)
        {
            for (var i = 0; i + length < starts.Count && starts.Count - 1 > length; i++)
            {
                var part = text.AsSpan(starts[i], starts[i + length] - starts[i]);
                if (words.Count(part) is not null)
                {
                    var start = bytes + Encoding.UTF8.GetByteCount(text.AsSpan(from, starts[i] - from));
                    tokens.Add(new TextToken(part.ToString(), start, start + Encoding.UTF8.GetByteCount(part), runes + i, length));
                }
            }
        }
    }

    private static int Runes(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    /// <summary>Where the words of a text begin and end, one after the other, nothing left out.</summary>
    private List<(int From, int To)> Cut(string text)
    {
        var cut = new List<(int From, int To)>();
        for (var at = 0; at < text.Length;)
        {
            var end = at;
            while (end < text.Length && Size(text, end) is var size && Belongs(text, end, size))
            {
                end += size;
            }

            if (end > at)
            {
                CutRun(text, at, end, cut);
                at = end;
            }
            else
            {
                var size = text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n' ? 2 : Size(text, at);
                cut.Add((at, at + size));
                at += size;
            }
        }

        return cut;
    }

    private static int Size(string text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    private static bool Belongs(string text, int at, int size) =>
        size == 2 ? Tokenizers.IsHan(new Rune(text[at], text[at + 1]))
        : char.IsAsciiLetterOrDigit(text[at]) || text[at] is '+' or '#' or '&' or '.' or '_' or '%' or '-' || (!char.IsSurrogate(text[at]) && Tokenizers.IsHan(new Rune(text[at])));

    private void CutRun(string text, int from, int to, List<(int From, int To)> cut)
    {
        var ends = LikeliestEnds(text, from, to);
        var open = -1;
        for (var at = from; at < to;)
        {
            var end = ends[at - from];
            var single = end - at == Size(text, at) && (guesses || char.IsAsciiLetterOrDigit(text[at]));
            if (single && open < 0)
            {
                open = at;
            }
            else if (!single)
            {
                Close(text, open, at, cut);
                open = -1;
                cut.Add((at, end));
            }

            at = end;
        }

        Close(text, open, to, cut);
    }

    /// <summary>For each place of a run, where the word ends that begins there in the likeliest cut of the rest.</summary>
    private int[] LikeliestEnds(string text, int from, int to)
    {
        var ends = new int[to - from + 1];
        var likely = new double[to - from + 1];
        var total = Math.Log(words.Total);
        var found = new List<(int Length, long Count)>();
        for (var at = to - 1; at >= from; at--)
        {
            if (char.IsLowSurrogate(text[at]))
            {
                continue;
            }

            words.BeginningsOf(text.AsSpan(at, to - at), found);
            if (found.Count == 0)
            {
                found.Add((Size(text, at), 1));
            }

            var best = double.NegativeInfinity;
            foreach (var (length, count) in found)
            {
                var sum = Math.Log(count) - total + likely[at - from + length];
                if (sum >= best || double.IsNaN(sum))
                {
                    (best, ends[at - from]) = (sum, at + length);
                }
            }

            likely[at - from] = best;
        }

        return ends;
    }

    /// <summary>What was gathered in single characters: a run of letters and digits, or characters that no word was found for.</summary>
    private void Close(string text, int from, int to, List<(int From, int To)> cut)
    {
        if (from < 0)
        {
            return;
        }

        if (!guesses || to - from == Size(text, from))
        {
            cut.Add((from, to));
        }
        else if (words.Count(text.AsSpan(from, to - from)) is not null)
        {
            for (var at = from; at < to; at += Size(text, at))
            {
                cut.Add((at, at + Size(text, at)));
            }
        }
        else
        {
            Guess(text, from, to, cut);
        }
    }

    private static void Guess(string text, int from, int to, List<(int From, int To)> cut)
    {
        var ends = new List<int>();
        for (var at = from; at < to;)
        {
            var end = at;
            while (end < to && IsGuessed(text[end]))
            {
                end++;
            }

            if (end > at)
            {
                ends.Clear();
                if (end - at == 1)
                {
                    ends.Add(1);
                }
                else
                {
                    LetterStates.Cut(text.AsSpan(at, end - at), ends);
                }

                var start = at;
                foreach (var stop in ends)
                {
                    cut.Add((start, at + stop));
                    start = at + stop;
                }

                if (start < end)
                {
                    cut.Add((start, end));
                }
            }
            else
            {
                while (end < to && !IsGuessed(text[end]))
                {
                    end++;
                }

                CutOther(text, at, end, cut);
            }

            at = end;
        }
    }

    private static bool IsGuessed(char letter) => letter is >= '\u4E00' and <= '\u9FD5';

    /// <summary>Letters and digits with a fraction and a percent sign are one word, and so is what stands between such words.</summary>
    private static void CutOther(string text, int from, int to, List<(int From, int To)> cut)
    {
        var at = from;
        foreach (var match in Alphanumeric().EnumerateMatches(text.AsSpan(from, to - from)))
        {
            if (from + match.Index > at)
            {
                cut.Add((at, from + match.Index));
            }

            at = from + match.Index + match.Length;
            cut.Add((from + match.Index, at));
        }

        if (at < to)
        {
            cut.Add((at, to));
        }
    }

    [GeneratedRegex("[a-zA-Z0-9]+(?:.[0-9]+)?%?", RegexOptions.CultureInvariant)]
    private static partial Regex Alphanumeric();
}
