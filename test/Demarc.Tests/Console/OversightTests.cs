using System.Net;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Agents;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace Demarc.Tests.Console;

/// <summary>The customer's reviewer: what the vendor can do, what it did, how to stop it, how to prove it; what leaves; who has access.</summary>
public sealed class OversightTests
{
    private const string Acme = "/environments/acme";

    // A running plane goes by the day on which the test is run.
    private static string Day(RunningPlane plane, int later = 0) => plane.World.Time.GetUtcNow().AddDays(later).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task The_first_page_answers_four_questions_and_leads_to_each()
    {
        await using var plane = await PageTests.FoundedAsync();
        await plane.AppendAllAsync([plane.World.Order("c-one", "docs")]);
        var html = await HtmlAsync(plane, "/", plane.World.Customer);
        foreach (var anchor in new[] { "can", "did", "stop", "prove" }) Assert.Contains($"href=\"{Acme}/oversight#{anchor}\"", html, StringComparison.Ordinal);
        Assert.Contains("9 acts, 4 of them only with approval", html, StringComparison.Ordinal);
        Assert.Contains("1 change of theirs runs or waits now", html, StringComparison.Ordinal);
        Assert.Contains("1 change asked for in the last 30 days, 3 entries signed", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_answers_are_read_out_of_charter_and_ledger_and_each_names_its_evidence()
    {
        await using var plane = await PageTests.FoundedAsync();
        var world = plane.World;
        await plane.AppendAllAsync([world.Order("c-one", "docs"), world.Member(70, Role.Viewer), world.Member(71, Role.Auditor)]);
        var html = await HtmlAsync(plane, $"{Acme}/oversight", world.Customer);
        foreach (var id in new[] { "can", "did", "stop", "prove" }) Assert.Contains($"<h2 id=\"{id}\">", html, StringComparison.Ordinal);
        Assert.Contains("stop an instance and move its data to the recycle bin", html, StringComparison.Ordinal);
        Assert.Contains("once its plan is approved by the customer", html, StringComparison.Ordinal);
        Assert.Contains("once its terms are approved by the customer", html, StringComparison.Ordinal);
        Assert.Contains("tasks.provision.approval.instances.delete", html, StringComparison.Ordinal);
        Assert.Contains("at most 10 instances, the recycle bin included", html, StringComparison.Ordinal);
        Assert.Contains("start a ready instance again that has stopped by itself", html, StringComparison.Ordinal);
        Assert.Contains($"{Acme}/ledger?by=vendor&since={Day(plane, -30)}&kind=change.requested", html, StringComparison.Ordinal);
        Assert.Matches("data-sign=\"stop\" data-subject=\"c-one\" data-party=\"customer\"", html);
        Assert.Matches($"data-sign=\"revoke\" data-subject=\"{world.Agent.Public.KeyId}\"", html);
        Assert.Contains($"--customer-root {world.Customer.Public.KeyId} --vendor-root {world.Vendor.Public.KeyId}", html, StringComparison.Ordinal);

        // Who may only look is told what every member may see, and nothing out of the ledger.
        var viewers = await HtmlAsync(plane, $"{Acme}/oversight", Sample.Key(70));
        Assert.Contains("c-one", viewers, StringComparison.Ordinal);
        Assert.DoesNotContain("/ledger", viewers, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_is_read_by_side_and_day()
    {
        await using var plane = await PageTests.FoundedAsync();
        await plane.AppendAllAsync([plane.World.Order("c-one", "docs")]);
        var vendors = await HtmlAsync(plane, $"{Acme}/ledger?by=vendor&since={Day(plane)}&until={Day(plane)}", plane.World.Customer);
        Assert.Contains("asked for a change", vendors, StringComparison.Ordinal);
        Assert.DoesNotContain("joined as the agent", vendors, StringComparison.Ordinal);
        Assert.Contains($"value=\"{Day(plane)}\"", vendors, StringComparison.Ordinal);
        Assert.Contains("Nothing here fits", await HtmlAsync(plane, $"{Acme}/ledger?by=vendor&since={Day(plane, 30)}", plane.World.Customer), StringComparison.Ordinal);
        Assert.Contains("Nothing here fits", await HtmlAsync(plane, $"{Acme}/ledger?until={Day(plane, -31)}", plane.World.Customer), StringComparison.Ordinal);
        foreach (var odd in new[] { "by=root", "since=yesterday", "until=9999-12-31", "since=2026-99-99" }) Assert.Contains("joined as the agent", await HtmlAsync(plane, $"{Acme}/ledger?{odd}", plane.World.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_leaves_stands_there_by_class_with_its_budget_and_what_the_customer_has_allowed()
    {
        await using var plane = await PageTests.FoundedAsync();
        var world = plane.World;
        var today = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        var before = await HtmlAsync(plane, $"{Acme}/egress", world.Customer);
        Assert.Contains("has not told yet", before, StringComparison.Ordinal);
        Assert.Contains("64 MiB", before, StringComparison.Ordinal);
        await plane.AppendAllAsync([world.Write(new EgressConsented(EgressClass.Ledger, 10 * 1024 * 1024, today, "the great clean-up"), world.Customer)]);
        var seen = new Environments.World().Joined().Seen() with
        {
            Egress = [new EgressDayTotals(today, [new EgressTotal(EgressClass.Ledger, 1234, 70L * 1024 * 1024, 74L * 1024 * 1024, 10 * 1024 * 1024, 0, 3, 1), new EgressTotal(EgressClass.Progress, 0, 0, 8 * 1024 * 1024, 0, 0, 0, 0)])],
        };
        plane.App.Services.GetRequiredService<AgentBoard>().Of(PlaneWorld.Acme).Change(presence => presence with { Observation = seen });
        var html = await HtmlAsync(plane, $"{Acme}/egress", world.Customer);
        Assert.Contains($"94.6 % of the budget of {Day(plane)} is spent, and 3 frames wait", html, StringComparison.Ordinal);
        Assert.Contains("10 MiB of it allowed by the customer", html, StringComparison.Ordinal);
        Assert.Matches($"data-sign=\"allow\" data-subject=\"ledger/{Day(plane)}\" data-party=\"customer\"", html);
        Assert.Contains("demarc egress watch", html, StringComparison.Ordinal);
        Assert.Contains("ledger?kind=egress.consented", html, StringComparison.Ordinal);

        // The schema that the page leads to is the one in the contract.
        using var schema = await plane.Client.GetAsync(new Uri("/console/egress-schema.txt", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(House.Golden.Root, "contract", "egress-schema.txt"), TestContext.Current.CancellationToken), await schema.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_access_review_is_taken_along_as_the_command_writes_it()
    {
        await using var plane = await PageTests.FoundedAsync();
        await plane.AppendAllAsync([plane.World.Write(new MemberAdded(Sample.Key(72).Public.KeyId, Role.Approver, "=1+1"), plane.World.Customer)]);
        using var answer = await plane.SendAsync("GET", $"{Acme}/members.csv", plane.World.Customer);
        Assert.Equal("text/csv", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal($"access-acme-{Day(plane)}.csv", answer.Content.Headers.ContentDisposition?.FileName);
        var csv = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith("\"party\",\"name\",\"role\"", csv, StringComparison.Ordinal);
        Assert.Contains("\"'=1+1\"", csv, StringComparison.Ordinal);
        Assert.Equal(4, csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        using var stranger = await plane.SendAsync("GET", $"{Acme}/members.csv", plane.World.Stranger);
        Assert.Equal(HttpStatusCode.NotFound, stranger.StatusCode);
        var page = await HtmlAsync(plane, $"{Acme}/members", plane.World.Customer);
        Assert.Contains($"href=\"{Acme}/members.csv\"", page, StringComparison.Ordinal);
        Assert.Contains("may ask for 9 acts, approve 0", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_severing_would_do_is_said_before_it_is_done()
    {
        await using var plane = await PageTests.FoundedAsync();
        await plane.AppendAllAsync([plane.World.Order("c-one", "docs")]);
        var html = await HtmlAsync(plane, $"{Acme}/oversight/severance", plane.World.Customer);
        Assert.Contains("instances.create docs", html, StringComparison.Ordinal);
        Assert.Contains("which has not begun", html, StringComparison.Ordinal);
        Assert.Contains("Version 1 becomes 2", html, StringComparison.Ordinal);
        Assert.Contains("demarc sever --rehearse", html, StringComparison.Ordinal);
        Assert.DoesNotContain("data-sign", html.Split("<main", 2)[1].Split("</main>", 2)[0], StringComparison.Ordinal);
    }

    private static async Task<string> HtmlAsync(RunningPlane plane, string path, SigningKey reader)
    {
        var (status, html) = await PageTests.OpenAsync(plane, path, reader);
        Assert.Equal(HttpStatusCode.OK, status);
        return WebUtility.HtmlDecode(html);
    }
}
