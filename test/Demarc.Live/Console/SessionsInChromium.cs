namespace Demarc.Live.Console;

/// <summary>An emergency session in a real browser: approved, watched live, ended, its recording checked and played, and an altered one not.</summary>
public sealed class SessionsInChromium(Quickstart quickstart) : IClassFixture<Quickstart>
{
    private const string Browser = "/usr/bin/chromium";
    private static readonly string Script = Path.Combine(Repository.Root, "test", "Demarc.Live", "console-pages");

    [Fact]
    public async Task A_session_is_approved_watched_ended_and_played_in_the_browser()
    {
        var programs = Quickstart.Programs;
        if (programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!File.Exists(Browser)) Assert.Skip("chromium is not installed");
        if (!Directory.Exists(Path.Combine(Script, "node_modules"))) Assert.Skip("playwright-core and axe-core are not installed: npm could not fetch them");
        var ran = await Quickstart.RunAsync(
            "node", ["sessions.mjs", Path.Combine(programs, "demarc"), Browser, Path.Combine(Repository.Root, "artifacts", "screenshots")],
            new() { ["DEMARC_HOME"] = quickstart.Home, ["NO_COLOR"] = "1" }, Script);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        Assert.EndsWith("all checks hold\n", ran.Output, StringComparison.Ordinal);
    }
}
