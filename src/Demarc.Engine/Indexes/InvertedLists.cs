using System.Runtime.CompilerServices;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Indexes;

/// <summary>Row numbers grouped by list: the rows of list i are those between its start and the next one's.</summary>
internal sealed class InvertedLists
{
    private readonly int[] starts;
    private readonly FlatMemory<int> rows;

    private InvertedLists(int[] starts, FlatMemory<int> rows) => (this.starts, this.rows) = (starts, rows);

    public int Count => starts.Length - 1;

    public long Bytes => rows.Bytes + ((long)starts.Length * sizeof(int));

    public static InvertedLists Group(ReadOnlySpan<int> listOfRow, int lists)
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
        var rows = new FlatMemory<int>(listOfRow.Length);
        for (var row = 0; row < rows.Length; row++)
        {
            rows[at[listOfRow[row]]++] = row;
        }

        return new InvertedLists(starts, rows);
    }

    public static InvertedLists ReadFrom(BlockFile from, bool copied, int lists)
    {
        var (starts, rows) = (from.Read<int>(BlockKind.Offsets, 0, lists + 1L), from.Take<int>(BlockKind.Rows, 0, copied));
        return IndexFile.Divides(starts, rows.Length) && IndexFile.Within(rows.Span, 0, (int)from.Identity.Rows - 1) ? new InvertedLists(starts, rows) : throw IndexFile.Unsound(from);
    }

    public void WriteTo(BlockWriter to)
    {
        to.Block<int>(BlockKind.Offsets, 0, starts);
        to.Block<int>(BlockKind.Rows, 0, rows.Span);
    }

    public ReadOnlySpan<int> this[int list] => rows.AsSpan(starts[list], starts[list + 1] - starts[list]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool May(ulong[]? mask, int row) => mask is null || (mask[row >> 6] >> row & 1) != 0;
}
