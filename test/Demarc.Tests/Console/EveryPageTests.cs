using System.Net;
using System.Text.RegularExpressions;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Tests.House;

namespace Demarc.Tests.Console;

/// <summary>A page that is added is opened by the tests, in both languages, and looked at in a real browser; nobody has to remember it.</summary>
public sealed partial class EveryPageTests
{
    private const string Root = "/environments/{env}";

    [Fact]
    public void Every_page_that_the_plane_serves_is_opened_by_the_tests_here_and_in_a_browser()
    {
        var script = Sources.Text("test/Demarc.Live/console-pages/pages.mjs") + Sources.Text("test/Demarc.Live/console-pages/signing.mjs");
        var served = File.ReadAllLines(Path.Combine(Golden.Root, "contract", "permissions.txt"))
            .Where(line => line.StartsWith($"GET {Root}", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1][Root.Length..].TrimEnd('/'))
            .Where(page => !page.EndsWith(".csv", StringComparison.Ordinal)).ToList();
        Assert.True(served.Count > 15);
        foreach (var page in served)
        {
            if (!page.Contains('{', StringComparison.Ordinal)) Assert.Contains(page, PageTests.Pages);

            // Pages of one thing are opened by what stands in the list before them.
            var name = page.Split("/{")[0].TrimStart('/');
            Assert.True(name.Length == 0 || script.Contains($"'{name}'", StringComparison.Ordinal) || script.Contains($"/{name}", StringComparison.Ordinal), $"pages.mjs never opens {page}: add it there");
        }
    }

    [Fact]
    public async Task No_page_says_in_English_what_a_Japanese_reader_has_to_understand()
    {
        await using var plane = await PageTests.FoundedAsync();
        var world = plane.World;
        await plane.AppendAllAsync(
        [
            world.Order("c-one", "docs"), world.Finding("full"),
            world.Write(new EgressConsented(EgressClass.Ledger, 1024, DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime), "理由"), world.Customer),
            world.Write(new CharterProposed(2, CharterYaml.Write(CharterDocument.Default with { Version = 2 })), world.Vendor),
        ]);
        var left = new List<string>();
        foreach (var page in PageTests.Pages.Append("/changes/c-one"))
        {
            var (_, html) = await PageTests.OpenAsync(plane, "/environments/acme" + page + (page.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "lang=ja", world.Customer);
            var text = Tag().Replace(Foreign().Replace(html, " | "), " | ");
            left.AddRange(English().Matches(WebUtility.HtmlDecode(text)).Select(run => run.Value.Trim()).Where(run => !IsRecord(run)).Select(run => $"{page}: {run}"));
        }

        Assert.Empty(left.Distinct());
    }

    // What people or the agent have written stands there as they wrote it.
    private static bool IsRecord(string run) =>
        CharterDocument.Default.Rules.Values.SelectMany(rule => rule.Parts.Values).Any(part => part.Contains(run, StringComparison.Ordinal))
        || new[] { "make room", "is full", "the bucket" }.Any(said => said.Contains(run, StringComparison.Ordinal) || run.Contains(said, StringComparison.Ordinal));

    // Text of the system's own: commands, keys, names of fields, and the texts that are signed.
    [GeneratedRegex(@"<(code|pre|textarea|time|head|option|datalist|dialog)\b.*?</\1>", RegexOptions.Singleline)]
    private static partial Regex Foreign();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\b[A-Za-z']{2,}(?:[ ,]+[A-Za-z']{2,}){2,}")]
    private static partial Regex English();
}
