using System.CommandLine;
using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes defer CHANGE --until WHEN --reason TEXT</c>: the customer puts a vendor's change off.</summary>
internal static class DeferCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        var until = new Option<string>("--until") { Description = "It does not start before: a moment with its offset, as in 2026-11-30T06:00+01:00 or 2026-11-30T05:00Z, or a span from now, as in 90m, 24h or 2d.", Required = true, HelpName = "WHEN" };
        var reason = HoldCommand.Reason();
        return new Verb(
            "defer", "Put a vendor's change off, in all by no more than the charter lets the customer.",
            invocation =>
            {
                var moment = Moment(invocation.Get(until)!, invocation.Host.Now);
                return HoldCommand.RunAsync(invocation, invocation.Get(id)!, invocation.Get(reason)!, (change, why) => new ChangeDeferred(change, moment, why), Party.Customer);
            },
            [id, until, reason]);
    }

    /// <summary>A moment that means the same to everybody who reads it, to the second.</summary>
    internal static DateTimeOffset Moment(string text, DateTimeOffset now)
    {
        if (Span(text) is { } span) return Whole(now + span);
        string[] forms = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd' 'HH:mm:ssK"];
        // Without an offset the same text would be another moment on another machine.
        var hasOffset = text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > 10;
        return hasOffset && DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var moment)
            ? moment.ToUniversalTime()
            : throw CommandFailedException.Usage($"--until '{text}' is not a moment.", "Give one with its offset, as in 2026-11-30T06:00+01:00 or 2026-11-30T05:00Z, or a span from now, as in 90m, 24h or 2d.");
    }

    private static TimeSpan? Span(string text)
    {
        if (text.Length is < 2 or > 6 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
        return text[^1] switch
        {
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            _ => null,
        };
    }

    private static DateTimeOffset Whole(DateTimeOffset at) => new(at.Ticks - (at.Ticks % TimeSpan.TicksPerSecond), at.Offset);
}
