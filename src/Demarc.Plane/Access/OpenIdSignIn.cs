using Demarc.Core.Access;
using Demarc.Plane.Console;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Demarc.Plane.Access;

/// <summary>
/// Signing in with an OpenID provider: authorization code with PKCE, carried out by the framework's own handler. All that is taken from the provider is who
/// somebody is to it; what they may read is what owners have linked in the ledgers, asked anew for every request. Of the provider's tokens nothing is kept.
/// The handler lives in services of its own: were it among the plane's, the framework would put its middleware in front of the gate.
/// </summary>
internal sealed class OpenIdSignIn : IDisposable
{
    public const string Scheme = "openid";
    public const string StartPath = "/sign-in/openid";
    public const string CallbackPath = "/sign-in/openid/callback";

    /// <summary>How long the way to the provider and back may take a person: with a second factor to look for, minutes.</summary>
    private static readonly TimeSpan WayThereAndBack = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan ProviderAnswers = TimeSpan.FromSeconds(10);

    private readonly ServiceProvider? own;

    public OpenIdSignIn(PlaneOptions plane, TimeProvider clock)
    {
        if (plane.OpenId is not { } options) return;
        var services = new ServiceCollection();
        services.AddSingleton(clock);

        // It writes no log: strangers could fill one. Why a sign-in failed stands on the page of whom it failed for.
        services.AddLogging();

        // What protects a sign-in on its way lives as long as the process, as sessions do: nothing more to keep, back up or steal.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        services.AddAuthentication().AddOpenIdConnect(Scheme, options.Name, openId => Configure(openId, options, plane, clock));
        own = services.BuildServiceProvider();
    }

    public void Dispose() => own?.Dispose();

    /// <summary>Sends the browser to the provider.</summary>
    public async Task StartAsync(HttpContext context)
    {
        if (await HandlerAsync(context) is not { } handler)
        {
            await NoProvider().ExecuteAsync(context);
            return;
        }

        try
        {
            await handler.ChallengeAsync(new AuthenticationProperties { RedirectUri = "/" });
        }
        catch (Exception unreachable) when (unreachable is InvalidOperationException or HttpRequestException or IOException)
        {
            // The discovery document could not be had; the handler tries again with the next person.
            await Problems.Result(StatusCodes.Status502BadGateway, "provider-unreachable", "The sign-in provider does not answer.", "Its discovery document could not be read.", remedy: "Try again in a minute, or sign in with 'demarc console'.").ExecuteAsync(context);
        }
    }

    /// <summary>Receives the browser back from the provider.</summary>
    public async Task FinishAsync(HttpContext context)
    {
        if (await HandlerAsync(context) is not { } handler) await NoProvider().ExecuteAsync(context);
        else if (!await handler.HandleRequestAsync()) await Failed("the provider's answer has nothing in it").ExecuteAsync(context);
    }

    private async Task<OpenIdConnectHandler?> HandlerAsync(HttpContext context)
    {
        if (own is null) return null;
        var handler = own.GetRequiredService<OpenIdConnectHandler>();
        await handler.InitializeAsync((await own.GetRequiredService<IAuthenticationSchemeProvider>().GetSchemeAsync(Scheme))!, context);
        return handler;
    }

