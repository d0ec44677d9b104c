using System.Diagnostics;
using System.Runtime;

namespace Demarc.Bench;

/// <summary>Times things several times and prints the median with the spread: absolute figures of one machine mean little, so the disk's own speed stands beside them.</summary>
internal static class Measure
{
    public const int Runs = 5;

    /// <summary>Runs it once to warm up and five times to count; the function gives how many it did and how long that part took.</summary>
    public static async Task RateAsync(string name, string unit, Func<Task<(long Count, TimeSpan Took)>> run)
    {
        await run();
        var rates = new double[Runs];
        for (var i = 0; i < Runs; i++)
        {
            var (count, took) = await run();
            rates[i] = count / took.TotalSeconds;
        }

        Array.Sort(rates);
        Console.WriteLine($"{name,-58} {rates[Runs / 2],12:N0} {unit}   (min {rates[0]:N0}, max {rates[^1]:N0})");
    }

    /// <summary>Seconds it takes, median of five.</summary>
    public static async Task<double> SecondsAsync(string name, Func<Task> run, int runs = Runs)
    {
        var seconds = new double[runs];
        for (var i = 0; i < runs; i++)
        {
            var clock = Stopwatch.StartNew();
            await run();
            seconds[i] = clock.Elapsed.TotalSeconds;
        }

        Array.Sort(seconds);
        Console.WriteLine($"{name,-58} {seconds[runs / 2],12:N3} s   (min {seconds[0]:N3}, max {seconds[^1]:N3})");
        return seconds[runs / 2];
    }

    /// <summary>Measures with the settings of the runtime that the command line has, which only a process of its own can have.</summary>
    public static async Task<int> AsTheCommandLineAsync(string name, int size, Func<int, Task> measure)
    {
        if (GCSettings.IsServerGC)
        {
            await measure(size);
            return 0;
        }

        var start = new ProcessStartInfo(Environment.ProcessPath!, [name, $"{size}"]) { Environment = { ["DOTNET_gcServer"] = "1", ["DOTNET_gcConcurrent"] = "0", ["DOTNET_GCHeapCount"] = "4" } };
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    /// <summary>Prints the median of what was measured, with its spread.</summary>
    public static void Print(string name, IReadOnlyCollection<double> measured, string unit)
    {
        var sorted = measured.Order().ToList();
        Console.WriteLine($"{name,-58} {sorted[sorted.Count / 2],12:N2} {unit}   (of {sorted.Count}: min {sorted[0]:N2}, max {sorted[^1]:N2})");
    }

    /// <summary>How many small durable writes the disk does in a second: what every durable figure is bounded by.</summary>
    public static async Task DiskAsync(string folder)
    {
        var file = Path.Combine(folder, "disk");
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        var block = new byte[4096];
        await RateAsync("disk: 4 KiB appended and flushed", "flushes/s", () =>
        {
            const int count = 200;
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < count; i++)
            {
                stream.Write(block);
                stream.Flush(flushToDisk: true);
            }

            return Task.FromResult(((long)count, clock.Elapsed));
        });
    }

    /// <summary>A folder that is gone afterwards.</summary>
    public static string Folder() => Directory.CreateTempSubdirectory("demarc-bench-").FullName;
}
