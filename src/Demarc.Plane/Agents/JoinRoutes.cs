using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Plane.Access;

namespace Demarc.Plane.Agents;

/// <summary>How an agent gets its first certificate, and another one after it was off for longer than a certificate lives.</summary>
public static class JoinRoutes
{
    /// <summary>An entry and a certificate request, both in base64, with room to spare.</summary>
    private const int MaxBody = 128 * 1024;

    /// <summary>Maps it.</summary>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/agents/join", JoinAsync).WithMetadata(new UseCase("agents.join", TaskId.Identity, Permission.Agent) { Proof = Proof.SignedBody }).Accepts<JoinRequest>("application/json").Produces<JoinReply>();

    private static async Task<IResult> JoinAsync(HttpContext context, AgentJoining joining, FailedAttempts failures)
    {
        if (await Bodies.ReadAsync(context, MaxBody) is not { } body) return Bodies.TooLong(MaxBody);
        JoinRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(body, ViewJson.Default.JoinRequest);
        }
        catch (JsonException unreadable)
        {
            return Problems.Malformed($"The body is not a request to join: {unreadable.Message}", unreadable.Path);
        }

        if (request is null) return Problems.Malformed("The body is null.");
        var joined = await joining.JoinAsync(request, context.RequestAborted);
        if (joined.Reply is { } reply) return TypedResults.Json(reply, ViewJson.Default.JoinReply);
        failures.Count(context.Connection.RemoteIpAddress);
        return joined.Field is { } field ? Problems.Malformed(joined.Fault!, field) : Problems.Refused(joined.Fault!);
    }
}