    private static void Configure(OpenIdConnectOptions openId, OpenIdOptions options, PlaneOptions plane, TimeProvider clock)
    {
        openId.Authority = options.Authority.ToString().TrimEnd('/');
        openId.RequireHttpsMetadata = options.Authority.Scheme == Uri.UriSchemeHttps;
        openId.ClientId = options.ClientId;
        openId.ClientSecret = options.ClientSecret?.Reveal();
        openId.ResponseType = OpenIdConnectResponseType.Code;
        openId.ResponseMode = OpenIdConnectResponseMode.Query;
        openId.UsePkce = true;

        // Whoever comes back is handed to the plane's own sessions; there is no scheme that would take a ticket.
        openId.SignInScheme = "none";
        openId.CallbackPath = CallbackPath;
        openId.TimeProvider = clock;
        openId.BackchannelTimeout = ProviderAnswers;
        openId.RemoteAuthenticationTimeout = WayThereAndBack;
        openId.ProtocolValidator.NonceLifetime = WayThereAndBack;

        // Only who somebody is: no name, no address, no groups, and no token is kept.
        openId.Scope.Clear();
        openId.Scope.Add("openid");
        openId.MapInboundClaims = false;
        openId.ClaimActions.Clear();
        openId.SaveTokens = false;
        openId.GetClaimsFromUserInfoEndpoint = false;
        openId.DisableTelemetry = true;
        openId.TokenValidationParameters.LifetimeValidator = (from, until, _, _) => IsNow(clock.GetUtcNow(), from, until);

        // The way back is a link from elsewhere, for which lax cookies are made; over http on this machine they cannot be marked secure.
        openId.NonceCookie.SameSite = SameSiteMode.Lax;
        openId.NonceCookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        openId.CorrelationCookie.SameSite = SameSiteMode.Lax;
        openId.CorrelationCookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        openId.Events = new OpenIdConnectEvents
        {
            OnRedirectToIdentityProvider = context =>
            {
                if (plane.PublicUrl is { } url) context.ProtocolMessage.RedirectUri = new Uri(url, CallbackPath).ToString();
                return Task.CompletedTask;
            },
            OnTokenValidated = context =>
            {
                // The specification lets a token that came straight from the provider go unsigned, and the handler does. Here every one is signed.
                if (string.IsNullOrEmpty(context.SecurityToken?.RawSignature)) context.Fail("the provider's token is not signed");
                return Task.CompletedTask;
            },
            OnTicketReceived = ReceiveAsync,
            OnRemoteFailure = async context =>
            {
                context.HandleResponse();
                await Failed(context.Failure?.Message).ExecuteAsync(context.HttpContext);
                context.HttpContext.RequestServices.GetRequiredService<FailedAttempts>().Count(context.HttpContext.Connection.RemoteIpAddress);
            },
        };
    }

    // By the plane's own clock and with its own tolerance; a token that does not say when it ends is none.
    private static bool IsNow(DateTimeOffset now, DateTime? from, DateTime? until) =>
        until is { } end && now <= Utc(end) + RequestToken.Tolerance && (from is not { } start || now >= Utc(start) - RequestToken.Tolerance);

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    // The handler has checked state, nonce, signature, audience, issuer and time. Whom nobody has linked gets no session: a provider may know the whole world.
    private static async Task ReceiveAsync(TicketReceivedContext ticket)
    {
        ticket.HandleResponse();
        var context = ticket.HttpContext;
        var subject = new Subject(ticket.Principal?.FindFirst(JwtRegisteredClaimNames.Iss)?.Value ?? "", ticket.Principal?.FindFirst(JwtRegisteredClaimNames.Sub)?.Value ?? "");
        if (subject.Fault() is { } fault)
        {
            await Failed(fault).ExecuteAsync(context);
            return;
        }

        var sequencer = context.RequestServices.GetRequiredService<Sequencer>();
        var reader = Reader.Of(subject);
        foreach (var id in await sequencer.Store.EnvironmentsOfAsync(reader.Id, context.RequestAborted))
        {
            if (await sequencer.FindAsync(id, context.RequestAborted) is not { } view || reader.In(view.State) is null) continue;
            var session = context.RequestServices.GetRequiredService<BrowserSessions>().Open(reader);
            await (session is null ? SignInRoutes.TooMany() : SignInRoutes.Entered(context, session)).ExecuteAsync(context);
            return;
        }

        context.RequestServices.GetRequiredService<FailedAttempts>().Count(context.Connection.RemoteIpAddress);
        await ConsoleHosting.WriteUnlinkedAsync(context, subject);
    }

    private static IResult NoProvider() => Problems.NotFound("This plane has no sign-in provider: its operator names one with --oidc-authority. Sign in with 'demarc console'.");

    private static IResult Failed(string? why) => Problems.Result(
        StatusCodes.Status401Unauthorized, "sign-in-failed", "Signing in with the provider failed.", why is { Length: > 200 } ? why[..200] : why, remedy: "Start again from the first page; a sign-in is good for one attempt and fifteen minutes.");
}
