namespace Demarc.Tests.Engine;

/// <summary>A clock that goes on by a millisecond each time it is asked, so that a run is the same every time.</summary>
internal sealed class TickingTime : TimeProvider
{
    private long ticks = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).UtcTicks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Add(ref ticks, TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
