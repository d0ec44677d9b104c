using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Plane.Access;

namespace Demarc.Plane.Charter;

/// <summary>The charter in force, the one on the table, and what it would say to a request.</summary>
public static class CharterRoutes
{
    private const int MaxRequest = 16 * 1024;

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapGet("/charter", Show).WithMetadata(new UseCase("charter.show", TaskId.Access, Permission.Look)).Produces<CharterView>();
        one.MapPost("/decide", DecideAsync).WithMetadata(new UseCase("charter.decide", TaskId.Access, Permission.Look)).Accepts<InstanceRequest>("application/json").Produces<DecisionView>();
    }

    private static IResult Show(HttpContext context, string env)
    {
        var state = Caller.Of(context).Environment.State;
        var proposal = state.Proposal;
        return TypedResults.Json(
            new CharterView(state.Charter?.Version, state.CharterYaml, proposal?.Document.Version, proposal?.Yaml, proposal?.Sha256, [.. (proposal?.Signed ?? []).Order()]),
            ViewJson.Default.CharterView);
    }

    private static async Task<IResult> DecideAsync(HttpContext context, string env, TimeProvider clock)
    {
        if (await Bodies.ReadAsync(context, MaxRequest) is not { } body) return Bodies.TooLong(MaxRequest);
        InstanceRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(body, Core.Ledger.LedgerJson.Default.InstanceRequest);
        }
        catch (JsonException unreadable)
        {
            return Problems.Malformed($"The body is not a request for a change: {unreadable.Message}", unreadable.Path);
        }

        if (request is null) return Problems.Malformed("The body is null.");
        var caller = Caller.Of(context);
        var state = caller.Environment.State;
        var now = clock.GetUtcNow();
        var decision = CharterDecision.Decide(state, caller.Member!.Party, request, now);
        if (decision is not Decision.Denied && InstanceRules.Fault(state, request, now) is { } fault) decision = new Decision.Denied("state", fault);
        if (decision is not Decision.Denied && ChangeWaits.NeverOpens(state, request, now) is { } never) decision = never;
        return TypedResults.Json(ViewOf.Decision(decision) with { Waits = decision is Decision.Denied ? null : ChangeWaits.AtRequest(state, request, now) }, ViewJson.Default.DecisionView);
    }
}
