using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Monitoring;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Demarc.Tests.Monitoring;

/// <summary>Notifications from the ledger to the receiver, with receivers that fail, planes that stop, and people who would reach further than they may.</summary>
public sealed class NotificationTests
{
    [Fact]
    public async Task What_begins_to_wait_is_told_once_signed_and_to_its_own_party_alone()
    {
        await using var world = await NotifyWorld.StartAsync();
        var (hook, secret) = await world.AddAsync(world.Plane.World.Customer);
        var (_, vendors) = await world.AddAsync(world.Plane.World.Vendor);
        var proposal = world.Plane.World.Charter()[0];
        var told = await world.Receiver.NextAsync();
        Assert.Equal("No charter is in force: propose one.", told.Body.Data.What);
        await world.Receiver.NextAsync();
        await world.Plane.AppendAllAsync([proposal]);
        var both = new[] { await world.Receiver.NextAsync(), await world.Receiver.NextAsync() };
        var mine = both.Single(received => received.Body.Data.Party == Core.Charter.Party.Customer);
        Assert.Equal("Charter version 1 awaits the customer's signature.", mine.Body.Data.What);
        Assert.Equal("demarc.awaited", mine.Body.Type);
        Assert.EndsWith("/environments/acme/charter", mine.Body.Data.Link, StringComparison.Ordinal);
        Assert.True(WebhookSecret.Parse(secret!)!.Holds(mine.Signature, mine.Id, mine.At, mine.Bytes));
        Assert.False(WebhookSecret.Parse(vendors!)!.Holds(mine.Signature, mine.Id, mine.At, mine.Bytes));

        // Whatever else happens in the ledger, the same thing is not told again.
        await world.Plane.AppendAllAsync([world.Plane.World.Member(70, Role.Viewer), world.Plane.World.Member(71, Role.Viewer)]);
        await world.SettledAsync();
        Assert.Equal(0, world.Receiver.Unread);
        Assert.Equal(2, (await world.HooksAsync(world.Plane.World.Customer)).Single(h => h.Id == hook).Delivered);
    }

    [Fact]
    public async Task A_receiver_that_fails_is_tried_again_later_under_the_same_id()
    {
        await using var world = await NotifyWorld.StartAsync();
        world.Receiver.Answers.Enqueue(500);
        world.Receiver.Answers.Enqueue(429);
        await world.AddAsync(world.Plane.World.Customer);
        var first = await world.Receiver.NextAsync();
        await world.SettledAsync();
        Assert.Equal(0, world.Receiver.Unread);
        world.Plane.World.Time.Advance(TimeSpan.FromSeconds(11));
        var second = await world.Receiver.NextAsync();
        await world.SettledAsync();
        world.Plane.World.Time.Advance(TimeSpan.FromSeconds(21));
        var third = await world.Receiver.NextAsync();
        Assert.Equal([first.Id, first.Id], [second.Id, third.Id]);
        Assert.Equal(first.Bytes, third.Bytes);
        Assert.True(third.At > first.At);
        await world.SettledAsync();
        var delivery = (await world.DeliveriesAsync(world.Plane.World.Customer)).Single();
        Assert.Equal(("delivered", 3, "HTTP 200"), (delivery.State, delivery.Attempts, delivery.Answer));
    }

