using System.Runtime.CompilerServices;

namespace Demarc.Engine.Indexes;

/// <summary>
/// A hierarchical navigable small world graph (Malkov and Yashunin, arXiv 1603.09320). The lowest level, where nearly all
/// steps are taken, is one array of fixed-width rows; the few nodes that reach higher share a second one. A row ends at
/// its width or at the first -1.
/// </summary>
internal sealed class HnswGraph
{
    /// <summary>Highest level: with at least two links a node, 31 halvings leave one node of any segment.</summary>
    private const int MaxLevel = 31;

    private readonly AlignedArray<int> lowest;
    private readonly int[] upperAt;
    private readonly int[] upper;
    private int entry;

    public HnswGraph(int count, int links, ulong seed)
    {
        (Count, Links, LowestLinks) = (count, links, 2 * links);
        lowest = new AlignedArray<int>(count * LowestLinks);
        lowest.Span.Fill(-1);
        Levels = new byte[count];
        upperAt = new int[count];
        var room = 0;
        for (var node = 0; node < count; node++)
        {
            Levels[node] = LevelOf(node, links, seed);
            upperAt[node] = room;
            room += Levels[node] * links;
        }

        upper = new int[room];
        Array.Fill(upper, -1);
    }

    public int Count { get; }

    /// <summary>Links of a node on each upper level (M).</summary>
    public int Links { get; }

    /// <summary>Links of a node on the lowest level (2 M).</summary>
    public int LowestLinks { get; }

    /// <summary>The highest level of each node.</summary>
    public byte[] Levels { get; }

    /// <summary>Where searches begin, on the entry's own highest level.</summary>
    public int Entry
    {
        get => Volatile.Read(ref entry);
        set => Volatile.Write(ref entry, value);
    }

    public long Bytes => lowest.Bytes + ((long)(upper.Length + upperAt.Length) * sizeof(int)) + Levels.Length;

    public Span<int> LinksOf(int node, int level) =>
        level == 0 ? lowest.Span.Slice(node * LowestLinks, LowestLinks) : upper.AsSpan(upperAt[node] + ((level - 1) * Links), Links);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref int FirstLowest(int node) => ref lowest.At((nint)node * LowestLinks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchLowest(int node) => Cache.Prefetch(ref FirstLowest(node), LowestLinks * sizeof(int));

    public static int CountOf(ReadOnlySpan<int> links)
    {
        var end = links.IndexOf(-1);
        return end < 0 ? links.Length : end;
    }

    /// <summary>Exponentially fewer nodes per level; drawn from the seed and the node alone, so that threads do not change it.</summary>
    private static byte LevelOf(int node, int links, ulong seed)
    {
        var z = seed + (((ulong)node + 1) * 0x9E3779B97F4A7C15); // SplitMix64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        var uniform = ((z >> 11) + 1) * (1.0 / (1UL << 53));
        return (byte)Math.Min(MaxLevel, (int)(-Math.Log(uniform) / Math.Log(links)));
    }
}
