namespace Demarc.Tests.Steps;

/// <summary>The real clock, with waits and durations twenty times as fast: for tests on the real machine that wait for backoffs.</summary>
public sealed class SwiftTime : TimeProvider
{
    private const int Times = 20;

    public override long TimestampFrequency => System.TimestampFrequency / Times;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, Swift(dueTime), Swift(period));

    private static TimeSpan Swift(TimeSpan wait) => wait == Timeout.InfiniteTimeSpan ? wait : wait / Times;
}
