using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Demarc.Bench.Quickstart;

/// <summary>The built programs as a person runs them: how soon there is something to search, how soon a change runs, what idling costs.</summary>
internal sealed class QuickstartBench : IDisposable
{
    private static readonly TimeSpan IdleFor = TimeSpan.FromSeconds(30);
    private readonly string root = Measure.Folder();
    private readonly string programs;

    private QuickstartBench(string programs) => this.programs = programs;

    private string Data => Path.Combine(root, "data");

    /// <summary>Needs <c>$DEMARC_BIN</c>, the folder of the built programs.</summary>
    public static async Task RunAsync()
    {
        var programs = Environment.GetEnvironmentVariable("DEMARC_BIN") ?? throw new InvalidOperationException("DEMARC_BIN must name the folder of the built programs: run ./dev bench.");
        using var bench = new QuickstartBench(programs);
        await Measure.DiskAsync(bench.root);
        try
        {
            await bench.UpAsync();
            await bench.ChangesAsync();
            await bench.IdleAsync();
        }
        finally
        {
            await bench.DemarcAsync("down", "--purge", "--yes", "--data", bench.Data);
        }
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private async Task UpAsync()
    {
        var seconds = new List<double>();
        for (var run = 0; run < Measure.Runs; run++)
        {
            await DemarcAsync("down", "--purge", "--yes", "--data", Data);
            var clock = Stopwatch.StartNew();
            await DemarcAsync("up", "--data", Data);
            seconds.Add(clock.Elapsed.TotalSeconds);
        }

        Measure.Print("up: nothing there → a searched collection", seconds, "s");
    }

    private async Task ChangesAsync()
    {
        for (var i = 0; i < 20; i++)
        {
            await DemarcAsync("instances", "suspend", "docs");
            await DemarcAsync("instances", "resume", "docs");
        }

        var changes = JsonDocument.Parse(await DemarcAsync("changes", "list", "--output", "json")).RootElement.EnumerateArray().ToList();
        Measure.Print("change: signed request → running", Milliseconds(changes, "requestedAt", "startedAt"), "ms");
        foreach (var action in new[] { "instances.suspend", "instances.resume" })
            Measure.Print($"change: {action}, running → succeeded", Milliseconds(changes.Where(c => c.GetProperty("action").GetString() == action), "startedAt", "endedAt"), "ms");
    }

    private async Task IdleAsync()
    {
        var running = Process.GetProcesses().Where(p => Arguments(p.Id).Contains(root, StringComparison.Ordinal)).ToList();
        await Task.Delay(TimeSpan.FromSeconds(10));
        var before = running.ToDictionary(p => p.Id, p => p.TotalProcessorTime);
        await Task.Delay(IdleFor);
        foreach (var process in running.OrderBy(p => p.ProcessName, StringComparer.Ordinal))
        {
            process.Refresh();
            var used = (process.TotalProcessorTime - before[process.Id]) / IdleFor;
            Console.WriteLine($"idle: {process.ProcessName,-52} {process.WorkingSet64 / 1e6,12:N0} MB resident, {Share(process.Id) / 1e6:N0} MB when what is shared is divided (PSS), {used * 100:0.00} % of a core");
        }
    }

    private static List<double> Milliseconds(IEnumerable<JsonElement> changes, string from, string to) =>
        [.. changes.Where(c => c.TryGetProperty(to, out _)).Select(c => (At(c, to) - At(c, from)).TotalMilliseconds)];

    private static DateTimeOffset At(JsonElement change, string name) => change.GetProperty(name).GetDateTimeOffset();

    /// <summary>Proportional set size, in bytes: pages that several processes map count in parts (Linux, proc_pid_smaps_rollup).</summary>
    private static double Share(int pid)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/smaps_rollup")).First(l => l.StartsWith("Pss:", StringComparison.Ordinal));
        return double.Parse(line.AsSpan(4, line.Length - 4 - " kB".Length), CultureInfo.InvariantCulture) * 1024;
    }

    private static string Arguments(int pid)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private async Task<string> DemarcAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(programs, "demarc"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEMARC_HOME"] = Path.Combine(root, "home");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 || arguments[0] == "down" ? output : throw new InvalidOperationException($"demarc {string.Join(' ', arguments)}: {await error}");
    }
}
