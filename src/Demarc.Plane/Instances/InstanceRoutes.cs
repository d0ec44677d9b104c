using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Instances;

/// <summary>Instances with what the agent last saw of them, and the sealed credential for the customer.</summary>
public static class InstanceRoutes
{
    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}/instances");
        one.MapGet("", List).WithMetadata(new UseCase("instances.list", TaskId.Provision, Permission.Look)).Produces<ImmutableArray<InstanceView>>();
        one.MapGet("/{id}", Show).WithMetadata(new UseCase("instances.show", TaskId.Provision, Permission.Look)).Produces<InstanceView>();
        one.MapGet("/{id}/credential", Credential).WithMetadata(new UseCase("instances.credential", TaskId.Access, Permission.Operate) { Only = Party.Customer }).Produces<CredentialView>();
    }

    /// <summary>All instances of an environment.</summary>
    public static ImmutableArray<InstanceView> All(LedgerView view, AgentBoard board)
    {
        var observed = board.Of(view.Environment).Current.Value.Sees;
        return [.. view.State.Instances.Values.Select(i => ViewOf.Instance(i, observed?.Instances.GetValueOrDefault(i.Id)))];
    }

    private static IResult List(HttpContext context, string env, AgentBoard board) =>
        TypedResults.Json(All(Caller.Of(context).Environment, board), ViewJson.Default.ImmutableArrayInstanceView);

    private static IResult Show(HttpContext context, string env, string id, AgentBoard board) =>
        All(Caller.Of(context).Environment, board).FirstOrDefault(i => i.Id == id) is { } view
            ? TypedResults.Json(view, ViewJson.Default.InstanceView)
            : None(env, id);

    private static IResult Credential(HttpContext context, string env, string id)
    {
        if (!InstanceId.TryParse(id, out var name) || !Caller.Of(context).Environment.State.Instances.TryGetValue(name, out var instance)) return None(env, id);
        return instance.Credential is { } credential
            ? TypedResults.Json(new CredentialView(id, instance.Uri, credential.User, credential.Sealed), ViewJson.Default.CredentialView)
            : Problems.NotFound($"Instance {id} has no credential yet: it is {instance.Status.Word()}.");
    }

    private static IResult None(string env, string id) => Problems.NotFound($"There is no instance '{(id.Length <= 40 ? id : id[..40])}' in {env}.");
}
