namespace Demarc.Engine.Indexes;

/// <summary>How a graph is built.</summary>
/// <param name="Links">M: links of a node on upper levels; twice as many on the lowest.</param>
/// <param name="Construction">efConstruction: candidates looked at for a node's links.</param>
/// <param name="Seed">Draws the nodes' levels.</param>
/// <param name="Threads">With one thread the same rows and seed give the same graph.</param>
internal sealed record HnswPlan(int Links, int Construction, ulong Seed, int Threads);

/// <summary>
/// Builds a graph by inserting every row. Threads insert side by side: a node's links are changed under one of a set of
/// locks and read without one, since a reader that meets a list half changed meets valid nodes all the same.
/// </summary>
internal sealed class HnswBuilder<TSpace, TPoint>
    where TSpace : struct, ISpace<TPoint>
    where TPoint : struct, IPoint
{
    private const int Locks = 4096;

    /// <summary>Nodes that one thread inserts before it looks whether it should stop.</summary>
    private const int Stretch = 64;

    private readonly TSpace space;
    private readonly HnswPlan plan;
    private readonly HnswGraph graph;
    private readonly Lock[] locks = new Lock[Locks];
    private readonly Lock entryLock = new();
    private readonly Repeats? repeats;
    private int next;

    private HnswBuilder(TSpace space, int count, Repeats? repeats, HnswPlan plan)
    {
        (this.space, this.repeats, this.plan) = (space, repeats, plan);
        graph = new HnswGraph(count, plan.Links, plan.Seed);
        while (graph.Entry < count - 1 && repeats?.IsLeftOut(graph.Entry) == true)
        {
            graph.Entry++;
        }

        next = graph.Entry + 1;
        for (var i = 0; i < Locks; i++)
        {
            locks[i] = new Lock();
        }
    }

    public static HnswGraph Build(TSpace space, int count, Repeats? repeats, HnswPlan plan, CancellationToken cancel)
    {
        var builder = new HnswBuilder<TSpace, TPoint>(space, count, repeats, plan);
        if (plan.Threads <= 1 || count < 4 * Stretch)
        {
            builder.InsertAll(cancel);
        }
        else
        {
            // Threads of its own: a build takes seconds, and the pool's threads are for requests.
            var failures = new Exception?[plan.Threads];
            var threads = Enumerable.Range(0, plan.Threads).Select(i => BackgroundThread.Start("demarc-engine index", () =>
            {
                try
                {
                    builder.InsertAll(cancel);
                }
                catch (Exception e)
                {
                    failures[i] = e;
                }
            })).ToList();
            threads.ForEach(t => t.Join());
            cancel.ThrowIfCancellationRequested();
            if (Array.Find(failures, f => f is not null) is { } failure)
            {
                throw new InvalidOperationException("Building a graph failed.", failure);
            }
        }

        return builder.graph;
    }

    private void InsertAll(CancellationToken cancel)
    {
        var scratch = new BuildScratch(graph.LowestLinks);
        while (true)
        {
            var from = Interlocked.Add(ref next, Stretch) - Stretch;
            if (from >= graph.Count || cancel.IsCancellationRequested)
            {
                break;
            }

            for (var node = from; node < Math.Min(graph.Count, from + Stretch); node++)
            {
                if (repeats?.IsLeftOut(node) != true)
                {
                    Insert(node, scratch);
                }
            }
        }

        cancel.ThrowIfCancellationRequested();
    }

    private void Insert(int node, BuildScratch scratch)
    {
        int level = graph.Levels[node];
        var entry = graph.Entry;
        int top = graph.Levels[entry];
        if (level > top)
        {
            // A new highest node is rare; until it is linked nobody else may become one.
            lock (entryLock)
            {
                entry = graph.Entry;
                top = graph.Levels[entry];
                Link(node, entry, Math.Min(level, top), scratch);
                if (level > top)
                {
                    graph.Entry = node;
                }
            }
        }
        else
        {
            Link(node, entry, level, scratch);
        }
    }

    private void Link(int node, int entry, int level, BuildScratch scratch)
    {
        var point = space.At(node);
        var (nearest, distance) = HnswWalk.Descend(graph, point, entry, level);
        for (var at = level; at >= 0; at--)
        {
            HnswWalk.Level(graph, point, node, nearest, distance, at, plan.Construction, scratch.Walk);
            var found = scratch.Walk.Pool.AsSpan(0, scratch.Walk.PoolCount);
            var first = found[0];
            var kept = Choose(found, node, plan.Links, scratch.Chosen);
            lock (locks[node & (Locks - 1)])
            {
                var links = graph.LinksOf(node, at);
                // Others may have linked to this node already, once it was reachable on a level above.
                var count = HnswGraph.CountOf(links);
                for (var i = 0; i < kept && count < links.Length; i++)
                {
                    if (!links[..count].Contains(scratch.Chosen[i]))
                    {
                        links[count++] = scratch.Chosen[i];
                    }
                }
            }

            for (var i = 0; i < kept; i++)
            {
                LinkBack(scratch.Chosen[i], node, at, scratch);
            }

            (nearest, distance) = (WalkScratch.Node(first), WalkScratch.Distance(first));
        }
    }

    private void LinkBack(int from, int to, int level, BuildScratch scratch)
    {
        lock (locks[from & (Locks - 1)])
        {
            var links = graph.LinksOf(from, level);
            var count = HnswGraph.CountOf(links);
            if (links[..count].Contains(to))
            {
                return;
            }

            if (count < links.Length)
            {
                links[count] = to;
                return;
            }

            var point = space.At(from);
            var candidates = scratch.Candidates.AsSpan(0, count + 1);
            for (var i = 0; i < count; i++)
            {
                candidates[i] = WalkScratch.Key(point.To(links[i]), links[i]);
            }

            candidates[count] = WalkScratch.Key(point.To(to), to);
            candidates.Sort();
            var kept = Choose(candidates, from, links.Length, scratch.Back);
            for (var i = 0; i < links.Length; i++)
            {
                links[i] = i < kept ? scratch.Back[i] : -1;
            }
        }
    }

    /// <summary>
    /// The paper's heuristic: nearest first, and a candidate that is nearer to one already chosen than to the node itself
    /// is left out, because the walk reaches it through that one. So links point in different directions.
    /// </summary>
    private int Choose(ReadOnlySpan<ulong> sorted, int node, int most, int[] chosen)
    {
        var kept = 0;
        foreach (var key in sorted)
        {
            var candidate = WalkScratch.Node(key);
            if (candidate == node)
            {
                continue;
            }

            var distance = WalkScratch.Distance(key);
            var point = space.At(candidate);
            var good = true;
            for (var i = 0; i < kept && good; i++)
            {
                good = point.To(chosen[i], distance) >= distance;
            }

            if (good)
            {
                chosen[kept++] = candidate;
                if (kept == most)
                {
                    break;
                }
            }
        }

        return kept;
    }

    private sealed class BuildScratch(int links)
    {
        public WalkScratch Walk { get; } = new();

        public int[] Chosen { get; } = new int[links];

        public int[] Back { get; } = new int[links];

        public ulong[] Candidates { get; } = new ulong[links + 1];
    }
}
