using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Demarc.Core.Charter;

/// <summary>
/// A time zone written out as a rule, as in <c>CET-1CEST,M3.5.0,M10.5.0/3</c>: the TZ string of POSIX.1-2024, chapter 8.3, with the hours from −167 to 167 that RFC 9636
/// allows. Both parties sign the rule itself, so both compute the same moments from it, whatever time zone database either machine has.
/// </summary>
public sealed record PosixZone
{
    private const int MaxLength = 80;
    private readonly Turn? start;
    private readonly Turn? end;

    private PosixZone(string text, TimeSpan standard, TimeSpan summer, Turn? start, Turn? end)
    {
        Text = text;
        Standard = standard;
        Summer = summer;
        this.start = start;
        this.end = end;
    }

    /// <summary>Coordinated universal time.</summary>
    public static PosixZone Utc { get; } = new("UTC0", TimeSpan.Zero, TimeSpan.Zero, null, null);

    /// <summary>What a rule must look like, for error messages.</summary>
    public const string Form = "a POSIX TZ string, as in UTC0, JST-9 or CET-1CEST,M3.5.0,M10.5.0/3 (the last line of a zone's file under /usr/share/zoneinfo)";

    /// <summary>The rule as it was written.</summary>
    public string Text { get; }

    /// <summary>What standard time is ahead of UTC.</summary>
    public TimeSpan Standard { get; }

    /// <summary>What summer time is ahead of UTC; the same as <see cref="Standard"/> where there is none.</summary>
    public TimeSpan Summer { get; }

    /// <summary>Reads a rule; false when it is none.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PosixZone? zone)
    {
        zone = null;
        if (text is not { Length: > 0 and <= MaxLength }) return false;
        var rest = text.AsSpan();
        if (!Name(ref rest) || !Offset(ref rest, 24, out var west)) return false;
        if (rest.IsEmpty)
        {
            zone = new PosixZone(text, -west, -west, null, null);
            return true;
        }

        if (!Name(ref rest)) return false;
        var summer = -west + TimeSpan.FromHours(1);
        if (!rest.IsEmpty && rest[0] != ',')
        {
            if (!Offset(ref rest, 24, out var summerWest)) return false;
            summer = -summerWest;
        }

        if (!Turn.TryParse(ref rest, out var start) || !Turn.TryParse(ref rest, out var end) || !rest.IsEmpty) return false;
        zone = new PosixZone(text, -west, summer, start, end);
        return true;
    }

    /// <summary>How far local time is ahead of UTC at a moment.</summary>
    public TimeSpan OffsetAt(DateTimeOffset at)
    {
        if (start is null || end is null) return Standard;

        // The turns are told in local time, so a moment near New Year may belong to the year of either side: the last turn before it counts.
        var (last, offset) = (DateTimeOffset.MinValue, Standard);
        var year = at.UtcDateTime.Year;
        for (var y = Math.Max(1, year - 1); y <= Math.Min(9998, year + 1); y++)
        {
            var (summer, winter) = (start.Moment(y, Standard), end.Moment(y, Summer));
            if (summer <= at && summer > last) (last, offset) = (summer, Summer);
            if (winter <= at && winter > last) (last, offset) = (winter, Standard);
        }

        return offset;
    }

    /// <summary>The date and time on a clock there.</summary>
    public DateTime Local(DateTimeOffset at) => at.UtcDateTime + OffsetAt(at);

