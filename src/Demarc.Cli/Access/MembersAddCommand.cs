using System.CommandLine;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members add KEY --role ROLE --name NAME</c>: an owner gives a person of their own party a role, by the public half of the person's key.</summary>
internal static class MembersAddCommand
{
    public static Command Create()
    {
        var key = new Argument<string>("key") { Description = "The public half of the person's key, 'ed25519:…', as 'demarc keys list' shows it to them; 'webauthn:…' for a passkey." };
        var role = new Option<string>("--role") { Description = "owner: all; operator: requests changes; approver: approves and rejects; auditor: reads the ledger; viewer: looks.", Required = true }.OneOf([.. MemberRoles.Words]);
        var name = new Option<string>("--name") { Description = "What people call them, at most 80 characters.", HelpName = "TEXT", Required = true };
        var days = OptionValues.WholeNumber("--days", [], "After how many days the key counts for nothing any more; 0 for never", 0, 366, 0);
        return new Verb("add", "Give a person of your own party a role.", invocation => RunAsync(invocation, invocation.Get(key)!, invocation.Get(role)!, invocation.Get(name)!, invocation.Get(days)), [key, role, name, days]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string key, string role, string name, int days)
    {
        var party = invocation.Looking;
        await invocation.AppendAsync(party, new MemberAdded(MemberRoles.Key(key), MemberRoles.Read(role), name, days == 0 ? null : invocation.Host.Now.AddDays(days)));
        var added = await MemberRoles.FindAsync(invocation, party, key);
        invocation.Terminal.Result(added, terminal => terminal.Line($"{Terminal.Terminal.Printable(added.Name)} is {added.Role} of the {added.Party.Word()} in {invocation.Environment}."));
        return ExitCodes.Ok;
    }
}

/// <summary>Roles and people as the command line names them.</summary>
internal static class MemberRoles
{
    public static IEnumerable<string> Words => Enum.GetValues<Role>().Select(Word);

    public static Role Read(string word) => Enum.GetValues<Role>().Single(role => Word(role) == word);

    /// <summary>The key as the ledger writes it.</summary>
    public static string Key(string text) => PublicKey.TryParse(text, out var key)
        ? key.KeyId
        : throw CommandFailedException.Usage($"'{text}' is not a public key: 'ed25519:' and 43 characters, or a passkey's 'webauthn:' and 88.", "The person reads it off with 'demarc keys list'.");

    public static async Task<MemberView> FindAsync(Invocation invocation, Party party, string key)
    {
        var members = await invocation.Client(party).GetAsync($"{invocation.Path}/members", ViewJson.Default.ImmutableArrayMemberView, invocation.Stop);
        return members.FirstOrDefault(member => member.Key == Key(key))
            ?? throw new CommandFailedException(ExitCodes.NotFound, $"{key} is no member of {invocation.Environment}.", "'demarc members list' shows who is.");
    }

    private static string Word(Role role) => role switch
    {
        Role.Owner => "owner",
        Role.Operator => "operator",
        Role.Approver => "approver",
        Role.Auditor => "auditor",
        Role.Viewer => "viewer",
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };
}
