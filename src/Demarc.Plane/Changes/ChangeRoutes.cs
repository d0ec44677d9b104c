using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Changes;

/// <summary>Changes: newest first, and one with its plan as it stands in the ledger.</summary>
public static class ChangeRoutes
{
    private const int MaxListed = 500;

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}/changes");
        one.MapGet("", List).WithMetadata(new UseCase("changes.list", TaskId.Audit, Permission.Look)).Produces<ImmutableArray<ChangeView>>();
        one.MapGet("/{id}", ShowAsync).WithMetadata(new UseCase("changes.show", TaskId.Audit, Permission.Look)).Produces<ChangeView>();
    }

    /// <summary>One change with its plan, read from the ledger when the change has ended; null when there is none of that name.</summary>
    public static async Task<ChangeView?> FindAsync(LedgerView view, ILedgerStore store, string id, CancellationToken cancellation)
    {
        if (!ChangeId.TryParse(id, out var change) || !view.State.Changes.TryGetValue(change, out var found)) return null;
        return ViewOf.Change(found, found.Plan is null && found.PlanIndex is { } index ? await PlanAtAsync(view, store, index, cancellation) : null);
    }

    private static IResult List(HttpContext context, string env) => TypedResults.Json(
        Caller.Of(context).Environment.State.Changes.Values.OrderByDescending(c => c.RequestedAt).ThenBy(c => c.Id.Value, StringComparer.Ordinal).Take(MaxListed).Select(c => ViewOf.Change(c)).ToImmutableArray(),
        ViewJson.Default.ImmutableArrayChangeView);

    private static async Task<IResult> ShowAsync(HttpContext context, string env, string id, Sequencer sequencer) =>
        await FindAsync(Caller.Of(context).Environment, sequencer.Store, id, context.RequestAborted) is { } view
            ? TypedResults.Json(view, ViewJson.Default.ChangeView)
            : Problems.NotFound($"There is no change '{(id.Length <= 40 ? id : id[..40])}' in {env}.");

    private static async Task<Plan?> PlanAtAsync(LedgerView view, ILedgerStore store, long index, CancellationToken cancellation)
    {
        await foreach (var bytes in store.ReadAsync(view.Environment, index, 1, cancellation))
        {
            return Entry.Read(bytes).Entry?.Data is ChangePlanned planned ? Plan.Read(planned.Plan) : null;
        }

        return null;
    }
}
