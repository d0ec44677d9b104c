namespace Demarc.Live.Faults;

/// <summary>
/// The engine's own process under load, killed with kill -9 a thousand times: the fast tests' thirty kills, asked for more. The
/// count is printed; DEMARC_ENGINE_KILLS says another.
/// </summary>
public sealed class EngineKills(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromHours(2);

    [Fact]
    public async Task A_thousand_kills_lose_nothing_acknowledged()
    {
        var program = Path.Combine(Repository.Root, "test", "Demarc.Tests", "bin", "Release", "net10.0", "Demarc.Tests");
        if (!File.Exists(program)) Assert.Skip("the fast tests are not built: run ./dev live");
        var kills = Environment.GetEnvironmentVariable("DEMARC_ENGINE_KILLS") ?? "1000";
        var ran = await Quickstart.RunAsync(program, ["--no-ansi", "--progress", "off", "--show-live-output", "on", "--filter-class", "*.Engine.KillTests"], new() { ["DEMARC_ENGINE_KILLS"] = kills }, patience: Patience);
        foreach (var line in ran.Output.Split('\n').Where(line => line.Contains(" kills, ", StringComparison.Ordinal))) output.WriteLine(line);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        Assert.Contains($"{kills} kills, at least ", ran.Output, StringComparison.Ordinal);
    }
}