    /// <summary>
    /// The moment at which a clock there shows a date and time. A time that the clock skips in spring is taken by the offset before the skip, so that it
    /// lies right after it; a time that it shows twice in autumn is the first of the two.
    /// </summary>
    public DateTimeOffset Moment(DateTime local)
    {
        var earlier = new DateTimeOffset(local.Ticks - Math.Max(Standard.Ticks, Summer.Ticks), TimeSpan.Zero);
        var later = new DateTimeOffset(local.Ticks - Math.Min(Standard.Ticks, Summer.Ticks), TimeSpan.Zero);
        if (Local(earlier) == local) return earlier;
        return Local(later) == local ? later : new DateTimeOffset(local.Ticks - OffsetAt(earlier).Ticks, TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    // Three or more letters, or anything of letters, digits and signs between angle brackets.
    private static bool Name(ref ReadOnlySpan<char> rest)
    {
        var quoted = !rest.IsEmpty && rest[0] == '<';
        var from = quoted ? 1 : 0;
        var to = from;
        while (to < rest.Length && (char.IsAsciiLetter(rest[to]) || (quoted && (char.IsAsciiDigit(rest[to]) || rest[to] is '+' or '-')))) to++;
        if (to - from is < 3 or > 16 || (quoted && (to == rest.Length || rest[to] != '>'))) return false;
        rest = rest[(quoted ? to + 1 : to)..];
        return true;
    }

    // [+-]hh[:mm[:ss]]
    private static bool Offset(ref ReadOnlySpan<char> rest, int mostHours, out TimeSpan offset)
    {
        offset = default;
        var negative = !rest.IsEmpty && rest[0] == '-';
        if (!rest.IsEmpty && rest[0] is '-' or '+') rest = rest[1..];
        if (!Number(ref rest, 0, mostHours, out var hours)) return false;
        var (minutes, seconds) = (0, 0);
        if (!rest.IsEmpty && rest[0] == ':')
        {
            rest = rest[1..];
            if (!Number(ref rest, 0, 59, out minutes)) return false;
            if (!rest.IsEmpty && rest[0] == ':')
            {
                rest = rest[1..];
                if (!Number(ref rest, 0, 59, out seconds)) return false;
            }
        }

        offset = new TimeSpan(hours, minutes, seconds) * (negative ? -1 : 1);
        return true;
    }

    private static bool Number(ref ReadOnlySpan<char> rest, int min, int max, out int number)
    {
        number = 0;
        var length = 0;
        while (length < rest.Length && length < 4 && char.IsAsciiDigit(rest[length])) length++;
        if (length == 0 || !int.TryParse(rest[..length], NumberStyles.None, CultureInfo.InvariantCulture, out number) || number < min || number > max) return false;
        rest = rest[length..];
        return true;
    }

    /// <summary>When the clocks turn, every year: <c>Mm.w.d</c>, <c>Jn</c> (1 to 365, no leap day) or <c>n</c> (0 to 365), at a time of day that need not lie in the day.</summary>
    private sealed record Turn(char Kind, int Month, int Week, int Day, TimeSpan Time)
    {
        public static bool TryParse(ref ReadOnlySpan<char> rest, [NotNullWhen(true)] out Turn? turn)
        {
            turn = null;
            if (rest.Length < 2 || rest[0] != ',') return false;
            rest = rest[1..];
            var kind = rest[0] is 'M' or 'J' ? rest[0] : 'N';
            if (kind != 'N') rest = rest[1..];
            int month = 0, week = 0, day;
            if (kind == 'M')
            {
                if (!Number(ref rest, 1, 12, out month) || !Dot(ref rest) || !Number(ref rest, 1, 5, out week) || !Dot(ref rest) || !Number(ref rest, 0, 6, out day)) return false;
            }
            else if (!Number(ref rest, kind == 'J' ? 1 : 0, 365, out day))
            {
                return false;
            }

            var time = TimeSpan.FromHours(2);
            if (!rest.IsEmpty && rest[0] == '/')
            {
                rest = rest[1..];
                if (!Offset(ref rest, 167, out time)) return false;
            }

            turn = new Turn(kind, month, week, day, time);
            return true;
        }

        public DateTimeOffset Moment(int year, TimeSpan offset) => new(Date(year).Ticks + Time.Ticks - offset.Ticks, TimeSpan.Zero);

        private DateTime Date(int year)
        {
            if (Kind == 'N') return new DateTime(year, 1, 1).AddDays(Day);
            if (Kind == 'J') return new DateTime(year, 1, 1).AddDays(Day - 1 + (DateTime.IsLeapYear(year) && Day >= 60 ? 1 : 0));
            var first = new DateTime(year, Month, 1);
            var date = first.AddDays((Day - (int)first.DayOfWeek + 7) % 7).AddDays((Week - 1) * 7);
            return date.Month == Month ? date : date.AddDays(-7);
        }

        private static bool Dot(ref ReadOnlySpan<char> rest)
        {
            if (rest.IsEmpty || rest[0] != '.') return false;
            rest = rest[1..];
            return true;
        }
    }
}
