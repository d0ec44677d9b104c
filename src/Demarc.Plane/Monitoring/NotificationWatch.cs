using System.Text.Json;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Environments;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Monitoring;

/// <summary>Wakes up whoever works on the outbox. Nothing is queued: who wakes up looks at the store.</summary>
public sealed class NotificationBell
{
    private TaskCompletionSource ring = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the bell rings next. Take it before looking at the store.</summary>
    public Task Next => Volatile.Read(ref ring).Task;

    /// <summary>Something is new in the store.</summary>
    public void Ring() => Interlocked.Exchange(ref ring, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}

/// <summary>
/// Watches the environments that have hooks, and puts into the outbox what has begun to wait for a party. It compares with what each hook was told, never
/// with the last entry it saw: whatever happened while the plane was down is told when it is back.
/// </summary>
internal sealed partial class NotificationWatch(NotificationStore store, NotificationBell bell, Sequencer sequencer, IServiceProvider services, PlaneOptions plane, TimeProvider clock, FillRandom random, ILogger<NotificationWatch> log) : BackgroundService
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(5);

    /// <summary>What is new of one environment, into the outbox.</summary>
    public void Tell(LedgerView view)
    {
        var hooks = store.Hooks(view.Environment);
        if (hooks.Count == 0) return;
        var waiting = AwaitedThing.Of(view.State);
        var now = clock.GetUtcNow();
        var anything = false;
        foreach (var hook in hooks)
            anything |= store.Tell(hook, [.. waiting.Where(thing => thing.Party == hook.Party).Select(thing => Telling(view.Environment, thing, now))], now);
        if (anything) bell.Ring();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var watches = new Dictionary<EnvironmentId, Task>();
        while (!stoppingToken.IsCancellationRequested)
        {
            var rung = bell.Next;
            try
            {
                foreach (var environment in store.Environments())
                {
                    if (!watches.TryGetValue(environment, out var watch) || watch.IsCompleted) watches[environment] = WatchAsync(environment, stoppingToken);
                }

                await rung.WaitAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (SqliteException failure)
            {
                StoreFailed(log, failure.Message);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }

        await Task.WhenAll(watches.Values);
    }

    private async Task WatchAsync(EnvironmentId environment, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var rung = bell.Next;
                if (store.Hooks(environment).Count == 0 || await sequencer.FindAsync(environment, stop) is not { } view) return;
                Tell(view);
                await Task.WhenAny(view.Superseded, rung).WaitAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is SqliteException or LedgerUnavailableException or LedgerDamagedException)
            {
                StoreFailed(log, failure.Message);
                try
                {
                    await Task.Delay(AfterFailure, clock, stop);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private Telling Telling(EnvironmentId environment, AwaitedThing thing, DateTimeOffset now)
    {
        var root = plane.PublicUrl ?? services.GetRequiredService<PlaneIdentity>().Rest;
        var data = new NotificationData(environment.Value, thing.Party, thing.Kind, thing.Task.Slug(), thing.What, new Uri(root, $"/environments/{environment}{thing.Page}").ToString(), thing.Command, thing.Change?.Value);
        return new Telling(thing.Key, NewId(random), thing.What, JsonSerializer.SerializeToUtf8Bytes(new NotificationBody("demarc.awaited", now, data), ViewJson.Default.NotificationBody));
    }

    internal static string NewId(FillRandom random) => "msg_" + Entry.NewId(random)[1..];

    [LoggerMessage(Level = LogLevel.Warning, Message = "notifications wait: {Why}")]
    private static partial void StoreFailed(ILogger logger, string why);
}
