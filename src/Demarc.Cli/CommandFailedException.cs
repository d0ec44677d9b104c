namespace Demarc.Cli;

/// <summary>
/// Ends a command with an exit code and one short paragraph: what happened and where, why, and what to do. It is the only exception
/// that people are meant to see, and they see its text, never its trace.
/// </summary>
internal sealed class CommandFailedException : Exception
{
    public CommandFailedException(int exitCode, string what, string? remedy = null) : base(what)
    {
        ExitCode = exitCode;
        Remedy = remedy;
    }

    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; }

    /// <summary>What to do now; null when that is plain from what happened.</summary>
    public string? Remedy { get; }

    /// <summary>The paragraph.</summary>
    public string Paragraph => Remedy is null ? $"demarc: {Message}" : $"demarc: {Message} {Remedy}";

    /// <summary>The command line makes no sense.</summary>
    public static CommandFailedException Usage(string what, string? remedy = null) => new(ExitCodes.Usage, what, remedy);
}
