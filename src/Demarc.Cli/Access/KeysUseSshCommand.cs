using System.CommandLine;
using Demarc.Core.Charter;

namespace Demarc.Cli.Access;

/// <summary><c>demarc keys use-ssh [KEY]</c>: the profile signs with a key that the person's SSH agent keeps; the profile itself holds only its name.</summary>
internal static class KeysUseSshCommand
{
    public static Command Create()
    {
        var key = new Argument<string?>("key") { Description = "The key's comment or fingerprint, as 'ssh-add -l' shows them; not needed when the agent has one Ed25519 key.", Arity = ArgumentArity.ZeroOrOne };
        return new Verb("use-ssh", "Sign with an Ed25519 key that your SSH agent keeps; --as says for which party (default: customer).", invocation => Task.FromResult(Run(invocation, invocation.Get(key))), [key]);
    }

    private static int Run(Invocation invocation, string? name)
    {
        var party = invocation.Acting(Party.Customer);
        var profile = invocation.Profile;
        var file = profile.PathOf(party.Word());
        if (File.Exists(file))
            throw new CommandFailedException(ExitCodes.Failed, $"This profile has a key '{party.Word()}' already ({file}), and a key is never overwritten.", $"Where that key is a member, change it: demarc keys rotate {party.Word()} --ssh {name ?? "KEY"}.");
        var found = profile.Ssh.Find(name);
        profile.MakeFolder();
        KeyFile.WriteSsh(file, found);
        invocation.Terminal.Result(new ProfileKey(party.Word(), KeyNames.Use(party.Word()), found.Key.KeyId, file, null), terminal =>
        {
            terminal.Facts(("key", party.Word()), ("public half", found.Key.KeyId), ("in the SSH agent", $"{found.Fingerprint} {Terminal.Terminal.Printable(found.Comment)}"));
            terminal.Line("An owner of your party makes it a member: demarc members add KEY --role ROLE --name NAME.");
        });
        return ExitCodes.Ok;
    }
}
