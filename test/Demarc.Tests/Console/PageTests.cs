using System.Net;
using System.Text.RegularExpressions;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace Demarc.Tests.Console;

/// <summary>The console's pages as a browser gets them.</summary>
public sealed partial class PageTests
{
    internal static readonly string[] Pages = ["", "/oversight", "/oversight/severance", "/inbox", "/instances", "/changes", "/findings", "/machine", "/egress", "/charter", "/charter/amend", "/members", "/keys", "/notifications", "/ledger", "/ledger/0"];

    [Fact]
    public async Task A_browser_that_is_not_signed_in_is_told_how()
    {
        await using var plane = await RunningPlane.StartAsync();
        var (status, html) = await OpenAsync(plane, "/", null);
        Assert.Equal(HttpStatusCode.Unauthorized, status);
        Assert.Contains("demarc console", html, StringComparison.Ordinal);
        Assert.Contains("Sign in", html, StringComparison.Ordinal);
        Assert.DoesNotContain("Sign out", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_page_of_one_environment_is_its_responsibility_table()
    {
        await using var plane = await FoundedAsync();
        var (_, html) = await OpenAsync(plane, "/", plane.World.Customer);
        Assert.Equal(17, Regex.Count(html, "<tr id=\"task-"));
        Assert.Equal(5, Regex.Count(html, "<tr class=\"group\">"));
        Assert.Contains("VPC setup", html, StringComparison.Ordinal);
        Assert.Contains("joined as the agent", html, StringComparison.Ordinal);
        var (_, japanese) = await OpenAsync(plane, "/?lang=ja", plane.World.Customer);
        Assert.Contains("VPC の設定", WebUtility.HtmlDecode(japanese), StringComparison.Ordinal);
        Assert.Contains("lang=\"ja\"", japanese, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_page_of_several_environments_sets_their_tables_side_by_side()
    {
        await using var plane = await FoundedAsync();
        foreach (var name in new[] { "second", "third" }) await plane.AppendAllAsync([plane.World.Founding(EnvironmentId.Parse(name))]);
        var (_, html) = await OpenAsync(plane, "/", plane.World.Vendor);
        foreach (var name in new[] { "acme", "second", "third" }) Assert.Contains($"href=\"/environments/{name}\"", html, StringComparison.Ordinal);
        Assert.Equal(17 * 3, Regex.Count(html, "class=\"chip "));
    }

    [Fact]
    public async Task What_waits_is_named_with_the_command_that_moves_it_on()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync([plane.World.Founding(PlaneWorld.Acme), .. plane.World.Charter().Take(2)]);
        var (_, html) = await OpenAsync(plane, "/", plane.World.Customer);
        Assert.Contains("demarc charter sign --as customer", html, StringComparison.Ordinal);
        Assert.DoesNotContain("demarc charter sign --as vendor", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_page_opens_for_whoever_may_and_for_nobody_else()
    {
        await using var plane = await FoundedAsync();
        await plane.AppendAllAsync([plane.World.Member(70, Role.Viewer), plane.World.Member(71, Role.Auditor)]);
        foreach (var page in Pages)
        {
            var path = "/environments/acme" + page;
            var forAuditors = page.StartsWith("/ledger", StringComparison.Ordinal) || page == "/notifications";
            Assert.Equal(HttpStatusCode.OK, (await OpenAsync(plane, path, Sample.Key(71))).Status);
            Assert.Equal(forAuditors ? HttpStatusCode.Forbidden : HttpStatusCode.OK, (await OpenAsync(plane, path, Sample.Key(70))).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await OpenAsync(plane, path, plane.World.Stranger)).Status);
            Assert.Equal(HttpStatusCode.Unauthorized, (await OpenAsync(plane, path, null)).Status);
        }

        Assert.DoesNotContain("/ledger", (await OpenAsync(plane, "/", Sample.Key(70))).Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/instances/nothing")]
    [InlineData("/changes/c-nothing")]
    [InlineData("/ledger/999999")]
    [InlineData("/ledger/-1")]
    public async Task What_is_not_there_is_said_on_a_page(string page)
    {
        await using var plane = await FoundedAsync();
        var (status, html) = await OpenAsync(plane, "/environments/acme" + page, plane.World.Customer);
        Assert.Equal(HttpStatusCode.NotFound, status);
        Assert.Contains("Not found", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_others_have_written_stays_text()
    {
        await using var plane = await FoundedAsync();
        const string hostile = "<img src=x onerror=alert(1)>";
        await plane.AppendAllAsync([
            plane.World.Write(new MemberAdded(Sample.Key(72).Public.KeyId, Role.Viewer, hostile), plane.World.Customer),
            plane.World.Write(new FindingRaised("full", Core.Charter.TaskId.Bucket, hostile, hostile, hostile), plane.World.Agent),
        ]);
        foreach (var page in new[] { "", "/findings", "/members", "/ledger", "/ledger/6", "/ledger/7" })
        {
            var (status, html) = await OpenAsync(plane, "/environments/acme" + page, plane.World.Customer);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.DoesNotContain("<img src=x", html, StringComparison.Ordinal);
        }

        Assert.Contains("&lt;img src=x", (await OpenAsync(plane, "/environments/acme/findings", plane.World.Customer)).Html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_page_holds_a_script_or_a_style_of_its_own()
    {
        await using var plane = await FoundedAsync();
        foreach (var page in Pages)
        {
            var (_, html) = await OpenAsync(plane, "/environments/acme" + page, plane.World.Customer);
            Assert.Empty(InlineCode().Matches(html).Select(m => m.Value));
        }
    }

    [Fact]
    public async Task The_inbox_says_what_waits_for_whom_by_which_rule_and_offers_a_button_to_one_s_own_side_alone()
    {
        await using var plane = await FoundedAsync();
        await plane.AppendAllAsync([plane.World.Member(70, Role.Viewer)]);
        var yaml = Core.Charter.CharterYaml.Write(Core.Charter.CharterDocument.Default with { Version = 2 });
        await plane.AppendAllAsync([plane.World.Write(new CharterProposed(2, yaml), plane.World.Vendor), plane.World.Write(new CharterSigned(2, Core.Charter.CharterText.Hash(yaml)), plane.World.Vendor)]);
        var (_, mine) = await OpenAsync(plane, "/environments/acme/inbox", plane.World.Customer);
        Assert.Contains("Charter version 2 awaits the customer", WebUtility.HtmlDecode(mine), StringComparison.Ordinal);
        Assert.Matches("data-sign=\"charter\"[^>]*data-party=\"customer\"", mine);
        Assert.Matches("Inbox<span class=\"count\">1</span>", mine);
        var (_, viewers) = await OpenAsync(plane, "/environments/acme/inbox", Sample.Key(70));
        Assert.Matches("For others of the customer <span class=\"count\">1</span>", viewers);
        var (_, others) = await OpenAsync(plane, "/environments/acme/inbox", plane.World.Vendor);
        Assert.DoesNotContain("data-sign=", others, StringComparison.Ordinal);
        Assert.DoesNotMatch("Inbox<span", others);
        var (_, charter) = await OpenAsync(plane, "/environments/acme/charter", plane.World.Customer);
        Assert.Contains("What it changes against version 1", charter, StringComparison.Ordinal);
        var (_, amend) = await OpenAsync(plane, "/environments/acme/charter/amend", plane.World.Customer);
        Assert.Contains("charter: 2", amend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_is_turned_page_by_page()
    {
        await using var plane = await FoundedAsync();
        await plane.AppendAllAsync(Enumerable.Range(0, 120).Select(i => plane.World.Finding($"finding-{i}")));
        var (_, newest) = await OpenAsync(plane, "/environments/acme/ledger", plane.World.Customer);
        Assert.Contains("href=\"/environments/acme/ledger/125\"", newest, StringComparison.Ordinal);
        Assert.Contains("ledger?before=76\" rel=\"next\"", newest, StringComparison.Ordinal);
        Assert.DoesNotContain("rel=\"prev\"", newest, StringComparison.Ordinal);
        var (_, oldest) = await OpenAsync(plane, "/environments/acme/ledger?before=26", plane.World.Customer);
        Assert.Contains("href=\"/environments/acme/ledger/0\"", oldest, StringComparison.Ordinal);
        Assert.DoesNotContain("rel=\"next\"", oldest, StringComparison.Ordinal);
        foreach (var odd in new[] { "0", "-5", "99999999999999999999", "x" })
            Assert.Equal(HttpStatusCode.OK, (await OpenAsync(plane, $"/environments/acme/ledger?before={odd}", plane.World.Customer)).Status);
    }

    internal static async Task<RunningPlane> FoundedAsync()
    {
        var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        return plane;
    }

    internal static async Task<(HttpStatusCode Status, string Html)> OpenAsync(RunningPlane plane, string path, SigningKey? reader)
    {
        // Refusals are counted per address and minute.
        plane.World.Time.Advance(TimeSpan.FromMinutes(1));
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", "text/html,application/xhtml+xml");
        if (reader is not null)
        {
            var sessions = plane.App.Services.GetRequiredService<BrowserSessions>();
            request.Headers.TryAddWithoutValidation("Cookie", $"{BrowserSessions.Cookie}={sessions.Open(sessions.NewCode(reader.Public))}");
        }

        using var answer = await plane.Client.SendAsync(request);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    [GeneratedRegex("<script(?! src=)|<style| style=| on[a-z]+=\"")]
    private static partial Regex InlineCode();
}
