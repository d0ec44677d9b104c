using System.CommandLine;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members link|unlink</c>: an owner says as which member a person may read whom the plane's sign-in provider knows.</summary>
internal static class MembersLinkCommand
{
    public static Command CreateLink()
    {
        var key = new Argument<string>("key") { Description = "As which member: the person's public key, 'ed25519:…', as 'demarc members list' shows it." };
        var (issuer, subject) = Options();
        return new Verb("link", "Let a person read by signing in with the plane's provider; what they decide they still sign with their key.", async invocation =>
        {
            var party = invocation.Looking;
            var member = await MemberRoles.FindAsync(invocation, party, invocation.Get(key)!);
            await invocation.AppendAsync(party, new MemberLinked(member.Key, invocation.Get(issuer)!, invocation.Get(subject)!));
            invocation.Terminal.Result(member, terminal => terminal.Line($"Whoever {invocation.Get(issuer)} signs in as '{Terminal.Terminal.Printable(invocation.Get(subject)!)}' reads {invocation.Environment} as {Terminal.Terminal.Printable(member.Name)}, {member.Role} of the {member.Party.ToString().ToLowerInvariant()}."));
            return ExitCodes.Ok;
        }, [key, issuer, subject]);
    }

    public static Command CreateUnlink()
    {
        var (issuer, subject) = Options();
        return new Verb("unlink", "Take such a link back; browsers that are signed in with it read nothing more.", async invocation =>
        {
            var appended = await invocation.AppendAsync(invocation.Looking, new MemberUnlinked(invocation.Get(issuer)!, invocation.Get(subject)!));
            invocation.Terminal.Result(appended, terminal => terminal.Line($"'{Terminal.Terminal.Printable(invocation.Get(subject)!)}' of {invocation.Get(issuer)} is linked to nobody in {invocation.Environment} any more."));
            return ExitCodes.Ok;
        }, [issuer, subject]);
    }

    private static (Option<string> Issuer, Option<string> Subject) Options() => (
        new("--issuer") { Description = "The provider's issuer, exactly as the person's page after signing in shows it.", HelpName = "URL", Required = true },
        new("--subject") { Description = "The provider's name for the person, as that page shows it.", HelpName = "TEXT", Required = true });
}
