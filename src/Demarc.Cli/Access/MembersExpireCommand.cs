using System.CommandLine;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members expire KEY --days N</c>: an owner says until when a key of their own party counts.</summary>
internal static class MembersExpireCommand
{
    public static Command Create()
    {
        var key = new Argument<string>("key") { Description = "The person's or token's public key, as 'demarc members list' shows it." };
        var days = OptionValues.WholeNumber("--days", [], "After how many days it counts for nothing any more; 0 for never", 0, 366, 0);
        (days.Required, days.DefaultValueFactory) = (true, null);
        return new Verb("expire", "Say until when a key of your own party counts; a token's time is only shortened.", invocation => RunAsync(invocation, invocation.Get(key)!, invocation.Get(days)), [key, days]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string key, int days)
    {
        var party = invocation.Looking;
        var member = await MemberRoles.FindAsync(invocation, party, key);
        await invocation.AppendAsync(party, new MemberExpirySet(member.Key, days == 0 ? null : invocation.Host.Now.AddDays(days)));
        member = await MemberRoles.FindAsync(invocation, party, key);
        invocation.Terminal.Result(member, terminal => terminal.Line(member.ExpiresAt is { } end ? $"{Terminal.Terminal.Printable(member.Name)}'s key counts until {end:u}." : $"{Terminal.Terminal.Printable(member.Name)}'s key does not expire."));
        return ExitCodes.Ok;
    }
}
