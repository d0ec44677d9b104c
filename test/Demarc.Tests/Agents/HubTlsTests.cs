using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Protocol;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Google.Protobuf;
using Grpc.Core;

namespace Demarc.Tests.Agents;

/// <summary>The agents' door over real sockets and real mutual TLS.</summary>
public sealed class HubTlsTests
{
    [Fact]
    public async Task A_joined_agent_converses_and_its_reports_stand_in_the_ledger()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var transport = await plane.JoinedAsync();
        var view = (await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!;
        using var call = transport.Connect();
        await call.HelloAsync(view);
        Assert.Equal(PlaneFrame.FrameOneofCase.Welcome, (await call.NextAsync()).FrameCase);
        var finding = plane.World.Finding("full");
        await call.SubmitAsync(finding);
        var frames = new[] { await call.NextAsync(), await call.NextAsync() };
        Assert.Equal((ulong)view.Size, frames.Single(f => f.SubmitResult is not null).SubmitResult.Index);
        Assert.Equal(finding.Bytes.ToArray(), frames.Single(f => f.Batch is not null).Batch.Envelopes.Single().ToByteArray());
    }

    [Fact]
    public async Task Revoking_cuts_the_stream_within_a_second_and_keeps_the_agent_out()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var transport = await plane.JoinedAsync();
        using var call = transport.Connect();
        await call.HelloAsync((await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!);
        await call.NextAsync();
        var clock = Stopwatch.StartNew();
        using (var answer = await plane.PostEntryAsync(plane.World.Revoke())) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.NotNull((await call.NextAsync()).Batch);
        Assert.Equal(Goodbyes.Revoked, (await call.NextAsync()).Goodbye.Reason);
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience.Limit));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(1), $"it took {clock.Elapsed}");

        using var again = transport.Connect();
        await again.HelloAsync((await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!);
        Assert.Equal(Goodbyes.Revoked, (await again.NextAsync()).Goodbye.Reason);
        var renew = await Assert.ThrowsAsync<RpcException>(async () => await transport.Client.RenewAsync(new RenewRequest { CsrDer = ByteString.CopyFrom(new TransportKey().Csr) }));
        Assert.Equal(StatusCode.PermissionDenied, renew.StatusCode);
    }

    [Fact]
    public async Task An_agent_that_takes_nothing_any_more_is_cut_off_all_the_same()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var transport = await plane.JoinedAsync();
        using var call = transport.Connect();
        await call.HelloAsync((await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!);
        await call.NextAsync();
        var presence = plane.App.Services.GetService(typeof(AgentBoard)) as AgentBoard;
        var seen = presence!.Of(PlaneWorld.Acme).Current;
        Assert.True(seen.Value.Connected);

        // Nothing is read from here on. What the plane has to say fits the windows of the connection; that it ends does not depend on us.
        await plane.AppendAllAsync([plane.World.Revoke()]);
        await seen.Superseded.WaitAsync(Patience.Limit);
        Assert.False(presence.Of(PlaneWorld.Acme).Current.Value.Connected);
    }

    [Fact]
    public async Task Renewing_gives_a_certificate_for_another_day_and_the_same_agent()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var joined = await plane.JoinedAsync();
        plane.World.Time.Advance(TimeSpan.FromHours(2));
        var now = plane.World.Time.GetUtcNow();
        using var transport = new AgentTransport(joined.Hub, joined.Authority, joined.Certificate, now);
        var key = new TransportKey();
        var reply = await transport.Client.RenewAsync(new RenewRequest { CsrDer = ByteString.CopyFrom(key.Csr) });
        using var renewed = key.With(reply.CertificateDer.ToByteArray());
        Assert.Equal(transport.Certificate!.Subject, renewed.Subject);
        Assert.Equal(TimeSpan.FromHours(2), renewed.NotAfter - transport.Certificate.NotAfter);
        using var later = new AgentTransport(transport.Hub, transport.Authority, renewed, now);
        var asked = await Assert.ThrowsAsync<RpcException>(async () => await later.Client.RenewAsync(new RenewRequest { CsrDer = ByteString.CopyFromUtf8("nonsense") }));
        Assert.Equal(StatusCode.InvalidArgument, asked.StatusCode);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("of another authority")]
    [InlineData("expired")]
    [InlineData("of the hub itself")]
    public async Task Without_a_valid_certificate_not_a_word_is_exchanged(string certificate)
    {
        await using var plane = await RunningPlane.StartAsync();
        using var joined = await plane.JoinedAsync();
        var authority = (AgentAuthority)plane.App.Services.GetService(typeof(AgentAuthority))!;
        if (certificate == "expired") plane.World.Time.Advance(AgentLimits.CertificateLife + TimeSpan.FromMinutes(1));
        using var foreign = new TemporaryFolder();
        using var other = AgentAuthority.Open(foreign.Path, "plane.test", [], plane.World.Time, RandomNumberGenerator.Fill);
        var key = new TransportKey();
        using var transport = new AgentTransport(joined.Hub, joined.Authority, certificate switch
        {
            "none" => null,
            "of another authority" => key.With(other.Issue(new AgentName(PlaneWorld.Acme, plane.World.Agent.Public), key.Csr).Certificate!),
            "of the hub itself" => authority.ServerCertificate(),
            _ => joined.Certificate,
        }, plane.World.Time.GetUtcNow());
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await transport.Client.RenewAsync(new RenewRequest { CsrDer = ByteString.CopyFrom(key.Csr) }));
        Assert.True(refused.StatusCode is StatusCode.Unavailable or StatusCode.Internal, refused.StatusCode.ToString());

        // It is the plane that refuses: the client was content with what it saw.
        Assert.DoesNotContain("remote certificate", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neither_door_serves_what_belongs_to_the_other()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var transport = await plane.JoinedAsync();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => transport.Certificate!;
        handler.SslOptions.CertificateChainPolicy = AgentTransport.Policy(transport.Authority, plane.World.Time.GetUtcNow());
        using var client = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var rest = await client.GetAsync(new Uri($"{transport.Hub}/healthz"));
        Assert.Equal(HttpStatusCode.NotFound, rest.StatusCode);
        using var grpc = await plane.SendAsync("POST", "/demarc.agent.v1.AgentHub/Connect", plane.World.Vendor);
        Assert.Equal(HttpStatusCode.NotFound, grpc.StatusCode);
    }

    [Fact]
    public void The_authoritys_key_is_its_owners_alone_and_the_authority_survives_a_restart()
    {
        using var folder = new TemporaryFolder();
        var world = new PlaneWorld(TimeProvider.System.GetUtcNow());
        string pem;
        using (var first = AgentAuthority.Open(folder.Path, "p", ["hub.example", "10.0.0.1"], world.Time, RandomNumberGenerator.Fill))
        {
            pem = first.Pem;
            var server = first.ServerCertificate();
            Assert.Same(server, first.ServerCertificate());
            Assert.True(server.MatchesHostname("hub.example") && server.MatchesHostname("10.0.0.1") && server.MatchesHostname("localhost") && server.MatchesHostname("127.0.0.1"));
            world.Time.Advance(AuthorityLimits.ServerLife / 2 + TimeSpan.FromMinutes(1));
            Assert.NotEqual(server.Thumbprint, first.ServerCertificate().Thumbprint);
        }

        var key = folder.File("agent-authority.key");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        using (var second = AgentAuthority.Open(folder.Path, "p", [], world.Time, RandomNumberGenerator.Fill)) Assert.Equal(pem, second.Pem);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("can be reached by others", Assert.Throws<InvalidDataException>(() => AgentAuthority.Open(folder.Path, "p", [], world.Time, RandomNumberGenerator.Fill)).Message, StringComparison.Ordinal);
    }
}
