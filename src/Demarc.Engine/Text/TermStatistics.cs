using System.Runtime.InteropServices;

namespace Demarc.Engine.Text;

/// <summary>
/// What BM25 needs to know of one column of word counts: how many rows have a word, how many words each row has, how many in
/// all. The writer adds, readers ask; deleted rows count until compaction moves the others, as in Milvus.
/// </summary>
internal sealed class TermStatistics
{
    private readonly Lock gate = new();
    private readonly Dictionary<uint, int> rowsWith = [];
    private float[] lengths = [];
    private long rows;
    private double words;

    /// <summary>Words of each row; filled below any published row count.</summary>
    public float[] Lengths => Volatile.Read(ref lengths);

    public void Add(int row, ReadOnlySpan<uint> terms, ReadOnlySpan<float> counts)
    {
        var length = 0f;
        foreach (var count in counts)
        {
            length += count;
        }

        lock (gate)
        {
            if (lengths.Length <= row)
            {
                var longer = new float[Math.Max(row + 1, Math.Max(256, lengths.Length * 3 / 2))];
                lengths.CopyTo(longer, 0);
                Volatile.Write(ref lengths, longer);
            }

            lengths[row] = length;
            rows++;
            words += length;
            foreach (var term in terms)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(rowsWith, term, out _)++;
            }
        }
    }

    /// <summary>Rows and words of the column, and for each asked word how many rows have it, added to what is there.</summary>
    public void AddTo(ref long allRows, ref double allWords, IReadOnlyList<uint> asked, long[] having)
    {
        lock (gate)
        {
            allRows += rows;
            allWords += words;
            for (var i = 0; i < having.Length; i++)
            {
                having[i] += rowsWith.GetValueOrDefault(asked[i]);
            }
        }
    }
}
