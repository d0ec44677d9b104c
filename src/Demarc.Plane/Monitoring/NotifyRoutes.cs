using System.Collections.Immutable;
using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;
using Demarc.Plane.Access;
using Demarc.Plane.Environments;
using Demarc.Plane.Hosting;

namespace Demarc.Plane.Monitoring;

/// <summary>Where each party is told that something waits for it. A party's hooks are its own: the other neither sees nor changes them.</summary>
public static class NotifyRoutes
{
    private const int MaxRequest = 8 * 1024;

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapPost("/hooks", AddAsync).WithMetadata(new UseCase("notify.add", TaskId.Monitoring, Permission.Own)).Accepts<HookRequest>("application/json").Produces<HookAddedView>(201);
        one.MapGet("/hooks", List).WithMetadata(new UseCase("notify.list", TaskId.Monitoring, Permission.Audit)).Produces<ImmutableArray<HookView>>();
        one.MapDelete("/hooks/{id}", Remove).WithMetadata(new UseCase("notify.remove", TaskId.Monitoring, Permission.Own)).Produces<HookView>();
        one.MapPost("/hooks/{id}/test", Test).WithMetadata(new UseCase("notify.test", TaskId.Monitoring, Permission.Own)).Produces<DeliveryView>();
        one.MapGet("/deliveries", Deliveries).WithMetadata(new UseCase("notify.deliveries", TaskId.Monitoring, Permission.Audit)).Produces<ImmutableArray<DeliveryView>>();
        one.MapPost("/deliveries/{id}/retry", Retry).WithMetadata(new UseCase("notify.retry", TaskId.Monitoring, Permission.Own)).Produces<DeliveryView>();
    }

    /// <summary>The hooks of the caller's party, with how their deliveries stand.</summary>
    internal static ImmutableArray<HookView> Hooks(Caller caller, NotificationStore store)
    {
        var deliveries = store.Deliveries(caller.Environment.Environment).ToLookup(delivery => delivery.Hook.Id);
        return [.. Mine(caller, store).Select(hook => View(hook, deliveries[hook.Id]))];
    }

    /// <summary>The deliveries of the caller's party, newest first.</summary>
    internal static ImmutableArray<DeliveryView> DeliveriesOf(Caller caller, NotificationStore store) =>
        [.. store.Deliveries(caller.Environment.Environment).Where(delivery => delivery.Hook.Party == caller.Member!.Party).Select(delivery => delivery.View)];

    private static async Task<IResult> AddAsync(HttpContext context, string env, NotificationStore store, NotificationBell bell, PlaneOptions plane, TimeProvider clock, FillRandom random)
    {
        if (await Bodies.ReadAsync(context, MaxRequest) is not { } body) return Bodies.TooLong(MaxRequest);
        HookRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(body, ViewJson.Default.HookRequest);
        }
        catch (JsonException unreadable)
        {
            return Problems.Malformed($"The body does not name a hook: {unreadable.Message}", unreadable.Path);
        }

        if (request?.Target is not { } target) return Problems.Malformed("target is missing.", "target");
        HookKind? kind = request.Kind switch { "webhook" => HookKind.Webhook, "email" => HookKind.Email, _ => null };
        if (kind is null) return Problems.Malformed("kind must be webhook or email.", "kind");
        if (kind == HookKind.Email && plane.Mail is null) return Problems.Result(StatusCodes.Status409Conflict, "no-mail", "This plane sends no e-mail.", "This plane sends no e-mail: its operator has named no mail server.", remedy: "Add a webhook, or ask the operator to start the plane with --smtp-url.");
        if (kind == HookKind.Webhook && NotifyRules.UrlFault(target) is { } fault) return Problems.Malformed(fault, "target");
        if (kind == HookKind.Email && !MailOptions.IsAddress(target)) return Problems.Malformed("target is not one plain e-mail address.", "target");
        if (kind == HookKind.Webhook && Uri.CheckHostName(new Uri(target).Host.Trim('[', ']')) is UriHostNameType.IPv4 or UriHostNameType.IPv6 && !context.RequestServices.GetRequiredService<WebhookCarrier>().MayReach(System.Net.IPAddress.Parse(new Uri(target).Host.Trim('[', ']'))))
            return Problems.Malformed("target leads into a private network, where this plane sends nothing (--notify-private).", "target");
        var name = request.Name ?? (kind == HookKind.Webhook ? new Uri(target).Host : target[..Math.Min(target.Length, NotifyLimits.NameCharacters)]);
        if (name.Length is 0 or > NotifyLimits.NameCharacters || name.Any(char.IsControl)) return Problems.Malformed($"name must have 1 to {NotifyLimits.NameCharacters} characters.", "name");
        var caller = Caller.Of(context);
        var secret = kind == HookKind.Webhook ? WebhookSecret.Create(random) : null;
        var hook = new Hook(0, "h-" + Core.Ledger.Entry.NewId(random)[1..11], caller.Environment.Environment, caller.Member!.Party, kind.Value, name, target, secret, clock.GetUtcNow(), caller.Member.Key.KeyId);
        if (!store.TryAdd(hook)) return Problems.Result(StatusCodes.Status409Conflict, "too-many-hooks", "Your party has as many hooks as it may.", $"At most {NotifyLimits.HooksOfParty} are kept for one party of an environment.", remedy: "Remove one first.");
        bell.Ring();
        return TypedResults.Json(new HookAddedView(View(hook, []), secret?.Text.Reveal()), ViewJson.Default.HookAddedView, statusCode: StatusCodes.Status201Created);
    }

    private static IResult List(HttpContext context, string env, NotificationStore store) => TypedResults.Json(Hooks(Caller.Of(context), store), ViewJson.Default.ImmutableArrayHookView);

    private static IResult Deliveries(HttpContext context, string env, NotificationStore store) => TypedResults.Json(DeliveriesOf(Caller.Of(context), store), ViewJson.Default.ImmutableArrayDeliveryView);

    private static IResult Remove(HttpContext context, string env, string id, NotificationStore store, NotificationBell bell)
    {
        if (Mine(Caller.Of(context), store).FirstOrDefault(hook => hook.Id == id) is not { } hook) return NoHook(id);
        store.Remove(hook);
        bell.Ring();
        return TypedResults.Json(View(hook, []), ViewJson.Default.HookView);
    }

    private static IResult Test(HttpContext context, string env, string id, NotificationStore store, NotificationBell bell, PlaneOptions plane, PlaneIdentity identity, TimeProvider clock, FillRandom random)
    {
        var caller = Caller.Of(context);
        if (Mine(caller, store).FirstOrDefault(hook => hook.Id == id) is not { } hook) return NoHook(id);
        var now = clock.GetUtcNow();
        var link = new Uri(plane.PublicUrl ?? identity.Rest, $"/environments/{env}/notifications").ToString();
        var data = new NotificationData(env, hook.Party, "test", TaskId.Monitoring.Slug(), "This is a test of this hook: nothing waits.", link, null, null);
        var telling = new Telling("", NotificationWatch.NewId(random), data.What, JsonSerializer.SerializeToUtf8Bytes(new NotificationBody("demarc.test", now, data), ViewJson.Default.NotificationBody));
        store.Tell(hook, telling, now);
        bell.Ring();
        return TypedResults.Json(store.Deliveries(hook.Environment).First(delivery => delivery.Id == telling.Id).View, ViewJson.Default.DeliveryView);
    }

    private static IResult Retry(HttpContext context, string env, string id, NotificationStore store, NotificationBell bell, TimeProvider clock)
    {
        var caller = Caller.Of(context);
        if (store.Deliveries(caller.Environment.Environment).FirstOrDefault(delivery => delivery.Id == id && delivery.Hook.Party == caller.Member!.Party) is not { } found) return Problems.NotFound($"Your party has no delivery '{Problems.Clip(id)}'.");
        if (found.State == DeliveryState.Delivered) return Problems.Result(StatusCodes.Status409Conflict, "delivered", "This delivery has arrived.", $"The receiver answered '{found.Answer}'.");
        var again = found with { State = DeliveryState.Waiting, Attempts = 0, NextAt = clock.GetUtcNow() };
        store.Settle(again);
        bell.Ring();
        return TypedResults.Json(again.View, ViewJson.Default.DeliveryView);
    }

    private static IEnumerable<Hook> Mine(Caller caller, NotificationStore store) => store.Hooks(caller.Environment.Environment).Where(hook => hook.Party == caller.Member!.Party);

    private static HookView View(Hook hook, IEnumerable<Delivery> deliveries)
    {
        var counts = deliveries.CountBy(delivery => delivery.State).ToDictionary();
        return new HookView(
            hook.Id, hook.Party, hook.Kind.Word(), hook.Name, hook.Shown, hook.AddedAt, hook.AddedBy,
            counts.GetValueOrDefault(DeliveryState.Waiting), counts.GetValueOrDefault(DeliveryState.Delivered), counts.GetValueOrDefault(DeliveryState.GivenUp));
    }

    private static IResult NoHook(string id) => Problems.NotFound($"Your party has no hook '{Problems.Clip(id)}'.");
}
