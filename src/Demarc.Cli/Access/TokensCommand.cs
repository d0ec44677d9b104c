using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc tokens</c>: keys for services, with a scope and an end. The private half is written to a file once, and is nowhere else.</summary>
internal static class TokensCommand
{
    private const int MostDays = 366;

    public static Command[] CreateAll() => [Issue(), List(), Revoke()];

    private static Verb Issue()
    {
        var name = new Argument<string>("name") { Description = "What the token is for, at most 80 characters." };
        var scope = new Option<string[]>("--scope") { Description = "What it may do: look, audit, operate. May be given several times.", Required = true, AllowMultipleArgumentsPerToken = true }.OneOf("look", "audit", "operate");
        var days = OptionValues.WholeNumber("--days", [], "After how many days it ends", 1, MostDays, 90);
        var to = new Option<string>("--to") { Description = "Where its key goes: a new file that only you can read.", HelpName = "FILE", Required = true };
        return new Verb("issue", "Issue a key for a service, with a scope and an end.", invocation => IssueAsync(invocation, invocation.Get(name)!, invocation.Get(scope)!, invocation.Get(days), invocation.Get(to)!), [name, scope, days, to]);
    }

    private static async Task<int> IssueAsync(Invocation invocation, string name, string[] scope, int days, string to)
    {
        if (File.Exists(to)) throw new CommandFailedException(ExitCodes.Failed, $"'{to}' exists already, and is not overwritten.", "Name another file.");
        var party = invocation.Looking;
        using var key = KeyFile.CreateSigning(to, invocation.Host.Random);
        var permissions = scope.Distinct().Select(word => Enum.Parse<Permission>(word, ignoreCase: true)).Order().ToImmutableArray();
        try
        {
            await invocation.AppendAsync(party, new TokenIssued(key.Public.KeyId, name, permissions, invocation.Host.Now.AddDays(days)));
        }
        catch (CommandFailedException refused) when (refused.ExitCode != ExitCodes.Unreachable)
        {
            File.Delete(to);
            throw;
        }

        var issued = await MemberRoles.FindAsync(invocation, party, key.Public.KeyId);
        invocation.Terminal.Result(issued, terminal =>
        {
            terminal.Line($"{Terminal.Terminal.Printable(issued.Name)} may {string.Join(", ", permissions).ToLowerInvariant()} as a service of the {party.Word()} until {issued.ExpiresAt:u}.");
            terminal.Line($"The service uses it with DEMARC_KEY={Path.GetFullPath(to)}; nobody else shall have the file.");
        });
        return ExitCodes.Ok;
    }

    private static Verb List() => new("list", "List the tokens of both parties.", async invocation =>
    {
        var lines = await invocation.Reader.GetAsync($"{invocation.Path}/members/review", ViewJson.Default.ImmutableArrayAccessLine, invocation.Stop);
        var tokens = lines.Where(line => line.Role == "service").ToImmutableArray();
        invocation.Terminal.Result(tokens, terminal =>
        {
            if (tokens.IsEmpty) terminal.Line("There are no tokens.");
            else terminal.Table(["party", "name", "may", "ends", "last used", "key"], tokens.Select(t => (IReadOnlyList<string>)[t.Party.Word(), t.Name, string.Join(", ", t.Permissions), $"{t.ExpiresAt:u}", t.LastUsedOn?.ToString("O", CultureInfo.InvariantCulture) ?? "never", t.Key]));
        });
        return ExitCodes.Ok;
    });

    private static Verb Revoke()
    {
        var key = new Argument<string>("key") { Description = "The token's public key, 'ed25519:…', as 'demarc tokens list' shows it." };
        return new Verb("revoke", "End a token at once.", async invocation =>
        {
            var party = invocation.Looking;
            var member = await MemberRoles.FindAsync(invocation, party, invocation.Get(key)!);
            if (member.Role != "service") throw new CommandFailedException(ExitCodes.Failed, $"{member.Key} is a person's key.", "Take a person out with 'demarc members remove'.");
            await invocation.AppendAsync(party, new MemberRemoved(member.Key));
            invocation.Terminal.Result(member, terminal => terminal.Line($"The token '{Terminal.Terminal.Printable(member.Name)}' is worth nothing any more."));
            return ExitCodes.Ok;
        }, [key]);
    }
}
