using System.Net;
using System.Net.Http.Json;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>What the REST routes answer to those who may ask.</summary>
public sealed class RouteTests
{
    [Fact]
    public async Task An_environment_is_founded_and_read_over_rest_alone()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        using (var founded = await plane.SendAsync("POST", "/v1/environments", null, world.Founding(PlaneWorld.Acme).Bytes.ToArray()))
            Assert.Equal(HttpStatusCode.Created, founded.StatusCode);
        foreach (var entry in world.Charter())
        {
            using var answer = await plane.PostEntryAsync(entry);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        var mine = await plane.GetAsync("/v1/environments", world.Customer, ViewJson.Default.ImmutableArrayEnvironmentView);
        Assert.Equal("acme", Assert.Single(mine).Id);
        Assert.Empty(await plane.GetAsync("/v1/environments", world.Stranger, ViewJson.Default.ImmutableArrayEnvironmentView));
        var view = await plane.GetAsync("/v1/environments/acme", world.Vendor, ViewJson.Default.EnvironmentView);
        Assert.Equal((4L, 1, false), (view.Size, view.Charter, view.AgentConnected));
        var table = await plane.GetAsync("/v1/environments/acme/responsibilities", world.Vendor, ViewJson.Default.ImmutableArrayResponsibilityView);
        Assert.Equal(17, table.Length);
        Assert.Equal(CharterYaml.Write(CharterDocument.Default), (await plane.GetAsync("/v1/environments/acme/charter", world.Vendor, ViewJson.Default.CharterView)).Yaml);
        Assert.Equal(2, (await plane.GetAsync("/v1/environments/acme/members", world.Vendor, ViewJson.Default.ImmutableArrayMemberView)).Length);
        Assert.Empty(await plane.GetAsync("/v1/environments/acme/findings", world.Vendor, ViewJson.Default.ImmutableArrayFindingView));
    }

    [Fact]
    public async Task A_reader_who_trusts_nobody_can_verify_the_whole_ledger()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync(world.UpToAgent());
        for (var i = 0; i < 30; i++) await plane.AppendAllAsync([world.Finding($"finding-{i}")]);
        var page = await plane.GetAsync("/v1/environments/acme/entries?from=0&limit=20", world.Vendor, ViewJson.Default.EntriesView);
        Assert.Equal((0L, 36L, 20), (page.First, page.Size, page.Entries.Length));
        var rest = await plane.GetAsync("/v1/environments/acme/entries?from=20", world.Vendor, ViewJson.Default.EntriesView);
        var frontier = new MerkleFrontier();
        var state = EnvironmentState.Empty;
        foreach (var text in page.Entries.Concat(rest.Entries))
        {
            var entry = Entry.Read(Convert.FromBase64String(text)).Entry!;
            frontier.AppendLeafHash(entry.LeafHash);
            state = EnvironmentFold.Apply(state, entry).State!;
        }

        Assert.True(NoteKey.TryParse(state.Founding!.PlaneKey, out var planeKey));
        var note = SignedNote.Parse(await plane.GetTextAsync("/v1/environments/acme/checkpoint", world.Vendor)).Note!;
        Assert.True(note.IsSignedBy(planeKey));
        Assert.True(Checkpoint.TryParse(note.Text, out var checkpoint, out _));
        Assert.Equal(frontier.Root(), checkpoint.Root);

