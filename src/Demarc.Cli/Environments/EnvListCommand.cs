using System.CommandLine;
using System.Globalization;
using Demarc.Core.Environments;

namespace Demarc.Cli.Environments;

/// <summary><c>demarc env list</c>.</summary>
internal static class EnvListCommand
{
    public static Command Create() => new Verb("list", "List the environments that your key is a member of.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var all = await invocation.Reader.GetAsync("/v1/environments", ViewJson.Default.ImmutableArrayEnvironmentView, invocation.Stop);
        invocation.Terminal.Result(all, terminal =>
        {
            if (all.IsEmpty) terminal.Line("There are none. 'demarc env found NAME' makes one.");
            else terminal.Table(["environment", "name", "entries", "charter", "agent", "instances", "open changes", "findings"], all.Select(Row));
        });
        return ExitCodes.Ok;
    }

    private static IReadOnlyList<string> Row(EnvironmentView e) =>
    [
        e.Id, e.Name, Number(e.Size), e.Charter is { } version ? $"version {version}" : "none", EnvShowCommand.Agent(e), Number(e.Instances), Number(e.OpenChanges), Number(e.Findings),
    ];

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
