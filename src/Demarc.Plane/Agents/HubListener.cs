using System.Net;
using System.Security.Authentication;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Plane.Access;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Demarc.Plane.Agents;

/// <summary>
/// The door that agents knock at: its own port, HTTP/2 over TLS 1.2 or later, and no word before a client certificate of this plane's authority. Agents come in
/// by no other door, and nothing else is served at this one.
/// </summary>
public static class HubListener
{
    private const string Mark = "demarc.hub";

    /// <summary>Opens the door.</summary>
    public static void Listen(KestrelServerOptions kestrel, IPAddress address, int port, AgentAuthority authority) => kestrel.Listen(address, port, listen =>
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection =>
        {
            connection.Items[Mark] = true;
            return next(connection);
        });
        listen.UseHttps(https =>
        {
            https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            https.HandshakeTimeout = TimeSpan.FromSeconds(5);
            https.ServerCertificateSelector = (_, _) => authority.ServerCertificate();
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.CheckCertificateRevocation = false;
            https.ClientCertificateValidation = (certificate, _, _) => authority.Read(certificate) is not null;
        });
    });

    /// <summary>Adds gRPC with the hub's limits.</summary>
    public static void AddServices(IServiceCollection services) => services.AddGrpc(grpc =>
    {
        grpc.MaxReceiveMessageSize = AgentHubLimits.FrameBytes;
        grpc.MaxSendMessageSize = 2 * AgentHubLimits.BatchBytes;
        grpc.IgnoreUnknownServices = true;
        grpc.EnableDetailedErrors = false;
    });

    /// <summary>Maps the hub's calls.</summary>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGrpcService<AgentHubService>().WithMetadata(new UseCase("agents.hub", TaskId.Identity, Permission.Agent) { Proof = Proof.Certificate });

    /// <summary>Whether a request came in by this door: told by the socket, not by a header that anyone can write.</summary>
    public static bool IsAt(HttpContext context) => context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Mark) == true;
}
