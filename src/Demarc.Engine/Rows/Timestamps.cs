using System.Globalization;
using System.Text.RegularExpressions;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>
/// Points in time as clients write and read them (ISO 8601 with an offset; without one UTC is meant) and as columns hold
/// them (microseconds since 1970 in UTC).
/// </summary>
internal static partial class Timestamps
{
    private static readonly string[] Forms =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd",
    ];

    public static bool TryParse(string text, out long microseconds)
    {
        var read = DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time);
        microseconds = read ? (time.UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond : 0;
        return read;
    }

    public static string Format(long microseconds) =>
        new DateTime(DateTime.UnixEpoch.Ticks + (microseconds * TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc).ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture);

    /// <summary>Whether a number of microseconds is a time that can be written out (the years 1 to 9999).</summary>
    public static bool InRange(long microseconds) =>
        microseconds >= (DateTime.MinValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond
        && microseconds <= (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>A column for an answer: times become text, everything else stays as it is.</summary>
    public static FieldData ForAnswer(FieldData column)
    {
        if (column.Type != DataType.Timestamptz || column.FieldCase != FieldData.FieldOneofCase.Scalars || column.Scalars.DataCase != ScalarField.DataOneofCase.TimestamptzData)
        {
            return column;
        }

        var texts = new StringArray();
        texts.Data.Add(column.Scalars.TimestamptzData.Data.Select(Format));
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

    private static long Whole(Group group) => group.Success ? long.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : 0;

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
