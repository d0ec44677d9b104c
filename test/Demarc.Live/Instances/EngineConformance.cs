using System.Diagnostics;

namespace Demarc.Live.Instances;

/// <summary>
/// The engine answers the official Node SDK's own test files as Milvus does. What fails is listed with its reason in
/// <c>contract/engine-conformance.txt</c>: a failure that is not listed fails here, and so does a listed one that passes.
/// </summary>
public sealed class EngineConformance
{
    private static readonly string GoldenFile = Path.Combine(Repository.Root, "contract", "engine-conformance.txt");

    [Fact]
    public async Task The_official_suite_fails_where_the_list_says_and_nowhere_else()
    {
        if (Environment.GetEnvironmentVariable("DEMARC_BIN") is not { } bin || !File.Exists(Path.Combine(bin, "demarc-engine"))) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        var (suite, why) = NodeSdkSuite.Find();
        if (suite is null) Assert.Skip("the official suite is not there: " + why);
        var scratch = Directory.CreateTempSubdirectory("demarc-conformance-");
        try
        {
            await using var bucket = new SuiteBucket(Path.Combine(scratch.FullName, "bucket"));
            await using var engine = await StartedEngine.StartAsync(Path.Combine(bin, "demarc-engine"), Path.Combine(scratch.FullName, "data"), Path.Combine(scratch.FullName, "bucket"));
            var ran = await NodeSdkSuite.RunAsync(suite, engine.Port, bucket.Port, scratch.FullName);
            Assert.True(engine.Runs, "the engine ended while the suite ran: " + engine.Said);
            var golden = ConformanceGolden.Read(File.Exists(GoldenFile) ? await File.ReadAllTextAsync(GoldenFile) : "");
            TestContext.Current.TestOutputHelper?.WriteLine($"{ran.Count(c => c.Passed)} of {ran.Count} cases pass");
            if (Environment.GetEnvironmentVariable("DEMARC_ACCEPT") == "1")
            {
                var rewritten = golden.Rewritten(ran);
                await File.WriteAllTextAsync(GoldenFile, rewritten);
                golden = ConformanceGolden.Read(rewritten);
            }

            var differences = golden.Differences(ran);
            Assert.True(differences.Count == 0, $"{ran.Count(c => c.Passed)} of {ran.Count} cases pass\n" + string.Join("\n\n", differences));
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_new_failure_a_listed_one_that_passes_and_one_without_reason_are_told()
    {
        var golden = ConformanceGolden.Read("# cases: 3\na.ts\tone\tneeds a cluster\na.ts\ttwo\tneeds a cluster\n");
        SuiteCase one = new("a.ts", "one", false, ""), two = new("a.ts", "two", false, ""), three = new("b.ts", "three", true, "");
        Assert.Empty(golden.Differences([one, two, three]));
        Assert.Contains("b.ts: three", Assert.Single(golden.Differences([one, two, three with { Passed = false }])), StringComparison.Ordinal);
        Assert.StartsWith("passes and is listed: a.ts: two", Assert.Single(golden.Differences([one, two with { Passed = true }, three])), StringComparison.Ordinal);
        Assert.Equal(2, golden.Differences([one, three]).Count);

        var rewritten = ConformanceGolden.Read(golden.Rewritten([one, two with { Passed = true }, three with { Passed = false }]));
        Assert.Equal((3, 2), (rewritten.Cases, rewritten.Failing));
        Assert.StartsWith("is listed without a reason: b.ts: three", Assert.Single(rewritten.Differences([one, two with { Passed = true }, three with { Passed = false }])), StringComparison.Ordinal);
    }

    /// <summary>A demarc-engine of its own, on ports that the system gives.</summary>
    private sealed class StartedEngine : IAsyncDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
        private readonly Process process;
        private readonly System.Text.StringBuilder said = new();

        private StartedEngine(Process process) => this.process = process;

        public int Port { get; private set; }

        public bool Runs => !process.HasExited;

        public string Said
        {
            get
            {
                lock (said)
                {
                    return said.ToString();
                }
            }
        }

        public static async Task<StartedEngine> StartAsync(string program, string data, string imports)
        {
            var served = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            var start = new ProcessStartInfo(program, ["--data", data, "--port", "0", "--metrics-port", "0", "--import-dir", imports]) { RedirectStandardError = true };
            var engine = new StartedEngine(new Process { StartInfo = start });
            engine.process.ErrorDataReceived += (_, line) =>
            {
                lock (engine.said) engine.said.AppendLine(line.Data);
                if (line.Data is null) served.TrySetException(new InvalidOperationException("the engine ended before it served: " + engine.Said));
                else if (line.Data.Contains(" serves ", StringComparison.Ordinal)) served.TrySetResult(line.Data);
            };
            engine.process.Start();
            engine.process.BeginErrorReadLine();
            var words = (await served.Task.WaitAsync(Patience)).Split(' ');
            var address = words[Array.IndexOf(words, "on") + 1].TrimEnd(',');
            engine.Port = int.Parse(address[(address.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            return engine;
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }
    }
}
