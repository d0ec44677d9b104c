using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Plane.Access;

/// <summary>Signs a browser in with a one-time link that a signed request made.</summary>
public static class SignInRoutes
{
    /// <summary>Maps the link, its opening, and the way out.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/console/links", NewLink).WithMetadata(new UseCase("console.link", TaskId.Access, Permission.None)).Produces<LinkView>();
        routes.MapGet("/sign-in", Open).WithMetadata(new UseCase("console.sign-in", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
        routes.MapGet("/sign-out", Close).WithMetadata(new UseCase("console.sign-out", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
    }

    private static IResult NewLink(HttpContext context, BrowserSessions sessions) =>
        sessions.NewCode(Caller.Of(context).Key) is { } code
            ? TypedResults.Json(new LinkView($"{context.Request.Scheme}://{context.Request.Host}/sign-in?code={code}"), ViewJson.Default.LinkView)
            : Problems.Result(StatusCodes.Status503ServiceUnavailable, "too-many-links", "Too many sign-in links wait to be opened.", remedy: "Try again in five minutes.");

    private static IResult Open(HttpContext context, BrowserSessions sessions, FailedAttempts failures, string? code)
    {
        if (sessions.Open(code) is not { } session)
        {
            failures.Count(context.Connection.RemoteIpAddress);
            return Problems.Result(StatusCodes.Status401Unauthorized, "link-used", "This sign-in link is unknown, used or older than five minutes.", remedy: "Run 'demarc console' for a new one.");
        }

        context.Response.Cookies.Append(BrowserSessions.Cookie, session, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/" });

        // A redirect that follows a link from elsewhere would not carry a strict cookie; a page that reloads itself does.
        return TypedResults.Content("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=/\"><title>Demarc</title><p><a href=\"/\">Signed in. Go on to the console.</a></p></html>", "text/html; charset=utf-8");
    }

    private static IResult Close(HttpContext context, BrowserSessions sessions)
    {
        sessions.Close(context.Request.Cookies[BrowserSessions.Cookie]);
        context.Response.Cookies.Delete(BrowserSessions.Cookie);
        return TypedResults.Content("Signed out. Run 'demarc console' to come back.", "text/plain; charset=utf-8");
    }
}
