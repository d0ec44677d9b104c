using System.Text.Json;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary>
/// One person's folder: keys that never leave it, and what commands remember. It is <c>$DEMARC_HOME</c>, or <c>~/.config/demarc</c>,
/// open to its owner only.
/// </summary>
internal sealed class Profile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FillRandom random;
    private readonly string? ownKey;

    public Profile(string folder, FillRandom random, string? ownKey = null, string? sshSocket = null)
    {
        Ssh = new SshAgent(sshSocket);
        Folder = folder;
        this.random = random;
        this.ownKey = ownKey;
    }

    public string Folder { get; }

    /// <summary>The person's SSH agent, whether there is one or not.</summary>
    public SshAgent Ssh { get; }

    public string SealingKeyPath => PathOf(KeyNames.CustomerSealing);

    public string ConfigPath => Path.Combine(Folder, "config.json");

    /// <summary>The profile that the variables point to.</summary>
    public static Profile Of(CliHost host)
    {
        var ownKey = host.Variable("DEMARC_KEY") is { Length: > 0 } key ? Path.GetFullPath(key) : null;
        if (host.Variable("DEMARC_HOME") is { Length: > 0 } home) return new Profile(Path.GetFullPath(home), host.Random, ownKey, host.Variable("SSH_AUTH_SOCK"));
        var config = host.Variable("XDG_CONFIG_HOME") is { Length: > 0 } xdg
            ? xdg
            : Path.Combine(host.Variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");
        return new Profile(Path.Combine(config, "demarc"), host.Random, ownKey, host.Variable("SSH_AUTH_SOCK"));
    }

    public string PathOf(string key) => Path.Combine(Folder, key + ".key");

    /// <summary>The file of the key that signs: the one that <c>$DEMARC_KEY</c> names, whichever party it belongs to, else the party's.</summary>
    public string KeyPath(Party party) => ownKey ?? PathOf(party.Word());

    public bool Holds(Party party) => File.Exists(KeyPath(party));

    /// <summary>The party's signing key, or a fault that says where it was looked for.</summary>
    public ISigner Key(Party party) => Holds(party)
        ? KeyFile.ReadSigner(KeyPath(party), Ssh)
        : throw new CommandFailedException(
            ExitCodes.Failed,
            $"This profile has no key of the {party.Word()} ({KeyPath(party)}).",
            $"Copy your key there, make one with 'demarc keys create {party.Word()}', name one of your SSH agent with 'demarc keys use-ssh --as {party.Word()}', or act as the other party with --as.");

    /// <summary>The public half of the party's key, which is made if there is none.</summary>
    public PublicKey OwnOrNew(Party party)
    {
        MakeFolder();
        var key = Holds(party) ? KeyFile.ReadSigner(KeyPath(party), Ssh) : KeyFile.CreateSigning(KeyPath(party), random);
        using (key as IDisposable) return key.Public;
    }

    public AgeIdentity Sealing() => File.Exists(SealingKeyPath)
        ? KeyFile.ReadSealing(SealingKeyPath)
        : throw new CommandFailedException(
            ExitCodes.Failed,
            $"This profile has no sealing key of the customer ({SealingKeyPath}), and nothing else opens what is sealed to the customer.",
            "Copy the key there, or open the sealed text elsewhere with 'age --decrypt --identity KEY'.");

    public AgeIdentity SealingOrNew()
    {
        if (File.Exists(SealingKeyPath)) return KeyFile.ReadSealing(SealingKeyPath);
        MakeFolder();
        return KeyFile.CreateSealing(SealingKeyPath, random);
    }

    public ProfileConfig Config()
    {
        if (!File.Exists(ConfigPath)) return new ProfileConfig();
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(ConfigPath), CliJson.Default.ProfileConfig) ?? new ProfileConfig();
        }
        catch (JsonException unreadable)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{ConfigPath} cannot be read: {unreadable.Message}", "Mend it, or delete it and name --plane and --environment.");
        }
    }

    public void Save(ProfileConfig config)
    {
        MakeFolder();
        KeyFile.Write(ConfigPath, JsonSerializer.Serialize(config, CliJson.Default.ProfileConfig) + "\n");
    }

    public void MakeFolder()
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(Folder);
        else if (!Directory.Exists(Folder)) Directory.CreateDirectory(Folder, OwnerOnly);
    }
}
