using System.Diagnostics;
using System.Globalization;

namespace Demarc.Bench.Engine;

/// <summary>
/// A client that does nothing but insert, in a process of its own: on the connection of the client whose searches are timed, or in
/// its process, a search would wait behind half a megabyte of rows or for the collector of the one that makes them.
/// </summary>
internal sealed class InsertingClient : IAsyncDisposable
{
    public const string Verb = "insert";

    private readonly Process process;

    private InsertingClient(Process process) => this.process = process;

    /// <summary>Starts to insert, and returns once the first rows are in.</summary>
    /// <param name="engine">Where to.</param>
    /// <param name="rows">Different rows; after the last of them the first come again with new ids.</param>
    /// <param name="pace">Rows a second at the most.</param>
    public static async Task<InsertingClient> StartAsync(EngineUnderTest engine, int rows, int pace)
    {
        string[] arguments = [Verb, engine.Address, Text(rows), Text(pace)];
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        return await process.StandardOutput.ReadLineAsync() is null
            ? throw new InvalidOperationException("the client that inserts ended before it had inserted anything")
            : new InsertingClient(process);
    }

    /// <summary>Stops, and tells how many rows a second were acknowledged since the first of them.</summary>
    public async Task<double> StopAsync()
    {
        process.StandardInput.Close();
        var rate = double.Parse((await process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        await process.WaitForExitAsync();
        return rate;
    }

    /// <summary>What the process itself does, until nobody holds its standard input any more.</summary>
    /// <param name="arguments">Address, rows and pace.</param>
    public static async Task RunAsync(string[] arguments)
    {
        var (rows, pace) = (int.Parse(arguments[1], CultureInfo.InvariantCulture), int.Parse(arguments[2], CultureInfo.InvariantCulture));
        var values = ServiceBench.Data().Take(rows);
        await using var engine = EngineUnderTest.Connect(arguments[0]);
        using var stop = new CancellationTokenSource();
        var input = Console.In.ReadToEndAsync().ContinueWith(_ => stop.Cancel(), TaskScheduler.Default);
        await engine.InsertAsync(EngineUnderTest.Rows(values, ServiceBench.Dimension, 0, ServiceBench.Batch, rows)); // It waits for the connection, and does not count.
        Console.WriteLine("inserting");
        var clock = Stopwatch.StartNew();
        var inserted = 0L;
        while (!stop.IsCancellationRequested)
        {
            inserted += ServiceBench.Batch;
            await engine.InsertAsync(EngineUnderTest.Rows(values, ServiceBench.Dimension, (int)(inserted % rows), ServiceBench.Batch, rows + inserted));
            if (TimeSpan.FromSeconds(inserted / (double)pace) - clock.Elapsed is { Ticks: > 0 } early)
            {
                await Task.Delay(early);
            }
        }

        Console.WriteLine((inserted / clock.Elapsed.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        await input;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
