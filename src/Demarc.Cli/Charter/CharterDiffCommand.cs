using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter diff FILE</c>: what a text would change against the charter in force.</summary>
internal static class CharterDiffCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The charter as YAML." };
        return new Verb("diff", "Show what a charter's text would change.", invocation => RunAsync(invocation, invocation.Get(file)!), [file]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string file)
    {
        var next = CharterFile.Read(invocation, file, CharterFile.Text(file));
        var present = await invocation.Reader.GetAsync($"{invocation.Path}/charter", ViewJson.Default.CharterView, invocation.Stop);
        if (present.Yaml is null || CharterYaml.Read(present.Yaml).Document is not { } before)
            throw new CommandFailedException(ExitCodes.NotFound, $"Environment {invocation.Environment} has no charter in force to compare with.");
        var differences = CharterDiff.Between(before, next);
        invocation.Terminal.Result(differences, terminal =>
        {
            if (differences.IsEmpty) terminal.Line("Nothing would change.");
            foreach (var difference in differences) terminal.Line($"  {difference.Means}   ({difference.Field})");
        });
        return ExitCodes.Ok;
    }
}
