using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Demarc.Tests.Hosting;

/// <summary>A hand-made agent's way to the hub: mutual TLS that trusts the plane's own authority and nobody else.</summary>
internal sealed class AgentTransport : IDisposable
{
    private readonly GrpcChannel channel;

    public AgentTransport(string hub, string authority, X509Certificate2? certificate, DateTimeOffset now)
    {
        Hub = hub;
        Authority = authority;
        Certificate = certificate;
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = certificate is null ? null : [certificate],
                LocalCertificateSelectionCallback = certificate is null ? null : (_, _, _, _, _) => certificate,
                CertificateChainPolicy = Policy(authority, now),
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            },
        };
        channel = GrpcChannel.ForAddress(hub, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        Client = new AgentHub.AgentHubClient(channel);
    }

    public string Hub { get; }

    public string Authority { get; }

    public X509Certificate2? Certificate { get; }

    public AgentHub.AgentHubClient Client { get; }

    public AsyncDuplexStreamingCall<AgentFrame, PlaneFrame> Connect() => Client.Connect();

    public void Dispose() => channel.Dispose();

    internal static X509ChainPolicy Policy(string authority, DateTimeOffset now)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, VerificationTime = now.UtcDateTime };
        policy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(authority));
        return policy;
    }
}

internal static class AgentStreams
{
    public static async Task<PlaneFrame> NextAsync(this AsyncDuplexStreamingCall<AgentFrame, PlaneFrame> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience.Limit), "the plane ended the stream");
        return call.ResponseStream.Current;
    }

    public static Task HelloAsync(this AsyncDuplexStreamingCall<AgentFrame, PlaneFrame> call, LedgerView view) => call.RequestStream.WriteAsync(new AgentFrame
    {
        Hello = new Hello { Protocol = 1, Environment = "acme", AgentVersion = "1", Size = (ulong)view.Size, Root = ByteString.CopyFrom(view.Root) },
    });

    public static Task SubmitAsync(this AsyncDuplexStreamingCall<AgentFrame, PlaneFrame> call, Entry entry) =>
        call.RequestStream.WriteAsync(new AgentFrame { Submit = new Submit { EntryId = entry.Id, Envelope = ByteString.CopyFrom(entry.Bytes.Span) } });
}
