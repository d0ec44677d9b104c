using System.Reflection;
using System.Security.Cryptography;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Changes;
using Demarc.Plane.Charter;
using Demarc.Plane.Console;
using Demarc.Plane.Emergency;
using Demarc.Plane.Environments;
using Demarc.Plane.Instances;
using Demarc.Plane.Ledger;
using Demarc.Plane.Monitoring;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Demarc.Plane.Hosting;

/// <summary>
/// Puts a plane together: one store, one sequencer, two listeners (REST and console on one, agents on the other), one gate in front of every route. A
/// route without a declared task and permission keeps the plane from starting.
/// </summary>
public static class PlaneHost
{
    /// <summary>This build's version.</summary>
    public static string Version { get; } = typeof(PlaneHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>A plane that is ready to be started.</summary>
    public static WebApplication Build(PlaneOptions options, PlaneFolder folder, TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = typeof(PlaneHost).Assembly.GetName().Name, ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        var signer = new CheckpointSigner(options.Name, folder.Key());
        var authority = AgentAuthority.Open(folder.Path, options.Name, options.HubNames, clock, RandomNumberGenerator.Fill);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options, authority));
        var services = builder.Services;
        services.AddSingleton(clock);
        services.AddSingleton<FillRandom>(RandomNumberGenerator.Fill);
        services.AddSingleton(options);
        services.AddSingleton(authority);
        services.AddSingleton<ILedgerStore>(_ => SqliteLedgerStore.Open(folder.File("ledger.db")));
        services.AddSingleton(signer);
        services.AddSingleton(new HostingRule(options.VendorRoot, signer.VerifierKey));
        services.AddSingleton<Sequencer>();
        services.AddSingleton<AgentBoard>();
        services.AddSingleton(s => new AgentHub(s.GetRequiredService<Sequencer>(), s.GetRequiredService<AgentBoard>(), clock, Version) { Sessions = s.GetRequiredService<SessionBoard>() });
        services.AddSingleton(s => new SessionBoard(s.GetRequiredService<Sequencer>(), folder.File("sessions"), clock));
        services.AddSingleton<BrowserSessions>();
        services.AddSingleton<OpenIdSignIn>();
        services.AddSingleton<FailedAttempts>();
        services.AddSingleton<UsedTokens>();
        services.AddSingleton(KeyUses.Open(folder.File("key-uses"), clock));
        services.AddSingleton<PlaneIdentity>();
        services.AddSingleton(s => new AgentJoining(s.GetRequiredService<Sequencer>(), authority, s.GetRequiredService<PlaneIdentity>().Hub, clock));
        services.AddHostedService<SequencerLoop>();
        NotifyHosting.AddServices(services, folder);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ViewJson.Default));
        services.AddOpenApi(openapi => openapi.AddDocumentTransformer<OpenApiNotes>());
        HubListener.AddServices(services);
        services.AddConsole();

        var app = builder.Build();
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = FailAsync,

            // What a caller does wrong is no line in the log: strangers could fill it.
            SuppressDiagnosticsCallback = failure => failure.Exception is Microsoft.AspNetCore.Http.BadHttpRequestException,
        });
        app.Use(SecureAsync);
        app.UseWebSockets();
        app.UseRouting();
        app.UseMiddleware<Gate>();
        EnvironmentRoutes.Map(app);
        CharterRoutes.Map(app);
        ChangeRoutes.Map(app);
        SessionRoutes.Map(app);
        InstanceRoutes.Map(app);
        EntryRoutes.Map(app);
        ImportRoutes.Map(app);
        SearchRoutes.Map(app);
        EventRoutes.Map(app);
        SignInRoutes.Map(app);
        NotifyRoutes.Map(app);
        JoinRoutes.Map(app);
        HubListener.Map(app);
        app.MapConsole();
        app.MapOpenApi().WithMetadata(new UseCase("plane.openapi", TaskId.Access, Permission.None) { Proof = Proof.Open });
        return app;
    }

    /// <summary>Every route with its use case. Throws when one declares none.</summary>
    public static IReadOnlyList<(string Route, UseCase UseCase)> Routes(WebApplication app)
    {
        var routes = new List<(string, UseCase)>();
        foreach (var endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>())
        {
            var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["*"];
            var route = $"{string.Join(',', methods)} /{endpoint.RoutePattern.RawText?.TrimStart('/')}";
            routes.Add((route, endpoint.Metadata.GetMetadata<UseCase>() ?? throw new BrokenBeliefException($"{route} declares no use case.")));
        }

        return routes;
    }

    private static void Listen(KestrelServerOptions kestrel, PlaneOptions options, AgentAuthority authority)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
        kestrel.Limits.MaxConcurrentConnections = 10_000;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.MaxStreamsPerConnection = 16;
        kestrel.Limits.Http2.KeepAlivePingDelay = AgentHubLimits.Ping;
        kestrel.Listen(options.Address, options.Url.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            if (options.Certificate is { } certificate) listen.UseHttps(certificate);
        });
        HubListener.Listen(kestrel, options.Address, options.HubPort, authority);
    }

    private static Task SecureAsync(HttpContext context, RequestDelegate next)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return next(context);
    }

    private static Task FailAsync(HttpContext context)
    {
        var answer = context.Features.Get<IExceptionHandlerFeature>()?.Error switch
        {
            LedgerUnavailableException unavailable => Problems.Result(StatusCodes.Status503ServiceUnavailable, "ledger-unavailable", "The ledger did not answer.", unavailable.Message, remedy: "Send the identical entry again: it is kept once."),
            LedgerDamagedException damaged => Problems.Result(StatusCodes.Status503ServiceUnavailable, "ledger-damaged", "This environment's stored ledger is damaged.", damaged.Message),
            Microsoft.AspNetCore.Http.BadHttpRequestException bad => Problems.Result(bad.StatusCode, "malformed", "The request cannot be read.", bad.Message),
            _ => Problems.Result(StatusCodes.Status500InternalServerError, "internal", "The plane has a fault of its own.", "What happened stands in the plane's log."),
        };
        return answer.ExecuteAsync(context);
    }
}

/// <summary>Runs the sequencer as long as the plane runs.</summary>
internal sealed class SequencerLoop(Sequencer sequencer) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => sequencer.RunAsync(stoppingToken);
}
