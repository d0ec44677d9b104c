using System.Collections.Immutable;
using System.Globalization;
using CsCheck;
using Demarc.Core.Charter;

namespace Demarc.Tests.Charter;

/// <summary>Zones as rules and windows in them, against the time zone database of the machine and across the turns of the clock.</summary>
public sealed class TimeWindowTests
{
    private const string Berlin = "CET-1CEST,M3.5.0,M10.5.0/3";

    [Theory]
    [InlineData("UTC0", "Etc/UTC")]
    [InlineData("JST-9", "Asia/Tokyo")]
    [InlineData("<+0545>-5:45", "Asia/Kathmandu")]
    [InlineData(Berlin, "Europe/Berlin")]
    [InlineData("EST5EDT,M3.2.0,M11.1.0", "America/New_York")]
    [InlineData("AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney")]
    [InlineData("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Australia/Lord_Howe")]
    [InlineData("NST3:30NDT,M3.2.0,M11.1.0", "America/St_Johns")]
    public void A_rule_gives_the_offsets_of_the_database(string rule, string name)
    {
        Assert.SkipUnless(TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone), $"this machine has no time zone database with {name}");
        Assert.True(PosixZone.TryParse(rule, out var posix));
        var from = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        for (var hours = 0.0; hours < 24 * 366 * 3; hours += 0.5)
        {
            var at = from.AddHours(hours);
            Assert.True(zone.GetUtcOffset(at) == posix.OffsetAt(at), $"{at:u}: {zone.GetUtcOffset(at)}, the rule gives {posix.OffsetAt(at)}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Europe/Berlin")]
    [InlineData("CE-1")]
    [InlineData("CET")]
    [InlineData("CET-25")]
    [InlineData("CET-1CEST")]
    [InlineData("CET-1CEST,M3.5.0")]
    [InlineData("CET-1CEST,M13.5.0,M10.5.0")]
    [InlineData("CET-1CEST,M3.6.0,M10.5.0")]
    [InlineData("CET-1CEST,M3.5.7,M10.5.0")]
    [InlineData("CET-1CEST,J0,J300")]
    [InlineData("CET-1CEST,M3.5.0/168,M10.5.0")]
    [InlineData("CET-1CEST,M3.5.0,M10.5.0 ")]
    [InlineData("<CET-1")]
    public void What_is_no_rule_is_refused(string text) => Assert.False(PosixZone.TryParse(text, out _));

