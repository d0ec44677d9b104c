using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using Demarc.Engine.Credentials;
using Demarc.Engine.Protocol;
using Grpc.Core;
using Grpc.Net.Client;

namespace Demarc.Tests.Engine;

/// <summary>The engine as its own process, as an operator runs it, with a client beside it. Ports are taken free and read from the log.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class EngineProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Process process;
    private readonly StringBuilder errors;

    private EngineProcess(Process process, StringBuilder errors, string address, string metricsAddress)
    {
        (this.process, this.errors) = (process, errors);
        Channel = GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        Client = new MilvusService.MilvusServiceClient(Channel);
        MetricsAddress = new Uri("http://" + metricsAddress);
    }

    public GrpcChannel Channel { get; }

    public MilvusService.MilvusServiceClient Client { get; }

    public Uri MetricsAddress { get; }

    public string Log
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    public static async Task<EngineProcess> Start(string data, params string[] options)
    {
        var (process, errors, served) = Launch(data, options);
        try
        {
            var line = await served.WaitAsync(Patience);
            var words = line.Split(' ');
            var address = words[Array.IndexOf(words, "on") + 1].TrimEnd(',');
            return new EngineProcess(process, errors, address, words[^1]);
        }
        catch
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>Runs a start that is expected to end by itself; gives its exit code and what it said.</summary>
    public static async Task<(int Code, string Said)> RunToEnd(string data, params string[] options)
    {
        var (process, errors, _) = Launch(data, options);
        using (process)
        {
            using var limit = new CancellationTokenSource(Patience);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, errors.ToString());
        }
    }

    public static Metadata Login(string user, string password) =>
        new() { { "authorization", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")) } };

    /// <summary>A credential file as an operator writes it; few iterations, because the hash is not what is tested.</summary>
    public static string CredentialFile(string path, string user, string password)
    {
        var hash = PasswordHash.Create(password, PasswordHash.MinIterations).Encode();
        File.WriteAllText(path, $$"""{"user":"{{user}}","passwordHash":"{{hash}}"}""");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    /// <summary>Ends it at once, as kill -9 does.</summary>
    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Asks it to stop, as SIGTERM does; gives the exit code.</summary>
    public async Task<int> Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        using var limit = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        if (!process.HasExited)
        {
            await Kill();
        }

        process.Dispose();
    }

    private static (Process Process, StringBuilder Errors, Task<string> Served) Launch(string data, string[] options)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "demarc-engine.dll"));
        foreach (var argument in (string[])["--data", data, "--port", "0", "--metrics-port", "0", .. options])
        {
            start.ArgumentList.Add(argument);
        }

        var errors = new StringBuilder();
        var served = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }

            if (line.Data?.Contains(" serves ", StringComparison.Ordinal) == true)
            {
                served.TrySetResult(line.Data);
            }
            else if (line.Data is null)
            {
                served.TrySetException(new InvalidOperationException("The engine ended before it served: " + errors));
            }
        };
        process.Start();
        process.BeginErrorReadLine();
        return (process, errors, served.Task);
    }
}
