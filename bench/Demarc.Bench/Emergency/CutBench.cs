using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Bench.Emergency;

/// <summary>
/// How soon a session is cut, on the built programs: from the moment in which a signed revocation is handed to the plane until no process of the session's command
/// runs any more on the agent's machine, and until the ledger says that the session is over. Each cut is of a session of its own, with a command in full run.
/// </summary>
internal sealed class CutBench : IDisposable
{
    private const string Running = "vmstat\01\0300";
    private readonly string root = Measure.Folder();
    private readonly string programs;
    private readonly HttpClient http = new();

    private CutBench(string programs) => this.programs = programs;

    /// <summary>Needs <c>$DEMARC_BIN</c>, the folder of the built programs.</summary>
    public static async Task RunAsync(int cuts)
    {
        var programs = Environment.GetEnvironmentVariable("DEMARC_BIN") ?? throw new InvalidOperationException("DEMARC_BIN must name the folder of the built programs: run ./dev bench.");
        using var bench = new CutBench(programs);
        try
        {
            await bench.DemarcAsync("up", "--data", bench.Data);
            await bench.MeasureAsync(cuts);
        }
        finally
        {
            await bench.DemarcAsync("down", "--purge", "--yes", "--data", bench.Data);
        }
    }

    public void Dispose()
    {
        http.Dispose();
        Directory.Delete(root, recursive: true);
    }

    private string Data => Path.Combine(root, "data");

    private async Task MeasureAsync(int cuts)
    {
        using var config = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(root, "home", "config.json")));
        http.BaseAddress = new Uri(config.RootElement.GetProperty("plane").GetString()!);
        var environment = EnvironmentId.Parse(config.RootElement.GetProperty("environment").GetString()!);
        using var customer = Key("customer");
        var (killed, said) = (new List<double>(), new List<double>());
        for (var cut = 0; cut < cuts; cut++)
        {
            var id = (await DemarcAsync("emergency", "request", "terminal", "--minutes", "5", "--reason", "a measurement", "--quiet")).Trim();
            await DemarcAsync("emergency", "approve", id, "--yes");
            using var working = Start("emergency", "open", id, "--command", "vmstat 300");
            _ = working.StandardOutput.ReadToEndAsync();
            _ = working.StandardError.ReadToEndAsync();
            while (!Lives()) await Task.Delay(5);
            var revoked = Entry.Write(environment, Entry.NewId(RandomNumberGenerator.Fill), DateTimeOffset.UtcNow, new SessionRevoked(SessionId.Parse(id), "measured"), customer);
            var clock = Stopwatch.StartNew();
            var handed = PostAsync(environment, revoked);
            while (Lives()) await Task.Delay(1);
            killed.Add(clock.Elapsed.TotalMilliseconds);
            await handed;
            await working.WaitForExitAsync();
            var view = JsonDocument.Parse(await DemarcAsync("emergency", "show", id, "--output", "json")).RootElement;
            said.Add((view.GetProperty("endedAt").GetDateTimeOffset() - revoked.At).TotalMilliseconds);
        }

        Print("cut: revocation handed in → nothing of it runs", killed);
        Print("cut: revocation signed → ended, by the agent's entry", said);
    }

    private static void Print(string name, List<double> measured)
    {
        Measure.Print(name, measured, "ms");
        var sorted = measured.Order().ToList();
        Console.WriteLine($"{"   99th percentile",-58} {sorted[Math.Min(sorted.Count - 1, (int)Math.Ceiling(sorted.Count * 0.99) - 1)],12:N2} ms");
    }

    private async Task PostAsync(EnvironmentId environment, Entry entry)
    {
        using var body = new ByteArrayContent(entry.Bytes.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await http.PostAsync(new Uri($"/v1/environments/{environment}/entries", UriKind.Relative), body);
        answer.EnsureSuccessStatusCode();
    }

    // The command is looked for as the kernel has it, in whatever namespace it runs.
    private static bool Lives()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "cmdline")).Contains(Running, StringComparison.Ordinal)) return true;
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }

        return false;
    }

    private SigningKey Key(string name)
    {
        var line = File.ReadAllLines(Path.Combine(root, "home", name + ".key")).Single(text => text.Length > 0 && text[0] != '#');
        return SigningKey.FromSeed(Base64Text.Decode(line.AsSpan(), Base64Form.Either)!);
    }

    private Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(programs, "demarc"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEMARC_HOME"] = Path.Combine(root, "home");
        return Process.Start(start)!;
    }

    private async Task<string> DemarcAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 || arguments[0] == "down" ? output : throw new InvalidOperationException($"demarc {string.Join(' ', arguments)}: {await error}");
    }
}
