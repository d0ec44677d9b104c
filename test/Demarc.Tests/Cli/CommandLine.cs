extern alias cli;

using System.Security.Cryptography;
using System.Text.Json;
using cli::Demarc.Cli;
using cli::Demarc.Cli.Access;
using Demarc.Core.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Cli;

/// <summary>What one run of a command printed, and what it told the shell.</summary>
internal sealed record Ran(int ExitCode, string Out, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;
}

/// <summary>A person's shell: a profile folder of its own, variables, and commands that run inside the test as they would in a shell.</summary>
internal sealed class CommandLine : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public string Home => Path.Combine(folder.Path, "home");

    public string Folder => folder.Path;

    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>What the person answers; null when nobody is there.</summary>
    public string? Answers { get; set; }

    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Puts a key into the profile as if the person had brought it along.</summary>
    public void Bring(string name, SigningKey key)
    {
        if (!Directory.Exists(Home)) Directory.CreateDirectory(Home);
        KeyFile.Write(Path.Combine(Home, name + ".key"), Base64Text.EncodeUrl(key.ExportSeed()) + "\n");
    }

    public async Task<Ran> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await DemarcCommand.RunAsync(arguments, Host(output, error), TestContext.Current.CancellationToken);
        return new Ran(code, output.ToString(), error.ToString());
    }

    /// <summary>What a command sees of the world when it runs in this shell.</summary>
    public CliHost Host(TextWriter output, TextWriter error) => new(
        output, error, new StringReader(Answers ?? ""),
        name => name == "DEMARC_HOME" ? Home : name == "XDG_DATA_HOME" ? folder.Path : Variables.GetValueOrDefault(name),
        Time, RandomNumberGenerator.Fill, OutIsTerminal: false, ErrorIsTerminal: false, InIsTerminal: Answers is not null);

    /// <summary>Runs a command that has to succeed.</summary>
    public async Task<Ran> MustAsync(params string[] arguments)
    {
        var ran = await RunAsync(arguments);
        Assert.True(ran.ExitCode == 0, $"demarc {string.Join(' ', arguments)} ended with {ran.ExitCode}: {ran.Error}{ran.Out}");
        return ran;
    }

    /// <summary>Runs a command that has to fail with this code and these words, in one paragraph and without a trace.</summary>
    public async Task<Ran> RefusedAsync(int exitCode, string words, params string[] arguments)
    {
        var ran = await RunAsync(arguments);
        Assert.True(ran.ExitCode == exitCode, $"demarc {string.Join(' ', arguments)} ended with {ran.ExitCode}, not {exitCode}: {ran.Error}{ran.Out}");
        Assert.Contains(words, ran.Error, StringComparison.Ordinal);
        // A question that was answered stands before it on the same line: the person's own return key is not in the output.
        Assert.Contains("demarc: ", ran.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("should not have happened", ran.Error, StringComparison.Ordinal);
        return ran;
    }

    public void Dispose() => folder.Dispose();
}
