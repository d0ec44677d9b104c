namespace Demarc.Live.Console;

/// <summary>A person who decides in a real browser: a key that cannot be read, what is shown is what is signed, a plane that deceives, a lost answer, the keyboard, Japanese.</summary>
public sealed class SigningInChromium(Quickstart quickstart) : IClassFixture<Quickstart>
{
    private const string Browser = "/usr/bin/chromium";
    private static readonly string Script = Path.Combine(Repository.Root, "test", "Demarc.Live", "console-pages");

    [Fact]
    public async Task Keys_made_in_the_browser_decide_and_cannot_be_deceived()
    {
        var programs = Quickstart.Programs;
        if (programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!File.Exists(Browser)) Assert.Skip("chromium is not installed");
        if (!Directory.Exists(Path.Combine(Script, "node_modules"))) Assert.Skip("playwright-core and axe-core are not installed: npm could not fetch them");
        var ran = await Quickstart.RunAsync(
            "node", ["signing.mjs", Path.Combine(programs, "demarc"), Browser, Path.Combine(Repository.Root, "artifacts", "screenshots")],
            new() { ["DEMARC_HOME"] = quickstart.Home, ["NO_COLOR"] = "1" }, Script);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        Assert.EndsWith("all checks hold\n", ran.Output, StringComparison.Ordinal);
    }
}
