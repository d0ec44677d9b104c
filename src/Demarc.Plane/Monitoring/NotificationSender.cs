using Demarc.Core.Monitoring;
using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Monitoring;

/// <summary>
/// Works the outbox off: of each hook one delivery at a time, the oldest first, hooks beside each other. What arrived twice because the answer was lost has
/// the same id both times. What does not arrive is tried again, later each time, and in the end given up for people to see.
/// </summary>
internal sealed partial class NotificationSender(NotificationStore store, NotificationBell bell, IEnumerable<INotificationCarrier> carriers, TimeProvider clock, FillRandom random, ILogger<NotificationSender> log) : BackgroundService
{
    private const int AtOnce = 16;
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);
    private readonly Dictionary<HookKind, INotificationCarrier> by = carriers.ToDictionary(carrier => carrier.Kind);

    /// <summary>Sends what is due, until nothing is.</summary>
    public async Task SendDueAsync(CancellationToken stop)
    {
        while (store.Due(clock.GetUtcNow()) is { Count: > 0 } due)
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop }, async (delivery, cancellation) => store.Settle(After(delivery, await by[delivery.Hook.Kind].SendAsync(delivery, cancellation))));
    }

    /// <summary>The delivery after an attempt.</summary>
    internal Delivery After(Delivery delivery, Sent sent)
    {
        var now = clock.GetUtcNow();
        var answer = sent.Answer.Length <= NotifyLimits.ReasonCharacters ? sent.Answer : sent.Answer[..NotifyLimits.ReasonCharacters];
        var tried = delivery with { Attempts = delivery.Attempts + 1, Answer = answer };
        if (sent.Arrived) return tried with { State = DeliveryState.Delivered };
        if (sent.Hopeless || tried.Attempts >= NotifyLimits.Attempts) return tried with { State = DeliveryState.GivenUp };
        var delay = NotifyRules.Delay(tried.Attempts, random);
        if (sent.After is { } asked && asked > delay) delay = asked < NotifyLimits.LongestDelay ? asked : NotifyLimits.LongestDelay;
        return tried with { NextAt = now + delay };
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var rung = bell.Next;
                await SendDueAsync(stoppingToken);
                var wait = store.NextDue() is { } next ? next - clock.GetUtcNow() : Longest;
                using var over = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await Task.WhenAny(rung, Task.Delay(TimeSpan.FromTicks(Math.Clamp(wait.Ticks, 0, Longest.Ticks)), clock, over.Token));
                await over.CancelAsync();
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (SqliteException failure)
            {
                StoreFailed(log, failure.Message);
                await Task.WhenAny(Task.Delay(AfterFailure, clock, stoppingToken));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the outbox of notifications cannot be read or written: {Why}")]
    private static partial void StoreFailed(ILogger logger, string why);
}
