namespace Demarc.Plane.Agents;

/// <summary>
/// A value that many look at and few change. Whoever waits for the next one holds a task, not a place in a queue: ten changes while it was busy are one.
/// </summary>
public sealed class Watched<T>(T first)
{
    private readonly Lock gate = new();
    private Seen current = new(first);

    /// <summary>The value now, and when it is no longer the value.</summary>
    public Seen Current
    {
        get
        {
            lock (gate) return current;
        }
    }

    /// <summary>Replaces the value by what follows from it.</summary>
    public void Change(Func<T, T> next)
    {
        Seen before;
        lock (gate)
        {
            before = current;
            current = new Seen(next(before.Value));
        }

        before.Supersede();
    }

    /// <summary>A value as somebody saw it.</summary>
    public sealed class Seen
    {
        private readonly TaskCompletionSource superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Seen(T value) => Value = value;

        /// <summary>The value.</summary>
        public T Value { get; }

        /// <summary>Completes when there is a newer one.</summary>
        public Task Superseded => superseded.Task;

        internal void Supersede() => superseded.TrySetResult();
    }
}
