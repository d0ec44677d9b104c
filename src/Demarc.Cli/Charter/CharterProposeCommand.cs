using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter propose FILE</c>: puts a text on the table for both parties to sign.</summary>
internal static class CharterProposeCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The charter as YAML; its version is the number after the one in force." };
        return new Verb("propose", "Propose a charter for both parties to sign.", invocation => RunAsync(invocation, invocation.Get(file)!), [file]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string file)
    {
        var text = CharterFile.Text(file);
        var document = CharterFile.Read(invocation, file, text);
        var party = invocation.Acting(invocation.Looking);
        var appended = await invocation.AppendAsync(party, new CharterProposed(document.Version, text));
        invocation.Terminal.Result(appended, terminal => terminal.Line(
            $"Proposed charter version {document.Version} (sha256 {CharterText.Hash(text)}) as entry {appended.Index}. Both parties sign it with: demarc charter sign --as vendor, demarc charter sign --as customer"));
        return ExitCodes.Ok;
    }
}
