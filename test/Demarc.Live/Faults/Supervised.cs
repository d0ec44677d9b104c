using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Demarc.Live.Faults;

/// <summary>
/// A program that is started again whenever it ends, as a service manager does: the same command line, a tenth of a second later. An end that
/// nobody caused is remembered, because a program that falls over by itself is a fault that the restart would hide.
/// </summary>
internal sealed partial class Supervised : IAsyncDisposable
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);
    private readonly IReadOnlyList<string> words;
    private readonly string log;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task watching;
    private volatile int pid;
    private volatile int killed;

    /// <summary>Takes over a program that runs: it is killed, and from then on supervised.</summary>
    public Supervised(string name, IReadOnlyList<string> words, string log)
    {
        (Name, this.words, this.log) = (name, words, log);
        watching = WatchAsync();
    }

    public string Name { get; }

    /// <summary>Ends that nobody asked for, with what was logged last.</summary>
    public ConcurrentQueue<string> OwnEnds { get; } = [];

    public int Starts { get; private set; }

    /// <summary>Kills it where it stands; false when it did not run at this moment.</summary>
    public bool Kill()
    {
        var victim = pid;
        if (victim == 0) return false;
        killed = victim;
        return Processes.Kill(victim);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await watching;
        stopping.Dispose();
    }

    private async Task WatchAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            // A shell that becomes the program puts its output where it was before; the program itself then has the process id.
            var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", log, .. words]);
            using var process = Process.Start(start)!;
            Starts++;
            pid = process.Id;
            try
            {
                await process.WaitForExitAsync(stopping.Token);
            }
            catch (OperationCanceledException)
            {
                // The quickstart's own 'down' ends it in good order.
                return;
            }

            pid = 0;
            if (killed != process.Id) OwnEnds.Enqueue($"{Name} ended by itself with exit code {process.ExitCode}: {string.Join(" | ", File.ReadLines(log).TakeLast(4))}");
            await Task.Delay(Rest, TimeProvider.System);
        }
    }
}

/// <summary>A process seen in /proc: id and start time together say which one is meant.</summary>
internal sealed record Seen(int Pid, long StartTicks, IReadOnlyList<string> Words)
{
    public string? Value(string option)
    {
        var at = Words.ToList().IndexOf(option);
        return at >= 0 && at + 1 < Words.Count ? Words[at + 1] : null;
    }
}

/// <summary>Processes of one data folder, and the signal that cannot be caught.</summary>
internal static partial class Processes
{
    private const int SigKill = 9;

    /// <summary>Living programs of this name whose <c>--data</c> lies in the folder.</summary>
    public static List<Seen> Of(string program, string folder)
    {
        var found = new List<Seen>();
        foreach (var entry in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(entry), out var pid) && Read(pid) is { } seen && Path.GetFileName(seen.Words[0]) == program && seen.Value("--data")?.StartsWith(folder, StringComparison.Ordinal) == true)
                found.Add(seen);
        }

        return found;
    }

    public static bool IsAlive(Seen process) => Read(process.Pid)?.StartTicks == process.StartTicks;

    public static bool Kill(int pid) => kill(pid, SigKill) == 0;

    private static Seen? Read(int pid)
    {
        try
        {
            var words = Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/cmdline")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return words.Length == 0 || fields[0] is "Z" or "X" ? null : new Seen(pid, long.Parse(fields[19]), words);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
