namespace Demarc.Live.Ledger;

/// <summary>A verifier built on code we did not write (Go's sumdb/note and sumdb/tlog) accepts our export, and refuses a damaged one.</summary>
public sealed class IndependentVerifier(Quickstart quickstart)
{
    /// <summary>Whether there is a Go to run it with.</summary>
    internal static bool IsInstalled => File.Exists("/usr/bin/go") && Directory.Exists("/usr/share/gocode/src/golang.org/x/mod/sumdb");

    [Fact]
    public async Task Accepts_an_export_and_refuses_a_changed_one()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!IsInstalled) Assert.Skip("Go with golang.org/x/mod is not installed");
        var folder = Path.Combine(quickstart.Home, "export");
        var export = await quickstart.DemarcAsync("audit", "export", folder);
        Assert.True(export.ExitCode == 0, export.Everything);
        var environment = await quickstart.JsonAsync("env", "show");
        var planeKey = environment.GetProperty("planeKey").GetString()!;

        var accepted = await VerifyAsync(folder, planeKey);
        Assert.True(accepted.ExitCode == 0, accepted.Everything);

        var bundle = Directory.EnumerateFiles(Path.Combine(folder, "tile", "entries"), "*", SearchOption.AllDirectories).First();
        var bytes = await File.ReadAllBytesAsync(bundle);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(bundle, bytes);
        var refused = await VerifyAsync(folder, planeKey);
        Assert.NotEqual(0, refused.ExitCode);
    }

    [Fact]
    public async Task Accepts_the_copy_that_the_agent_keeps_in_the_bucket()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!IsInstalled) Assert.Skip("Go with golang.org/x/mod is not installed");
        var planeKey = (await quickstart.JsonAsync("env", "show")).GetProperty("planeKey").GetString()!;
        var copy = Path.Combine(quickstart.Data, "bucket", "ledger", "local");
        for (var left = 60; !File.Exists(Path.Combine(copy, "checkpoint")) && left > 0; left--) await Task.Delay(500);
        var accepted = await VerifyAsync(copy, planeKey);
        Assert.True(accepted.ExitCode == 0, accepted.Everything);
    }

    /// <summary>Runs it over an export, with the verifier key of the plane in force.</summary>
    internal static Task<Ran> VerifyAsync(string folder, string planeKey) => Quickstart.RunAsync(
        "/usr/bin/go",
        ["run", ".", folder, planeKey],
        new() { ["GOPATH"] = "/usr/share/gocode", ["GO111MODULE"] = "off", ["GOFLAGS"] = "", ["GOCACHE"] = Path.Combine(Path.GetTempPath(), "demarc-live-go") },
        Path.Combine(Repository.Root, "test", "Demarc.Live", "independent-verifier"));
}