    [Fact]
    public async Task A_receiver_that_never_answers_well_is_given_up_shown_and_can_be_tried_again()
    {
        await using var world = await NotifyWorld.StartAsync();
        world.Receiver.Always = 503;
        await world.AddAsync(world.Plane.World.Customer);
        for (var attempt = 1; attempt <= NotifyLimits.Attempts; attempt++)
        {
            await world.Receiver.NextAsync();
            await world.SettledAsync();
            world.Plane.World.Time.Advance(NotifyLimits.LongestDelay);
        }

        await world.SettledAsync();
        Assert.Equal(0, world.Receiver.Unread);
        var dead = (await world.DeliveriesAsync(world.Plane.World.Customer)).Single();
        Assert.Equal(("given up", NotifyLimits.Attempts, "HTTP 503", (DateTimeOffset?)null), (dead.State, dead.Attempts, dead.Answer, dead.NextAt));
        world.Receiver.Always = 200;
        using (var again = await world.Plane.SendAsync("POST", $"/v1/environments/acme/deliveries/{dead.Id}/retry", world.Plane.World.Customer)) Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(dead.Id, (await world.Receiver.NextAsync()).Id);
        await world.SettledAsync();
        using (var twice = await world.Plane.SendAsync("POST", $"/v1/environments/acme/deliveries/{dead.Id}/retry", world.Plane.World.Customer)) Assert.Equal(HttpStatusCode.Conflict, twice.StatusCode);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_who_is_gone_is_left_alone()
    {
        await using var world = await NotifyWorld.StartAsync();
        world.Receiver.Answers.Enqueue(307);
        world.Receiver.Answers.Enqueue(410);
        await world.AddAsync(world.Plane.World.Customer);
        await world.Receiver.NextAsync();
        await world.SettledAsync();
        Assert.Equal("HTTP 307: redirects are not followed", (await world.DeliveriesAsync(world.Plane.World.Customer)).Single().Answer);
        world.Plane.World.Time.Advance(TimeSpan.FromSeconds(11));
        await world.Receiver.NextAsync();
        await world.SettledAsync();
        var gone = (await world.DeliveriesAsync(world.Plane.World.Customer)).Single();
        Assert.Equal(("given up", 2), (gone.State, gone.Attempts));
        Assert.Equal(0, world.Receiver.Redirected);
    }

    [Fact]
    public async Task The_other_party_neither_sees_nor_touches_a_hook_and_nobody_sees_its_secret_again()
    {
        await using var world = await NotifyWorld.StartAsync();
        var (hook, secret) = await world.AddAsync(world.Plane.World.Customer, "?token=t0ken-in-the-address");
        await world.Receiver.NextAsync();
        await world.SettledAsync();
        Assert.Empty(await world.HooksAsync(world.Plane.World.Vendor));
        Assert.Empty(await world.DeliveriesAsync(world.Plane.World.Vendor));
        foreach (var (method, path) in new[] { ("DELETE", $"hooks/{hook}"), ("POST", $"hooks/{hook}/test"), ("POST", $"deliveries/{(await world.DeliveriesAsync(world.Plane.World.Customer))[0].Id}/retry") })
        {
            using var refused = await world.Plane.SendAsync(method, $"/v1/environments/acme/{path}", world.Plane.World.Vendor);
            Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        }

        foreach (var path in new[] { "/v1/environments/acme/hooks", "/v1/environments/acme/deliveries", "/environments/acme/notifications" })
        {
            var shown = await world.Plane.GetTextAsync(path, world.Plane.World.Customer);
            Assert.DoesNotContain(secret![6..], shown, StringComparison.Ordinal);
            Assert.DoesNotContain("t0ken-in-the-address", shown, StringComparison.Ordinal);
        }

        using (var removed = await world.Plane.SendAsync("DELETE", $"/v1/environments/acme/hooks/{hook}", world.Plane.World.Customer)) Assert.Equal(HttpStatusCode.OK, removed.StatusCode);
        await world.Plane.AppendAllAsync([world.Plane.World.Charter()[0]]);
        Assert.Empty(await world.HooksAsync(world.Plane.World.Customer));
        Assert.Equal(0, world.Receiver.Unread);
    }

    [Theory]
    [InlineData("""{"kind":"webhook","target":"http://hooks.example/x"}""", 400, "https")]
    [InlineData("""{"kind":"webhook","target":"https://10.0.0.1/x"}""", 400, "private network")]
    [InlineData("""{"kind":"webhook","target":"https://169.254.169.254/latest"}""", 400, "private network")]
    [InlineData("""{"kind":"webhook","target":"https://[fd00::1]/x"}""", 400, "private network")]
    [InlineData("""{"kind":"webhook","target":"https://u:p@hooks.example/x"}""", 400, "user or password")]
    [InlineData("""{"kind":"pager","target":"x"}""", 400, "webhook or email")]
    [InlineData("""{"kind":"webhook"}""", 400, "target")]
    [InlineData("""{"kind":"email","target":"a@b.example"}""", 409, "mail server")]
    [InlineData("""[]""", 400, "hook")]
    public async Task A_hook_that_leads_where_it_must_not_is_refused(string body, int status, string words)
    {
        await using var world = await NotifyWorld.StartAsync();
        using var refused = await world.PostAsync("hooks", body, world.Plane.World.Customer);
        Assert.Equal(status, (int)refused.StatusCode);
        Assert.Contains(words, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(await world.HooksAsync(world.Plane.World.Customer));
    }

    [Fact]
    public async Task A_party_has_ten_hooks_and_no_more()
    {
        await using var world = await NotifyWorld.StartAsync();
        for (var i = 0; i < NotifyLimits.HooksOfParty; i++) await world.AddAsync(world.Plane.World.Customer);
        using var refused = await world.PostAsync("hooks", $$"""{"kind":"webhook","target":"{{world.Receiver.Url}}"}""", world.Plane.World.Customer);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        await world.AddAsync(world.Plane.World.Vendor);
    }

    [Fact]
    public async Task A_test_arrives_and_is_called_one()
    {
        await using var world = await NotifyWorld.StartAsync();
        await world.Plane.AppendAllAsync([.. world.Plane.World.Charter(), world.Plane.World.Invite(), world.Plane.World.Join()]);
        var (hook, _) = await world.AddAsync(world.Plane.World.Customer);
        using var sent = await world.Plane.SendAsync("POST", $"/v1/environments/acme/hooks/{hook}/test", world.Plane.World.Customer);
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        Assert.Equal("demarc.test", (await world.Receiver.NextAsync()).Body.Type);
    }
}

/// <summary>A plane with a founded environment, and somebody who receives webhooks.</summary>
internal sealed class NotifyWorld : IAsyncDisposable
{
    private NotifyWorld(RunningPlane plane, Receiver receiver)
    {
        Plane = plane;
        Receiver = receiver;
    }

    public RunningPlane Plane { get; }

    public Receiver Receiver { get; }

    public static async Task<NotifyWorld> StartAsync()
    {
        var receiver = await Receiver.StartAsync();
        var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync([plane.World.Founding(PlaneWorld.Acme)]);
        return new NotifyWorld(plane, receiver);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string body, SigningKey key)
    {
        var request = Plane.Request("POST", $"/v1/environments/acme/{path}", key);
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return Plane.Client.SendAsync(request);
    }

    public async Task<(string Id, string? Secret)> AddAsync(SigningKey key, string query = "")
    {
        using var answer = await PostAsync("hooks", $$"""{"kind":"webhook","target":"{{Receiver.Url}}{{query}}"}""", key);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        var added = JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ViewJson.Default.HookAddedView)!;
        return (added.Hook.Id, added.Secret);
    }

    public async Task<IReadOnlyList<HookView>> HooksAsync(SigningKey key) => await Plane.GetAsync("/v1/environments/acme/hooks", key, ViewJson.Default.ImmutableArrayHookView);

    public async Task<IReadOnlyList<DeliveryView>> DeliveriesAsync(SigningKey key) => await Plane.GetAsync("/v1/environments/acme/deliveries", key, ViewJson.Default.ImmutableArrayDeliveryView);

    /// <summary>Waits until the sender has nothing to do before some later time: what was received is also written down.</summary>
    public async Task SettledAsync()
    {
        var store = Plane.App.Services.GetRequiredService<NotificationStore>();
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (store.NextDue() is { } next && next <= Plane.World.Time.GetUtcNow())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Plane.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}

/// <summary>One webhook as it came.</summary>
internal sealed record Received(string Id, DateTimeOffset At, string Signature, byte[] Bytes)
{
    public NotificationBody Body => JsonSerializer.Deserialize(Bytes, ViewJson.Default.NotificationBody)!;
}

/// <summary>Receives webhooks and answers as it is told.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly System.Threading.Channels.Channel<Received> received = System.Threading.Channels.Channel.CreateUnbounded<Received>();

    private Receiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.MapPost("/hook", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            var status = Answers.TryDequeue(out var next) ? next : Always;
            received.Writer.TryWrite(new Received(request.Headers[WebhookSecret.IdHeader].ToString(), DateTimeOffset.FromUnixTimeSeconds(long.Parse(request.Headers[WebhookSecret.TimestampHeader].ToString(), System.Globalization.CultureInfo.InvariantCulture)), request.Headers[WebhookSecret.SignatureHeader].ToString(), body.ToArray()));
            if (status is >= 300 and < 400) request.HttpContext.Response.Headers.Location = "/elsewhere";
            return Results.StatusCode(status);
        });
        app.Map("/elsewhere", () =>
        {
            Redirected++;
            return Results.Ok();
        });
    }

    public string Url => app.Urls.First() + "/hook";

    public ConcurrentQueue<int> Answers { get; } = new();

    public int Always { get; set; } = 200;

    public int Redirected { get; private set; }

    public int Unread => received.Reader.Count;

    public static async Task<Receiver> StartAsync()
    {
        var receiver = new Receiver();
        await receiver.app.StartAsync();
        return receiver;
    }

    public async Task<Received> NextAsync()
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        return await received.Reader.ReadAsync(limit.Token);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
