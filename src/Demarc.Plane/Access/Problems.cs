using System.Text.Json;
using Demarc.Core.Environments;
using Demarc.Plane.Console;

namespace Demarc.Plane.Access;

/// <summary>Errors as RFC 9457 has them: a stable type, what was wrong, with which field, and what to do.</summary>
public static class Problems
{
    private const string Base = "https://demarc.dev/problems/";

    /// <summary>A result that a handler returns.</summary>
    public static IResult Result(int status, string type, string title, string? detail = null, string? field = null, string? remedy = null) =>
        new Problem(new ProblemView(Base + type, title, status, detail, field, remedy));

    /// <summary>An entry that has no place in the ledger, in the fold's own words.</summary>
    public static IResult Refused(string why) => Result(StatusCodes.Status409Conflict, "entry-refused", "The entry has no place in this ledger.", why);

    /// <summary>A body or parameter that cannot be read.</summary>
    public static IResult Malformed(string why, string? field = null) => Result(StatusCodes.Status400BadRequest, "malformed", "The request cannot be read.", why, field);

    /// <summary>Something that does not exist, or that the caller may not know to exist.</summary>
    public static IResult NotFound(string what) => Result(StatusCodes.Status404NotFound, "not-found", "There is no such thing here.", what);

    /// <summary>What a caller named, as far as it is worth repeating.</summary>
    public static string Clip(string text) => text.Length <= 40 ? text : text[..40];

    private sealed class Problem(ProblemView view) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            // Whoever came by a link in a browser gets the same words as a page.
            if (httpContext.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
            {
                await ConsoleHosting.WriteProblemAsync(httpContext, view);
                return;
            }

            httpContext.Response.StatusCode = view.Status;
            httpContext.Response.ContentType = "application/problem+json";
            await httpContext.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(view, ViewJson.Default.ProblemView), httpContext.RequestAborted);
        }
    }
}
