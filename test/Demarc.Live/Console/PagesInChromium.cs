using System.Text.RegularExpressions;

namespace Demarc.Live.Console;

/// <summary>Every page of the console in a real browser: errors, accessibility, the proof badge, both languages, the keyboard, a phone's width.</summary>
public sealed partial class PagesInChromium(Quickstart quickstart) : IClassFixture<Quickstart>
{
    private const string Browser = "/usr/bin/chromium";
    private static readonly string Script = Path.Combine(Repository.Root, "test", "Demarc.Live", "console-pages");

    [Fact]
    public async Task Every_page_holds_all_checks()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!File.Exists(Browser)) Assert.Skip("chromium is not installed");
        if (!Directory.Exists(Path.Combine(Script, "node_modules"))) Assert.Skip("playwright-core and axe-core are not installed: npm could not fetch them");
        var made = await quickstart.DemarcAsync("console");
        Assert.True(made.ExitCode == 0, made.Everything);
        var screenshots = Path.Combine(Repository.Root, "artifacts", "screenshots");
        var ran = await Quickstart.RunAsync("node", ["pages.mjs", Link().Match(made.Output).Value, Browser, screenshots], folder: Script);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        Assert.EndsWith("all checks hold\n", ran.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"http://\S+/sign-in\?code=\S+")]
    private static partial Regex Link();
}
