using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Plane.Access;
using Demarc.Plane.Console.Pages;
using Demarc.Plane.Hosting;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Demarc.Plane.Console;

/// <summary>
/// The console: pages rendered on the plane from the same views that the REST API gives, read with a browser's cookie. A cookie changes nothing. What acts is a
/// signed entry: by the command that a page names, or by a key that the browser holds and cannot give away, over the text that the page shows.
/// </summary>
public static class ConsoleHosting
{
    /// <summary>What its pages need.</summary>
    public static IServiceCollection AddConsole(this IServiceCollection services)
    {
        services.AddRazorComponents();
        return services;
    }

    /// <summary>Its pages and the files they use.</summary>
    public static void MapConsole(this IEndpointRouteBuilder routes)
    {
        foreach (var (file, type) in new[] { ("console.css", "text/css"), ("console.js", "text/javascript"), ("signing.js", "text/javascript"), ("keys.js", "text/javascript"), ("icon.svg", "image/svg+xml"), ("egress-schema.txt", "text/plain") })
        {
            var content = Read(file);
            routes.MapGet($"/console/{file}", (HttpContext context) => File(context, content, type)).WithMetadata(new UseCase($"console.{file}", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
        }

        ConsoleRoutes.Map(routes);
    }

    /// <summary>An error as a page, for whoever came with a browser.</summary>
    public static Task WriteProblemAsync(HttpContext context, ProblemView problem)
    {
        var provider = context.RequestServices.GetRequiredService<PlaneOptions>().OpenId?.Name;
        var page = new PageContext(Words.For(context.Request), "/", null, null) { SignInProvider = provider };
        return new RazorComponentResult<ProblemPage>(new { Page = page, Problem = problem }) { StatusCode = problem.Status }.ExecuteAsync(context);
    }

    /// <summary>Tells somebody whom the provider knows, and no environment does, what an owner would have to sign.</summary>
    public static Task WriteUnlinkedAsync(HttpContext context, Subject subject)
    {
        var page = new PageContext(Words.For(context.Request), "/", null, null);
        return new RazorComponentResult<UnlinkedPage>(new { Page = page, Subject = subject }) { StatusCode = StatusCodes.Status403Forbidden }.ExecuteAsync(context);
    }

    private static IResult File(HttpContext context, byte[] content, string type)
    {
        // The plane's version is in no file name: a browser asks again and gets what fits the pages.
        context.Response.Headers.CacheControl = "no-cache";
        return TypedResults.Bytes(content, type + "; charset=utf-8");
    }

    private static byte[] Read(string file)
    {
        using var stream = typeof(ConsoleHosting).Assembly.GetManifestResourceStream(file) ?? throw new BrokenBeliefException($"{file} is not in the program.");
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }
}
