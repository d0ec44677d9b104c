using System.Runtime.CompilerServices;

namespace Demarc.Engine.Indexes;

/// <summary>Row numbers grouped by list: the rows of list i are those between its start and the next one's.</summary>
internal sealed class InvertedLists
{
    private readonly int[] starts;
    private readonly int[] rows;

    private InvertedLists(int[] starts, int[] rows) => (this.starts, this.rows) = (starts, rows);

    public int Count => starts.Length - 1;

    public long Bytes => (long)(starts.Length + rows.Length) * sizeof(int);

    public static InvertedLists Group(int[] listOfRow, int lists)
    {
        var starts = new int[lists + 1];
        foreach (var list in listOfRow)
        {
            starts[list + 1]++;
        }

        for (var i = 0; i < lists; i++)
        {
            starts[i + 1] += starts[i];
        }

        var at = starts.ToArray();
        var rows = new int[listOfRow.Length];
        for (var row = 0; row < rows.Length; row++)
        {
            rows[at[listOfRow[row]]++] = row;
        }

        return new InvertedLists(starts, rows);
    }

    public ReadOnlySpan<int> this[int list] => rows.AsSpan(starts[list], starts[list + 1] - starts[list]);

    /// <summary>Lists in the order of their distances, nearest first.</summary>
    public static int[] Nearest(float[] distances)
    {
        var order = new int[distances.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(distances, order);
        return order;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool May(ulong[]? mask, int row) => mask is null || (mask[row >> 6] >> row & 1) != 0;
}
