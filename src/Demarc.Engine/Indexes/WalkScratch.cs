using System.Runtime.CompilerServices;

namespace Demarc.Engine.Indexes;

/// <summary>
/// What one walk through a graph needs, kept per thread so that a search allocates nothing. Kept nodes are sorted keys: the
/// distance's bits in the upper half, ordered as the floats are, then the node, then whether it has been expanded.
/// </summary>
internal sealed class WalkScratch
{
    [ThreadStatic]
    private static WalkScratch? own;

    private ulong[] visited = [];

    /// <summary>The nearest nodes so far, nearest first.</summary>
    public ulong[] Pool { get; private set; } = [];

    public int PoolCount { get; set; }

    /// <summary>Nodes still to expand in a filtered walk: a binary heap, nearest at the root.</summary>
    public ulong[] Open { get; private set; } = [];

    public int OpenCount { get; set; }

    /// <summary>Unvisited neighbours of the node being expanded.</summary>
    public int[] Batch { get; } = new int[4096];

    public static WalkScratch Own => own ??= new WalkScratch();

    public void Begin(int nodes, int keep)
    {
        var words = (nodes + 63) >> 6;
        if (visited.Length < words)
        {
            visited = new ulong[words];
        }
        else
        {
            Array.Clear(visited, 0, words);
        }

        if (Pool.Length < keep + 1)
        {
            Pool = new ulong[keep + 1];
        }

        PoolCount = 0;
        OpenCount = 0;
    }

    /// <summary>Marks a node; false when it was marked before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Visit(int node)
    {
        ref var word = ref visited[node >> 6];
        var bit = 1UL << node;
        var first = (word & bit) == 0;
        word |= bit;
        return first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Key(float distance, int node)
    {
        var bits = BitConverter.SingleToInt32Bits(distance);
        var ordered = (uint)bits ^ ((uint)(bits >> 31) | 0x80000000u);
        return ((ulong)ordered << 32) | ((uint)node << 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Node(ulong key) => (int)((uint)key >> 1);

    public static float Distance(ulong key)
    {
        var ordered = (uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle(ordered ^ ((ordered >> 31) == 0 ? uint.MaxValue : 0x80000000u));
    }

    /// <summary>The distance above which nothing is kept any more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Bound(int keep) => PoolCount == keep ? Distance(Pool[keep - 1]) : float.PositiveInfinity;

    /// <summary>Puts a key in its place among at most <paramref name="keep"/>; gives the place, or keep when it is too far.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Insert(ulong key, int keep)
    {
        var pool = Pool;
        var count = PoolCount;
        if (count == keep && key >= pool[count - 1])
        {
            return keep;
        }

        int low = 0, high = count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (pool[middle] < key)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (count < keep)
        {
            PoolCount = ++count;
        }

        pool.AsSpan(low, count - 1 - low).CopyTo(pool.AsSpan(low + 1));
        pool[low] = key;
        return low;
    }

    public void Push(ulong key)
    {
        if (OpenCount == Open.Length)
        {
            var longer = new ulong[Math.Max(1024, 2 * OpenCount)];
            Open.CopyTo(longer, 0);
            Open = longer;
        }

        var i = OpenCount++;
        while (i > 0 && Open[(i - 1) >> 1] > key)
        {
            Open[i] = Open[(i - 1) >> 1];
            i = (i - 1) >> 1;
        }

        Open[i] = key;
    }

    public ulong Pop()
    {
        var nearest = Open[0];
        var last = Open[--OpenCount];
        var i = 0;
        while (true)
        {
            var child = (2 * i) + 1;
            if (child >= OpenCount)
            {
                break;
            }

            if (child + 1 < OpenCount && Open[child + 1] < Open[child])
            {
                child++;
            }

            if (Open[child] >= last)
            {
                break;
            }

            Open[i] = Open[child];
            i = child;
        }

        Open[i] = last;
        return nearest;
    }
}
