using System.Net;
using System.Net.Sockets;

namespace Demarc.Cli.Quickstart;

/// <summary>Where the other programs are, and starting them.</summary>
internal sealed class Programs(string folder)
{
    /// <summary>The folder named, else <c>$DEMARC_BIN</c>, else the one this program is in.</summary>
    public static Programs Of(Invocation invocation, string? named)
    {
        var folder = Path.GetFullPath(named ?? (invocation.Host.Variable("DEMARC_BIN") is { Length: > 0 } bin ? bin : AppContext.BaseDirectory));
        var programs = new Programs(folder);
        foreach (var name in new[] { "demarc-plane", "demarc-agent", "demarc-engine" })
        {
            if (!File.Exists(programs.PathOf(name)))
                throw new CommandFailedException(ExitCodes.Failed, $"The program {name} is not in {folder}.", "Build all programs side by side ('./dev build'), or name their folder with --binaries.");
        }

        return programs;
    }

    /// <summary>Whether a shell finds <c>demarc</c> by its name alone.</summary>
    public static bool IsOnPath(Invocation invocation) =>
        (invocation.Host.Variable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Any(place => File.Exists(Path.Combine(place, "demarc")));

    public string PathOf(string name) => Path.Combine(folder, name);

    /// <summary>Starts one of them, detached, with its log in the quickstart's folder.</summary>
    public Task<RunningProgram> StartAsync(Invocation invocation, QuickstartFolder quickstart, string name, string dataFolder, params IReadOnlyList<string> arguments) =>
        StartAsync(invocation, Path.Combine(quickstart.Logs, name + ".log"), name, dataFolder, arguments);

    /// <summary>Starts one of them, detached, with its log in the file named.</summary>
    public async Task<RunningProgram> StartAsync(Invocation invocation, string log, string name, string dataFolder, IReadOnlyList<string> arguments)
    {
        var pid = Detached.Start(PathOf(name), ["--data", dataFolder, .. arguments], log);

        // The system shows the new command line a moment after the process begins.
        for (var look = 0; look < 200; look++)
        {
            if (RunningProgram.Under(dataFolder).FirstOrDefault(p => p.Pid == pid) is { } running) return running;
            await Task.Delay(TimeSpan.FromMilliseconds(5), invocation.Host.Time, invocation.Stop);
        }

        throw new CommandFailedException(ExitCodes.Failed, $"{name} ended as soon as it was started: {QuickstartFolder.Tail(log)}.");
    }

    /// <summary>Runs one of them to its end, and gives what it printed; a failure ends the command in the program's own words.</summary>
    public async Task<string> AskAsync(Invocation invocation, string name, IReadOnlyList<string> arguments)
    {
        using var process = new System.Diagnostics.Process
        {
            StartInfo = new System.Diagnostics.ProcessStartInfo(PathOf(name), arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        process.Start();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(invocation.Stop);
            var error = process.StandardError.ReadToEndAsync(invocation.Stop);
            await process.WaitForExitAsync(invocation.Stop);
            return process.ExitCode == 0 ? (await output).Trim() : throw new CommandFailedException(ExitCodes.Failed, Terminal.Terminal.Printable((await error).Trim()) is { Length: > 0 } words ? words : $"{name} ended with code {process.ExitCode}.");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>The port when it is free, else the next free one.</summary>
    public static int FreePort(int wanted, int besides = 0)
    {
        for (var port = wanted; port < wanted + 200; port++)
        {
            if (port == besides) continue;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }

        throw new CommandFailedException(ExitCodes.Failed, $"No port from {wanted} to {wanted + 199} is free on 127.0.0.1.", "Stop what holds them.");
    }
}
