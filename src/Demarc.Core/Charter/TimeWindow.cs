using System.Collections.Immutable;

namespace Demarc.Core.Charter;

/// <summary>Days on which a window stays shut, both included, by the calendar of the window's zone.</summary>
/// <param name="From">The first.</param>
/// <param name="To">The last.</param>
public readonly record struct Blackout(DateOnly From, DateOnly To)
{
    /// <summary>Whether a day is one of them.</summary>
    public bool Includes(DateOnly day) => day >= From && day <= To;

    /// <inheritdoc/>
    public override string ToString() => From == To ? $"{From:yyyy-MM-dd}" : $"{From:yyyy-MM-dd}..{To:yyyy-MM-dd}";
}

/// <summary>
/// When something may begin: on some days of the week, from a time of day on, for a while. It opens by the clock on the wall of its zone and stays open for
/// the full while, also when the clocks turn meanwhile; a day is judged by the date on which it opens.
/// </summary>
/// <param name="Zone">Whose clock.</param>
/// <param name="Days">On which days it opens; empty for every day.</param>
/// <param name="From">At which time of day.</param>
/// <param name="For">For how long; at most a day.</param>
/// <param name="Except">On which days it does not.</param>
public sealed record TimeWindow(PosixZone Zone, ImmutableSortedSet<DayOfWeek> Days, TimeOnly From, TimeSpan For, ImmutableArray<Blackout> Except)
{
    /// <summary>How far ahead an opening is looked for: a window that opens less than once in two years is never.</summary>
    private const int MostDaysAhead = 732;

    /// <summary>Whether it is open at a moment.</summary>
    public bool IsOpen(DateTimeOffset at) => OpeningAround(at) is not null;

    /// <summary>When it opens next: the moment itself when it is open; null when it does not within two years.</summary>
    public DateTimeOffset? NextOpening(DateTimeOffset at)
    {
        if (IsOpen(at)) return at;
        var today = DateOnly.FromDateTime(Zone.Local(at));
        for (var days = 0; days <= MostDaysAhead; days++)
        {
            if (Opening(today.AddDays(days)) is { } opening && opening >= at) return opening;
        }

        return null;
    }

    /// <summary>When it closes, for a moment at which it is open; null when it is not.</summary>
    public DateTimeOffset? Closing(DateTimeOffset at) => OpeningAround(at) + For;

    private DateTimeOffset? OpeningAround(DateTimeOffset at)
    {
        // Over midnight, it is yesterday's opening that counts; around a turn of the clocks, perhaps tomorrow's date.
        var today = DateOnly.FromDateTime(Zone.Local(at));
        for (var days = -2; days <= 1; days++)
        {
            if (Opening(today.AddDays(days)) is { } opening && opening <= at && at < opening + For) return opening;
        }

        return null;
    }

    private DateTimeOffset? Opening(DateOnly day)
    {
        if (!Days.IsEmpty && !Days.Contains(day.DayOfWeek)) return null;
        foreach (var blackout in Except)
        {
            if (blackout.Includes(day)) return null;
        }

        return Zone.Moment(day.ToDateTime(From));
    }
}
