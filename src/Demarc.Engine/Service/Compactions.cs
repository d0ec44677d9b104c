namespace Demarc.Engine.Service;

/// <summary>What the latest compactions did, for clients that ask how one they started went. One runs to its end before it is answered.</summary>
internal sealed class Compactions
{
    private readonly Lock gate = new();
    private readonly Queue<long> order = new();
    private readonly Dictionary<long, IReadOnlyList<(long Source, long Target)>> done = [];

    public void Add(long id, IReadOnlyList<(long Source, long Target)> plans)
    {
        lock (gate)
        {
            done[id] = plans;
            order.Enqueue(id);
            if (order.Count > Limits.RememberedCompactions)
            {
                done.Remove(order.Dequeue());
            }
        }
    }

    /// <summary>Empty for one that is not known any more, or never was.</summary>
    public IReadOnlyList<(long Source, long Target)> Find(long id)
    {
        lock (gate)
        {
            return done.GetValueOrDefault(id) ?? [];
        }
    }
}
