namespace Demarc.Agent.Agents;

/// <summary>
/// Wakes whoever waits for something to change. Take <see cref="Next"/> before looking at the state, then wait for it: what changes in between is
/// not missed. Its continuations run on the scheduler of the one who waits.
/// </summary>
public sealed class Signal
{
    private TaskCompletionSource source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends at the next <see cref="Raise"/>.</summary>
    public Task Next => source.Task;

    /// <summary>Wakes all that wait.</summary>
    public void Raise() =>
        Interlocked.Exchange(ref source, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Waits for any of the tasks, at most for a while. Throws only when cancelled.</summary>
    public static async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken stop, params Task[] any)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny([.. any, Task.Delay(atMost, time, over.Token)]);
        over.Cancel();
        stop.ThrowIfCancellationRequested();
    }
}
