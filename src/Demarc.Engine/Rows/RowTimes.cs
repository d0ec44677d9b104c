using Demarc.Engine.Durability;

namespace Demarc.Engine.Rows;

/// <summary>
/// When the rows of a segment were written. Rows come in batches, so runs are kept: each begins at a row and lasts to the
/// next one's first. Only the writer adds, and a reader asks only for rows that were published after their run was.
/// </summary>
internal sealed class RowTimes
{
    private (int First, ulong Timestamp)[] runs = [];
    private int count;

    /// <summary>When the oldest row was written; the far future without rows.</summary>
    public ulong Oldest { get; private set; } = ulong.MaxValue;

    public void Add(int first, ulong timestamp)
    {
        if (count > 0 && runs[count - 1].Timestamp == timestamp)
        {
            return;
        }

        if (count == runs.Length)
        {
            var longer = new (int, ulong)[Math.Max(8, runs.Length * 2)];
            runs.CopyTo(longer, 0);
            Volatile.Write(ref runs, longer);
        }

        runs[count] = (first, timestamp);
        Volatile.Write(ref count, count + 1);
        Oldest = Math.Min(Oldest, timestamp);
    }

    public ulong Of(int row)
    {
        var seen = Volatile.Read(ref count);
        var all = Volatile.Read(ref runs).AsSpan(0, seen);
        var (low, high) = (0, seen - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = all[middle].First <= row ? (middle, high) : (low, middle - 1);
        }

        return seen == 0 ? 0 : all[low].Timestamp;
    }

    /// <summary>None of the rows from before a moment is left, so the next oldest counts.</summary>
    public void Forget(ulong before)
    {
        var oldest = ulong.MaxValue;
        foreach (var (_, timestamp) in Volatile.Read(ref runs).AsSpan(0, Volatile.Read(ref count)))
        {
            oldest = timestamp >= before ? Math.Min(oldest, timestamp) : oldest;
        }

        Oldest = oldest;
    }

    public void WriteTo(StoredSegment stored)
    {
        foreach (var (first, timestamp) in runs.AsSpan(0, count))
        {
            if (first < stored.RowCount)
            {
                stored.RunRows.Add(first);
                stored.RunTimestamps.Add(timestamp);
            }
        }
    }

    /// <param name="stored">What a manifest says.</param>
    /// <param name="otherwise">For a manifest from before times were kept.</param>
    public void ReadFrom(StoredSegment stored, ulong otherwise)
    {
        if (stored.RunRows.Count == 0)
        {
            Add(0, otherwise);
        }

        for (var i = 0; i < stored.RunRows.Count; i++)
        {
            Add(stored.RunRows[i], stored.RunTimestamps[i]);
        }
    }
}
