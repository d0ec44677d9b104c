using System.Runtime.InteropServices;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Rows that are left out of a graph: nulls, which nobody may find, and all but a few of many equal rows. Equal rows would
/// link to each other only and become an island that a walk does not leave; so the rest of them hang on the first one as
/// a chain, and are found with it.
/// </summary>
internal sealed class Repeats
{
    /// <summary>Equal rows that stay in the graph: fewer than a node has links, so that others find room among them.</summary>
    private const int Few = 6;

    private readonly FlatMemory<int> next;
    private readonly ulong[] heads;

    private Repeats(ulong[] leftOut, FlatMemory<int> next, ulong[] heads, bool chained) =>
        (LeftOut, this.next, this.heads, Chained) = (leftOut, next, heads, chained);

    public delegate ReadOnlySpan<byte> RowBytes(int row);

    /// <summary>A bit per row that is not in the graph.</summary>
    public ulong[] LeftOut { get; }

    /// <summary>Whether any row hangs on another.</summary>
    public bool Chained { get; }

    public long Bytes => next.Bytes + ((LeftOut.Length + heads.Length) * sizeof(ulong));

    /// <summary>Null when every row belongs into the graph.</summary>
    /// <param name="rows">How many there are.</param>
    /// <param name="valid">A bit per row that is not null, or empty when none is.</param>
    /// <param name="bytes">What makes rows equal.</param>
    public static Repeats? Find(int rows, ReadOnlySpan<ulong> valid, RowBytes bytes)
    {
        var words = (rows + 63) >> 6;
        var (leftOut, heads, chain) = (new ulong[words], new ulong[words], new FlatMemory<int>(rows));
        var next = chain.Span;
        next.Fill(-1);
        var groups = new Dictionary<ulong, (int Head, int Count)>(rows);
        bool any = false, chained = false;
        for (var row = 0; row < rows; row++)
        {
            if (valid.Length > 0 && (valid[row >> 6] >> row & 1) == 0)
            {
                leftOut[row >> 6] |= 1UL << row;
                any = true;
                continue;
            }

            var content = bytes(row);
            ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(groups, Hash(content), out var known);
            if (!known)
            {
                group = (row, 1);
            }
            else if (content.SequenceEqual(bytes(group.Head)) && ++group.Count > Few)
            {
                (next[row], next[group.Head]) = (next[group.Head], row);
                heads[group.Head >> 6] |= 1UL << group.Head;
                leftOut[row >> 6] |= 1UL << row;
                any = chained = true;
            }
        }

        return any ? new Repeats(leftOut, chain, heads, chained) : null;
    }

    public static Repeats ReadFrom(BlockFile from, bool copied, int rows, bool chained)
    {
        var words = (rows + 63) >> 6;
        var next = from.Take<int>(BlockKind.Next, 0, copied, rows);
        return IndexFile.Within(next.Span, -1, rows - 1)
            ? new Repeats(from.Read<ulong>(BlockKind.LeftOut, 0, words), next, from.Read<ulong>(BlockKind.Heads, 0, words), chained)
            : throw IndexFile.Unsound(from);
    }

    public void WriteTo(BlockWriter to)
    {
        to.Block<ulong>(BlockKind.LeftOut, 0, LeftOut);
        to.Block<ulong>(BlockKind.Heads, 0, heads);
        to.Block<int>(BlockKind.Next, 0, next.Span);
    }

    public bool IsLeftOut(int row) => (LeftOut[row >> 6] >> row & 1) != 0;

    /// <summary>The next row of the same chain, or -1.</summary>
    public int After(int row) => next[row];

    /// <summary>The mask with each head let through, because what hangs on it may match when it does not.</summary>
    public ulong[] WithHeads(ulong[] mask)
    {
        var wider = mask.ToArray();
        for (var i = 0; i < heads.Length; i++)
        {
            wider[i] |= heads[i];
        }

        return wider;
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 0x9E3779B97F4A7C15UL ^ (ulong)bytes.Length;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            hash = (hash ^ word) * 0xFF51AFD7ED558CCDUL;
            hash ^= hash >> 32;
        }

        foreach (var one in bytes[(bytes.Length & ~7)..])
        {
            hash = (hash ^ one) * 0xC4CEB9FE1A85EC53UL;
        }

        return hash;
    }
}
