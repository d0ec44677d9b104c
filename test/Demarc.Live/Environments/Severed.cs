using System.Diagnostics;
using System.Text.Json;
using Demarc.Live.Ledger;

namespace Demarc.Live.Environments;

/// <summary>
/// The customer takes over with the real programs, both sides on one machine: the instance answers throughout, the vendor is refused everywhere, the same programs go on
/// as the customer's, and the way back works. And the same with the command killed between any two of its steps.
/// </summary>
public sealed class Severed : IAsyncLifetime
{
    private readonly Quickstart quickstart = new() { Ports = Quickstart.FreePorts() };

    private string Folder => Path.GetDirectoryName(quickstart.Data)!;

    public async ValueTask InitializeAsync()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        await quickstart.InitializeAsync();
    }

    public ValueTask DisposeAsync() => quickstart.DisposeAsync();

    [Fact]
    public async Task The_vendor_is_severed_and_comes_back_while_the_instance_answers_throughout()
    {
        var vendorPlane = (await quickstart.JsonAsync("status")).GetProperty("plane").GetString()!;
        var rehearsed = await MustAsync("sever", "--rehearse");
        Assert.Contains("would be lost  nothing", rehearsed.Output, StringComparison.Ordinal);
        Assert.False(IsSevered(await quickstart.JsonAsync("env", "show")));

        using var searching = new CancellationTokenSource();
        var throughout = SearchAsync(searching.Token);
        var severed = await MustAsync("sever", "--reason", "the contract has ended", "--yes");
        Assert.Contains("was told, and takes no more entries", severed.Output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)closed its link to the vendor, at entry \d+ +(\d{1,3}) ms", severed.Error);

        // The customer's own plane: verified, by ours and by a verifier that is not; an order of the customer is carried out.
        Assert.Contains("the customer severed the vendor", (await MustAsync("audit", "verify")).Output, StringComparison.Ordinal);
        await ExportAsync("after-severance");
        Assert.Contains("✓ instances.create second", (await MustAsync("order", "second")).Everything, StringComparison.Ordinal);
        Assert.DoesNotContain("vendor", OwnersOf(await quickstart.JsonAsync("charter", "show")));

        // The vendor is refused at both planes, and reads nothing at the customer's but the charter.
        foreach (var plane in new[] { null, vendorPlane })
        {
            string[] at = plane is null ? [] : ["--plane", plane];
            var order = await VendorAsync(["order", "third", "--version", "2.6.4", "--as", "vendor", .. at]);
            Assert.NotEqual(0, order.ExitCode);
            Assert.Contains("has severed the vendor", order.Error, StringComparison.Ordinal);
        }

        Assert.Equal(3, (await quickstart.DemarcAsync("instances", "list", "--as", "vendor")).ExitCode);

        // To the customer, who has seen what came since, the vendor's plane shows an old ledger.
        var old = await quickstart.DemarcAsync("status", "--plane", vendorPlane);
        Assert.Equal(6, old.ExitCode);
        Assert.Contains("if the ledger has moved on to another plane, ask that one.", old.Error, StringComparison.Ordinal);

        // The machine is restarted: everything comes back as the customer's, and nobody dials the vendor.
        await MustAsync("down", "--data", quickstart.Data);
        await MustAsync("up", "--data", quickstart.Data);
        Assert.Equal("customer", (await quickstart.JsonAsync("status")).GetProperty("planeName").GetString()!.Split('.')[1]);

        // The vendor's plane has to run to take it back.
        searching.Cancel();
        var outages = await throughout;
        Assert.True(outages <= 1, $"the instance was away {outages} times beside the restart of the machine");
        await StartVendorsPlaneAsync(vendorPlane);
        var back = await MustAsync("rejoin", "--yes");
        Assert.Contains("The vendor is back", back.Output, StringComparison.Ordinal);
        Assert.Equal(vendorPlane, (await quickstart.JsonAsync("status")).GetProperty("plane").GetString());
        Assert.Contains("✓ instances.create third", (await MustAsync("order", "third")).Everything, StringComparison.Ordinal);
        await MustAsync("audit", "verify");
        await ExportAsync("after-rejoining");
    }

    [Fact]
    public async Task Killed_between_any_two_steps_and_run_again_it_ends_where_it_would_have_ended()
    {
        for (var lines = 0; lines <= 6; lines++)
        {
            await KilledAfterAsync(lines, "sever", "--yes");
            if (lines == 3) await KillAgentAsync();
            await MustAsync("sever", "--yes");
            var report = await quickstart.JsonAsync("env", "show");
            Assert.True(IsSevered(report));
            Assert.True(report.GetProperty("agentConnected").GetBoolean());
            Assert.Equal(report.GetProperty("size").GetInt64(), (await AgentAsync()).GetProperty("size").GetInt64());
            await MustAsync("audit", "verify");

            await KilledAfterAsync(lines + 1, "rejoin", "--yes");
            await MustAsync("rejoin", "--yes");
            report = await quickstart.JsonAsync("env", "show");
            Assert.False(IsSevered(report));
            Assert.True(report.GetProperty("agentConnected").GetBoolean());
            await MustAsync("audit", "verify");
        }

        await MustAsync("search", "why can neither side rewrite the ledger");
    }

    [Fact]
    public async Task A_vendors_plane_that_went_on_by_itself_is_refused_until_its_operator_gives_its_history_up()
    {
        var vendorPlane = (await quickstart.JsonAsync("status")).GetProperty("plane").GetString()!;
        await MustAsync("sever", "--yes", "--do-not-tell");
        var own = await quickstart.DemarcAsync("order", "theirs", "--version", "2.6.4", "--as", "vendor", "--plane", vendorPlane, "--no-wait");
        Assert.True(own.ExitCode == 0, own.Everything);
        await MustAsync("order", "ours");
        var refused = await quickstart.DemarcAsync("rejoin", "--yes");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("history of its own", refused.Error, StringComparison.Ordinal);

        // Nothing of it reached the agent: the vendor's order is nobody's.
        Assert.DoesNotContain("theirs", (await MustAsync("instances", "list")).Output, StringComparison.Ordinal);
        var export = Path.Combine(Folder, "handover");
        await MustAsync("audit", "export", export);
        await StopVendorsPlaneAsync();
        var root = (await quickstart.JsonAsync("env", "show")).GetProperty("customerRoot").GetString()!;
        string[] import = ["import", "--data", Path.Combine(quickstart.Data, "plane"), "--from", export, "--customer-root", root];
        Assert.Equal(5, (await RunPlaneAsync(import)).ExitCode);
        var aside = await RunPlaneAsync([.. import, "--set-aside"]);
        Assert.True(aside.ExitCode == 0, aside.Everything);
        Assert.Single(Directory.GetFiles(Path.Combine(quickstart.Data, "plane"), "set-aside-*.jsonl"));
        await StartVendorsPlaneAsync(vendorPlane);
        await MustAsync("rejoin", "--yes");
        await MustAsync("audit", "verify");
    }

    // The vendor's people have a device of their own, which has seen nothing of the customer's plane.
    private async Task<Ran> VendorAsync(string[] arguments)
    {
        var home = Path.Combine(quickstart.Home, "vendors-device");
        if (!Directory.Exists(home))
        {
            Directory.CreateDirectory(home, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (var file in new[] { "vendor.key", "config.json" }) File.Copy(Path.Combine(quickstart.Home, file), Path.Combine(home, file));
        }

        return await Quickstart.RunAsync(Path.Combine(Quickstart.Programs!, "demarc"), arguments, new() { ["DEMARC_HOME"] = home, ["NO_COLOR"] = "1" });
    }

    private async Task<Ran> MustAsync(params string[] arguments)
    {
        var ran = await quickstart.DemarcAsync(arguments);
        Assert.True(ran.ExitCode == 0, $"demarc {string.Join(' ', arguments)}: {ran.Everything}");
        return ran;
    }

    // How often a search fails, once it has succeeded: an answer a few times a second, from before the severance until told to stop.
    private async Task<int> SearchAsync(CancellationToken stop)
    {
        var (outages, was) = (0, true);
        while (!stop.IsCancellationRequested)
        {
            var found = (await quickstart.DemarcAsync("search", "why can neither side rewrite the ledger")).ExitCode == 0;
            if (was && !found) outages++;
            was = found;
        }

        return outages;
    }

    private async Task ExportAsync(string name)
    {
        var export = Path.Combine(Folder, name);
        await MustAsync("audit", "export", export);
        var environment = await quickstart.JsonAsync("env", "show");
        await MustAsync("audit", "verify", "--offline", export);
        if (!IndependentVerifier.IsInstalled) return;
        var verified = await IndependentVerifier.VerifyAsync(export, environment.GetProperty("planeKey").GetString()!);
        Assert.True(verified.ExitCode == 0, verified.Everything);
        var first = environment.GetProperty("planes")[0].GetProperty("key").GetString()!;
        if (first != environment.GetProperty("planeKey").GetString()) Assert.NotEqual(0, (await IndependentVerifier.VerifyAsync(export, first)).ExitCode);
    }

    // Kills the command when it has printed so many steps, whatever it is doing then. What it has started goes on.
    private async Task KilledAfterAsync(int lines, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Quickstart.Programs!, "demarc"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEMARC_HOME"] = quickstart.Home;
        start.Environment["NO_COLOR"] = "1";
        using var process = Process.Start(start)!;
        var reading = process.StandardOutput.ReadToEndAsync();
        for (var seen = 0; seen < lines && await process.StandardError.ReadLineAsync() is { } line;)
        {
            if (line.Contains('✓', StringComparison.Ordinal)) seen++;
        }

        process.Kill();
        await process.WaitForExitAsync();
        await reading;
    }

    private async Task<JsonElement> AgentAsync() => await quickstart.JsonAsync("agent", "status");

    private async Task KillAgentAsync()
    {
        foreach (var agent in Programs("demarc-agent", Path.Combine(quickstart.Data, "agent"))) agent.Kill();
        while (Programs("demarc-agent", Path.Combine(quickstart.Data, "agent")).Any()) await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    private async Task StopVendorsPlaneAsync()
    {
        foreach (var plane in Programs("demarc-plane", Path.Combine(quickstart.Data, "plane"))) plane.Kill();
        while (Programs("demarc-plane", Path.Combine(quickstart.Data, "plane")).Any()) await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    private async Task StartVendorsPlaneAsync(string address)
    {
        var hub = quickstart.Ports!.Value.Hub;
        var vendor = quickstart.Key("vendor").Public.KeyId;
        Process.Start(new ProcessStartInfo(Path.Combine(Quickstart.Programs!, "demarc-plane"), ["--data", Path.Combine(quickstart.Data, "plane"), "--url", address, "--hub-port", $"{hub}", "--name", "plane.local", "--vendor-root", vendor]) { RedirectStandardOutput = true })!.Dispose();
        using var http = new HttpClient();
        for (var look = 0; ; look++)
        {
            try
            {
                if ((await http.GetAsync(new Uri($"{address}/healthz"))).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException) when (look < 500)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }
    }

    private static Task<Ran> RunPlaneAsync(IEnumerable<string> arguments) => Quickstart.RunAsync(Path.Combine(Quickstart.Programs!, "demarc-plane"), arguments);

    private static IEnumerable<Process> Programs(string name, string data) =>
        Process.GetProcessesByName(name).Where(process => File.Exists($"/proc/{process.Id}/cmdline") && File.ReadAllText($"/proc/{process.Id}/cmdline").Split('\0').Contains(data));

    private static IEnumerable<string?> OwnersOf(JsonElement table) => table.EnumerateArray().Select(row => row.GetProperty("owner").GetString()?.ToLowerInvariant());

    private static bool IsSevered(JsonElement environment) => environment.TryGetProperty("severed", out _);
}
