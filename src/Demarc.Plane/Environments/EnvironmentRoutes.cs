using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Environments;

/// <summary>Founding an environment, and looking at one.</summary>
public static class EnvironmentRoutes
{
    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => TypedResults.Text("OK")).WithMetadata(new UseCase("plane.health", TaskId.Monitoring, Permission.None) { Proof = Proof.Open });
        routes.MapGet("/v1/plane", Plane).WithMetadata(new UseCase("plane.show", TaskId.Access, Permission.None) { Proof = Proof.Open }).Produces<PlaneView>();
        routes.MapPost("/v1/environments", FoundAsync).WithMetadata(new UseCase("environments.found", TaskId.Access, Permission.Own) { Proof = Proof.SignedBody }).Accepts<EntryBody>("application/json").Produces<AppendedView>(201);
        routes.MapGet("/v1/environments", ListAsync).WithMetadata(new UseCase("environments.list", TaskId.Access, Permission.Look)).Produces<ImmutableArray<EnvironmentView>>();
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapGet("", ShowAsync).WithMetadata(new UseCase("environments.show", TaskId.Access, Permission.Look)).Produces<EnvironmentView>();
        one.MapGet("/responsibilities", Table).WithMetadata(new UseCase("environments.responsibilities", TaskId.Access, Permission.Look)).Produces<ImmutableArray<ResponsibilityView>>();
        one.MapGet("/members/review", Review).WithMetadata(new UseCase("members.review", TaskId.Access, Permission.Look)).Produces<ImmutableArray<AccessLine>>();
        one.MapGet("/members", Members).WithMetadata(new UseCase("members.list", TaskId.Access, Permission.Look)).Produces<ImmutableArray<MemberView>>();
        one.MapGet("/findings", Findings).WithMetadata(new UseCase("findings.list", TaskId.Monitoring, Permission.Look)).Produces<ImmutableArray<FindingView>>();
        one.MapGet("/observation", Observed).WithMetadata(new UseCase("observation.show", TaskId.Monitoring, Permission.Look)).Produces<Core.Agents.Observation>();
    }

    /// <summary>An environment at a glance, with what only the plane knows: whether the agent is there.</summary>
    public static async ValueTask<EnvironmentView> ViewForAsync(LedgerView view, AgentBoard board, CancellationToken cancellation)
    {
        var state = view.State;
        var founding = state.Founding!;
        var presence = await board.ReadAsync(view.Environment, cancellation);
        return new EnvironmentView(
            state.Id.Value, founding.Name, state.Size, founding.CustomerRoot, founding.VendorRoot, state.PlaneKey, founding.CustomerSealing,
            state.Charter?.Version, state.Proposal?.Document.Version, [.. (state.Proposal?.Signed ?? []).Order()],
            state.Agent?.Key.KeyId, state.Agent?.Name, presence.Connected, presence.Refusal, view.Countersigned?.Size ?? 0,
            state.Instances.Count, state.Open.Count, state.Findings.Count)
        {
            Severed = state.Severed is { } severed ? new SeveredView(severed.At, severed.Index, severed.By, severed.Reason, severed.Withdrawn) : null,
            Planes = [.. state.Planes.Select(term => new PlaneTermView(term.Key, term.From))],
        };
    }

    private static IResult Plane(PlaneIdentity identity) => TypedResults.Json(identity.View, ViewJson.Default.PlaneView);

    private static async Task<IResult> FoundAsync(HttpContext context, Sequencer sequencer)
    {
        var (entry, refusal) = await EntryRoutes.ReadBodyAsync(context);
        if (entry is null) return refusal!;
        if (entry.Data is not EnvironmentFounded) return Problems.Refused($"only environment.founded founds an environment; this is {entry.Body.Kind}");
        var appended = await EntryRoutes.TryAppendAsync(sequencer, entry.Environment, entry, context.RequestAborted);
        return appended.Refusal is { } why
            ? Problems.Refused(why)
            : TypedResults.Json(new AppendedView(appended.Index!.Value, appended.Size), ViewJson.Default.AppendedView, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> ListAsync(HttpContext context, Sequencer sequencer, AgentBoard board, TimeProvider clock)
    {
        var reader = Caller.Of(context).Reader;
        var views = ImmutableArray.CreateBuilder<EnvironmentView>();
        foreach (var id in await sequencer.Store.EnvironmentsOfAsync(reader.Id, context.RequestAborted))
        {
            if (await sequencer.FindAsync(id, context.RequestAborted) is { } view && reader.At(view.State, clock.GetUtcNow()) is { } member && member.Allows(Permission.Look) && !Severed.Bars(view, member, sequencer.Signer)) views.Add(await ViewForAsync(view, board, context.RequestAborted));
        }

        return TypedResults.Json(views.ToImmutable(), ViewJson.Default.ImmutableArrayEnvironmentView);
    }

    private static async Task<IResult> ShowAsync(HttpContext context, string env, AgentBoard board) =>
        TypedResults.Json(await ViewForAsync(Caller.Of(context).Environment, board, context.RequestAborted), ViewJson.Default.EnvironmentView);

    private static IResult Table(HttpContext context, string env, TimeProvider clock) =>
        TypedResults.Json(ViewOf.Responsibilities(Caller.Of(context).Environment.State, clock.GetUtcNow()), ViewJson.Default.ImmutableArrayResponsibilityView);

    private static IResult Review(HttpContext context, string env, KeyUses uses, TimeProvider clock) =>
        TypedResults.Json(AccessReview.Of(Caller.Of(context).Environment.State, clock.GetUtcNow(), key => uses.Of(Caller.Of(context).Environment.Environment, key)), ViewJson.Default.ImmutableArrayAccessLine);

    private static IResult Members(HttpContext context, string env, KeyUses uses) =>
        TypedResults.Json(ViewOf.Members(Caller.Of(context).Environment.State, key => uses.Of(Caller.Of(context).Environment.Environment, key)), ViewJson.Default.ImmutableArrayMemberView);

    private static IResult Findings(HttpContext context, string env) =>
        TypedResults.Json(ViewOf.Findings(Caller.Of(context).Environment.State), ViewJson.Default.ImmutableArrayFindingView);

    private static IResult Observed(HttpContext context, string env, AgentBoard board) =>
        board.Of(Caller.Of(context).Environment.Environment).Current.Value.Observation is { } observation
            ? TypedResults.Json(observation, ViewJson.Default.Observation)
            : Problems.NotFound("The agent has not reported what it sees since this plane started.");
}
