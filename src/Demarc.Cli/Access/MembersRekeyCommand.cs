using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members rekey KEY NEW</c>: an owner gives a person who has lost their key another one, in one act; what the lost key approved and has not begun falls.</summary>
internal static class MembersRekeyCommand
{
    public static Command Create()
    {
        var key = new Argument<string>("key") { Description = "The lost key, 'ed25519:…', as 'demarc members list' shows it." };
        var next = new Argument<string>("new-key") { Description = "The public half of the person's new key, as they read it out to you." };
        var yes = GlobalOptions.Yes();
        return new Verb("rekey", "Give a person of your own party another key for one they have lost.", invocation => RunAsync(invocation, invocation.Get(key)!, invocation.Get(next)!, invocation.Get(yes)), [key, next, yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string key, string next, bool yes)
    {
        var party = invocation.Looking;
        var lost = await MemberRoles.FindAsync(invocation, party, key);
        invocation.Terminal.Confirm($"Put {MemberRoles.Key(next)} in the place of the key of {Terminal.Terminal.Printable(lost.Name)} ({lost.Role} of the {lost.Party.Word()})? The lost key counts for nothing afterwards, and what it approved and has not begun needs another approval.", yes);
        await invocation.AppendAsync(party, new MemberReplaced(lost.Key, MemberRoles.Key(next)));
        var now = await MemberRoles.FindAsync(invocation, party, next);
        invocation.Terminal.Result(now, terminal => terminal.Line($"{Terminal.Terminal.Printable(now.Name)} signs with {now.Key} from now on, as {now.Role} of the {now.Party.Word()}."));
        return ExitCodes.Ok;
    }
}
