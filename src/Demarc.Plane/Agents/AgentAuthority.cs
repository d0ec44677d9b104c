using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Hosting;

namespace Demarc.Plane.Agents;

/// <summary>Whom a client certificate names.</summary>
/// <param name="Environment">The environment.</param>
/// <param name="Agent">The agent's signing key, not the key of the certificate.</param>
public sealed record AgentName(EnvironmentId Environment, Ed25519Key Agent);

/// <summary>What comes of a certificate request.</summary>
/// <param name="Certificate">DER; null when refused.</param>
/// <param name="Fault">Why; null when issued.</param>
public readonly record struct IssuedCertificate(byte[]? Certificate, string? Fault);

/// <summary>
/// The plane's own certificate authority, for the transport of the agent stream and nothing else: a certificate says who dials, the ledger
/// says what they may do. Certificates are short-lived, so that there are no revocation lists; a revoked agent is recognised by the ledger at once.
/// </summary>
public sealed class AgentAuthority : IDisposable
{
    // The agent's key id stands in the subject's serialNumber, which X.520 has for exactly that: telling apart entities of one name.
    private const string SerialNumberOid = "2.5.4.5";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 authority;
    private readonly IReadOnlyList<string> hubNames;
    private readonly TimeProvider time;
    private readonly FillRandom random;
    private readonly Lock gate = new();
    private X509Certificate2? server;

    private AgentAuthority(X509Certificate2 authority, IReadOnlyList<string> hubNames, TimeProvider time, FillRandom random)
    {
        this.authority = authority;
        this.hubNames = hubNames;
        this.time = time;
        this.random = random;
    }

    /// <summary>Its certificate, for agents to pin.</summary>
    public string Pem => authority.ExportCertificatePem();

    /// <summary>Opens the authority in a folder, or makes one; the key is readable by its owner alone.</summary>
    public static AgentAuthority Open(string folder, string plane, IReadOnlyList<string> hubNames, TimeProvider time, FillRandom random)
    {
        var keyFile = Path.Combine(folder, "agent-authority.key");
        var certificateFile = Path.Combine(folder, "agent-authority.pem");
        if (!File.Exists(certificateFile))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var made = SelfSign(plane, key, time, random);
            // The certificate is written last: a folder with a key alone is one where this was interrupted, and is simply made again.
            PrivateFile.Write(keyFile, key.ExportPkcs8PrivateKeyPem());
            PrivateFile.Write(certificateFile, made.ExportCertificatePem());
        }

        PrivateFile.DemandPrivate(keyFile);
        var authority = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        if (authority.NotAfter > time.GetUtcNow().UtcDateTime) return new AgentAuthority(authority, hubNames, time, random);
        authority.Dispose();
        throw new InvalidDataException($"{certificateFile} has expired: delete it and {keyFile}, start the plane again, and let the agents join anew.");
    }

    /// <summary>The hub's certificate; made anew when half of its life is over, so that a plane that never stops never lapses.</summary>
    public X509Certificate2 ServerCertificate()
    {
        lock (gate)
        {
            if (server is null || server.NotAfter.ToUniversalTime() - time.GetUtcNow() < AuthorityLimits.ServerLife / 2) server = MakeServer();
            return server;
        }
    }

    /// <summary>Makes out a certificate for an agent's transport key. What the request says about names is ignored: the caller has established them.</summary>
    public IssuedCertificate Issue(AgentName name, byte[] csr)
    {
        if (csr.Length > AuthorityLimits.RequestBytes) return new IssuedCertificate(null, $"csr has {csr.Length} bytes, at most {AuthorityLimits.RequestBytes} are allowed");
        CertificateRequest asked;
        try
        {
            asked = CertificateRequest.LoadSigningRequest(csr, HashAlgorithmName.SHA256);
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or ArgumentException or NotSupportedException)
        {
            return new IssuedCertificate(null, "csr is not a PKCS#10 request with a signature that holds");
        }

        using var key = asked.PublicKey.GetECDsaPublicKey();
        if (key is null || key.KeySize != 256) return new IssuedCertificate(null, "csr must be for an ECDSA key on the curve P-256");
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName($"agent.{name.Environment}");
        subject.Add(SerialNumberOid, name.Agent.KeyId);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        Restrict(request, ClientAuthentication);
        using var certificate = Sign(request, AgentLimits.CertificateLife);
        return new IssuedCertificate(certificate.RawData, null);
    }

    /// <summary>Whom a client's certificate names; null when it is not a valid one of this authority.</summary>
    public AgentName? Read(X509Certificate2? certificate)
    {
        if (certificate is null || !IsOurs(certificate)) return null;
        string? common = null;
        string? key = null;
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements) return null;
            if (part.GetSingleElementType().Value == SerialNumberOid) key = part.GetSingleElementValue();
            else common = part.GetSingleElementValue();
        }

        return common?.StartsWith("agent.", StringComparison.Ordinal) == true && EnvironmentId.TryParse(common["agent.".Length..], out var environment) && Ed25519Key.Parse(key) is { } agent
            ? new AgentName(environment, agent)
            : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        server?.Dispose();
        authority.Dispose();
    }

    private static X509Certificate2 SelfSign(string plane, ECDsa key, TimeProvider time, FillRandom random)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName($"Demarc agents of {plane}");
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var from = time.GetUtcNow() - AuthorityLimits.Backdate;
        return request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), from, from + AuthorityLimits.AuthorityLife, Serial(random));
    }

    private X509Certificate2 MakeServer()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName("Demarc agent hub");
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        Restrict(request, ServerAuthentication);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        foreach (var name in hubNames)
        {
            if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
            else names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        using var certificate = Sign(request, AuthorityLimits.ServerLife);
        return certificate.CopyWithPrivateKey(key);
    }

    private static void Restrict(CertificateRequest request, string use)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], true));
    }

    private X509Certificate2 Sign(CertificateRequest request, TimeSpan life)
    {
        var now = time.GetUtcNow();
        var end = now + life < authority.NotAfter ? now + life : authority.NotAfter;
        return request.Create(authority, now - AuthorityLimits.Backdate, end, Serial(random));
    }

    private bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return chain.Build(certificate);
    }

    private static byte[] Serial(FillRandom random)
    {
        var serial = new byte[16];
        random(serial);
        // Positive and of full length, whatever the dice say.
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40);
        return serial;
    }
}

/// <summary>Bounds of the agents' certificate authority.</summary>
public static class AuthorityLimits
{
    /// <summary>An agent's machine may be this far behind the plane's clock and still take its fresh certificate for valid.</summary>
    public static TimeSpan Backdate { get; } = TimeSpan.FromMinutes(5);

    /// <summary>The hub's own certificate; renewed at half of it.</summary>
    public static TimeSpan ServerLife { get; } = TimeSpan.FromDays(30);

    /// <summary>Agents pin the authority when they join; replacing it means joining again.</summary>
    public static TimeSpan AuthorityLife { get; } = TimeSpan.FromDays(3650);

    /// <summary>A PKCS#10 request for a P-256 key has some 300 bytes.</summary>
    public const int RequestBytes = 4096;
}