    [Fact]
    public void Text_of_any_kind_is_read_or_refused_and_never_throws() =>
        Gen.String[Gen.Char["CETS<>+-,./:MJ0123456789"], 0, 40].Sample(text =>
        {
            if (PosixZone.TryParse(text, out var zone)) _ = zone.OffsetAt(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero));
        }, iter: 20_000);

    [Fact]
    public void Days_of_the_year_count_with_and_without_the_leap_day()
    {
        Assert.True(PosixZone.TryParse("XXX0YYY,J60/0,J300/0", out var julian));
        Assert.True(PosixZone.TryParse("XXX0YYY,59/0,300/0", out var plain));
        Assert.Equal(TimeSpan.Zero, julian.OffsetAt(At("2028-02-29T12:00Z")));
        Assert.Equal(TimeSpan.FromHours(1), julian.OffsetAt(At("2028-03-01T00:00Z")));
        Assert.Equal(TimeSpan.FromHours(1), plain.OffsetAt(At("2028-02-29T00:00Z")));
    }

    [Theory]
    [InlineData("2026-11-25T01:00Z", true)] // 02:00 in winter
    [InlineData("2026-11-25T00:59Z", false)]
    [InlineData("2026-11-25T03:59Z", true)]
    [InlineData("2026-11-25T04:00Z", false)]
    [InlineData("2026-06-24T00:00Z", true)] // 02:00 in summer
    [InlineData("2026-11-28T01:30Z", false)] // a Saturday
    [InlineData("2026-12-24T01:30Z", false)] // shut
    [InlineData("2027-01-04T01:30Z", true)]
    public void A_window_is_open_by_the_clock_of_its_zone(string at, bool open) => Assert.Equal(open, Nightly().IsOpen(At(at)));

    [Theory]
    [InlineData("2026-11-25T12:00Z", "2026-11-26T01:00Z")]
    [InlineData("2026-11-27T12:00Z", "2026-11-30T01:00Z")] // over the weekend
    [InlineData("2026-12-23T05:00Z", "2027-01-04T01:00Z")] // over the blackout, which ends on a Saturday
    [InlineData("2026-11-25T02:00Z", "2026-11-25T02:00Z")] // open now
    [InlineData("2026-03-27T12:00Z", "2026-03-30T00:00Z")] // over the turn to summer
    public void The_next_opening_is_found(string at, string opening) => Assert.Equal(At(opening), Nightly().NextOpening(At(at)));

    [Fact]
    public void Over_midnight_yesterdays_opening_counts()
    {
        var late = Window("UTC0", "22:00", 4, DayOfWeek.Friday);
        Assert.True(late.IsOpen(At("2026-11-28T01:59Z")));
        Assert.False(late.IsOpen(At("2026-11-28T02:00Z")));
        Assert.False(late.IsOpen(At("2026-11-27T01:00Z")));
        Assert.Equal(At("2026-11-28T02:00Z"), late.Closing(At("2026-11-27T23:00Z")));
    }

    /// <summary>02:30 does not exist on the last Sunday of March: the window opens when the clock has skipped it, and stays open its full time.</summary>
    [Fact]
    public void A_time_that_the_clock_skips_opens_right_after()
    {
        var window = Window(Berlin, "02:30", 2, DayOfWeek.Sunday);
        Assert.Equal(At("2026-03-29T01:30Z"), window.NextOpening(At("2026-03-28T12:00Z")));
        Assert.True(window.IsOpen(At("2026-03-29T03:29Z")));
        Assert.False(window.IsOpen(At("2026-03-29T03:30Z")));
    }

    /// <summary>02:30 comes twice on the last Sunday of October: the window opens at the first, once.</summary>
    [Fact]
    public void A_time_that_comes_twice_opens_once()
    {
        var window = Window(Berlin, "02:30", 1, DayOfWeek.Sunday);
        Assert.Equal(At("2026-10-25T00:30Z"), window.NextOpening(At("2026-10-24T12:00Z")));
        Assert.False(window.IsOpen(At("2026-10-25T01:30Z")));
        Assert.Equal(At("2026-11-01T01:30Z"), window.NextOpening(At("2026-10-25T01:30Z")));
    }

    [Fact]
    public void A_window_that_never_opens_says_so() =>
        Assert.Null((Nightly() with { Except = [new Blackout(new DateOnly(2026, 1, 1), new DateOnly(2099, 1, 1))] }).NextOpening(At("2026-11-25T12:00Z")));

    [Fact]
    public void The_next_opening_is_open_and_nothing_between_is() =>
        Gen.Select(Gen.Int[0, 86_400 * 400], Gen.Int[0, 23], Gen.Int[1, 24], Gen.Int[0, 127]).Sample((seconds, hour, length, days) =>
        {
            var week = Enum.GetValues<DayOfWeek>().Where(d => (days & (1 << (int)d)) != 0).ToImmutableSortedSet();
            var window = new TimeWindow(Zone(Berlin), week, new TimeOnly(hour, 15), TimeSpan.FromHours(length), []);
            var at = At("2026-01-01T00:00Z").AddSeconds(seconds);
            var opening = window.NextOpening(at);
            Assert.NotNull(opening);
            Assert.True(window.IsOpen(opening.Value));
            for (var between = at; between < opening; between += TimeSpan.FromMinutes(15)) Assert.False(window.IsOpen(between));
        }, iter: 300);

    private static TimeWindow Nightly() => new(
        Zone(Berlin),
        [DayOfWeek.Monday, DayOfWeek.Tuesday, DayOfWeek.Wednesday, DayOfWeek.Thursday, DayOfWeek.Friday],
        new TimeOnly(2, 0),
        TimeSpan.FromHours(3),
        [new Blackout(new DateOnly(2026, 12, 24), new DateOnly(2027, 1, 2))]);

    private static TimeWindow Window(string zone, string from, int hours, params DayOfWeek[] days) =>
        new(Zone(zone), [.. days], TimeOnly.Parse(from, CultureInfo.InvariantCulture), TimeSpan.FromHours(hours), []);

    private static PosixZone Zone(string text) => PosixZone.TryParse(text, out var zone) ? zone : throw new ArgumentException(text);

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
