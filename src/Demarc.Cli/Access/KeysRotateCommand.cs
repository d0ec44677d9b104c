using System.CommandLine;
using Demarc.Cli.Environments;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary>
/// <c>demarc keys rotate NAME</c>: another key for the same person, signed by the old one and the new one. Killed anywhere, running it again finishes: the new key
/// is on disk before the ledger hears of it, and takes the old one's place only once the ledger has it.
/// </summary>
internal static class KeysRotateCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "Whose key: vendor or customer." }.OneOf(KeyNames.Vendor, KeyNames.Customer);
        var yes = GlobalOptions.Yes();
        var ssh = new Option<string?>("--ssh") { Description = "Change to this key of your SSH agent, by comment or fingerprint, instead of making one.", HelpName = "KEY" };
        return new Verb("rotate", "Change your own key, signed by the old one and the new one.", invocation => RunAsync(invocation, invocation.Get(name)!, invocation.Get(ssh), invocation.Get(yes)), [name, ssh, yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, string? ssh, bool yes)
    {
        var party = name == KeyNames.Vendor ? Party.Vendor : Party.Customer;
        var (file, next) = (invocation.Profile.PathOf(name), invocation.Profile.PathOf(name) + ".next");
        var old = invocation.Key(party);
        var fresh = File.Exists(next) ? KeyFile.ReadSigner(next, invocation.Profile.Ssh) : null;
        using var freed = fresh as IDisposable;
        if (fresh is not null && await IsMemberAsync(invocation, fresh)) return Finish(invocation, name, file, next, old.Public.KeyId, fresh.Public.KeyId);
        invocation.Terminal.Confirm($"Change your key as the {party.Word()} in {invocation.Environment}? The key {old.Public.KeyId} counts for nothing afterwards.", yes);

        // What was begun before is gone on with, unless another key is asked for now.
        var asked = ssh is null ? null : invocation.Profile.Ssh.Find(ssh);
        var key = fresh is not null && (asked is null || fresh.Public == asked.Key) ? fresh : Make(invocation, next, asked);
        using var made = ReferenceEquals(key, fresh) ? null : key as IDisposable;
        var entry = Entry.Write(invocation.Environment, Entry.NewId(invocation.Host.Random), invocation.Host.Now, new MemberRekeyed(key.Public.KeyId), old, key);
        await invocation.Client(party).AppendAsync(entry, invocation.Stop);
        return Finish(invocation, name, file, next, old.Public.KeyId, key.Public.KeyId);
    }

    private static ISigner Make(Invocation invocation, string file, SshKey? ssh)
    {
        if (ssh is null) return KeyFile.CreateSigning(file, invocation.Host.Random);
        KeyFile.WriteSsh(file, ssh);
        return new SshAgentKey(invocation.Profile.Ssh, ssh.Key);
    }

    private static async Task<bool> IsMemberAsync(Invocation invocation, ISigner key)
    {
        using var client = new PlaneClient(invocation.PlaneAddress, key, invocation.Host.Time, invocation.Host.Random);
        try
        {
            await client.GetAsync(invocation.Path, ViewJson.Default.EnvironmentView, invocation.Stop);
            return true;
        }
        catch (CommandFailedException stranger) when (stranger.ExitCode == ExitCodes.NotFound)
        {
            return false;
        }
    }

    private static int Finish(Invocation invocation, string name, string file, string next, string old, string key)
    {
        // What the old key opens or proves elsewhere is not for us to throw away.
        File.Move(file, $"{file}.{invocation.Host.Now:yyyyMMddHHmmss}.old", overwrite: true);
        File.Move(next, file, overwrite: true);
        invocation.Terminal.Result(new ProfileKey(name, KeyNames.Use(name), key, file, null), terminal =>
        {
            terminal.Line($"Your key is {key} now; {old} counts for nothing any more, and its file is kept beside.");
            terminal.Line("In other environments it still stands: rotate it there too, with --environment.");
        });
        return ExitCodes.Ok;
    }
}
