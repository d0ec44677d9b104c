using System.Collections.Immutable;
using System.Net.WebSockets;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Plane.Emergency;

/// <summary>Emergency sessions: look at them, work in one, watch one, and read what was recorded.</summary>
public static class SessionRoutes
{
    private const int MaxListed = 200;

    /// <summary>How long a socket may take to close.</summary>
    private static readonly TimeSpan CloseTakes = TimeSpan.FromSeconds(2);

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}/sessions");
        one.MapGet("", List).WithMetadata(new UseCase("sessions.list", TaskId.Emergency, Permission.Look)).Produces<ImmutableArray<SessionView>>();
        one.MapGet("/{id}", Show).WithMetadata(new UseCase("sessions.show", TaskId.Emergency, Permission.Look)).Produces<SessionView>();
        one.MapGet("/{id}/recording", Recording).WithMetadata(new UseCase("sessions.recording", TaskId.Emergency, Permission.Audit)).Produces<string>(200, "application/x-asciicast");
        one.MapGet("/{id}/watch", WatchAsync).WithMetadata(new UseCase("sessions.watch", TaskId.Emergency, Permission.Audit)).Produces<string>(200, "text/event-stream");
        one.MapGet("/{id}/bundle", Bundle).WithMetadata(new UseCase("sessions.bundle", TaskId.Emergency, Permission.Audit)).Produces<string>(200, "application/json");
        one.MapGet("/{id}/attach", AttachAsync).WithMetadata(new UseCase("sessions.attach", TaskId.Emergency, Permission.Operate)).Produces(101);
    }

    private static IResult List(HttpContext context, string env, string? open = null)
    {
        if (open is not (null or "true" or "false")) return Problems.Malformed($"open is '{Problems.Clip(open)}', not true or false.", "open");
        var state = Caller.Of(context).Environment.State;
        return TypedResults.Json(
            state.Sessions.Values.Where(s => open is null || s.IsEnded == (open == "false")).OrderByDescending(s => s.RequestedAt).ThenBy(s => s.Id.Value, StringComparer.Ordinal).Take(MaxListed).Select(s => SessionViews.Of(state, s)).ToImmutableArray(),
            ViewJson.Default.ImmutableArraySessionView);
    }

    private static IResult Show(HttpContext context, string env, string id) =>
        Find(context, id) is { } session ? TypedResults.Json(SessionViews.Of(Caller.Of(context).Environment.State, session), ViewJson.Default.SessionView) : None(env, id);

    private static IResult Recording(HttpContext context, string env, string id, SessionBoard board)
    {
        if (Find(context, id) is not { } session) return None(env, id);
        var recording = session.OpenedAt is null ? [] : board.TapeOf(Caller.Of(context).Environment.Environment, session).Read(0);
        return recording.Length == 0 ? Problems.NotFound($"Nothing of session {session.Id} has been recorded here.") : TypedResults.Bytes(recording, "application/x-asciicast");
    }

    private static IResult Bundle(HttpContext context, string env, string id, SessionBoard board)
    {
        if (Find(context, id) is not { } session) return None(env, id);
        return board.Bundle(Caller.Of(context).Environment.Environment, session.Id) is { } bundle
            ? TypedResults.Bytes(bundle, "application/json")
            : Problems.NotFound($"The bundle of session {session.Id} is not here: it leaves once the customer has released it.");
    }

    private static async Task WatchAsync(HttpContext context, string env, string id, SessionBoard board, TimeProvider clock, IHostApplicationLifetime lifetime)
    {
        if (Find(context, id) is not { } session)
        {
            await None(env, id).ExecuteAsync(context);
            return;
        }

        var caller = Caller.Of(context);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync($"event: session\ndata: {session.Id}\n\n", either.Token);
        await context.Response.Body.FlushAsync(either.Token);

        // Whoever is no longer a member, or whose time is over, sees nothing more.
        await foreach (var line in board.FollowAsync(caller.Environment.Environment, session.Id, state => caller.Reader.At(state, clock.GetUtcNow()) is not null, either.Token))
        {
            await context.Response.WriteAsync($"event: line\ndata: {line}\n\n", either.Token);
            await context.Response.Body.FlushAsync(either.Token);
        }

        await context.Response.WriteAsync("event: end\ndata: {}\n\n", either.Token);
    }

    // Only a request that is signed with the key that asked for the session: a browser's cookie works in nothing.
    private static async Task AttachAsync(HttpContext context, string env, string id, SessionBoard board, Sequencer sequencer, IHostApplicationLifetime lifetime)
    {
        if (AgainstAttaching(context, env, id, board, out var session, out var line) is { } refusal)
        {
            await refusal.ExecuteAsync(context);
            return;
        }

        var environment = Caller.Of(context).Environment.Environment;
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = TimeSpan.FromSeconds(5), KeepAliveTimeout = TimeSpan.FromSeconds(10) });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
        var hearing = HearAsync(socket, line!, session!.Id, over.Token);
        var showing = ShowAsync(socket, board, environment, session.Id, over.Token);
        var first = await Task.WhenAny(hearing, showing, line!.Lost.Task);
        var reason = first == line.Lost.Task ? "the agent's stream to the plane was lost" : first == showing ? await Reason(sequencer, environment, session.Id) : "gone";
        over.Cancel();
        if (first != showing) await TryAsync(() => line.Send(new PlaneFrame { SessionGone = new SessionGone { Session = session.Id.Value, Reason = "gone" } }, CancellationToken.None).AsTask());
        using var late = new CancellationTokenSource(CloseTakes);
        await TryAsync(() => socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason.Length <= 100 ? reason : reason[..100], late.Token));
        await TryAsync(() => Task.WhenAll(hearing, showing));
    }

    private static IResult? AgainstAttaching(HttpContext context, string env, string id, SessionBoard board, out Session? session, out SessionBoard.Line? line)
    {
        session = Find(context, id);
        line = null;
        if (session is null) return None(env, id);
        var caller = Caller.Of(context);
        if (caller.Reader.Key?.KeyId != session.RequestedBy || context.Request.Headers.Authorization.Count == 0)
            return Problems.Result(StatusCodes.Status403Forbidden, "not-yours", "Only who asked for a session works in it.", $"Session {session.Id} was asked for by {session.RequestedBy}.", remedy: "Watch it with 'demarc emergency watch'.");
        if (session.Status != SessionStatus.Approved || session.Terms.Kind == SessionKind.Bundle)
            return Problems.Result(StatusCodes.Status409Conflict, "not-to-be-opened", "The session cannot be opened.", $"Session {session.Id} ({session.What}) is {session.Word}.", remedy: session.Status == SessionStatus.Requested ? "It waits for approval." : session.Terms.Kind == SessionKind.Bundle ? "The agent collects a bundle by itself." : "A session is opened once: ask for another.");
        line = board.LineOf(caller.Environment.Environment);
        if (line is null) return Problems.Result(StatusCodes.Status409Conflict, "agent-away", "The agent is not here.", $"No agent of {env} that knows sessions is connected to this plane.", remedy: "Try again when it is back; the clock runs on.");
        return context.WebSockets.IsWebSocketRequest ? null : Problems.Malformed("This is a WebSocket: use 'demarc emergency open'.");
    }

    private static async Task HearAsync(WebSocket socket, SessionBoard.Line line, SessionId session, CancellationToken stop)
    {
        var buffer = new byte[SessionWord.MaxBytes];
        while (true)
        {
            var length = 0;
            ValueWebSocketReceiveResult got;
            do
            {
                if (length == buffer.Length) return;
                got = await socket.ReceiveAsync(buffer.AsMemory(length), stop);
                length += got.Count;
            }
            while (!got.EndOfMessage);
            if (got.MessageType == WebSocketMessageType.Close) return;
            await line.Send(new PlaneFrame { SessionInput = new SessionInput { Session = session.Value, Envelope = ByteString.CopyFrom(buffer.AsSpan(0, length)) } }, stop);
        }
    }

    private static async Task ShowAsync(WebSocket socket, SessionBoard board, EnvironmentId environment, SessionId session, CancellationToken stop)
    {
        await foreach (var line in board.FollowAsync(environment, session, _ => true, stop))
            await socket.SendAsync(Encoding.UTF8.GetBytes(line), WebSocketMessageType.Text, true, stop);
    }

    private static async Task<string> Reason(Sequencer sequencer, EnvironmentId environment, SessionId session) =>
        (await sequencer.FindAsync(environment, CancellationToken.None))?.State.Sessions.GetValueOrDefault(session) is { } ended ? ended.End?.Detail ?? ended.Reason ?? ended.Word : "over";

    private static async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception over) when (over is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException or System.Threading.Channels.ChannelClosedException)
        {
            // The other side is gone: that is why we end.
        }
    }

    private static Session? Find(HttpContext context, string id) => SessionId.TryParse(id, out var session) ? Caller.Of(context).Environment.State.Sessions.GetValueOrDefault(session) : null;

    private static IResult None(string env, string id) => Problems.NotFound($"There is no session '{Problems.Clip(id)}' in {env}.");
}
