namespace Demarc.Cli;

/// <summary>What the process tells the shell. These numbers are documented and do not change.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>It was tried and failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line cannot be understood; nothing was tried.</summary>
    public const int Usage = 2;

    /// <summary>The charter, or the plane in its name, says no.</summary>
    public const int Refused = 3;

    /// <summary>What was named does not exist.</summary>
    public const int NotFound = 4;

    /// <summary>The plane cannot be reached.</summary>
    public const int Unreachable = 5;

    /// <summary>A ledger, export or signature does not hold.</summary>
    public const int NotVerified = 6;

    /// <summary>It may still happen; we stopped waiting.</summary>
    public const int TimedOut = 7;

    /// <summary>The list for <c>demarc --help</c>.</summary>
    public const string Help =
        """
        Exit codes:
          0  done                       4  what was named does not exist
          1  failed                     5  the plane cannot be reached
          2  wrong usage                6  verification failed
          3  refused by the charter     7  timed out
        """;
}
