using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>
/// The way to the plane over gRPC and mutual TLS. It believes one authority, the one named when the agent joined, and shows a short-lived certificate
/// that it renews at half of its life; one that ran out while the agent was off is replaced by asking at the front door again.
/// </summary>
public sealed class GrpcPlaneLink(AgentHome home, Joining joining, EgressToll toll, TimeProvider time, ILogger log) : IPlaneLink
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(2);
    private DateTimeOffset renewNotBefore;

    /// <inheritdoc/>
    public async Task<IPlaneStream> ConnectAsync(CancellationToken stop)
    {
        var membership = home.ReadMembership();
        if (membership?.Hub is null || membership.HubAuthority is null) throw new LinkException("the agent has not joined");
        if (home.Certificate() is not { } certificate || certificate.NotAfter.ToUniversalTime() <= time.GetUtcNow())
        {
            var (again, refusal) = await joining.AskAsync(membership, stop);
            if (again is null) throw new LinkException($"no new certificate: {refusal}");
            membership = again;
            certificate = home.Certificate() ?? throw new LinkException("the new certificate cannot be read");
            AgentLog.Renewed(log, certificate.NotAfter.ToUniversalTime());
        }

        var channel = Channel(membership, certificate);
        return new GrpcPlaneStream(channel, certificate, new AgentHub.AgentHubClient(channel).Connect(cancellationToken: CancellationToken.None));
    }

    /// <inheritdoc/>
    public async Task RenewIfDueAsync(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        if (now < renewNotBefore) return;
        using var certificate = home.Certificate();
        if (certificate is null) return;
        var from = new DateTimeOffset(certificate.NotBefore.ToUniversalTime());
        var until = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
        var due = from + (until - from) / 2;
        if (now < due)
        {
            renewNotBefore = due;
            return;
        }

        renewNotBefore = now + AskAgain;
        if (now >= until || home.ReadMembership() is not { Hub: not null, HubAuthority: not null } membership) return;
        try
        {
            using var channel = Channel(membership, certificate);
            var request = new RenewRequest { CsrDer = ByteString.CopyFrom(home.CertificateRequest(EnvironmentId.Parse(membership.Environment))) };
            if (!toll.Pass("renew", request.CalculateSize(), new JsonObject { ["csrDer"] = request.CsrDer.ToBase64() })) throw new LinkException("the day's egress budget for control is spent");
            var reply = await new AgentHub.AgentHubClient(channel).RenewAsync(request, deadline: DateTime.MaxValue, cancellationToken: stop).ResponseAsync.WaitAsync(DialLimits.Welcome, time, stop);
            var der = reply.CertificateDer.ToByteArray();
            using var renewed = X509CertificateLoader.LoadCertificate(der);
            if (renewed.NotAfter <= certificate.NotAfter) throw new LinkException("the plane's new certificate does not live longer than the present one");
            home.WriteCertificate(der);
            renewNotBefore = default;
            AgentLog.Renewed(log, renewed.NotAfter.ToUniversalTime());
        }
        catch (Exception refused) when (refused is RpcException or TimeoutException or LinkException or System.Security.Cryptography.CryptographicException)
        {
            stop.ThrowIfCancellationRequested();
            AgentLog.NotRenewed(log, GrpcPlaneStream.Words(refused));
        }
    }

    private static GrpcChannel Channel(Membership membership, X509Certificate2 certificate)
    {
        var hub = new Uri(membership.Hub!);
        using var authority = X509Certificate2.CreateFromPem(membership.HubAuthority!);
        var trusted = X509CertificateLoader.LoadCertificate(authority.RawData);
        var handler = new SocketsHttpHandler
        {
            UseProxy = !hub.IsLoopback,
            ConnectTimeout = DialLimits.Welcome,
            KeepAlivePingDelay = DialLimits.Ping,
            KeepAlivePingTimeout = DialLimits.Silence,
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [certificate],
                RemoteCertificateValidationCallback = (_, offered, _, errors) =>
                    // The name has to fit, and the chain has to end at the pinned authority: the system's own list of authorities plays no part.
                    (errors & (SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateNotAvailable)) == 0 && offered is X509Certificate2 server && EndsAt(server, trusted),
            },
        };
        return GrpcChannel.ForAddress(hub, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    private static bool EndsAt(X509Certificate2 server, X509Certificate2 authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(server);
    }
}

/// <summary>One gRPC stream.</summary>
internal sealed class GrpcPlaneStream(GrpcChannel channel, X509Certificate2 certificate, AsyncDuplexStreamingCall<AgentFrame, PlaneFrame> call) : IPlaneStream
{
    public async Task SendAsync(AgentFrame frame, CancellationToken stop)
    {
        try
        {
            await call.RequestStream.WriteAsync(frame, stop);
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            stop.ThrowIfCancellationRequested();
            throw new LinkException(Words(broken), broken);
        }
    }

    public async Task<PlaneFrame?> ReceiveAsync(CancellationToken stop)
    {
        try
        {
            return await call.ResponseStream.MoveNext(stop) ? call.ResponseStream.Current : null;
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            stop.ThrowIfCancellationRequested();
            throw new LinkException(Words(broken), broken);
        }
    }

    public ValueTask DisposeAsync()
    {
        call.Dispose();
        channel.Dispose();
        certificate.Dispose();
        return ValueTask.CompletedTask;
    }

    public static string Words(Exception broken)
    {
        var text = broken is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : broken.Message;
        text = text.ReplaceLineEndings(" ");
        return text.Length <= 300 ? text : text[..300];
    }

    private static bool IsBreak(Exception broken) => broken is RpcException or IOException or HttpRequestException or InvalidOperationException;
}