        var inclusion = await plane.GetAsync("/v1/environments/acme/proofs/inclusion?index=7", world.Vendor, ViewJson.Default.ProofView);
        var leaf = MerkleHash.Leaf(Convert.FromBase64String(page.Entries[7]));
        Assert.True(MerkleTree.VerifyInclusion(leaf, 7, inclusion.Size, checkpoint.Root, [.. inclusion.Hashes.Select(Convert.FromBase64String)]));
        var one = await plane.GetAsync("/v1/environments/acme/entries/7", world.Vendor, ViewJson.Default.EntriesView);
        Assert.Equal(page.Entries[7], Assert.Single(one.Entries));
        var consistency = await plane.GetAsync("/v1/environments/acme/proofs/consistency?first=20&second=36", world.Vendor, ViewJson.Default.ProofView);
        var half = new MerkleFrontier();
        foreach (var text in page.Entries) half.AppendEntry(Convert.FromBase64String(text));
        Assert.True(MerkleTree.VerifyConsistency(20, half.Root(), 36, checkpoint.Root, [.. consistency.Hashes.Select(Convert.FromBase64String)]));
    }

    [Fact]
    public async Task The_head_that_both_sides_vouch_for_is_served_though_the_newest_is_younger()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync([world.Founding(PlaneWorld.Acme), .. world.Charter()]);
        const string both = "/v1/environments/acme/checkpoint?countersigned=true";
        Assert.StartsWith("demarc/acme\n4\n", await plane.GetTextAsync(both, world.Vendor), StringComparison.Ordinal);
        await plane.AppendAllAsync([world.Invite(), world.Join()]);
        using (var none = await plane.SendAsync("GET", both, world.Vendor)) Assert.Equal("The agent has not countersigned any head of acme yet.", (await RunningPlane.ProblemAsync(none)).Detail);
        await plane.Sequencer.CountersignAsync(PlaneWorld.Acme, new Countersigned(6, "six, by both"), CancellationToken.None);
        await plane.AppendAllAsync([world.Finding("one-more")]);
        Assert.Equal("six, by both", await plane.GetTextAsync(both, world.Vendor));
        Assert.StartsWith("demarc/acme\n7\n", await plane.GetTextAsync("/v1/environments/acme/checkpoint", world.Vendor), StringComparison.Ordinal);
        await plane.AppendAllAsync([world.Revoke()]);
        Assert.StartsWith("demarc/acme\n8\n", await plane.GetTextAsync(both, world.Vendor), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Entries_are_found_by_what_they_are_about_also_after_a_restart()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync([.. world.UpToAgent(), world.Order("c-one", "docs"), world.Order("c-two", "books"), world.Finding("bucket-full"), world.Finding("data-docs")]);
        Task<SearchView> Find(string query) => plane.GetAsync($"/v1/environments/acme/search?{query}", world.Customer, ViewJson.Default.SearchView);
        Assert.Equal([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], (await Find("")).Entries.Select(e => e.Index));
        Assert.Equal([9, 8], (await Find("kind=finding.raised")).Entries.Select(e => e.Index));
        Assert.Equal([3, 2, 1], (await Find("kind=charter.")).Entries.Select(e => e.Index));
        Assert.Equal([("c-two", "books", "provision", "vendor")], (await Find("instance=books")).Entries.Select(e => (e.Change, e.Instance, e.Task, e.By)));
        Assert.Equal([6], (await Find("change=c-one")).Entries.Select(e => e.Index));
        Assert.Equal([9, 8], (await Find("task=bucket")).Entries.Select(e => e.Index));
        Assert.Equal([9], (await Find("text=DATA-docs")).Entries.Select(e => e.Index));
        Assert.Equal([9, 8, 5], (await Find("by=agent")).Entries.Select(e => e.Index));
        Assert.All((await Find("by=vendor")).Entries, e => Assert.Equal("vendor", e.By));
        Assert.Equal(10, (await Find("by=vendor")).Entries.Length + (await Find("by=customer")).Entries.Length + 3);
        Assert.Empty((await Find("instance=nowhere")).Entries);
        Assert.Empty((await Find("since=2999-01-01")).Entries);
        Assert.Equal(10, (await Find("until=2999-01-01&limit=500")).Entries.Length);
        var page = await Find("limit=4");
        Assert.Equal((4, 6L), (page.Entries.Length, page.Next));
        Assert.Equal([5, 4, 3, 2], (await Find("limit=4&before=6")).Entries.Select(e => e.Index));
        Assert.Null((await Find("kind=charter.&limit=3")).Next);
        Assert.Equal([5], (await Find($"author={Uri.EscapeDataString(world.Agent.Public.KeyId)}&kind=agent.joined")).Entries.Select(e => e.Index));

        // A view that is read from the store anew finds the same.
        await using var again = new RunningSequencer(plane.Sequencer.Store, world);
        var view = await again.ViewAsync(PlaneWorld.Acme);
        Assert.Equal([9, 8], view.Facets.Find(new LedgerFilter("finding.", null, null, null, null, null, null), view.Size));
        Assert.Equal([7], view.Facets.Find(new LedgerFilter(null, null, null, "c-two", null, null, null), view.Size));
        Assert.Equal([("finding.raised", 2), ("agent.joined", 1)], view.Facets.CountByKind(LedgerFilter.Everything with { Authors = SearchRoutes.AuthorsOf(view, "agent") }, view.Size));
        Assert.Empty(view.Facets.CountByKind(LedgerFilter.Everything with { Since = world.Time.GetUtcNow().AddDays(1) }, view.Size));
    }

    [Theory]
    [InlineData("/v1/environments/acme/search?task=everything", "task")]
    [InlineData("/v1/environments/acme/search?by=everybody", "by")]
    [InlineData("/v1/environments/acme/search?text=", "text")]
    [InlineData("/v1/environments/acme/search?before=999", "before")]
    [InlineData("/v1/environments/acme/entries?from=-1", "from")]
    [InlineData("/v1/environments/acme/entries?from=7", "from")]
    [InlineData("/v1/environments/acme/entries?from=x", null)]
    [InlineData("/v1/environments/acme/proofs/inclusion?index=99", "index")]
    [InlineData("/v1/environments/acme/proofs/inclusion?index=0&size=99", "index")]
    [InlineData("/v1/environments/acme/proofs/inclusion", null)]
    [InlineData("/v1/environments/acme/proofs/consistency?first=5&second=3", "first")]
    [InlineData("/v1/environments/acme/proofs/consistency?first=99999999999999999999", null)]
    public async Task A_wrong_parameter_is_named(string path, string? field)
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        using var answer = await plane.SendAsync("GET", path, plane.World.Vendor);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(field, (await RunningPlane.ProblemAsync(answer)).Field);
    }

    [Theory]
    [InlineData("/v1/environments/acme/entries/6")]
    [InlineData("/v1/environments/acme/entries/-1")]
    [InlineData("/v1/environments/acme/entries/x")]
    [InlineData("/v1/environments/acme/changes/c-none")]
    [InlineData("/v1/environments/acme/instances/none")]
    [InlineData("/v1/environments/acme/observation")]
    public async Task What_is_not_there_is_said_not_to_be(string path)
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        using var answer = await plane.SendAsync("GET", path, plane.World.Customer);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        await RunningPlane.ProblemAsync(answer);
    }

    [Fact]
    public async Task A_lost_answer_is_asked_for_again_and_a_dated_ahead_entry_is_refused()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        var member = plane.World.Member(20, Role.Viewer);
        for (var i = 0; i < 3; i++)
        {
            using var answer = await plane.PostEntryAsync(member);
            Assert.Equal(new AppendedView(6, 7), await answer.Content.ReadFromJsonAsync(ViewJson.Default.AppendedView));
        }

        var ahead = Entry.Write(PlaneWorld.Acme, "entry-ahead", plane.World.Time.GetUtcNow() + TimeSpan.FromHours(1), new MemberAdded(Sample.Key(21).Public.KeyId, Role.Viewer, "x"), plane.World.Customer);
        using var refused = await plane.PostEntryAsync(ahead);
        Assert.Equal("at", (await RunningPlane.ProblemAsync(refused)).Field);
    }

    [Fact]
    public async Task The_charter_answers_for_the_party_that_asks()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        var body = "{\"action\":\"instances.create\",\"instance\":\"books\",\"order\":{\"version\":\"2.6.4\",\"size\":\"small\",\"labels\":{}}}"u8.ToArray();
        using var vendor = await plane.SendAsync("POST", "/v1/environments/acme/decide", plane.World.Vendor, body);
        var said = (await vendor.Content.ReadFromJsonAsync(ViewJson.Default.DecisionView))!;
        Assert.NotEqual("denied", said.Decision);
        using var customer = await plane.SendAsync("POST", "/v1/environments/acme/decide", plane.World.Customer, body);
        var denied = (await customer.Content.ReadFromJsonAsync(ViewJson.Default.DecisionView))!;
        Assert.Equal(("denied", "tasks.provision.owner"), (denied.Decision, denied.Rule));
        using var broken = await plane.SendAsync("POST", "/v1/environments/acme/decide", plane.World.Vendor, "{\"action\":1}"u8.ToArray());
        Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
        using var tooLong = await plane.SendAsync("POST", "/v1/environments/acme/decide", plane.World.Vendor, new byte[100_000]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLong.StatusCode);
    }

    [Fact]
    public async Task Events_tell_of_entries_and_progress_and_end_with_membership()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync([.. world.UpToAgent(), world.Member(20, Role.Viewer), world.Order("c-one", "books")]);
        using var answer = await plane.Client.SendAsync(plane.Request("GET", "/v1/environments/acme/events", Sample.Key(20)), HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        await ExpectAsync(lines, "data: {\"size\":8}");
        var finding = world.Finding("full");
        await plane.AppendAllAsync([finding]);
        await ExpectAsync(lines, "data: {\"size\":9}");
        var board = (Plane.Agents.AgentBoard)plane.App.Services.GetService(typeof(Plane.Agents.AgentBoard))!;
        board.Of(PlaneWorld.Acme).Change(p => p with { Progress = p.Progress.Add("c-one", new Plane.Agents.ChangeProgress("c-one", 1, 2, 0.5, "copying", world.Time.GetUtcNow())) });
        await ExpectAsync(lines, "event: progress");
        Assert.Contains("\"message\":\"copying\"", await lines.ReadLineAsync().WaitAsync(Patience.Limit), StringComparison.Ordinal);
        await plane.AppendAllAsync([world.Write(new MemberRemoved(Sample.Key(20).Public.KeyId), world.Customer)]);
        while (await lines.ReadLineAsync().WaitAsync(Patience.Limit) is { } line) Assert.DoesNotContain("\"size\":10", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_signs_one_browser_in_once_and_its_cookie_only_reads()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        using var made = await plane.SendAsync("POST", "/v1/console/links", plane.World.Customer);
        var url = (await made.Content.ReadFromJsonAsync(ViewJson.Default.LinkView))!.Url;
        using var handler = new HttpClientHandler { UseCookies = false, AllowAutoRedirect = false };
        using var browser = new HttpClient(handler) { BaseAddress = plane.Client.BaseAddress };
        using var opened = await browser.GetAsync(new Uri(url));
        Assert.Equal(HttpStatusCode.OK, opened.StatusCode);
        var cookie = opened.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        using var again = await browser.GetAsync(new Uri(url));
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);

        browser.DefaultRequestHeaders.Add("Cookie", cookie.Split(';')[0]);
        using var read = await browser.GetAsync(new Uri("/v1/environments/acme", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        using var asked = await browser.PostAsync(new Uri("/v1/environments/acme/decide", UriKind.Relative), new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.Unauthorized, asked.StatusCode);
        using var disguised = await browser.PostAsync(new Uri("/v1/environments/acme/decide", UriKind.Relative), new StringContent("{}"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, disguised.StatusCode);
        plane.World.Time.Advance(TimeSpan.FromHours(9));
        using var late = await browser.GetAsync(new Uri("/v1/environments/acme", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, late.StatusCode);
    }

    [Fact]
    public async Task Wrong_methods_strange_paths_and_odd_bytes_get_a_problem_and_not_a_fault()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var method = await plane.SendAsync("DELETE", "/v1/plane", null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, method.StatusCode);
        await RunningPlane.ProblemAsync(method);
        foreach (var path in new[] { "/v1/environments/%00", "/v1/environments/..%2f..%2fetc", "/v1/environments/ACME", "/v1/environments/" + new string('a', 4000), "/%ff", "/v1//environments" })
        {
            using var answer = await plane.SendAsync("GET", path, plane.World.Vendor);
            Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{path}: {answer.StatusCode}");
        }

        var random = new Random(7);
        foreach (var path in new[] { "/v1/environments", "/v1/environments/acme/entries", "/v1/agents/join" })
        {
            for (var run = 0; run < 20; run++)
            {
                plane.World.Time.Advance(TimeSpan.FromMinutes(1));
                var body = new byte[random.Next(3000)];
                random.NextBytes(body);
                if (run % 2 == 0) body = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"payload\":[", random.Next(200))));
                using var answer = await plane.SendAsync("POST", path, null, body);
                Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            }
        }
    }

    private static async Task ExpectAsync(StreamReader lines, string wanted)
    {
        while (await lines.ReadLineAsync().WaitAsync(Patience.Limit) is { } line)
        {
            if (line == wanted) return;
        }

        Assert.Fail($"the stream ended before '{wanted}'");
    }
}
