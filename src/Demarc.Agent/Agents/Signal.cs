namespace Demarc.Agent.Agents;

/// <summary>
/// Wakes whoever waits for something to change. Take <see cref="Next"/> before looking at the state, then wait for it: what changes in between is
/// not missed. Its continuations run on the scheduler of the one who waits.
/// </summary>
public sealed class Signal
{
    private TaskCompletionSource source = new();

    /// <summary>Ends at the next <see cref="Raise"/>.</summary>
    public Task Next => source.Task;

    /// <summary>Wakes all that wait.</summary>
    public void Raise() =>
        Interlocked.Exchange(ref source, new TaskCompletionSource()).TrySetResult();

    /// <summary>Waits for any of the tasks, at most for a while. Throws only when cancelled.</summary>
    public static async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken stop, params Task[] any)
    {
        var over = new TaskCompletionSource();
        using var timer = time.CreateTimer(static state => ((TaskCompletionSource)state!).TrySetResult(), over, atMost, Timeout.InfiniteTimeSpan);
        using var cancelled = stop.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), over);
        // Not a Task.Delay that is cancelled: that would go on by way of the thread pool, off the scheduler.
        await Task.WhenAny([.. any, over.Task]);
        // Whoever raises is not run through by those who wait.
        await Task.Yield();
        stop.ThrowIfCancellationRequested();
    }
}
