using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Access;

/// <summary>Signs a browser in: with a one-time link that a signed request made, or with the OpenID provider; and out again, here or everywhere.</summary>
public static class SignInRoutes
{
    /// <summary>Maps the ways in and out.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/console/links", NewLink).WithMetadata(new UseCase("console.link", TaskId.Access, Permission.None)).Produces<LinkView>();
        routes.MapPost("/v1/console/sign-out", CloseAllAsync).WithMetadata(new UseCase("console.sign-out-everywhere", TaskId.Access, Permission.None)).Produces<SignedOutView>();
        routes.MapGet("/sign-in", Open).WithMetadata(new UseCase("console.sign-in", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
        routes.MapGet(OpenIdSignIn.StartPath, (HttpContext context, OpenIdSignIn openId) => openId.StartAsync(context)).WithMetadata(new UseCase("console.sign-in-openid", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
        routes.MapGet(OpenIdSignIn.CallbackPath, (HttpContext context, OpenIdSignIn openId) => openId.FinishAsync(context)).WithMetadata(new UseCase("console.signed-in-openid", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
        routes.MapGet("/sign-out", Close).WithMetadata(new UseCase("console.sign-out", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
    }

    /// <summary>The answer that lets a browser in.</summary>
    internal static IResult Entered(HttpContext context, string session)
    {
        context.Response.Cookies.Append(BrowserSessions.Cookie, session, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/" });
        context.Response.Headers.CacheControl = "no-store";

        // A redirect that follows a link from elsewhere would not carry a strict cookie; a page that reloads itself does.
        return TypedResults.Content("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=/\"><title>Demarc</title><link rel=\"icon\" href=\"/console/icon.svg\"><p><a href=\"/\">Signed in. Go on to the console.</a></p></html>", "text/html; charset=utf-8");
    }

    /// <summary>The answer when there is no room for another session.</summary>
    internal static IResult TooMany() => Problems.Result(StatusCodes.Status503ServiceUnavailable, "too-many-sessions", "Too many browsers are signed in.", remedy: "Try again later, or ask the plane's operator.");

    private static IResult NewLink(HttpContext context, BrowserSessions sessions, Hosting.PlaneOptions plane) =>
        sessions.NewCode(Signer(context)) is { } code
            ? TypedResults.Json(new LinkView(new Uri(plane.PublicUrl ?? new Uri($"{context.Request.Scheme}://{context.Request.Host}"), $"/sign-in?code={code}").ToString()), ViewJson.Default.LinkView)
            : Problems.Result(StatusCodes.Status503ServiceUnavailable, "too-many-links", "Too many sign-in links wait to be opened.", remedy: "Try again in five minutes.");

    /// <summary>Signs the caller out wherever they are signed in: by links of this key, and by accounts that are linked to it.</summary>
    private static async Task<IResult> CloseAllAsync(HttpContext context, BrowserSessions sessions, Sequencer sequencer)
    {
        var key = Signer(context);
        var closed = sessions.CloseAll(Reader.Of(key));
        foreach (var reader in sessions.Readers.Where(reader => reader.Subject is not null))
        {
            foreach (var id in await sequencer.Store.EnvironmentsOfAsync(reader.Id, context.RequestAborted))
            {
                if (await sequencer.FindAsync(id, context.RequestAborted) is { } view && reader.In(view.State)?.Key == key) closed += sessions.CloseAll(reader);
            }
        }

        return TypedResults.Json(new SignedOutView(closed), ViewJson.Default.SignedOutView);
    }

    // Only reading is let in without a signature, and these are no reading.
    private static Core.Ledger.PublicKey Signer(HttpContext context) => Caller.Of(context).Reader.Key ?? throw new BrokenBeliefException("A request that does something is signed by a key.");

    private static IResult Open(HttpContext context, BrowserSessions sessions, FailedAttempts failures, string? code)
    {
        if (sessions.Open(code) is { } session) return Entered(context, session);
        failures.Count(context.Connection.RemoteIpAddress);
        return Problems.Result(StatusCodes.Status401Unauthorized, "link-used", "This sign-in link is unknown, used or older than five minutes.", remedy: "Run 'demarc console' for a new one.");
    }

    private static IResult Close(HttpContext context, BrowserSessions sessions)
    {
        sessions.Close(context.Request.Cookies[BrowserSessions.Cookie]);
        context.Response.Cookies.Delete(BrowserSessions.Cookie);
        return TypedResults.Redirect("/");
    }
}
