using System.Runtime.CompilerServices;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Demarc.Plane.Agents;

/// <summary>
/// Carries conversations with agents over gRPC. Who dials is known from the client certificate, which the TLS handshake has checked; everything else is
/// <see cref="AgentSession"/>'s, which knows nothing of gRPC.
/// </summary>
public sealed class AgentHubService(AgentHub hub, AgentAuthority authority, IHostApplicationLifetime lifetime, ILogger<AgentHubService> log) : Protocol.AgentHub.AgentHubBase
{
    /// <inheritdoc/>
    public override async Task Connect(IAsyncStreamReader<AgentFrame> requestStream, IServerStreamWriter<PlaneFrame> responseStream, ServerCallContext context)
    {
        var name = await NameAsync(context);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var session = new AgentSession(hub, name.Environment, name.Agent);
        HubLog.Connected(log, name.Environment.Value, name.Agent.KeyId);
        var reason = "failed";
        try
        {
            reason = await session.RunAsync(FramesAsync(requestStream, CancellationToken.None), (frame, cut) => new ValueTask(responseStream.WriteAsync(frame, cut)), stop.Token);
        }
        finally
        {
            HubLog.Ended(log, name.Environment.Value, name.Agent.KeyId, reason);
            // A peer that takes nothing any more would hold the stream open for as long as it likes.
            if (!session.WasHeard) context.GetHttpContext().Abort();
        }
    }

    /// <inheritdoc/>
    public override async Task<RenewReply> Renew(RenewRequest request, ServerCallContext context)
    {
        var name = await NameAsync(context);
        if (await hub.Sequencer.FindAsync(name.Environment, context.CancellationToken) is not { } view || view.State.Agent?.Key != name.Agent)
            throw new RpcException(new Grpc.Core.Status(StatusCode.PermissionDenied, Goodbyes.Revoked));
        var issued = authority.Issue(name, request.CsrDer.ToByteArray());
        return issued.Certificate is { } certificate
            ? new RenewReply { CertificateDer = UnsafeByteOperations.UnsafeWrap(certificate) }
            : throw new RpcException(new Grpc.Core.Status(StatusCode.InvalidArgument, issued.Fault!));
    }

    private async ValueTask<AgentName> NameAsync(ServerCallContext context) =>
        authority.Read(await context.GetHttpContext().Connection.GetClientCertificateAsync(context.CancellationToken))
        ?? throw new RpcException(new Grpc.Core.Status(StatusCode.Unauthenticated, "the client certificate is missing, has run out, or is not from this plane: join again"));

    /// <summary>The frames until the other side ends them, politely or not: a broken connection is an end, not a failure of ours.</summary>
    private static async IAsyncEnumerable<AgentFrame> FramesAsync(IAsyncStreamReader<AgentFrame> stream, [EnumeratorCancellation] CancellationToken cancellation)
    {
        while (await MoveAsync()) yield return stream.Current;

        async Task<bool> MoveAsync()
        {
            try
            {
                return await stream.MoveNext(cancellation);
            }
            catch (Exception broken) when (broken is IOException or RpcException or InvalidOperationException && !cancellation.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}

internal static partial class HubLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "agent of {Environment} connected ({Key})")]
    public static partial void Connected(ILogger log, string environment, string key);

    [LoggerMessage(Level = LogLevel.Information, Message = "agent of {Environment} disconnected ({Key}): {Reason}")]
    public static partial void Ended(ILogger log, string environment, string key, string reason);
}
