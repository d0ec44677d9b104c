using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members remove KEY</c>: an owner takes a person of their own party out; what the person signed before stays.</summary>
internal static class MembersRemoveCommand
{
    public static Command Create()
    {
        var key = new Argument<string>("key") { Description = "The person's public key, 'ed25519:…', as 'demarc members list' shows it." };
        var yes = GlobalOptions.Yes();
        return new Verb("remove", "Take a person of your own party out.", invocation => RunAsync(invocation, invocation.Get(key)!, invocation.Get(yes)), [key, yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string key, bool yes)
    {
        var party = invocation.Looking;
        var member = await MemberRoles.FindAsync(invocation, party, key);
        invocation.Terminal.Confirm($"Take {Terminal.Terminal.Printable(member.Name)} ({member.Role} of the {member.Party.Word()}) out of {invocation.Environment}?", yes);
        await invocation.AppendAsync(party, new MemberRemoved(member.Key));
        invocation.Terminal.Result(member, terminal => terminal.Line($"{Terminal.Terminal.Printable(member.Name)} is no longer a member of {invocation.Environment}."));
        return ExitCodes.Ok;
    }
}
