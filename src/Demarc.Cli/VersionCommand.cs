using System.CommandLine;
using System.Reflection;

namespace Demarc.Cli;

/// <summary><c>demarc version</c>.</summary>
internal static class VersionCommand
{
    public static string Version { get; } = typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static Command Create() => new Verb("version", "Print the version of this program.", invocation =>
    {
        invocation.Terminal.Result(new ProgramVersion("demarc", Version, Environment.Version.ToString()), terminal => terminal.Line($"demarc {Version} (.NET {Environment.Version})"));
        return Task.FromResult(ExitCodes.Ok);
    });
}

/// <summary>What runs.</summary>
internal sealed record ProgramVersion(string Program, string Version, string Runtime);
