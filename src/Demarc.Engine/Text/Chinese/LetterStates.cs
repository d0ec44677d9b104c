using System.Globalization;

namespace Demarc.Engine.Text.Chinese;

/// <summary>
/// Cuts runs of characters that no word list knows: each character begins a word, ends one, stands within one or alone, and
/// of all ways to say so the likeliest is taken (Viterbi's algorithm over the probabilities that come with jieba).
/// </summary>
internal static class LetterStates
{
    private const int States = 4;
    private const int Begin = 0;
    private const int End = 1;
    private const int Alone = 3;
    private const double Never = -3.14e100;

    // Which states may stand before each; in jieba's order, which decides between equals.
    private static readonly int[][] Before = [[1, 3], [0, 2], [2, 0], [3, 1]];

    private static readonly Lazy<Model> Shipped = new(Unpack);

    /// <summary>Where the words of a run of at least two characters end.</summary>
    public static void Cut(ReadOnlySpan<char> run, List<int> ends)
    {
        var model = Shipped.Value;
        var likely = new double[run.Length, States];
        var from = new int[run.Length, States];
        for (var state = 0; state < States; state++)
        {
            likely[0, state] = model.First[state] + model.Of(state, run[0]);
        }

        for (var i = 1; i < run.Length; i++)
        {
            for (var state = 0; state < States; state++)
            {
                var emitted = model.Of(state, run[i]);
                var (one, other) = (Before[state][0], Before[state][1]);
                var (byOne, byOther) = (likely[i - 1, one] + model.Next[one][state] + emitted, likely[i - 1, other] + model.Next[other][state] + emitted);
                (likely[i, state], from[i, state]) = byOther >= byOne ? (byOther, other) : (byOne, one);
            }
        }

        var path = new int[run.Length];
        path[^1] = likely[run.Length - 1, Alone] >= likely[run.Length - 1, End] ? Alone : End;
        for (var i = run.Length - 1; i > 0; i--)
        {
            path[i - 1] = from[i, path[i]];
        }

        for (var i = 0; i < run.Length; i++)
        {
            if (path[i] is End or Alone)
            {
                ends.Add(i + 1);
            }
        }
    }

    private static Model Unpack()
    {
        using var reader = WordList.Packed("states.br");
        var first = Numbers(reader.ReadLine()!);
        double[][] next = [.. Enumerable.Range(0, States).Select(_ => Numbers(reader.ReadLine()!))];
        Dictionary<char, double>[] emits = [.. Enumerable.Range(0, States).Select(_ => reader.ReadLine()!.Split(',').ToDictionary(p => p[0], p => double.Parse(p.AsSpan(2), CultureInfo.InvariantCulture)))];
        return new Model(first, next, emits);
    }

    private static double[] Numbers(string line) => [.. line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];

    /// <param name="First">How likely a run begins with each state, as a logarithm like all of these.</param>
    /// <param name="Next">How likely a state is followed by another.</param>
    /// <param name="Emits">How likely a state is met with a character.</param>
    private sealed record Model(double[] First, double[][] Next, Dictionary<char, double>[] Emits)
    {
        public double Of(int state, char letter) => Emits[state].GetValueOrDefault(letter, Never);
    }
}
