using System.Text;
using Demarc.Engine.Text;

namespace Demarc.Engine.Service;

/// <summary>
/// The parts of a text around the words that were looked for. Words that touch are shown as one. A part begins a little before
/// a word, is as long as asked, and takes in what words begin in it or right behind it, growing to their ends; the next
/// begins with the first word beyond. All in characters of Unicode.
/// </summary>
/// <param name="Lead">How many characters stand before a part's first word.</param>
/// <param name="Size">How long a part is, unless its words need more.</param>
/// <param name="Most">How many parts there are at most.</param>
/// <param name="Before">What stands before a part's words, in turn.</param>
/// <param name="After">What stands behind them.</param>
internal sealed record HighlightFragments(long Lead, long Size, long Most, IReadOnlyList<string> Before, IReadOnlyList<string> After)
{
    public List<string> Of(string text, IEnumerable<TextToken> words)
    {
        var runes = new List<int>();
        var places = new Dictionary<int, int>();
        int at = 0, bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            places[bytes] = runes.Count;
            runes.Add(at);
            at += rune.Utf16SequenceLength;
            bytes += rune.Utf8SequenceLength;
        }

        places[bytes] = runes.Count;
        runes.Add(at);
        var spans = Merged(words.Select(w => (From: places[w.Start], To: places[w.End])));
        var fragments = new List<string>();
        for (var next = 0; next < spans.Count && fragments.Count < Most;)
        {
            var first = next;
            var from = (int)Math.Max(0, spans[first].From - Lead);
            var to = (int)Math.Min(Math.Max(spans[first].To, from + Size), runes.Count - 1);
            for (next++; next < spans.Count && spans[next].From <= to; next++)
            {
                to = Math.Max(to, spans[next].To);
            }

            fragments.Add(Shown(text, runes, from, to, spans[first..next]));
        }

        return fragments;
    }

    private static List<(int From, int To)> Merged(IEnumerable<(int From, int To)> given)
    {
        var spans = new List<(int From, int To)>();
        foreach (var span in given.Order())
        {
            if (spans.Count == 0 || span.From > spans[^1].To)
            {
                spans.Add(span);
            }
            else if (span.To > spans[^1].To)
            {
                spans[^1] = (spans[^1].From, span.To);
            }
        }

        return spans;
    }

    private string Shown(string text, List<int> runes, int from, int to, List<(int From, int To)> spans)
    {
        var shown = new StringBuilder();
        var at = from;
        for (var i = 0; i < spans.Count; i++)
        {
            var (start, end) = spans[i];
            shown.Append(text, runes[at], runes[start] - runes[at]).Append(Before[i % Before.Count])
                .Append(text, runes[start], runes[end] - runes[start]).Append(After[i % After.Count]);
            at = end;
        }

        return shown.Append(text, runes[at], runes[to] - runes[at]).ToString();
    }
}
