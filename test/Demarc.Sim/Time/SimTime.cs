namespace Demarc.Sim;

/// <summary>The clock and the timers of one process. The monotonic clock is the loop's; the one on the wall may be off and may jump.</summary>
internal sealed class SimTime(SimLoop loop, SimProcess process) : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 11, 1, 8, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long GetTimestamp() => loop.Now.Ticks;

    public override DateTimeOffset GetUtcNow() => Epoch + loop.Now + process.Wall();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimTimer(loop, process, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }
}

/// <summary>A timer whose callback runs as a task of its process, in whatever order the die gives it.</summary>
internal sealed class SimTimer(SimLoop loop, SimProcess process, TimerCallback callback, object? state) : ITimer
{
    private TimeSpan every;
    private long armed;

    /// <summary>One setting of a timer; a later one makes it void.</summary>
    public sealed record Due(SimTimer Timer, TimeSpan At, long Setting);

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        armed++;
        every = period;
        if (dueTime != Timeout.InfiniteTimeSpan) loop.Arm(new Due(this, loop.Now + dueTime, armed));
        return true;
    }

    public void Fire(Due due)
    {
        if (due.Setting != armed || !process.IsAlive) return;
        new Task(() =>
        {
            if (due.Setting != armed) return;
            if (every > TimeSpan.Zero) Change(every, every);
            callback(state);
        }).Start(process);
    }

    public void Dispose() => armed++;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }
}
