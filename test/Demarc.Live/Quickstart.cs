using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Demarc.Core.Ledger;

namespace Demarc.Live;

/// <summary>
/// One quickstart for all live tests, driven as a person drives it: the built <c>demarc</c> command, a home of its own, nothing shared
/// with what else runs on the machine. Disposing it must leave nothing running and nothing behind, which is itself a test.
/// </summary>
public sealed class Quickstart : IAsyncLifetime
{
    private readonly string root = Path.Combine(Path.GetTempPath(), "demarc-live-" + Guid.NewGuid().ToString("n")[..8]);

    /// <summary>Where the built programs are, or null when they are not.</summary>
    public static string? Programs { get; } = Environment.GetEnvironmentVariable("DEMARC_BIN") is { } bin && File.Exists(Path.Combine(bin, "demarc")) ? bin : null;

    public string Data => Path.Combine(root, "data");

    public string Home => Path.Combine(root, "home");

    /// <summary>Where the plane and the hub shall listen; null for what <c>up</c> takes by itself.</summary>
    public (int Web, int Hub)? Ports { get; init; }

    /// <summary>What <c>demarc up</c> printed.</summary>
    public string UpOutput { get; private set; } = "";

    public TimeSpan UpTook { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (Programs is null) return;
        Directory.CreateDirectory(root);
        if (Ports is { } ports)
        {
            Directory.CreateDirectory(Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            await File.WriteAllTextAsync(Path.Combine(Data, "quickstart.json"), $$"""{"rest":{{ports.Web}},"hub":{{ports.Hub}}}""");
        }

        var clock = Stopwatch.StartNew();
        var up = await DemarcAsync("up", "--data", Data);
        UpTook = clock.Elapsed;
        UpOutput = up.Output;
        Assert.True(up.ExitCode == 0, up.Everything);
    }

    public async ValueTask DisposeAsync()
    {
        if (Programs is null) return;
        var down = await DemarcAsync("down", "--purge", "--yes", "--data", Data);
        Assert.True(down.ExitCode == 0, down.Everything);
        if (Directory.Exists(root)) Directory.Delete(root, recursive: true);
    }

    /// <summary>The one line of a key file that is not a comment.</summary>
    public string KeyLine(string file) => File.ReadLines(Path.Combine(Home, file)).Select(line => line.Trim()).Single(line => line.Length > 0 && line[0] != '#');

    /// <summary>The signing key of <c>customer</c> or <c>vendor</c>.</summary>
    public SigningKey Key(string party) => SigningKey.FromSeed(Base64Text.Decode(KeyLine(party + ".key").AsSpan(), Base64Form.Either));

    /// <summary>Two neighbouring ports that nobody holds now, below those that the system gives to outgoing connections: they stay free while a program is down.</summary>
    public static (int Web, int Hub) FreePorts()
    {
        for (var port = 21000 + (Environment.ProcessId % 1000 * 10); port < 32000; port += 2)
        {
            if (IsFree(port) && IsFree(port + 1)) return (port, port + 1);
        }

        throw new InvalidOperationException("no two neighbouring ports below 32000 are free");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Runs the built command with this quickstart's home.</summary>
    public Task<Ran> DemarcAsync(params string[] arguments) => RunAsync(Path.Combine(Programs!, "demarc"), arguments, new() { ["DEMARC_HOME"] = Home, ["NO_COLOR"] = "1" });

    /// <summary>Runs the built command and reads its JSON.</summary>
    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var ran = await DemarcAsync([.. arguments, "--output", "json"]);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        return JsonDocument.Parse(ran.Output).RootElement;
    }

    /// <summary>Runs any program to its end, three minutes at most unless it is given longer.</summary>
    public static async Task<Ran> RunAsync(string program, IEnumerable<string> arguments, Dictionary<string, string>? environment = null, string? folder = null, TimeSpan? patience = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder ?? "" };
        foreach (var (name, value) in environment ?? []) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        var most = patience ?? TimeSpan.FromMinutes(3);
        using var limit = new CancellationTokenSource(most);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {most.TotalMinutes:0} minutes");
        }

        return new Ran(process.ExitCode, await output, await error);
    }
}

/// <summary>What a program left.</summary>
public sealed record Ran(int ExitCode, string Output, string Error)
{
    public string Everything => $"exit {ExitCode}\n{Output}\n{Error}";
}
