using Demarc.Core.Charter;
using Demarc.Core.Monitoring;
using Demarc.Plane.Monitoring;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Monitoring;

/// <summary>The outbox across planes that stop anywhere, and its bounds.</summary>
public sealed class NotificationStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
    private int ids;

    [Fact]
    public void A_plane_that_stops_forgets_nothing_and_tells_nothing_anew()
    {
        using (var store = Open())
        {
            Assert.True(store.TryAdd(Hook("h-1")));
            Assert.True(store.Tell(store.Hooks(PlaneWorld.Acme)[0], [Telling("a"), Telling("b")], time.GetUtcNow()));
        }

        using (var store = Open())
        {
            var hook = store.Hooks(PlaneWorld.Acme).Single();
            Assert.Equal("secret signs", hook.Secret!.Sign("x", default, []) == Secret.Sign("x", default, []) ? "secret signs" : "another secret");
            Assert.False(store.Tell(hook, [Telling("a"), Telling("b")], time.GetUtcNow()));
            Assert.Equal(2, store.Deliveries(PlaneWorld.Acme).Count);
            Assert.Single(store.Due(time.GetUtcNow()));
        }
    }

    [Fact]
    public void What_waits_no_more_and_then_again_is_told_again()
    {
        using var store = Open();
        store.TryAdd(Hook("h-1"));
        var hook = store.Hooks(PlaneWorld.Acme)[0];
        store.Tell(hook, [Telling("a")], time.GetUtcNow());
        Assert.False(store.Tell(hook, [], time.GetUtcNow()));
        Assert.True(store.Tell(hook, [Telling("a")], time.GetUtcNow()));
    }

    [Fact]
    public async Task An_answer_that_was_lost_brings_the_same_thing_again_with_the_same_id()
    {
        var carrier = new ScriptedCarrier();
        string sent;
        using (var store = Open())
        {
            store.TryAdd(Hook("h-1"));
            store.Tell(store.Hooks(PlaneWorld.Acme)[0], [Telling("a")], time.GetUtcNow());
            carrier.Dies = true;

            // It was sent, and the plane was killed before it wrote that down.
            await Assert.ThrowsAsync<InvalidOperationException>(() => Sender(store, carrier).SendDueAsync(CancellationToken.None));
            sent = carrier.Sent.Single();
        }

        using (var store = Open())
        {
            carrier.Dies = false;
            await Sender(store, carrier).SendDueAsync(CancellationToken.None);
            Assert.Equal([sent, sent], carrier.Sent);
            Assert.Equal(DeliveryState.Delivered, store.Deliveries(PlaneWorld.Acme).Single().State);
        }
    }

    [Fact]
    public void The_outbox_of_a_hook_is_bounded_and_says_so()
    {
        using var store = Open();
        store.TryAdd(Hook("h-1"));
        var hook = store.Hooks(PlaneWorld.Acme)[0];
        store.Tell(hook, [.. Enumerable.Range(0, NotifyLimits.WaitingOfHook + 5).Select(i => Telling($"{i}"))], time.GetUtcNow());
        var all = store.Deliveries(PlaneWorld.Acme);
        Assert.Equal(NotifyLimits.WaitingOfHook, all.Count(d => d.State == DeliveryState.Waiting));
        Assert.Equal(5, all.Count(d => d.State == DeliveryState.GivenUp && d.Answer!.Contains("waited already", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Of_what_is_done_with_only_the_newest_is_kept()
    {
        using var store = Open();
        store.TryAdd(Hook("h-1"));
        var hook = store.Hooks(PlaneWorld.Acme)[0];
        for (var i = 0; i < NotifyLimits.KeptOfHook + 20; i++)
        {
            store.Tell(hook, Telling($"{i}"), time.GetUtcNow());
            await Sender(store, new ScriptedCarrier()).SendDueAsync(CancellationToken.None);
        }

        Assert.Equal(NotifyLimits.KeptOfHook, store.Deliveries(PlaneWorld.Acme).Count);
    }

    [Fact]
    public async Task A_receiver_that_asks_to_be_left_alone_is_but_not_for_ever()
    {
        using var store = Open();
        store.TryAdd(Hook("h-1"));
        var hook = store.Hooks(PlaneWorld.Acme)[0];
        store.Tell(hook, [Telling("a")], time.GetUtcNow());
        var sender = Sender(store, new ScriptedCarrier());
        var delivery = store.Due(time.GetUtcNow()).Single();
        Assert.Equal(time.GetUtcNow() + TimeSpan.FromMinutes(30), sender.After(delivery, new Plane.Monitoring.Sent(false, false, "HTTP 429", TimeSpan.FromMinutes(30))).NextAt);
        Assert.Equal(time.GetUtcNow() + NotifyLimits.LongestDelay, sender.After(delivery, new Plane.Monitoring.Sent(false, false, "HTTP 429", TimeSpan.FromDays(300))).NextAt);
        Assert.InRange(sender.After(delivery, new Plane.Monitoring.Sent(false, false, "HTTP 429", TimeSpan.FromDays(-3))).NextAt - time.GetUtcNow(), NotifyLimits.FirstDelay / 2, NotifyLimits.FirstDelay);
        await Task.CompletedTask;
    }

    [Fact]
    public void The_file_is_its_owner_s_alone()
    {
        using var store = Open();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.File("notifications.db")));
    }

    public void Dispose() => folder.Dispose();

    private static WebhookSecret Secret { get; } = WebhookSecret.Create(bytes => bytes.Fill(9));

    private NotificationStore Open() => NotificationStore.Open(folder.File("notifications.db"));

    private NotificationSender Sender(NotificationStore store, INotificationCarrier carrier) => new(store, new NotificationBell(), [carrier], time, bytes => bytes.Fill(128), NullLogger<NotificationSender>.Instance);

    private Hook Hook(string id) => new(0, id, PlaneWorld.Acme, Party.Customer, HookKind.Webhook, "hook", "https://hooks.example/x", Secret, time.GetUtcNow(), "key");

    private Telling Telling(string key) => new(key, $"msg_{++ids}", $"what {key}", [1, 2, 3]);

    private sealed class ScriptedCarrier : INotificationCarrier
    {
        public HookKind Kind => HookKind.Webhook;

        public List<string> Sent { get; } = [];

        public bool Dies { get; set; }

        public Task<Plane.Monitoring.Sent> SendAsync(Delivery delivery, CancellationToken cancellation)
        {
            Sent.Add(delivery.Id);
            return Dies ? throw new InvalidOperationException("killed") : Task.FromResult(new Plane.Monitoring.Sent(true, false, "HTTP 200"));
        }
    }
}
