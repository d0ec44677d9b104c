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

    private static readonly ImmutableArray<string> Waiters = ["vendor", "customer", "agent", "time"];

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}/changes");
        one.MapGet("", List).WithMetadata(new UseCase("changes.list", TaskId.Audit, Permission.Look)).Produces<ImmutableArray<ChangeView>>();
        one.MapGet("/{id}", ShowAsync).WithMetadata(new UseCase("changes.show", TaskId.Audit, Permission.Look)).Produces<ChangeView>();
    }

    /// <summary>One change with its plan, read from the ledger when the change has ended; null when there is none of that name.</summary>
    public static async Task<ChangeView?> FindAsync(LedgerView view, ILedgerStore store, string id, DateTimeOffset now, CancellationToken cancellation)
    {
        if (!ChangeId.TryParse(id, out var change) || !view.State.Changes.TryGetValue(change, out var found)) return null;
        return ChangeViews.Of(view.State, found, now, found.Plan is null && found.PlanIndex is { } index ? await PlanAtAsync(view, store, index, cancellation) : null);
    }

    private static IResult List(HttpContext context, string env, TimeProvider clock, string? open = null, string? waitingFor = null)
    {
        if (open is not (null or "true" or "false")) return Problems.Malformed($"open is '{Problems.Clip(open)}', not true or false.", "open");
        if (waitingFor is not null && !Waiters.Contains(waitingFor)) return Problems.Malformed($"waitingFor is '{Problems.Clip(waitingFor)}', not one of {string.Join(", ", Waiters)}.", "waitingFor");
        var state = Caller.Of(context).Environment.State;
        var now = clock.GetUtcNow();
        var wanted = (open == "true" || waitingFor is not null ? state.OpenChanges : state.Changes.Values)
            .Where(c => open != "false" || c.IsEnded)
            .Where(c => waitingFor is null || ChangeViews.Waiting(state, c, now).Any(w => w.For == waitingFor));
        return TypedResults.Json(
            wanted.OrderByDescending(c => c.RequestedAt).ThenBy(c => c.Id.Value, StringComparer.Ordinal).Take(MaxListed).Select(c => ChangeViews.Of(state, c, now)).ToImmutableArray(),
            ViewJson.Default.ImmutableArrayChangeView);
    }

    private static async Task<IResult> ShowAsync(HttpContext context, string env, string id, Sequencer sequencer, TimeProvider clock) =>
        await FindAsync(Caller.Of(context).Environment, sequencer.Store, id, clock.GetUtcNow(), context.RequestAborted) is { } view
            ? TypedResults.Json(view, ViewJson.Default.ChangeView)
            : Problems.NotFound($"There is no change '{Problems.Clip(id)}' in {env}.");

    private static async Task<Plan?> PlanAtAsync(LedgerView view, ILedgerStore store, long index, CancellationToken cancellation)
    {
        await foreach (var bytes in store.ReadAsync(view.Environment, index, 1, cancellation))
        {
            return Entry.Read(bytes).Entry?.Data is ChangePlanned planned ? Plan.Read(planned.Plan) : null;
        }

        return null;
    }
}
