using System.Net;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Tests.Hosting;
using Demarc.Tests.House;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Access;

/// <summary>
/// Every route and every kind of entry × every role, service token and key whose time is over: let in or refused as the two golden files say that people review. What
/// a role may do stands here a second time, in words of our own, so that the table in the program cannot be wrong alone.
/// </summary>
public sealed class RouteRoleTests
{
    private static readonly Dictionary<string, string[]> Holders = new()
    {
        ["None"] = ["owner", "operator", "approver", "auditor", "viewer"],
        ["Look"] = ["owner", "operator", "approver", "auditor", "viewer"],
        ["Audit"] = ["owner", "operator", "approver", "auditor"],
        ["Operate"] = ["owner", "operator"],
        ["Approve"] = ["owner", "approver"],
        ["Halt"] = ["owner", "operator", "approver"],
        ["Own"] = ["owner"],
        ["Agent"] = [],
    };

    private static readonly Permission[][] Scopes = [[Permission.Look], [Permission.Audit], [Permission.Operate], [Permission.Look, Permission.Audit, Permission.Operate]];

    [Fact]
    public async Task Every_route_lets_in_whom_the_table_names_and_nobody_else()
    {
        await using var plane = await RunningPlane.StartAsync();
        var callers = await FoundAsync(plane);
        var routes = File.ReadAllLines(Path.Combine(Golden.Root, "contract", "permissions.txt")).Where(line => line.Contains(" Request ", StringComparison.Ordinal) && line.Contains("{env}", StringComparison.Ordinal)).ToList();
        Assert.True(routes.Count > 25);
        foreach (var line in routes)
        {
            var (method, path, permission) = Read(line);
            Party? only = line.EndsWith("(customer only)", StringComparison.Ordinal) ? Party.Customer : line.EndsWith("(vendor only)", StringComparison.Ordinal) ? Party.Vendor : null;
            foreach (var caller in callers)
            {
                // Refusals are counted per address and minute.
                plane.World.Time.Advance(TimeSpan.FromSeconds(2));
                var (status, text) = await AskAsync(plane, method, path, caller.Key);
                var inside = caller.Allows(permission) && (only is null || only == caller.Party);
                var refused = status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests || text.Contains("There is no environment", StringComparison.Ordinal);
                Assert.True(refused != inside, $"{method} {path} by {caller.Name}: {(int)status} {text}");
                if (caller.Over is { } over) Assert.Contains(over, text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_key_whose_time_is_over_sees_nothing_anywhere()
    {
        await using var plane = await RunningPlane.StartAsync();
        var expired = (await FoundAsync(plane)).Where(c => c.Over is not null).ToList();
        Assert.Equal(5, expired.Count);
        foreach (var caller in expired)
        {
            Assert.Equal("[]", (await AskAsync(plane, "GET", "/v1/environments", caller.Key)).Text);
            Assert.DoesNotContain("acme", (await AskAsync(plane, "GET", "/", caller.Key)).Text, StringComparison.Ordinal);
            using var appended = await plane.SendAsync("POST", "/v1/environments/acme/entries", null, plane.World.Write(new MemberAdded(Sample.Key(98).Public.KeyId, Role.Viewer, "x"), caller.Key).Bytes.ToArray());
            Assert.True(appended.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.NotFound, $"{caller.Name}: {appended.StatusCode}");
        }
    }

    [Fact]
    public async Task An_events_stream_ends_with_the_time_of_its_key()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        await plane.AppendAllAsync([plane.World.Write(new MemberAdded(Sample.Key(80).Public.KeyId, Role.Viewer, "soon over", plane.World.Time.GetUtcNow().AddMinutes(10)), plane.World.Vendor)]);
        using var answer = await plane.Client.SendAsync(plane.Request("GET", "/v1/environments/acme/events", Sample.Key(80)), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("event: ledger", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        plane.World.Time.Advance(TimeSpan.FromMinutes(10));
        await plane.AppendAllAsync([plane.World.Finding("said-after-the-end")]);
        await reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
    }

    /// <summary>A token that was stolen opens nothing in an environment, at a plane or of a request that it was not made for.</summary>
    [Fact]
    public async Task A_stolen_token_from_elsewhere_opens_nothing()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync([.. plane.World.UpToAgent(), plane.World.Founding(EnvironmentId.Parse("second"))]);
        var token = Sample.Key(81);
        await plane.AppendAllAsync([plane.World.Write(new TokenIssued(token.Public.KeyId, "report", [Permission.Look], plane.World.Time.GetUtcNow().AddDays(1)), plane.World.Customer)]);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(plane, "GET", "/v1/environments/acme/", token)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(plane, "GET", "/v1/environments/second/", token)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AskAsync(plane, "GET", "/v1/environments/acme/entries", token)).Status);
        using var elsewhere = new HttpRequestMessage(HttpMethod.Get, "/v1/environments/acme/");
        elsewhere.Headers.TryAddWithoutValidation("Authorization", RequestToken.Write(token, "plane.other", "GET", "/v1/environments/acme/", plane.World.Time.GetUtcNow(), span => span.Fill(3)));
        using var refused = await plane.Client.SendAsync(elsewhere, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        var change = plane.World.Write(EnvironmentId.Parse("second"), new CharterProposed(1, "x"), token);
        using var appended = await plane.SendAsync("POST", "/v1/environments/second/entries", null, change.Bytes.ToArray());
        Assert.Equal(HttpStatusCode.NotFound, appended.StatusCode);
        plane.World.Time.Advance(TimeSpan.FromDays(2));
        Assert.Contains("expired", (await AskAsync(plane, "GET", "/v1/environments/acme/", token)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_kind_of_entry_is_taken_from_whom_the_table_names_and_nobody_else()
    {
        var world = new Environments.World().Joined();
        var callers = new List<Caller>();
        foreach (var party in new[] { Party.Customer, Party.Vendor })
        {
            var root = party == Party.Customer ? world.Customer : world.Vendor;
            foreach (var role in Enum.GetValues<Role>())
            {
                callers.Add(new Caller($"{party} {role}", world.Key(), party, role.ToString().ToLowerInvariant(), null, null));
                world.Do(new MemberAdded(callers[^1].Key.Public.KeyId, role, "x"), root);
            }

            foreach (var scope in Scopes)
            {
                callers.Add(new Caller($"{party} token {string.Join('+', scope)}", world.Key(), party, null, scope, null));
                world.Do(new TokenIssued(callers[^1].Key.Public.KeyId, "x", [.. scope], world.Now.AddDays(9)), root);
            }
        }

        var table = File.ReadAllLines(Path.Combine(Golden.Root, "contract", "entry-kinds.txt")).Where(line => line.Contains(" | Person", StringComparison.Ordinal)).Select(line => line.Split(" | ")).ToDictionary(p => p[0], p => p[2]);
        var samples = Samples(world).ToDictionary(data => EntryKind.Of(data).Name);
        Assert.Equal(table.Keys.Order(), samples.Keys.Order());
        foreach (var (kind, permission) in table)
        {
            foreach (var caller in callers)
            {
                var folded = EnvironmentFold.Apply(world.State, world.Write(samples[kind], caller.Key));
                var refused = folded.Refusal?.Contains($"needs the permission '{permission}'", StringComparison.Ordinal) == true;
                Assert.True(refused != caller.Allows(permission), $"{kind} by {caller.Name}: {folded.Refusal ?? "accepted"}");
            }
        }
    }

    private static IEnumerable<EntryData> Samples(Environments.World world)
    {
        var (key, change) = (world.Key().Public.KeyId, ChangeId.New(world.Fill));
        return
        [
            world.Founding, new CharterProposed(2, "x"), new CharterSigned(2, "x"), new MemberAdded(key, Role.Viewer, "x"), new MemberRemoved(key), new MemberRekeyed(key), new MemberReplaced(key, key), new MemberExpirySet(key, null),
            new MemberLinked(key, "https://login.example", "1234"), new MemberUnlinked("https://login.example", "1234"),
            new RootReplaced(key, key, "x"), new TokenIssued(key, "x", [Permission.Look], world.Now.AddDays(1)), new AgentInvited(key, world.Now.AddDays(1)), new AgentRevoked(key, "x"), new VendorSevered(key, "x"), new PlaneMoved(key, "x"),
            new ChangeRequested(change, new InstanceRequest("instances.suspend", InstanceId.Parse("none"), null)), new ChangeApproved(change, "x"), new ChangeRejected(change, "x"), new ChangeWithdrawn(change, "x"),
            new ChangePaused(change, "x"), new ChangeResumed(change, "x"), new ChangeStopped(change, "x"), new ChangeDeferred(change, world.Now.AddDays(1), "x"),
            new EgressConsented(EgressClass.Bundle, 1, new DateOnly(2026, 11, 1), "x"),
            new SessionRequested(SessionId.Parse("s-sample"), new SessionTerms(SessionKind.Terminal, null, 5, false, null, "x")),
            new SessionApproved(SessionId.Parse("s-sample"), "x"), new SessionRejected(SessionId.Parse("s-sample"), "x"), new SessionWithdrawn(SessionId.Parse("s-sample"), "x"),
            new SessionRevoked(SessionId.Parse("s-sample"), "x"), new SessionReleased(SessionId.Parse("s-sample"), "x"), new SessionReviewed(SessionId.Parse("s-sample"), "x", "x"),
        ];
    }

    /// <summary>Ten people, tokens of every scope, and five keys whose time is over: expired, removed, changed, lost, a token's.</summary>
    private static async Task<List<Caller>> FoundAsync(RunningPlane plane)
    {
        var world = plane.World;
        var callers = new List<Caller>();
        byte number = 100;
        await plane.AppendAllAsync(world.UpToAgent());
        foreach (var party in new[] { Party.Customer, Party.Vendor })
        {
            var root = party == Party.Customer ? world.Customer : world.Vendor;
            foreach (var role in Enum.GetValues<Role>())
            {
                callers.Add(new Caller($"{party} {role}", Sample.Key(++number), party, role.ToString().ToLowerInvariant(), null, null));
                await plane.AppendAllAsync([world.Write(new MemberAdded(callers[^1].Key.Public.KeyId, role, "x"), root)]);
            }

            foreach (var scope in Scopes)
            {
                callers.Add(new Caller($"{party} token {string.Join('+', scope)}", Sample.Key(++number), party, null, scope, null));
                await plane.AppendAllAsync([world.Write(new TokenIssued(callers[^1].Key.Public.KeyId, "x", [.. scope], world.Time.GetUtcNow().AddDays(9)), root)]);
            }
        }

        var soon = world.Time.GetUtcNow().AddMinutes(1);
        foreach (var (name, over) in new[] { ("expired", "expired at"), ("removed", "There is no environment"), ("changed", "There is no environment"), ("lost", "There is no environment"), ("token", "expired at") })
        {
            var key = Sample.Key(++number);
            callers.Add(new Caller(name, key, Party.Customer, null, null, over));
            await plane.AppendAllAsync([name == "token" ? world.Write(new TokenIssued(key.Public.KeyId, "x", [Permission.Look], soon), world.Customer) : world.Write(new MemberAdded(key.Public.KeyId, Role.Owner, "x", name == "expired" ? soon : null), world.Customer)]);
            if (name == "removed") await plane.AppendAllAsync([world.Write(new MemberRemoved(key.Public.KeyId), world.Customer)]);
            if (name == "changed") await plane.AppendAllAsync([world.Write(new MemberRekeyed(Sample.Key(96).Public.KeyId), key, Sample.Key(96))]);
            if (name == "lost") await plane.AppendAllAsync([world.Write(new MemberReplaced(key.Public.KeyId, Sample.Key(97).Public.KeyId), world.Customer)]);
        }

        world.Time.Advance(TimeSpan.FromMinutes(2));
        return callers;
    }

    private static async Task<(HttpStatusCode Status, string Text)> AskAsync(RunningPlane plane, string method, string path, SigningKey key)
    {
        using var request = plane.Request(method, path, key, body: method == "POST" ? Encoding.UTF8.GetBytes("{}") : null);
        using var answer = await plane.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var endless = answer.Content.Headers.ContentType?.MediaType == "text/event-stream";
        return (answer.StatusCode, endless ? "" : await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static (string Method, string Path, string Permission) Read(string line)
    {
        var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var path = parts[1].Replace("{env}", "acme", StringComparison.Ordinal).Replace("{id}", "books", StringComparison.Ordinal).Replace("{index:long}", "0", StringComparison.Ordinal);
        if (path.EndsWith("/inclusion", StringComparison.Ordinal)) path += "?index=0";
        if (path.EndsWith("/consistency", StringComparison.Ordinal)) path += "?first=0";
        return (parts[0], path, parts[3]);
    }

    /// <param name="Name">For messages.</param>
    /// <param name="Key">With which they sign.</param>
    /// <param name="Party">Whose side they are on.</param>
    /// <param name="Role">A person's role; null for a token.</param>
    /// <param name="Scope">A token's scope; null for a person.</param>
    /// <param name="Over">For a key whose time is over, what it is told; null for the others.</param>
    private sealed record Caller(string Name, SigningKey Key, Party Party, string? Role, Permission[]? Scope, string? Over)
    {
        public bool Allows(string permission) => Over is null && (Scope is { } scope ? permission == "None" || scope.Any(s => s.ToString() == permission) : Holders[permission].Contains(Role));
    }
}
