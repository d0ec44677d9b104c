using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter sign</c>: shows the proposed text's meaning, and signs the hash of exactly that text.</summary>
internal static class CharterSignCommand
{
    public static Command Create()
    {
        var yes = GlobalOptions.Yes();
        return new Verb("sign", "Sign the proposed charter for your party.", invocation => RunAsync(invocation, invocation.Get(yes)), [yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, bool yes)
    {
        var charter = await invocation.Reader.GetAsync($"{invocation.Path}/charter", ViewJson.Default.CharterView, invocation.Stop);
        if (charter is not { ProposedYaml: { } text, ProposedVersion: { } version })
            throw new CommandFailedException(ExitCodes.NotFound, "No charter is proposed.", "Propose one: demarc charter propose FILE.");
        // The hash is of the text that is shown, computed here; what the plane says it is counts for nothing.
        var hash = CharterText.Hash(text);
        if (hash != charter.ProposedSha256) throw new CommandFailedException(ExitCodes.NotVerified, $"The plane shows a charter whose SHA-256 is {hash}, and says that it is {charter.ProposedSha256}.", "Sign nothing from this plane, and run 'demarc audit verify'.");
        var read = CharterYaml.Read(text);
        if (read.Document is not { } next) throw new CommandFailedException(ExitCodes.Failed, $"The proposed charter cannot be read: {read.Faults[0]}.");
        var party = invocation.AsGiven ?? Enum.GetValues<Party>().Where(p => !charter.SignedBy.Contains(p) && invocation.Profile.Holds(p)).Select(p => (Party?)p).FirstOrDefault() ?? invocation.Looking;
        Show(invocation, charter, next, text);
        invocation.Terminal.Confirm($"Sign charter version {version} as the {party.Word()}?", yes);
        await invocation.AppendAsync(party, new CharterSigned(version, hash));
        var after = await invocation.Client(party).GetAsync($"{invocation.Path}/charter", ViewJson.Default.CharterView, invocation.Stop);
        invocation.Terminal.Result(after, terminal => terminal.Line(after.Version == version
            ? $"Signed as the {party.Word()}. Charter version {version} is in force."
            : $"Signed as the {party.Word()}. It awaits the {party.Other().Word()}: demarc charter sign --as {party.Other().Word()}"));
        return ExitCodes.Ok;
    }

    private static void Show(Invocation invocation, CharterView charter, CharterDocument next, string text)
    {
        if (invocation.Terminal.Json) return;
        if (charter.Yaml is not null && CharterYaml.Read(charter.Yaml).Document is { } before)
        {
            invocation.Terminal.Line($"Charter version {next.Version} changes:");
            foreach (var difference in CharterDiff.Between(before, next)) invocation.Terminal.Line($"  {difference.Means}   ({difference.Field})");
        }
        else
        {
            invocation.Terminal.Line(text.TrimEnd('\n'));
        }

        invocation.Terminal.Line($"sha256 {CharterText.Hash(text)}");
    }
}
