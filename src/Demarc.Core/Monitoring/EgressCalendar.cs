namespace Demarc.Core.Monitoring;

/// <summary>
/// Which day's budget is spent. The wall clock says it as long as it goes along with the clock that never jumps; where the two part, the steady one
/// counts on, until a whole day has truly passed. So a clock that is set forward opens no new budget, and one that is set back does not open yesterday's.
/// A restart has only the wall clock to go by, and never returns to a day before the one it had counted.
/// </summary>
/// <param name="Day">The day that counts.</param>
/// <param name="Wall">What the wall clock said when it was last believed.</param>
/// <param name="Steady">What the steady clock said in that moment.</param>
/// <param name="Behind">Since when, on the steady clock, the day that counts is one that lies ahead; null when it does not.</param>
public sealed record EgressCalendar(DateOnly Day, DateTimeOffset Wall, TimeSpan Steady, TimeSpan? Behind)
{
    private static readonly TimeSpan WholeDay = TimeSpan.FromDays(1);

    /// <summary>Starts with the day that was counted last; null when nothing ever was.</summary>
    public static EgressCalendar Start(DateOnly? counted, DateTimeOffset wall, TimeSpan steady)
    {
        var today = DayOf(wall);
        return new EgressCalendar(counted > today ? counted.Value : today, wall, steady, null).Tell(wall, steady);
    }

    /// <summary>The calendar after both clocks were looked at.</summary>
    public EgressCalendar Tell(DateTimeOffset wall, TimeSpan steady)
    {
        var expected = Wall + (steady - Steady);
        var believed = (wall - expected).Duration() <= EgressLimits.Doubt;
        var next = this;
        if (!believed && steady - Steady >= WholeDay)
        {
            // Whatever the wall clock did, a day has passed since it was last believed: it is asked anew.
            next = next with { Wall = wall, Steady = steady };
            believed = true;
        }

        var today = DayOf(believed ? wall : expected);
        if (today > next.Day) return next with { Day = today, Behind = null, Wall = believed ? wall : next.Wall, Steady = believed ? steady : next.Steady };
        if (today == next.Day) return next.Behind is null ? next : next with { Behind = null };
        // The day that counts is still to come. It goes on counting until as much time has passed as a day has.
        if (next.Behind is not { } since) return next with { Behind = steady };
        return steady - since >= WholeDay ? next with { Day = today, Behind = null } : next;
    }

    private static DateOnly DayOf(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime);
}
