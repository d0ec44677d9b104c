using System.Net;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Demarc.Engine;
using Demarc.Engine.Protocol;
using Grpc.Core;
using Grpc.Net.Client;

namespace Demarc.Tests.Engine;

/// <summary>The Milvus port with TLS: both interfaces on it, clients that have to show a certificate, and a renewal under a running engine.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class TlsTests
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);

    [Fact]
    public async Task Both_interfaces_are_served_with_TLS_and_nothing_in_clear()
    {
        using var folder = Sample.Folder();
        using var authority = Authority("an authority");
        var (certificate, key) = Files(folder, "server", authority);
        await using var engine = await EngineProcess.Start(folder["data"], "--tls-cert", certificate, "--tls-key", key);
        using var channel = Channel(engine, authority);
        Assert.Equal(0, (await new MilvusService.MilvusServiceClient(channel).GetVersionAsync(new GetVersionRequest())).Status.Code);

        using var http = new HttpClient(Handler(authority));
        using var answer = await http.PostAsync(new Uri($"https://{engine.Channel.Target}/v2/vectordb/collections/list"), new StringContent("{}", System.Text.Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        Assert.Contains("\"code\":0", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        await Assert.ThrowsAsync<RpcException>(async () => await engine.Client.GetVersionAsync(new GetVersionRequest()));
        using var other = Authority("another authority");
        using var distrusting = Channel(engine, other);
        await Assert.ThrowsAsync<RpcException>(async () => await new MilvusService.MilvusServiceClient(distrusting).GetVersionAsync(new GetVersionRequest()));
    }

    [Fact]
    public async Task A_client_without_a_certificate_of_the_authority_is_not_served()
    {
        using var folder = Sample.Folder();
        using var authority = Authority("an authority");
        using var other = Authority("another authority");
        var (certificate, key) = Files(folder, "server", authority);
        var authorities = folder["authorities.pem"];
        await File.WriteAllTextAsync(authorities, authority.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.Start(folder["data"], "--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", authorities);
        using var known = Channel(engine, authority, Loaded(Files(folder, "client", authority)));
        Assert.Equal(0, (await new MilvusService.MilvusServiceClient(known).GetVersionAsync(new GetVersionRequest())).Status.Code);
        using var nobody = Channel(engine, authority);
        await Assert.ThrowsAsync<RpcException>(async () => await new MilvusService.MilvusServiceClient(nobody).GetVersionAsync(new GetVersionRequest()));
        using var stranger = Channel(engine, authority, Loaded(Files(folder, "stranger", other)));
        await Assert.ThrowsAsync<RpcException>(async () => await new MilvusService.MilvusServiceClient(stranger).GetVersionAsync(new GetVersionRequest()));
    }

    [Fact]
    public async Task A_start_with_files_that_do_not_fit_is_refused()
    {
        using var folder = Sample.Folder();
        using var authority = Authority("an authority");
        var (certificate, key) = Files(folder, "server", authority);
        var (_, otherKey) = Files(folder, "other", authority);
        Assert.Equal(ExitCodes.Usage, (await EngineProcess.RunToEnd(folder["data"], "--tls-cert", certificate)).Code);
        Assert.Equal(ExitCodes.Credentials, (await EngineProcess.RunToEnd(folder["data"], "--tls-cert", certificate, "--tls-key", otherKey)).Code);
        Assert.Equal(ExitCodes.Credentials, (await EngineProcess.RunToEnd(folder["data"], "--tls-cert", folder["missing"], "--tls-key", key)).Code);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        var (code, said) = await EngineProcess.RunToEnd(folder["data"], "--tls-cert", certificate, "--tls-key", key);
        Assert.Equal(ExitCodes.Credentials, code);
        Assert.Contains("chmod 600", said, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["data"]), "a refused start made the folder");
    }

    [Fact]
    public void A_renewed_certificate_is_taken_and_half_a_renewal_is_not()
    {
        using var folder = Sample.Folder();
        using var authority = Authority("an authority");
        var (certificate, key) = Files(folder, "server", authority);
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var options = new EngineOptions { Data = folder["data"], TlsCertificate = certificate, TlsKey = key };
        var served = Demarc.Engine.Hosting.ServerCertificate.Read(options, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, time);
        var first = served.Current().ServerCertificateContext!.TargetCertificate.Thumbprint;

        var (renewed, renewedKey) = Files(folder, "renewed", authority);
        File.Copy(renewed, certificate, overwrite: true);
        File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(2));
        Assert.Equal(first, served.Current().ServerCertificateContext!.TargetCertificate.Thumbprint); // It has not looked yet.
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first, served.Current().ServerCertificateContext!.TargetCertificate.Thumbprint); // The key does not fit yet.
        File.Copy(renewedKey, key, overwrite: true);
        File.SetLastWriteTimeUtc(key, DateTime.UtcNow.AddSeconds(4));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.NotEqual(first, served.Current().ServerCertificateContext!.TargetCertificate.Thumbprint);
    }

    private static GrpcChannel Channel(EngineProcess engine, X509Certificate2 authority, X509Certificate2? own = null) =>
        GrpcChannel.ForAddress($"https://{engine.Channel.Target}", new GrpcChannelOptions { HttpHandler = Handler(authority, own), DisposeHttpClient = true });

    private static SocketsHttpHandler Handler(X509Certificate2 authority, X509Certificate2? own = null)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority);
        return new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy, ClientCertificates = own is null ? null : [own] } };
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(From, From.AddDays(10));
    }

    private static (string Certificate, string Key) Files(TemporaryFolder folder, string name, X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var signed = request.Create(authority, From, From.AddDays(9), RandomNumberGenerator.GetBytes(8));
        var (certificateFile, keyFile) = (folder[name + ".pem"], folder[name + ".key"]);
        File.WriteAllText(certificateFile, signed.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return (certificateFile, keyFile);
    }

    private static X509Certificate2 Loaded((string Certificate, string Key) files) => X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
}
