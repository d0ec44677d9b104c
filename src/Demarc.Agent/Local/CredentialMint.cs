using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Local;

/// <summary>
/// Mints the passwords of an instance's first users. The first user's password exists in clear for the moment it takes to hash and to seal it; what
/// is kept are the hash, for the engine, and the sealed text, for the customer. Both stand in one file that is written in one piece before anything
/// else, so that a crash or a second run can never leave two different passwords.
/// </summary>
public sealed class CredentialMint(IPrivateFiles files, FillRandom random)
{
    /// <summary>The engine's list of users with the hashes of their passwords.</summary>
    public const string EngineFile = "credential.json";

    /// <summary>The agent's own user.</summary>
    public const string ProbeFile = "probe.json";

    /// <summary>Name of the agent's own Milvus user.</summary>
    public const string ProbeUser = "demarc_probe";

    private const string IssuedFile = "issued.json";
    private const int PasswordBytes = 32;

    /// <summary>How often a password is hashed; simulations that mint thousands take fewer.</summary>
    public int Rounds { get; set; } = PasswordHash.Rounds;

    /// <summary>Told of every password, so that none can slip out; null for nobody.</summary>
    public KnownSecrets? Secrets { get; set; }

    /// <summary>What this change has minted already, whole; null when it has not, or not to the end.</summary>
    public SealedCredential? Minted(InstanceId instance, string change, string user) =>
        Issued(instance) is { } issued && issued.Change == change && issued.User == user
        && files.Read(instance, EngineFile) == EngineText(issued) && files.Read(instance, ProbeFile) == ProbeText(issued)
            ? new SealedCredential(user, issued.Sealed)
            : null;

    /// <summary>Mints, or completes what an earlier run of the same change began.</summary>
    public SealedCredential Mint(InstanceId instance, string change, string user, AgeRecipient customer)
    {
        var issued = Issued(instance);
        if (issued is null || issued.Change != change || issued.User != user)
        {
            issued = Make(change, user, customer);
            files.Write(instance, IssuedFile, JsonSerializer.Serialize(issued, LocalJson.Default.IssuedCredential));
        }

        files.Write(instance, ProbeFile, ProbeText(issued));
        files.Write(instance, EngineFile, EngineText(issued));
        return new SealedCredential(user, issued.Sealed);
    }

    /// <summary>Forgets what this change minted; false when it minted nothing.</summary>
    public bool Forget(InstanceId instance, string change)
    {
        if (Issued(instance)?.Change != change) return false;
        files.Delete(instance, EngineFile);
        files.Delete(instance, ProbeFile);
        files.Delete(instance, IssuedFile);
        return true;
    }

    /// <summary>The agent's own login of an instance; null when there is none.</summary>
    public ProbeLogin? Login(InstanceId instance)
    {
        if (files.Read(instance, ProbeFile) is not { } text) return null;
        var probe = JsonSerializer.Deserialize(text, LocalJson.Default.ProbeCredential);
        if (probe is not null) Secrets?.Know(probe.Password);
        return probe is null ? null : new ProbeLogin(probe.User, new Secret(probe.Password));
    }

    private IssuedCredential? Issued(InstanceId instance) =>
        files.Read(instance, IssuedFile) is { } text ? JsonSerializer.Deserialize(text, LocalJson.Default.IssuedCredential) : null;

    private IssuedCredential Make(string change, string user, AgeRecipient customer)
    {
        var first = NewPassword();
        var probe = NewPassword();
        Secrets?.Know(first);
        Secrets?.Know(probe);
        var sealedText = AgeFile.EncryptArmored(Encoding.UTF8.GetBytes(first), [customer], random);
        return new IssuedCredential(
            change,
            user,
            sealedText,
            PasswordHash.Make(first, Rounds, random),
            probe,
            PasswordHash.Make(probe, Rounds, random));
    }

    private string NewPassword()
    {
        Span<byte> bytes = stackalloc byte[PasswordBytes];
        random(bytes);
        var text = Base64Text.EncodeUrl(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return text;
    }

    private static string EngineText(IssuedCredential issued) =>
        JsonSerializer.Serialize(
            new EngineCredentials([new EngineUser(issued.User, issued.PasswordHash), new EngineUser(ProbeUser, issued.ProbePasswordHash)]),
            LocalJson.Default.EngineCredentials);

    private static string ProbeText(IssuedCredential issued) =>
        JsonSerializer.Serialize(new ProbeCredential(ProbeUser, issued.ProbePassword), LocalJson.Default.ProbeCredential);
}

/// <summary>What one change minted: sealed text and hashes belong together, so they stand in one file.</summary>
internal sealed record IssuedCredential(string Change, string User, string Sealed, string PasswordHash, string ProbePassword, string ProbePasswordHash);

/// <summary>The agent's own login as it is kept.</summary>
internal sealed record ProbeCredential(string User, string Password);

/// <summary>The engine's users.</summary>
internal sealed record EngineCredentials(IReadOnlyList<EngineUser> Users);

/// <summary>One user of the engine.</summary>
internal sealed record EngineUser(string User, string PasswordHash);

/// <summary>Which change last started or stopped an instance's engine.</summary>
internal sealed record EngineNote(string Change);

/// <summary>The agent's small files.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(IssuedCredential))]
[JsonSerializable(typeof(ProbeCredential))]
[JsonSerializable(typeof(EngineCredentials))]
[JsonSerializable(typeof(EngineNote))]
[JsonSerializable(typeof(InstanceMarker))]
internal sealed partial class LocalJson : JsonSerializerContext;
