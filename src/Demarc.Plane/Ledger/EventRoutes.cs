using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;

namespace Demarc.Plane.Ledger;

/// <summary>
/// Server-sent events of one environment: <c>ledger</c> with its new size, <c>agent</c> when it comes, goes or
/// has seen something new, and <c>progress</c> of running changes. Nothing is queued per listener: a slow one
/// sees fewer, newer events.
/// </summary>
public static class EventRoutes
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(15);

    /// <summary>Maps it.</summary>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/environments/{env}/events", FollowAsync).WithMetadata(new UseCase("events.follow", TaskId.Audit, Permission.Look)).Produces<string>(200, "text/event-stream");

    private static async Task FollowAsync(HttpContext context, string env, Sequencer sequencer, AgentBoard board, TimeProvider clock, IHostApplicationLifetime lifetime)
    {
        var caller = Caller.Of(context);
        var environment = caller.Environment.Environment;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var stop = either.Token;
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        long seen = -1;
        (bool Connected, string? Refusal, DateTimeOffset? Seen)? met = null;
        var told = ImmutableSortedDictionary<string, ChangeProgress>.Empty;
        while (!stop.IsCancellationRequested)
        {
            var view = await sequencer.FindAsync(environment, stop);

            // Whoever is no longer a member, or whose time is over, hears nothing more.
            if (view is null || caller.Reader.At(view.State, clock.GetUtcNow()) is null) return;
            var presence = board.Of(environment).Current;
            var text = new StringBuilder();
            if (view.Size != seen) text.Append(CultureInfo.InvariantCulture, $"event: ledger\ndata: {{\"size\":{view.Size}}}\n\n");
            var agent = (presence.Value.Connected, presence.Value.Refusal, presence.Value.Observation?.At);
            if (agent != met) text.Append(CultureInfo.InvariantCulture, $"event: agent\ndata: {{\"connected\":{(agent.Connected ? "true" : "false")}}}\n\n");
            foreach (var (change, report) in presence.Value.Progress)
            {
                if (told.GetValueOrDefault(change) != report) text.Append(CultureInfo.InvariantCulture, $"event: progress\ndata: {JsonSerializer.Serialize(report, ProgressJson.Default.ChangeProgress)}\n\n");
            }

            seen = view.Size;
            met = agent;
            told = presence.Value.Progress;
            if (text.Length == 0) text.Append(": still here\n\n");
            await context.Response.WriteAsync(text.ToString(), stop);
            await context.Response.Body.FlushAsync(stop);
            await Task.WhenAny(view.Superseded, presence.Superseded, Task.Delay(Beat, clock, stop));
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ChangeProgress))]
internal sealed partial class ProgressJson : JsonSerializerContext;
