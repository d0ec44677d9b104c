using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Plane.Access;

namespace Demarc.Plane.Console;

/// <summary>Adds the console to the plane.</summary>
public static class ConsoleHosting
{
    private const string HowToGetIn = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Demarc</title><h1>Demarc</h1><p>Run <code>demarc console</code>: it opens this console signed in with your key.</p></html>";

    /// <summary>What its pages need.</summary>
    public static IServiceCollection AddConsole(this IServiceCollection services) => services;

    /// <summary>Its pages.</summary>
    public static void MapConsole(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", () => TypedResults.Content(HowToGetIn, "text/html; charset=utf-8")).WithMetadata(new UseCase("console.home", TaskId.Access, Permission.None) { Proof = Proof.Open }).ExcludeFromDescription();
}
