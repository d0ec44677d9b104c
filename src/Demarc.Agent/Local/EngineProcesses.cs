using System.Collections;
using System.Globalization;
using System.Text;
using Demarc.Core.Instances;

namespace Demarc.Agent.Local;

/// <summary>
/// Engines as processes of this machine. They run in sessions of their own, so that they outlive the agent; they are found again in /proc by their
/// command line, which names the instance and its folder in this bucket. Process id and start time together say which process is meant.
/// </summary>
public sealed class EngineProcesses(string enginePath, IFolders folders) : IProcesses
{
    private const int MetricsOffset = 10_000;
    private const int TicksPerSecond = 100;
    private const int PageKib = 4;
    private static readonly TimeSpan Appear = TimeSpan.FromSeconds(2);
    private readonly Dictionary<int, InstanceId> children = [];
    private readonly Dictionary<InstanceId, string> ends = [];
    private readonly Dictionary<int, EngineProcess> seen = [];

    public IReadOnlyList<EngineProcess> List()
    {
        Collect();
        var living = new List<EngineProcess>();
        var uptime = Uptime();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Read(pid, uptime) is { } process) living.Add(process);
        }

        return living;
    }

    public int Start(EngineLaunch launch)
    {
        List<string> arguments =
        [
            "--data", launch.DataFolder,
            "--port", Text(launch.Port),
            "--metrics-port", Text(MetricsPort(launch.Port)),
            "--bind", "127.0.0.1",
            "--credential-file", launch.CredentialFile,
            "--log", launch.LogFile,
            "--max-memory-mib", Text(launch.MemoryMib),
            "--instance", launch.Instance.Value,
        ];
        if (launch.RequireExisting) arguments.Add("--require-existing");
        ends.Remove(launch.Instance);
        var pid = Posix.Spawn(enginePath, arguments, Environment(), Path.ChangeExtension(launch.LogFile, ".out"));
        children[pid] = launch.Instance;
        // The kernel lets us go on a moment before the new command line can be read; whoever looks next must find the process or its end.
        SpinWait.SpinUntil(() => Read(pid, Uptime()) is not null || Ended(pid), Appear);
        return pid;
    }

    public void Terminate(EngineProcess process) => Signal(process, Posix.SigTerm);

    public void Kill(EngineProcess process) => Signal(process, Posix.SigKill);

    public string? LastEnd(InstanceId instance)
    {
        Collect();
        return ends.GetValueOrDefault(instance);
    }

    // Beyond the last Milvus port by a fixed distance, so that a scraper finds it; 0 switches metrics off where there is no room.
    private static int MetricsPort(int port) => port + MetricsOffset <= 65535 ? port + MetricsOffset : 0;

    private void Signal(EngineProcess process, int signal)
    {
        if (Read(process.Pid, Uptime()) is { } now && now.StartTicks == process.StartTicks) Posix.Signal(process.Pid, signal);
    }

    private bool Ended(int pid)
    {
        Collect();
        return !children.ContainsKey(pid);
    }

    private void Collect()
    {
        foreach (var (pid, instance) in children.ToList())
        {
            if (Posix.Collect(pid) is not { } end) continue;
            children.Remove(pid);
            ends[instance] = end;
        }
    }

    private EngineProcess? Read(int pid, double uptime)
    {
        try
        {
            var process = Parse(pid, File.ReadAllBytes($"/proc/{pid}/cmdline"));
            if (process is null) return null;
            // The name of the program may hold spaces and brackets; the fields begin after its last bracket.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var ticks = long.Parse(fields[19], CultureInfo.InvariantCulture);
            var pages = long.Parse(fields[21], CultureInfo.InvariantCulture);
            // 'Z' and 'X' have ended, once their last thread has: until then files, locks and ports are still theirs.
            var ended = fields[0] is "Z" or "X" && Directory.GetDirectories($"/proc/{pid}/task").Length <= 1;
            if (ended || (process.StartTicks != 0 && process.StartTicks != ticks))
            {
                seen.Remove(pid);
                return null;
            }

            var age = TimeSpan.FromSeconds(Math.Max(0, uptime - ((double)ticks / TicksPerSecond)));
            return seen[pid] = process with { StartTicks = ticks, UsedMib = pages * PageKib / 1024, Age = age };
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            // It ended while it was looked at.
            seen.Remove(pid);
            return null;
        }
    }

    // A process that is ending has no command line any more: it is still the one that was seen under this id.
    private EngineProcess? Parse(int pid, byte[] commandLine)
    {
        if (commandLine.Length == 0) return seen.GetValueOrDefault(pid);
        var line = Encoding.UTF8.GetString(commandLine);
        if (!line.Contains("\0--instance\0", StringComparison.Ordinal)) return null;
        var words = line.Split('\0');
        if (Value(words, "--instance") is not { } name || !InstanceId.TryParse(name, out var instance)) return null;
        if (Value(words, "--data") != folders.PathOf(FolderPlace.Instances, instance)) return null;
        if (!int.TryParse(Value(words, "--port"), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return null;
        _ = int.TryParse(Value(words, "--max-memory-mib"), NumberStyles.None, CultureInfo.InvariantCulture, out var memory);
        return new EngineProcess(pid, 0, instance, port, memory, 0, TimeSpan.Zero);
    }

    private static string? Value(string[] words, string name)
    {
        var at = Array.IndexOf(words, name);
        return at >= 0 && at + 1 < words.Length ? words[at + 1] : null;
    }

    private static double Uptime() => double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);

    // What is the agent's own, a join token above all, is not handed on.
    private static List<string> Environment()
    {
        var result = new List<string>();
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string name && !name.StartsWith("DEMARC_", StringComparison.Ordinal)) result.Add($"{name}={variable.Value}");
        }

        return result;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
