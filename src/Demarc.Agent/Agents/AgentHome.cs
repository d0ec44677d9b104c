using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Agents;

/// <summary>
/// The agent's own folder: its keys, what it pinned when it joined, its certificate, its disk copy of the ledger, and a lock that keeps a second agent
/// out. Everything in it is for its user's eyes only.
/// </summary>
public sealed class AgentHome : IDisposable
{
    private readonly string root;
    private readonly FileStream? held;

    private AgentHome(string root, FileStream? held)
    {
        this.root = root;
        this.held = held;
    }

    /// <summary>The file of the agent's disk copy.</summary>
    public string Database => Path.Combine(root, "agent.db");

    /// <summary>The socket at which its own user may ask the running agent.</summary>
    public string Door => Path.Combine(root, AgentDoorForm.SocketName);

    /// <summary>Where the last frames that left are kept in clear.</summary>
    public string Egress => Path.Combine(root, "egress");

    /// <summary>Where the customer puts a severance for an agent that does not run: it is taken at the start, before anything is dialled.</summary>
    public string Severance => Path.Combine(root, AgentDoorForm.SeveranceName);

    /// <summary>Whether this process holds the folder, rather than looks into it.</summary>
    public bool IsHeld => held is not null;

    /// <summary>Where recordings of emergency sessions are.</summary>
    public string Sessions => Path.Combine(root, "sessions");

    /// <summary>Where small files per instance are.</summary>
    public string Instances => Path.Combine(root, "instances");

    /// <summary>Opens the folder for the one agent that acts; null when another holds it.</summary>
    public static AgentHome? Take(string root)
    {
        root = Path.GetFullPath(root);
        PrivateDisk.EnsureFolder(root);
        try
        {
            return new AgentHome(root, PrivateDisk.Open(Path.Combine(root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Looks at the folder without taking it; null when there is no agent in it.</summary>
    public static AgentHome? Look(string root)
    {
        root = Path.GetFullPath(root);
        return File.Exists(Path.Combine(root, "agent.db")) ? new AgentHome(root, null) : null;
    }

    /// <summary>What was pinned when the agent joined, or began to; null before.</summary>
    public Membership? ReadMembership() =>
        PrivateDisk.Read(In("membership.json")) is { } bytes ? JsonSerializer.Deserialize(bytes, HomeJson.Default.Membership) : null;

    /// <summary>Keeps it.</summary>
    public void WriteMembership(Membership membership) =>
        PrivateDisk.Write(In("membership.json"), JsonSerializer.SerializeToUtf8Bytes(membership, HomeJson.Default.Membership));

    /// <summary>The agent's signing key; made at the first call.</summary>
    public SigningKey SigningKey(FillRandom random)
    {
        if (PrivateDisk.Read(In("agent.key")) is { } text && Base64Text.Decode(Encoding.ASCII.GetString(text).Trim().AsSpan(), Base64Form.Standard) is { Length: Core.Ledger.SigningKey.SeedSize } seed)
            return Core.Ledger.SigningKey.FromSeed(seed);
        if (File.Exists(In("agent.key"))) throw new InvalidDataException($"{In("agent.key")} is damaged: restore it from a backup, or revoke this agent and join anew with an empty data folder.");
        var key = Core.Ledger.SigningKey.Generate(random);
        PrivateDisk.Write(In("agent.key"), Encoding.ASCII.GetBytes(Base64Text.Encode(key.ExportSeed()) + "\n"));
        return key;
    }

    /// <summary>The key of its TLS certificate; made at the first call.</summary>
    public ECDsa TlsKey()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (PrivateDisk.Read(In("tls.key")) is { } pem) key.ImportFromPem(Encoding.ASCII.GetString(pem));
        else PrivateDisk.Write(In("tls.key"), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        return key;
    }

    /// <summary>A request (PKCS#10, DER) for a certificate of the TLS key.</summary>
    public byte[] CertificateRequest(EnvironmentId environment)
    {
        using var key = TlsKey();
        return new CertificateRequest($"CN=agent.{environment}", key, HashAlgorithmName.SHA256).CreateSigningRequest();
    }

    /// <summary>The certificate with its key; null before the first.</summary>
    public X509Certificate2? Certificate()
    {
        if (PrivateDisk.Read(In("tls.der")) is not { } der) return null;
        using var certificate = X509CertificateLoader.LoadCertificate(der);
        using var key = TlsKey();
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>Keeps a new certificate.</summary>
    public void WriteCertificate(ReadOnlySpan<byte> der) => PrivateDisk.Write(In("tls.der"), der);

    /// <inheritdoc/>
    public void Dispose() => held?.Dispose();

    private string In(string name) => Path.Combine(root, name);
}

/// <summary>Where the agent belongs. What stands here was given by the customer in the join token; only the last two come from the plane.</summary>
/// <param name="Plane">Base address of the plane.</param>
/// <param name="Environment">The environment.</param>
/// <param name="Founding">Hex leaf hash of its founding entry.</param>
/// <param name="Invitation">The public half of the invitation that was used.</param>
/// <param name="Joined">Base64 of the agent's <c>agent.joined</c> envelope: sent again it joins no second time.</param>
/// <param name="Name">What the machine is called there.</param>
/// <param name="Hub">Where to dial; null until the plane has answered.</param>
/// <param name="HubAuthority">PEM of the authority of the hub's certificate; null until then.</param>
/// <param name="PlaneKey">The verifier key of that plane; null for the one that the founding entry names. An address whose plane is not in force is not dialled.</param>
/// <param name="Head">What the customer had verified when they invited this agent, where the ledger had gone from plane to plane by then.</param>
public sealed record Membership(string Plane, string Environment, string Founding, string Invitation, string Joined, string Name, string? Hub, string? HubAuthority, string? PlaneKey = null, InvitedHead? Head = null)
{
    /// <summary>What the replica believes.</summary>
    [JsonIgnore]
    public ReplicaTrust Trust => new(EnvironmentId.Parse(Environment), Convert.FromHexString(Founding), Head);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Membership))]
internal sealed partial class HomeJson : JsonSerializerContext;
