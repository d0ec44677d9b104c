using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Demarc.Bench.Engine;

/// <summary>
/// A library of others, driven by a small C++ program that is compiled here for this processor. What is missing (the
/// compiler, the library's headers) is said, and the bench goes on without it.
/// </summary>
internal static class Peer
{
    /// <summary>The program's figures by name, or null when it could not be built or run.</summary>
    public static async Task<Dictionary<string, double>?> RunAsync(string name, string source, string[] libraries, string folder, int dimension, string metric, double recall, double seconds)
    {
        var program = Path.Combine(folder, Path.GetFileNameWithoutExtension(source));
        var from = Path.Combine(AppContext.BaseDirectory, "Engine", "Peers", source);
        var (built, said) = await StartAsync("g++", ["-O3", "-march=native", "-std=c++17", "-fopenmp", "-w", "-o", program, from, .. libraries]);
        if (!built)
        {
            Console.WriteLine($"  {name}: not measured, it cannot be built here ({said.Split('\n')[0]})");
            return null;
        }

        var (ran, output) = await StartAsync(program, [folder, dimension.ToString(CultureInfo.InvariantCulture), metric, recall.ToString(CultureInfo.InvariantCulture), seconds.ToString(CultureInfo.InvariantCulture)]);
        if (!ran)
        {
            Console.WriteLine($"  {name}: not measured, it stopped ({output.Split('\n')[0]})");
            return null;
        }

        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')).Where(l => l.Length == 2)
            .ToDictionary(l => l[0], l => double.Parse(l[1], CultureInfo.InvariantCulture));
    }

    public static void Write<T>(string folder, string name, T[] values)
        where T : unmanaged
    {
        using var file = File.Create(Path.Combine(folder, name));
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private static async Task<(bool Well, string Said)> StartAsync(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? (true, output) : (false, (await errors).Trim() is { Length: > 0 } e ? e : $"exit code {process.ExitCode}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (false, e.Message);
        }
    }
}
