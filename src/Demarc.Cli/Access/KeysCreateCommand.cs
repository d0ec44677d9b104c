using System.CommandLine;

namespace Demarc.Cli.Access;

/// <summary><c>demarc keys create NAME</c>: a new key of this profile. It never replaces one: what a lost key signed or sealed stays lost.</summary>
internal static class KeysCreateCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "vendor or customer: a key that signs as that party; customer-sealing: the key that credentials are sealed to." }.OneOf(KeyNames.All);
        return new Verb("create", "Make a key in this profile; its private half never leaves this machine.", invocation => Task.FromResult(Run(invocation, invocation.Get(name)!)), [name]);
    }

    private static int Run(Invocation invocation, string name)
    {
        var profile = invocation.Profile;
        var file = profile.PathOf(name);
        if (File.Exists(file))
            throw new CommandFailedException(ExitCodes.Failed, $"This profile has a key '{name}' already ({file}), and a key is never overwritten.", "Use another profile ($DEMARC_HOME), or move the file away if nothing needs it any more.");
        profile.MakeFolder();
        if (name == KeyNames.CustomerSealing) KeyFile.CreateSealing(file, invocation.Host.Random).Dispose();
        else KeyFile.CreateSigning(file, invocation.Host.Random).Dispose();
        var key = new ProfileKey(name, KeyNames.Use(name), KeyNames.PublicHalf(name, file, profile.Ssh), file, null);
        invocation.Terminal.Result(key, terminal =>
        {
            terminal.Facts(("key", name), ("public half", key.Public), ("file", file));
            terminal.Line("Keep a copy of the file where only you can read it: nobody can make it again.");
        });
        return ExitCodes.Ok;
    }
}

/// <summary>The keys a profile can hold, by the names of their files.</summary>
internal static class KeyNames
{
    public const string Vendor = "vendor";
    public const string Customer = "customer";
    public const string CustomerSealing = "customer-sealing";

    public static string[] All { get; } = [Vendor, Customer, CustomerSealing];

    public static string Use(string name) => name == CustomerSealing ? "opens what is sealed to the customer" : $"signs as the {name}";

    /// <summary>The public half of a key file that nobody else can read.</summary>
    public static string PublicHalf(string name, string file, SshAgent ssh)
    {
        if (name == CustomerSealing)
        {
            using var identity = KeyFile.ReadSealing(file);
            return identity.Recipient.ToString();
        }

        var key = KeyFile.ReadSigner(file, ssh);
        using (key as IDisposable) return key.Public.KeyId;
    }
}
