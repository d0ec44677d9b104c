using System.Collections.Immutable;
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

    /// <summary>A charter as JSON text: every character may be escaped.</summary>
    private const int MaxDraft = 6 * CharterLimits.MaxBytes;

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapGet("/charter", Show).WithMetadata(new UseCase("charter.show", TaskId.Access, Permission.Look) { OpenToSevered = true }).Produces<CharterView>();
        one.MapGet("/charter/history", History).WithMetadata(new UseCase("charter.history", TaskId.Access, Permission.Look)).Produces<ImmutableArray<CharterVersionView>>();
        one.MapGet("/charter/explain", Explain).WithMetadata(new UseCase("charter.explain", TaskId.Access, Permission.Look)).Produces<Explanation>();
        one.MapPost("/charter/check", CheckAsync).WithMetadata(new UseCase("charter.check", TaskId.Access, Permission.Look)).Accepts<CharterDraft>("application/json").Produces<CharterCheckView>();
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

    private static IResult History(HttpContext context, string env) =>
        TypedResults.Json(CharterHistory.Of(Caller.Of(context).Environment.State), ViewJson.Default.ImmutableArrayCharterVersionView);

    private static IResult Explain(HttpContext context, string env, TimeProvider clock, string action, string? party, string? role, string? instance, string? size, DateTimeOffset? at)
    {
        if (ChangeAction.ByName(action) is not { } known) return Problems.Malformed($"action must be one of {string.Join(", ", ChangeAction.All.Select(a => a.Name))}.", "action");
        if (party is not (null or "vendor" or "customer" or "agent")) return Problems.Malformed("party must be vendor, customer or agent.", "party");
        if (!Enum.TryParse<Role>(role ?? "operator", ignoreCase: true, out var asRole) || !Enum.IsDefined(asRole)) return Problems.Malformed("role must be owner, operator, approver, auditor or viewer.", "role");
        if (InstanceSizes.Parse(size ?? "small") is not { } asSize) return Problems.Malformed("size must be small, medium or large.", "size");
        var id = default(InstanceId);
        if (instance is not null && !InstanceId.TryParse(instance, out id)) return Problems.Malformed($"instance must be {InstanceId.Form}.", "instance");
        var asker = party == "agent" ? (Party?)null : party == "customer" ? Party.Customer : Party.Vendor;
        var explanation = CharterExplanation.Of(Caller.Of(context).Environment.State, asker, asRole, known, instance is null ? null : id, asSize, at ?? clock.GetUtcNow());
        return TypedResults.Json(explanation, ViewJson.Default.Explanation);
    }

    // What the fold will say of a proposal, before anybody signs one.
    private static async Task<IResult> CheckAsync(HttpContext context, string env)
    {
        if (await Bodies.ReadAsync(context, MaxDraft) is not { } body) return Bodies.TooLong(MaxDraft);
        CharterDraft? draft;
        try
        {
            draft = JsonSerializer.Deserialize(body, ViewJson.Default.CharterDraft);
        }
        catch (JsonException unreadable)
        {
            return Problems.Malformed($"The body is not a draft of a charter: {unreadable.Message}", unreadable.Path);
        }

        if (draft?.Yaml is not { } yaml) return Problems.Malformed("yaml is missing.", "yaml");
        var state = Caller.Of(context).Environment.State;
        var next = (state.Charter?.Version ?? 0) + 1;
        var read = CharterYaml.Read(yaml);
        var faults = read.Document is { } document && document.Version != next ? [new CharterFault("charter.yaml", 1, 1, "charter", $"the next charter is version {next}, not {document.Version}")] : read.Faults;
        return TypedResults.Json(
            new CharterCheckView(next, faults, faults.IsEmpty && state.Charter is { } force ? CharterDiff.Between(force, read.Document!) : []),
            ViewJson.Default.CharterCheckView);
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
