using System.Numerics;

namespace Demarc.Engine.Filters;

/// <summary>Goes over the rows of a set and takes out those that are decided against.</summary>
internal ref struct RowWalk(Span<ulong> rows)
{
    private readonly Span<ulong> rows = rows;
    private int word = -1;
    private ulong bits;

    public int Row { get; private set; }

    public bool Next()
    {
        while (bits == 0)
        {
            if (++word >= rows.Length)
            {
                return false;
            }

            bits = rows[word];
        }

        Row = (word << 6) + BitOperations.TrailingZeroCount(bits);
        bits &= bits - 1;
        return true;
    }

    public readonly void Decide(bool stays)
    {
        if (!stays)
        {
            rows[word] &= ~(1UL << (Row & 63));
        }
    }
}
