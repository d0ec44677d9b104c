namespace Demarc.Engine;

/// <summary>Wakes a thread that works behind the service's back, once however often it is rung before it looks; it looks once by itself at first.</summary>
internal sealed class Bell : IDisposable
{
    private readonly SemaphoreSlim rung = new(1, 1);

    public void Ring()
    {
        try
        {
            rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is about to look anyway.
        }
    }

    /// <summary>Waits until it is rung, or not longer than that; whether it was rung.</summary>
    public bool Wait(TimeSpan atMost, CancellationToken stop) => rung.Wait(atMost, stop);

    public void Dispose() => rung.Dispose();
}
