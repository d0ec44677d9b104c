using System.CommandLine;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter validate FILE</c>: checks a text without any server.</summary>
internal static class CharterValidateCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The charter as YAML." };
        return new Verb("validate", "Check a charter's text; needs no plane.", invocation => Task.FromResult(Run(invocation, invocation.Get(file)!)), [file]);
    }

    private static int Run(Invocation invocation, string file)
    {
        var document = CharterFile.Read(invocation, file, CharterFile.Text(file));
        invocation.Terminal.Result(new ValidCharter(file, document.Name, document.Version, true), terminal =>
            terminal.Line($"{file}: charter '{Terminal.Terminal.Printable(document.Name)}' version {document.Version} is valid."));
        return ExitCodes.Ok;
    }
}

/// <summary>The answer to a check.</summary>
internal sealed record ValidCharter(string File, string Name, int Version, bool Valid);
