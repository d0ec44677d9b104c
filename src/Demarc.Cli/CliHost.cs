using Demarc.Core;

namespace Demarc.Cli;

/// <summary>
/// What a command may know of the world around it: streams, environment variables, the clock and a source of randomness. Tests pass
/// their own, so that a command runs inside a test exactly as it runs in a shell.
/// </summary>
/// <param name="Out">Where results go.</param>
/// <param name="Error">Where progress and errors go.</param>
/// <param name="In">Where answers to questions come from.</param>
/// <param name="Variable">Looks up an environment variable.</param>
/// <param name="Time">The clock.</param>
/// <param name="Random">For keys, ids and nonces.</param>
/// <param name="OutIsTerminal">Whether a person looks at the results directly.</param>
/// <param name="ErrorIsTerminal">Whether a person looks at the progress directly.</param>
/// <param name="InIsTerminal">Whether there is somebody to ask.</param>
internal sealed record CliHost(
    TextWriter Out,
    TextWriter Error,
    TextReader In,
    Func<string, string?> Variable,
    TimeProvider Time,
    FillRandom Random,
    bool OutIsTerminal,
    bool ErrorIsTerminal,
    bool InIsTerminal)
{
    /// <summary>The process as the shell started it.</summary>
    public static CliHost OfThisProcess(FillRandom random) => new(
        Console.Out,
        Console.Error,
        Console.In,
        Environment.GetEnvironmentVariable,
        TimeProvider.System,
        random,
        !Console.IsOutputRedirected,
        !Console.IsErrorRedirected,
        !Console.IsInputRedirected);

    /// <summary>Whether colours are unwelcome (no-color.org).</summary>
    public bool NoColor => !string.IsNullOrEmpty(Variable("NO_COLOR")) || Variable("TERM") == "dumb";

    /// <summary>The present moment by the clock that was passed in.</summary>
    public DateTimeOffset Now => Time.GetUtcNow();
}
