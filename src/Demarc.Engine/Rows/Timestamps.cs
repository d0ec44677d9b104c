using System.Globalization;
using System.Text.RegularExpressions;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>
/// Points in time as clients write and read them (a date, a time of day and an offset; without one a time zone says which is
/// meant) and as columns hold them (microseconds since 1970 in UTC).
/// </summary>
internal static partial class Timestamps
{
    // Milvus's calendar begins with the year 0, .NET's with the year 1: years of the same course 400 years later stand in.
    private const int Cycle = 400;
    private const long CycleTicks = 146_097 * TimeSpan.TicksPerDay;
    private static readonly long YearOne = (DateTime.MinValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private static readonly TimeSpan LeastOffset = TimeSpan.FromHours(-12);
    private static readonly TimeSpan MostOffset = TimeSpan.FromHours(14);

    /// <summary>Reads the spellings that Milvus reads, no others: seconds are always written, offsets lie within those in use.</summary>
    public static bool TryParse(string text, TimeZoneInfo zone, out long microseconds)
    {
        microseconds = 0;
        var match = Form().Match(text);
        var offset = match.Groups["offset"];
        var day = match.Groups["day"].Value;
        var early = day.StartsWith("0000", StringComparison.Ordinal);
        if (!match.Success || (offset.Length == 3 && match.Groups["between"].Value == "T")
            || !DateTime.TryParseExact($"{(early ? Cycle.ToString("D4", CultureInfo.InvariantCulture) + day[4..] : day)} {match.Groups["time"].Value}", "yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            return false;
        }

        var ahead = offset.Length == 0 ? OffsetAt(zone, local) : Offset(offset.Value);
        var fraction = match.Groups["fraction"].Value;
        microseconds = ((local.Ticks - (early ? CycleTicks : 0) - DateTime.UnixEpoch.Ticks - ahead.Ticks) / TimeSpan.TicksPerMicrosecond) + long.Parse(fraction.PadRight(6, '0')[..6], CultureInfo.InvariantCulture);
        return ahead >= LeastOffset && ahead <= MostOffset && InRange(microseconds);
    }

    /// <summary>The zone of that name, or null; names are those of the IANA database.</summary>
    public static TimeZoneInfo? Zone(string name) => ZoneName().IsMatch(name) && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;

    public static string Format(long microseconds, TimeZoneInfo zone)
    {
        var early = microseconds < YearOne;
        var utc = new DateTime(DateTime.UnixEpoch.Ticks + (microseconds * TimeSpan.TicksPerMicrosecond) + (early ? CycleTicks : 0), DateTimeKind.Utc);
        var ahead = zone.GetUtcOffset(utc);
        var ticks = utc.Ticks + ahead.Ticks;
        if (ticks < (early ? new DateTime(Cycle, 1, 1) : DateTime.MinValue).Ticks || ticks > DateTime.MaxValue.Ticks)
        {
            (ahead, ticks) = (TimeSpan.Zero, utc.Ticks); // Beyond the calendar there.
        }

        var local = new DateTime(ticks, DateTimeKind.Unspecified);
        var shown = (local.Year - (early ? Cycle : 0)).ToString("D4", CultureInfo.InvariantCulture) + local.ToString("-MM-dd'T'HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture);
        return ahead == TimeSpan.Zero ? shown + "Z" : shown + (ahead < TimeSpan.Zero ? "-" : "+") + ahead.ToString(@"hh\:mm", CultureInfo.InvariantCulture);
    }

    /// <summary>Whether a number of microseconds is a time that can be written out (the years 0 to 9999).</summary>
    public static bool InRange(long microseconds) =>
        microseconds >= YearOne - (366 * TimeSpan.TicksPerDay / TimeSpan.TicksPerMicrosecond)
        && microseconds <= (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>A column for an answer: times become text, everything else stays as it is.</summary>
    public static FieldData ForAnswer(FieldData column, TimeZoneInfo zone)
    {
        if (column.Type != DataType.Timestamptz || column.FieldCase != FieldData.FieldOneofCase.Scalars || column.Scalars.DataCase != ScalarField.DataOneofCase.TimestamptzData)
        {
            return column;
        }

        var texts = new StringArray();
        texts.Data.Add(column.Scalars.TimestamptzData.Data.Select(t => Format(t, zone)));
        column.Scalars.StringData = texts;
        return column;
    }

    /// <summary>A length of time in ISO 8601: years and months follow the calendar, the rest is exact.</summary>
    public static bool TryParseInterval(string text, out Interval interval)
    {
        var match = IntervalForm().Match(text);
        interval = default;
        if (!match.Success || match.Groups.Values.Skip(1).All(g => !g.Success) || text.EndsWith('T'))
        {
            return false;
        }

        double seconds = 0;
        foreach (var (group, length) in new[] { (3, 604_800d), (4, 86_400), (5, 3_600), (6, 60), (7, 1) })
        {
            seconds += match.Groups[group].Success ? double.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture) * length : 0;
        }

        var months = (Whole(match.Groups[1]) * 12) + Whole(match.Groups[2]);
        interval = new Interval((int)Math.Min(months, 120_000), (long)(seconds * 1_000_000));
        return seconds < 1e12 && months <= 120_000;
    }

    /// <summary>Where clocks are put back an hour passes twice: the first of the two is meant.</summary>
    private static TimeSpan OffsetAt(TimeZoneInfo zone, DateTime local) =>
        zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max() : zone.GetUtcOffset(local);

    private static TimeSpan Offset(string text)
    {
        if (text == "Z")
        {
            return TimeSpan.Zero;
        }

        var minutes = (int.Parse(text.AsSpan(1, 2), CultureInfo.InvariantCulture) * 60) + (text.Length == 6 ? int.Parse(text.AsSpan(4, 2), CultureInfo.InvariantCulture) : 0);
        return TimeSpan.FromMinutes(text[0] == '-' ? -minutes : minutes);
    }

    private static long Whole(Group group) => group.Success ? long.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?<between>[T ])(?<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?(?<offset>Z|[+-][0-9]{2}(?::[0-9]{2})?)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();

    [GeneratedRegex(@"^[A-Za-z0-9_+-]{1,64}(?:/[A-Za-z0-9_+-]{1,64}){0,3}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ZoneName();

    [GeneratedRegex(@"^P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex IntervalForm();
}

/// <summary>A length of time: whole months, which follow the calendar, and exact microseconds.</summary>
internal readonly record struct Interval(int Months, long Microseconds)
{
    /// <summary>The time this much later, or earlier for a negative sign; null beyond the calendar.</summary>
    public long? AddTo(long microseconds, int sign)
    {
        try
        {
            if (!Timestamps.InRange(microseconds))
            {
                return null;
            }

            var time = new DateTime(DateTime.UnixEpoch.Ticks + (microseconds * TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc).AddMonths(sign * Months);
            return checked(((time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond) + (sign * Microseconds));
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            return null;
        }
    }
}
