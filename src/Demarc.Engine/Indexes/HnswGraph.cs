using System.Runtime.CompilerServices;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;

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

    private readonly FlatMemory<int> lowest;
    private readonly FlatMemory<int> upperAt;
    private readonly FlatMemory<int> upper;
    private int entry;

    public HnswGraph(int count, int links, ulong seed)
    {
        (Count, Links, LowestLinks) = (count, links, 2 * links);
        lowest = new FlatMemory<int>(count * LowestLinks);
        lowest.Span.Fill(-1);
        Levels = new FlatMemory<byte>(count);
        upperAt = new FlatMemory<int>(count);
        var room = 0;
        for (var node = 0; node < count; node++)
        {
            Levels[node] = LevelOf(node, links, seed);
            upperAt[node] = room;
            room += Levels[node] * links;
        }

        upper = new FlatMemory<int>(room);
        upper.Span.Fill(-1);
    }

    private HnswGraph(BlockFile from, bool copied, int count, int links, int entry)
    {
        (Count, Links, LowestLinks, this.entry) = (count, links, 2 * links, entry);
        lowest = from.Take<int>(BlockKind.Links, 0, copied, (long)count * LowestLinks);
        Levels = from.Take<byte>(BlockKind.Levels, 0, copied, count);
        upperAt = from.Take<int>(BlockKind.UpperStarts, 0, copied, count);
        upper = from.Take<int>(BlockKind.UpperLinks, 0, copied);
        if (!IsSound())
        {
            throw IndexFile.Unsound(from);
        }
    }

    public int Count { get; }

    /// <summary>Links of a node on each upper level (M).</summary>
    public int Links { get; }

    /// <summary>Links of a node on the lowest level (2 M).</summary>
    public int LowestLinks { get; }

    /// <summary>The highest level of each node.</summary>
    public FlatMemory<byte> Levels { get; }

    /// <summary>Where searches begin, on the entry's own highest level.</summary>
    public int Entry
    {
        get => Volatile.Read(ref entry);
        set => Volatile.Write(ref entry, value);
    }

    public long Bytes => lowest.Bytes + upper.Bytes + upperAt.Bytes + Levels.Bytes;

    public Span<int> LinksOf(int node, int level) =>
        level == 0 ? lowest.AsSpan(node * LowestLinks, LowestLinks) : upper.AsSpan(upperAt[node] + ((level - 1) * Links), Links);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref int FirstLowest(int node) => ref lowest.At((nint)node * LowestLinks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchLowest(int node) => Cache.Prefetch(ref FirstLowest(node), LowestLinks * sizeof(int));

    public static HnswGraph ReadFrom(BlockFile from, bool copied, int count, int links, int entry) => new(from, copied, count, links, entry);

    public void WriteTo(BlockWriter to)
    {
        to.Block<int>(BlockKind.Links, 0, lowest.Span, page: true);
        to.Block<byte>(BlockKind.Levels, 0, Levels.Span);
        to.Block<int>(BlockKind.UpperStarts, 0, upperAt.Span);
        to.Block<int>(BlockKind.UpperLinks, 0, upper.Span);
    }

    public static int CountOf(ReadOnlySpan<int> links)
    {
        var end = links.IndexOf(-1);
        return end < 0 ? links.Length : end;
    }

    /// <summary>Whether every step that a walk can take ends at a node.</summary>
    private bool IsSound()
    {
        var sound = Count > 0 && entry >= 0 && entry < Count && Links >= 1 && IndexFile.Within(lowest.Span, -1, Count - 1) && IndexFile.Within(upper.Span, -1, Count - 1);
        var levels = Levels.Span;
        var starts = upperAt.Span;
        var room = 0;
        for (var node = 0; node < Count && sound; node++)
        {
            sound = starts[node] == room && levels[node] <= MaxLevel;
            room += levels[node] * Links;
        }

        sound &= room == upper.Length;

        // A link of an upper level has to lead to a node that reaches it.
        for (var node = 0; node < Count && sound; node++)
        {
            for (var level = 1; level <= levels[node] && sound; level++)
            {
                foreach (var next in LinksOf(node, level))
                {
                    sound &= next < 0 || levels[next] >= level;
                }
            }
        }

        return sound;
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
