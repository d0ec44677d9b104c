using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Plane.Environments;
using Demarc.Plane.Ledger;
using Microsoft.AspNetCore.Http.Features;

namespace Demarc.Plane.Access;

/// <summary>
/// The only way in. Every endpoint declares a <see cref="UseCase"/>; whoever calls it proves a key, the key must be a member of the environment in the path,
/// and the member's role must allow what the use case asks. Strangers get the same answer whether an environment exists or not.
/// </summary>
public sealed class Gate(RequestDelegate next, Sequencer sequencer, BrowserSessions sessions, FailedAttempts failures, UsedTokens used, KeyUses uses, TimeProvider clock)
{
    /// <summary>Lets a request in or answers it.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        var useCase = endpoint?.Metadata.GetMetadata<UseCase>();

        // What is served to agents is served at their door alone, and nothing else is.
        if (endpoint is null || (useCase?.Proof == Proof.Certificate) != HubListener.IsAt(context))
        {
            await Problems.NotFound($"{context.Request.Method} {context.Request.Path} is not served; /openapi/v1.json lists what is.").ExecuteAsync(context);
            return;
        }

        if (endpoint is not RouteEndpoint)
        {
            // The framework's own answer to a path that is served, but not with this method or this kind of body.
            await next(context);
            await Problems.Result(context.Response.StatusCode, "not-served-so", "This is not served in that way.", $"{context.Request.Method} {context.Request.Path} as '{context.Request.ContentType}' is not served; /openapi/v1.json lists what is.").ExecuteAsync(context);
            return;
        }

        if (useCase is null) throw new BrokenBeliefException($"{endpoint.DisplayName} declares no use case.");
        if (failures.TooMany(context.Connection.RemoteIpAddress))
        {
            context.Response.Headers.RetryAfter = "60";
            await Problems.Result(StatusCodes.Status429TooManyRequests, "too-many-refusals", "Too many refused requests from this address.", remedy: "Wait a minute and look at the key you use.").ExecuteAsync(context);
            return;
        }

        if (useCase.Proof == Proof.Request && await RefuseAsync(context, useCase) is { } refusal)
        {
            failures.Count(context.Connection.RemoteIpAddress);
            await refusal.ExecuteAsync(context);
            return;
        }

        await next(context);

        // Binding a parameter can fail without a word; nobody is left with a bare number.
        if (context.Response is { HasStarted: false, StatusCode: StatusCodes.Status400BadRequest, ContentType: null })
            await Problems.Malformed("A parameter is missing or of the wrong kind; /openapi/v1.json says which there are.").ExecuteAsync(context);
    }

    /// <summary>Who calls, by header or cookie. A cookie only reads: it is no signature.</summary>
    public (Reader? Reader, string? Fault) Prove(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0 && HttpMethods.IsGet(context.Request.Method) && context.Request.Cookies.TryGetValue(BrowserSessions.Cookie, out var cookie))
            return sessions.Find(cookie) is { } signedIn ? (signedIn, null) : (null, "the browser's session is over");
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var read = RequestToken.Read(header, sequencer.Signer.Name, context.Request.Method, target, clock.GetUtcNow());
        return (read.Key is { } key ? Reader.Of(key) : null, read.Fault);
    }

    /// <summary>The one answer to whoever is no member, whether there is such an environment or not.</summary>
    internal static IResult NoEnvironment(string name, Reader reader) =>
        Problems.NotFound($"There is no environment '{(name.Length <= 40 ? name : name[..40])}' that {reader.Key?.KeyId ?? "your account"} is a member of.");

    private async Task<IResult?> RefuseAsync(HttpContext context, UseCase useCase)
    {
        var (reader, fault) = Prove(context);
        if (reader is null)
        {
            context.Response.Headers.WWWAuthenticate = RequestToken.Scheme;
            return Problems.Result(StatusCodes.Status401Unauthorized, "not-signed", "The request is not signed by a key.", fault, remedy: "Use the demarc command, or sign in with 'demarc console'.");
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !used.TryUse(context.Request.Headers.Authorization.ToString()))
            return Problems.Result(StatusCodes.Status401Unauthorized, "token-used", "This token was used before.", remedy: "Sign every request anew.");
        if (context.Request.RouteValues.GetValueOrDefault("env") is not string name)
        {
            context.Features.Set(new Caller(reader, null, null));
            return null;
        }

        var view = EnvironmentId.TryParse(name, out var id) ? await sequencer.FindAsync(id, context.RequestAborted) : null;
        if (view is null || reader.In(view.State) is not { } member)
        {
            // Who has left is signed out here and now, whatever they open next.
            if (reader.Key is { } gone && view?.State.Former.ContainsKey(gone.KeyId) == true) sessions.Close(context.Request.Cookies[BrowserSessions.Cookie]);
            return NoEnvironment(name, reader);
        }

        if (member.IsExpired(clock.GetUtcNow()))
            return Problems.Result(StatusCodes.Status403Forbidden, "expired", "The key has expired.", $"{member.Key.KeyId} expired at {member.ExpiresAt:u}.", remedy: "Ask an owner of your party for another.");
        if (Severed.Bars(view, member, sequencer.Signer) && !useCase.OpenToSevered)
            return Problems.Result(StatusCodes.Status403Forbidden, "severed", "The customer has severed the vendor.", $"The customer has severed the vendor (entry {view.State.Severed!.Index}): {useCase.Name} is not open to its people any more.", remedy: "What is left to the vendor is to read and sign a charter that the customer proposes.");
        if (!member.Allows(useCase.Permission))
            return Problems.Result(StatusCodes.Status403Forbidden, "not-allowed", "The role does not allow this.", $"{useCase.Name} needs the permission '{useCase.Permission}', which the role '{member.RoleWord}' does not have.", remedy: "Ask an owner of your party.");
        if (useCase.Only is { } only && member.Party != only)
            return Problems.Result(StatusCodes.Status403Forbidden, "other-party", $"This is for the {only.Word()} alone.", $"{useCase.Name} is not open to the {member.Party.Word()}.");
        uses.Note(view.Environment, member.Key);
        context.Features.Set(new Caller(reader, member, view));
        return null;
    }
}
