using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Demarc.Engine.Durability;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Demarc.Engine.Hosting;

/// <summary>
/// TLS on the Milvus port, with a certificate in PEM files. Certificates are renewed under a running engine, so the files
/// are looked at again from time to time; connections that stand keep the one they began with.
/// </summary>
internal sealed class ServerCertificate
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(30);
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2"); // RFC 5280, section 4.2.1.12

    private readonly string file;
    private readonly string keyFile;
    private readonly X509Certificate2Collection? clientAuthorities;
    private readonly ILogger log;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private SslServerAuthenticationOptions current;
    private (DateTime Certificate, DateTime Key) seen;
    private long lookedAt;

    private ServerCertificate(EngineOptions options, ILogger log, TimeProvider time)
    {
        (file, keyFile, this.log, this.time) = (options.TlsCertificate!, options.TlsKey!, log, time);
        clientAuthorities = options.TlsClientAuthorities is { } authorities ? Authorities(authorities) : null;
        (seen, lookedAt) = (Written(), time.GetTimestamp());
        current = Load(out _);
    }

    /// <exception cref="DataDirectoryException">A file is missing, readable by everybody, or not what it should be.</exception>
    public static ServerCertificate Read(EngineOptions options, ILogger log, TimeProvider time) => new(options, log, time);

    public void UseOn(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(Current()) });
    }

    /// <summary>What the next connection is greeted with.</summary>
    public SslServerAuthenticationOptions Current()
    {
        lock (gate)
        {
            if (time.GetElapsedTime(lookedAt) < LookAgain)
            {
                return current;
            }

            lookedAt = time.GetTimestamp();
            var now = Written();
            if (now == seen)
            {
                return current;
            }

            seen = now;
            try
            {
                current = Load(out var until);
                log.CertificateRenewed(file, until);
            }
            catch (DataDirectoryException e)
            {
                // Half a renewal, perhaps: its other half changes the time again.
                log.CertificateUnusable(file, e.Message);
            }

            return current;
        }
    }

    private (DateTime Certificate, DateTime Key) Written() => (File.GetLastWriteTimeUtc(file), File.GetLastWriteTimeUtc(keyFile));

    private SslServerAuthenticationOptions Load(out DateTimeOffset until)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(keyFile) && (File.GetUnixFileMode(keyFile) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
        {
            throw Unusable($"The private key {keyFile} may be used by everybody on this machine. Run: chmod 600 {keyFile}");
        }

        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(file);
            var own = X509Certificate2.CreateFromPemFile(file, keyFile);
            until = own.NotAfter;
            var options = new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            };
            if (clientAuthorities is not null)
            {
                options.ClientCertificateRequired = true;
                options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                options.CertificateChainPolicy.CustomTrustStore.AddRange(clientAuthorities);
                options.CertificateChainPolicy.ApplicationPolicy.Add(ClientAuthentication);
            }

            return options;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw Unusable($"The certificate {file} with the key {keyFile} cannot be used ({e.Message.TrimEnd('.')}). Both have to be PEM files, and the key that of the first certificate.");
        }
    }

    private static X509Certificate2Collection Authorities(string path)
    {
        try
        {
            var found = new X509Certificate2Collection();
            found.ImportFromPemFile(path);
            return found.Count > 0 ? found : throw Unusable($"{path} holds no certificate of an authority.");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw Unusable($"The authorities in {path} cannot be read ({e.Message.TrimEnd('.')}).");
        }
    }

    private static DataDirectoryException Unusable(string why) => new(ExitCodes.Credentials, why);
}
