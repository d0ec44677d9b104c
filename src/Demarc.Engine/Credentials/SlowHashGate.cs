namespace Demarc.Engine.Credentials;

/// <summary>Where slow password hashes run: one at a time, whoever asks, and with only so many waiting, so that wrong passwords cannot take the processor.</summary>
internal sealed class SlowHashGate : IDisposable
{
    private readonly SemaphoreSlim one = new(1, 1);
    private int waiting;

    /// <summary>Does the work when its turn comes; turned away as busy when too many wait.</summary>
    public async Task<Login> RunAsync(Func<Task<Login>> work)
    {
        if (Interlocked.Increment(ref waiting) > Limits.WaitingLogins)
        {
            Interlocked.Decrement(ref waiting);
            return new Login(null, "too many login attempts wait, try again later", Busy: true);
        }

        try
        {
            await one.WaitAsync();
            try
            {
                return await work();
            }
            finally
            {
                one.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => one.Dispose();
}
