using System.Runtime.CompilerServices;

namespace Demarc.Engine.Indexes;

/// <summary>Walks through a graph towards a point. All of it works in the caller's scratch and allocates nothing.</summary>
internal static class HnswWalk
{
    /// <summary>From the entry down to the level above <paramref name="level"/>, always to the nearest neighbour.</summary>
    public static (int Node, float Distance) Descend<TPoint>(HnswGraph graph, TPoint point, int entry, int level)
        where TPoint : struct, IPoint
    {
        var nearest = entry;
        var distance = point.To(entry);
        for (int at = graph.Levels[entry]; at > level; at--)
        {
            for (var moved = true; moved;)
            {
                moved = false;
                foreach (var next in graph.LinksOf(nearest, at))
                {
                    if (next < 0)
                    {
                        break;
                    }

                    var candidate = point.To(next, distance);
                    if (candidate < distance)
                    {
                        (nearest, distance, moved) = (next, candidate, true);
                    }
                }
            }
        }

        return (nearest, distance);
    }

    /// <summary>Leaves the nearest <paramref name="keep"/> nodes that the walk finds in the scratch's pool.</summary>
    public static void Lowest<TPoint>(HnswGraph graph, TPoint point, int keep, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        var (entry, distance) = Descend(graph, point, graph.Entry, 0);
        scratch.Begin(graph.Count, keep);
        _ = scratch.Visit(entry);
        scratch.Insert(WalkScratch.Key(distance, entry), keep);
        var width = graph.LowestLinks;
        var batch = scratch.Batch;
        for (var at = 0; at < scratch.PoolCount;)
        {
            ref var key = ref scratch.Pool[at];
            if ((key & 1) != 0)
            {
                at++;
                continue;
            }

            key |= 1;
            var count = Gather(ref graph.FirstLowest(WalkScratch.Node(key)), width, point, scratch);
            if (at + 1 < scratch.PoolCount)
            {
                graph.PrefetchLowest(WalkScratch.Node(scratch.Pool[at + 1]));
            }

            var nearest = at + 1;
            for (var i = 0; i < count; i++)
            {
                nearest = Math.Min(nearest, scratch.Insert(WalkScratch.Key(point.To(batch[i], scratch.Bound(keep)), batch[i]), keep));
            }

            at = nearest;
        }
    }

    /// <summary>The same on any level of a graph that is being built; the node that is being inserted is not met, though others may have linked to it.</summary>
    public static void Level<TPoint>(HnswGraph graph, TPoint point, int inserted, int entry, float distance, int level, int keep, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        scratch.Begin(graph.Count, keep);
        _ = scratch.Visit(inserted);
        _ = scratch.Visit(entry);
        scratch.Insert(WalkScratch.Key(distance, entry), keep);
        var batch = scratch.Batch;
        for (var at = 0; at < scratch.PoolCount;)
        {
            ref var key = ref scratch.Pool[at];
            if ((key & 1) != 0)
            {
                at++;
                continue;
            }

            key |= 1;
            var links = graph.LinksOf(WalkScratch.Node(key), level);
            var count = Gather(ref links[0], links.Length, point, scratch);
            var nearest = at + 1;
            for (var i = 0; i < count; i++)
            {
                nearest = Math.Min(nearest, scratch.Insert(WalkScratch.Key(point.To(batch[i], scratch.Bound(keep)), batch[i]), keep));
            }

            at = nearest;
        }
    }

    /// <summary>
    /// Leaves the nearest nodes whose bit is set. Other nodes are walked through but not kept. Gives false, with the pool
    /// worthless, when more than <paramref name="budget"/> distances would be needed: then an exact scan is cheaper.
    /// </summary>
    public static bool Filtered<TPoint>(HnswGraph graph, TPoint point, int keep, ulong[] mask, int budget, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        var (entry, distance) = Descend(graph, point, graph.Entry, 0);
        scratch.Begin(graph.Count, keep);
        _ = scratch.Visit(entry);
        Meet(WalkScratch.Key(distance, entry), keep, mask, scratch);
        var batch = scratch.Batch;
        while (scratch.OpenCount > 0)
        {
            var key = scratch.Pop();
            if (scratch.PoolCount == keep && key > scratch.Pool[keep - 1])
            {
                break;
            }

            var count = Gather(ref graph.FirstLowest(WalkScratch.Node(key)), graph.LowestLinks, point, scratch);
            budget -= count;
            if (budget < 0)
            {
                return false;
            }

            if (scratch.OpenCount > 0)
            {
                graph.PrefetchLowest(WalkScratch.Node(scratch.Open[0]));
            }

            for (var i = 0; i < count; i++)
            {
                Meet(WalkScratch.Key(point.To(batch[i], scratch.Bound(keep)), batch[i]), keep, mask, scratch);
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Meet(ulong key, int keep, ulong[] mask, WalkScratch scratch)
    {
        if (scratch.PoolCount == keep && key >= scratch.Pool[keep - 1])
        {
            return;
        }

        scratch.Push(key);
        var node = WalkScratch.Node(key);
        if ((mask[node >> 6] >> node & 1) != 0)
        {
            scratch.Insert(key, keep);
        }
    }

    /// <summary>Collects a node's unvisited neighbours and asks for their rows, all before the first distance is taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Gather<TPoint>(ref int links, int width, TPoint point, WalkScratch scratch)
        where TPoint : struct, IPoint
    {
        var batch = scratch.Batch;
        var count = 0;
        for (var i = 0; i < width; i++)
        {
            var next = Unsafe.Add(ref links, i);
            if (next < 0)
            {
                break;
            }

            if (scratch.Visit(next))
            {
                point.Prefetch(next);
                batch[count++] = next;
            }
        }

        return count;
    }
}
