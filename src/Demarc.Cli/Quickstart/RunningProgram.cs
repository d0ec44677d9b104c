using System.Globalization;
using System.Text;

namespace Demarc.Cli.Quickstart;

/// <summary>
/// A program of a quickstart that runs now. It is found by its command line, which names a folder of the quickstart; process id and start
/// time together say which process is meant, so that a number that the system has given to somebody else is never signalled.
/// </summary>
internal sealed record RunningProgram(string Name, int Pid, long StartTicks, IReadOnlyList<string> Words)
{
    private static readonly string[] Ours = ["demarc-plane", "demarc-agent", "demarc-engine"];

    /// <summary>The value of an option on its command line.</summary>
    public string? Value(string option)
    {
        for (var i = 1; i + 1 < Words.Count; i++)
        {
            if (Words[i] == option) return Words[i + 1];
        }

        return null;
    }

    /// <summary>All programs of ours whose <c>--data</c> lies in the folder.</summary>
    public static List<RunningProgram> Under(string folder)
    {
        var found = new List<RunningProgram>();
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Read(pid) is { } program && program.IsUnder(folder)) found.Add(program);
        }

        return found;
    }

    /// <summary>Whether this very process still runs.</summary>
    public bool IsAlive => Read(Pid) is { } now && now.StartTicks == StartTicks;

    /// <summary>Signals this very process, if it still runs.</summary>
    public void Signal(int signal)
    {
        if (IsAlive) Detached.Signal(Pid, signal);
    }

    private bool IsUnder(string folder) =>
        Value("--data") is { } data && (data == folder || data.StartsWith(folder + "/", StringComparison.Ordinal));

    private static RunningProgram? Read(int pid)
    {
        try
        {
            var words = Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/cmdline")).Split('\0');
            if (!Ours.Contains(Path.GetFileName(words[0]), StringComparer.Ordinal)) return null;

            // The program's name may hold spaces and brackets; the fields begin after the last bracket. 'Z' and 'X' have ended.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new RunningProgram(Path.GetFileName(words[0]), pid, long.Parse(fields[19], CultureInfo.InvariantCulture), words);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or FormatException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            // It ended while it was looked at, or is somebody else's.
            return null;
        }
    }
}
