using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Demarc.Engine.Text.Chinese;

/// <summary>
/// Words with how often they are met, asked for by what they begin with. The list that is shipped is one string of all its
/// words in order, some ten MiB, unpacked when the first analyzer needs it; words of an analyzer's own stand beside it.
/// </summary>
internal sealed class WordList
{
    private const int Letters = char.MaxValue + 1;

    private static readonly Lazy<WordList> Shipped = new(Unpack);

    private readonly string letters;
    private readonly int[] starts;
    private readonly int[] counts;
    private readonly int[] firsts = new int[Letters + 1];
    private readonly Dictionary<string, long> own;
    private int longestOwn;

    private WordList(string letters, int[] starts, int[] counts)
    {
        (this.letters, this.starts, this.counts, own) = (letters, starts, counts, []);
        foreach (var count in counts)
        {
            Total += count;
        }

        for (int letter = 0, word = 0; letter <= Letters; letter++)
        {
            while (word < counts.Length && letters[starts[word]] < letter)
            {
                word++;
            }

            firsts[letter] = word;
        }
    }

    private WordList(WordList shared)
    {
        (letters, starts, counts, firsts) = (shared.letters, shared.starts, shared.counts, shared.firsts);
        (own, longestOwn, Total) = (new Dictionary<string, long>(shared.own, StringComparer.Ordinal), shared.longestOwn, shared.Total);
    }

    /// <summary>A list without words.</summary>
    public static WordList Empty { get; } = new("", [0], []);

    /// <summary>The list that is shipped.</summary>
    public static WordList Default => Shipped.Value;

    /// <summary>The sum of all counts.</summary>
    public long Total { get; private set; }

    /// <summary>The same list with words more, or with other counts of words; each count is asked for when those before are in.</summary>
    public WordList With(IEnumerable<string> added, Func<WordList, string, long> countOf)
    {
        var list = new WordList(this);
        foreach (var word in added)
        {
            var count = countOf(list, word);
            list.Total += count - (list.Count(word) ?? 0);
            list.own[word] = count;
            list.longestOwn = Math.Max(list.longestOwn, word.Length);
        }

        return list;
    }

    /// <summary>How often a word is met; null if it is none of the list.</summary>
    public long? Count(ReadOnlySpan<char> word)
    {
        if (longestOwn > 0 && own.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out var count))
        {
            return count;
        }

        if (word.Length == 0)
        {
            return null;
        }

        var (low, high) = (firsts[word[0]], firsts[word[0] + 1]);
        for (var depth = 1; depth < word.Length && low < high; depth++)
        {
            (low, high) = Narrow(low, high, depth, word[depth]);
        }

        return low < high && Length(low) == word.Length ? counts[low] : null;
    }

    /// <summary>The lengths and counts of the words that a text begins with, shortest first.</summary>
    public void BeginningsOf(ReadOnlySpan<char> text, List<(int Length, long Count)> found)
    {
        found.Clear();
        var (low, high) = text.Length == 0 ? (0, 0) : (firsts[text[0]], firsts[text[0] + 1]);
        for (var length = 1; length <= text.Length && (low < high || length <= longestOwn); length++)
        {
            if (length > 1 && low < high)
            {
                (low, high) = Narrow(low, high, length - 1, text[length - 1]);
            }

            if (length <= longestOwn && own.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text[..length], out var count))
            {
                found.Add((length, count));
            }
            else if (low < high && Length(low) == length)
            {
                found.Add((length, counts[low]));
            }
        }
    }

    /// <summary>Of words that agree in so many letters, those that have this one next; a word that ends there stands before them.</summary>
    private (int Low, int High) Narrow(int low, int high, int depth, char letter) => (First(low, high, depth, letter), First(low, high, depth, letter + 1));

    private int First(int low, int high, int depth, int letter)
    {
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if ((Length(middle) > depth ? letters[starts[middle] + depth] : -1) < letter)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private int Length(int word) => starts[word + 1] - starts[word];

    private static WordList Unpack()
    {
        using var reader = Packed("words.br");
        var letters = new StringBuilder();
        List<int> starts = [], counts = [];
        while (reader.ReadLine() is { } line)
        {
            var gap = line.LastIndexOf(' ');
            starts.Add(letters.Length);
            letters.Append(line, 0, gap);
            counts.Add(int.Parse(line.AsSpan(gap + 1), CultureInfo.InvariantCulture));
        }

        starts.Add(letters.Length);
        return new WordList(letters.ToString(), [.. starts], [.. counts]);
    }

    /// <summary>A file of this folder, which the engine carries in itself.</summary>
    public static StreamReader Packed(string name) =>
        new(new BrotliStream(typeof(WordList).Assembly.GetManifestResourceStream("chinese/" + name)!, CompressionMode.Decompress), Encoding.UTF8);
}
