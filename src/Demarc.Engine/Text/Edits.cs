namespace Demarc.Engine.Text;

/// <summary>
/// How many characters have to be put in, taken out, exchanged or swapped with their neighbour to make one word of another
/// (optimal string alignment), as far as it matters.
/// </summary>
internal static class Edits
{
    /// <summary>More are never asked for; Milvus takes no more either.</summary>
    public const int Most = 2;

    public static bool Within(string one, string other, int most)
    {
        var (a, b) = (one.EnumerateRunes().ToArray(), other.EnumerateRunes().ToArray());
        if (Math.Abs(a.Length - b.Length) > most)
        {
            return false;
        }

        var (before, last, row) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            var least = row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
                }

                least = Math.Min(least, row[j]);
            }

            // A swap looks two rows back, so one row beyond the bound does not end it.
            if (least > most + 1)
            {
                return false;
            }

            (before, last, row) = (last, row, before);
        }

        return last[b.Length] <= most;
    }
}
