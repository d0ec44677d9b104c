using System.Runtime.InteropServices;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Text;

/// <summary>
/// For each word of one text column of one segment, the rows that have it and where in the text it stands. It grows with the
/// segment: whoever asks first for rows that are new analyses them. One gate, because asking is short and growing is rare.
/// </summary>
internal sealed class TextIndex(Analyzer analyzer)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Postings> words = new(StringComparer.Ordinal);
    private int covered;
    private long bytes;

    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>Marks the rows below <paramref name="rows"/> that have at least so many of the words, or of those that are so many edits away.</summary>
    public ulong[] Match(TextColumn column, int rows, IReadOnlyList<string> wanted, int least, int edits = 0)
    {
        var found = new ulong[(rows + 63) >> 6];
        lock (gate)
        {
            Grow(column, rows);
            if (edits > 0)
            {
                var near = wanted;
                wanted = [.. words.Keys.Where(word => near.Any(n => Edits.Within(word, n, edits)))];
            }

            if (least <= 1)
            {
                foreach (var word in wanted)
                {
                    if (words.TryGetValue(word, out var list))
                    {
                        Mark(list, rows, found);
                    }
                }

                return found;
            }

            var counts = new Dictionary<int, int>();
            foreach (var word in wanted)
            {
                foreach (var row in words.TryGetValue(word, out var list) ? CollectionsMarshal.AsSpan(list.Rows) : [])
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(counts, row, out _)++;
                }
            }

            foreach (var (row, count) in counts)
            {
                if (count >= least && row < rows)
                {
                    found[row >> 6] |= 1UL << (row & 63);
                }
            }
        }

        return found;
    }

    /// <summary>
    /// Marks the rows in which the words stand in the phrase's order, moved apart by no more than the slop in all: the
    /// distances of the words from their places in the phrase lie within it.
    /// </summary>
    public ulong[] Phrase(TextColumn column, int rows, IReadOnlyList<TextToken> phrase, int slop)
    {
        var found = new ulong[(rows + 63) >> 6];
        lock (gate)
        {
            Grow(column, rows);
            var lists = new Postings[phrase.Count];
            for (var i = 0; i < lists.Length; i++)
            {
                if (!words.TryGetValue(phrase[i].Text, out var list))
                {
                    return found;
                }

                lists[i] = list;
            }

            var rarest = lists.MinBy(l => l.Rows.Count)!;
            var places = new (int From, int To)[lists.Length];
            foreach (var row in rarest.Rows)
            {
                if (row < rows && Places(lists, row, places) && Within(lists, places, phrase, slop))
                {
                    found[row >> 6] |= 1UL << (row & 63);
                }
            }
        }

        return found;
    }

    private static bool Places(Postings[] lists, int row, (int From, int To)[] places)
    {
        for (var i = 0; i < lists.Length; i++)
        {
            var at = lists[i].Rows.BinarySearch(row);
            if (at < 0)
            {
                return false;
            }

            places[i] = (lists[i].Starts[at], at + 1 < lists[i].Starts.Count ? lists[i].Starts[at + 1] : lists[i].Positions.Count);
        }

        return true;
    }

    /// <summary>The smallest range that holds one shifted position of each word: the lowest is moved up until its list is through.</summary>
    private static bool Within(Postings[] lists, (int From, int To)[] places, IReadOnlyList<TextToken> phrase, int slop)
    {
        while (true)
        {
            var (low, lowest, highest) = (0, int.MaxValue, int.MinValue);
            for (var i = 0; i < lists.Length; i++)
            {
                var shifted = lists[i].Positions[places[i].From] - phrase[i].Position;
                highest = Math.Max(highest, shifted);
                if (shifted < lowest)
                {
                    (low, lowest) = (i, shifted);
                }
            }

            if (highest - lowest <= slop)
            {
                return true;
            }

            if (++places[low].From >= places[low].To)
            {
                return false;
            }
        }
    }

    private static void Mark(Postings list, int rows, ulong[] found)
    {
        foreach (var row in CollectionsMarshal.AsSpan(list.Rows))
        {
            if (row >= rows)
            {
                return;
            }

            found[row >> 6] |= 1UL << (row & 63);
        }
    }

    private void Grow(TextColumn column, int rows)
    {
        var texts = column.Values;
        var added = 0L;
        for (; covered < rows; covered++)
        {
            if (column.IsNull(covered))
            {
                continue;
            }

            foreach (var token in analyzer.Analyze(texts[covered]))
            {
                ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(words, token.Text, out var known);
                if (!known)
                {
                    list = new Postings();
                    added += 200 + (2L * token.Text.Length);
                }

                if (list!.Rows.Count == 0 || list.Rows[^1] != covered)
                {
                    list.Rows.Add(covered);
                    list.Starts.Add(list.Positions.Count);
                    added += 2 * sizeof(int);
                }

                list.Positions.Add(token.Position);
                added += sizeof(int);
            }
        }

        Volatile.Write(ref bytes, bytes + added);
    }

    /// <summary>Rows in ascending order, where the positions of each begin, and all positions.</summary>
    private sealed class Postings
    {
        public List<int> Rows { get; } = [];

        public List<int> Starts { get; } = [];

        public List<int> Positions { get; } = [];
    }
}
