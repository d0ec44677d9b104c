using System.Net;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Hosting;
using Demarc.Tests.Hosting;
using Demarc.Tests.House;
using Demarc.Tests.Ledger;
using Microsoft.AspNetCore.Builder;

namespace Demarc.Tests.Access;

/// <summary>
/// Every route that the running plane really has, against everyone who must not get in. The routes are taken from the endpoints themselves, so that a new
/// one is tested, or shown to be untested, without anybody remembering to.
/// </summary>
public sealed class RouteRefusalTests
{
    /// <summary>Signed routes that belong to no environment: any key may ask, and gets only what belongs to that key.</summary>
    private static readonly string[] OpenToAnyKey = ["GET /", "GET /v1/environments", "POST /v1/console/links", "POST /v1/console/sign-out"];

    private static readonly Dictionary<Role, SigningKey> People = new()
    {
        [Role.Owner] = Sample.Key(50),
        [Role.Operator] = Sample.Key(51),
        [Role.Approver] = Sample.Key(52),
        [Role.Auditor] = Sample.Key(53),
        [Role.Viewer] = Sample.Key(54),
    };

    [Fact]
    public async Task The_table_of_routes_is_the_reviewed_one()
    {
        await using var plane = await RunningPlane.StartAsync();
        var lines = PlaneHost.Routes(plane.App).Select(r => $"{r.Route,-58} {r.UseCase.Task.Slug(),-12} {r.UseCase.Permission,-8} {r.UseCase.Proof,-12} {r.UseCase.Name}{(r.UseCase.Only is { } only ? $" ({only.Word()} only)" : "")}".TrimEnd()).Order(StringComparer.Ordinal);
        Golden.Check("permissions.txt", "# Every route of the plane: its task, what the caller's role must allow, how the caller proves who they are, its use case.\n" + string.Join('\n', lines) + "\n");
    }

    [Fact]
    public async Task The_description_is_the_reviewed_one()
    {
        await using var plane = await RunningPlane.StartAsync();
        Golden.Check("openapi.json", await plane.GetTextAsync("/openapi/v1.json") + "\n");
    }

    [Fact]
    public async Task No_route_is_without_a_refusal()
    {
        await using var plane = await RunningPlane.StartAsync();
        await FoundAsync(plane);
        var untested = new List<string>();
        foreach (var (route, useCase) in PlaneHost.Routes(plane.App))
        {
            // Refusals are counted per address and minute; this is about each by itself.
            plane.World.Time.Advance(TimeSpan.FromMinutes(1));
            var tested = useCase.Proof switch
            {
                Proof.Request => await RefusesAllSignersAsync(plane, route, useCase),
                Proof.SignedBody => await RefusesAllBodiesAsync(plane, route),
                Proof.Certificate => await RefusesAtThisDoorAsync(plane, route),
                Proof.Open => true,
            };
            if (!tested) untested.Add(route);
        }

        Assert.Empty(untested);
    }

    [Fact]
    public async Task What_is_open_to_everyone_is_this_and_no_more()
    {
        await using var plane = await RunningPlane.StartAsync();
        var open = PlaneHost.Routes(plane.App).Where(r => r.UseCase.Proof == Proof.Open && !r.Route.StartsWith("GET /console", StringComparison.Ordinal)).Select(r => r.UseCase.Name).Order();
        Assert.All(PlaneHost.Routes(plane.App).Where(r => r.UseCase.Proof == Proof.Open), r => Assert.Equal(Permission.None, r.UseCase.Permission));
        Assert.All(open, name => Assert.True(name.StartsWith("plane.", StringComparison.Ordinal) || name.StartsWith("console.", StringComparison.Ordinal), name));
    }

    [Fact]
    public async Task A_route_that_declares_nothing_keeps_the_plane_from_starting()
    {
        await using var plane = await RunningPlane.StartAsync();
        plane.App.MapGet("/forgotten", () => "secret");
        Assert.Contains("/forgotten declares no use case", Assert.Throws<Demarc.Core.BrokenBeliefException>(() => PlaneHost.Routes(plane.App)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_fails_too_often_waits_and_others_do_not()
    {
        await using var plane = await RunningPlane.StartAsync();
        await FoundAsync(plane);
        for (var i = 0; i < FailedAttempts.PerMinute; i++)
        {
            using var refused = await plane.SendAsync("GET", "/v1/environments/acme", null);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        using var slowed = await plane.SendAsync("GET", "/v1/environments/acme", null);
        Assert.Equal(HttpStatusCode.TooManyRequests, slowed.StatusCode);
        Assert.Equal("60", slowed.Headers.RetryAfter?.ToString());
        plane.World.Time.Advance(TimeSpan.FromMinutes(1));
        using var later = await plane.SendAsync("GET", "/v1/environments/acme", plane.World.Vendor);
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
    }

    private static async Task FoundAsync(RunningPlane plane)
    {
        await plane.AppendAllAsync(plane.World.UpToAgent());
        foreach (var (role, key) in People) await plane.AppendAllAsync([plane.World.Write(new MemberAdded(key.Public.KeyId, role, role.ToString()), plane.World.Vendor)]);
    }

    private static async Task<bool> RefusesAllSignersAsync(RunningPlane plane, string route, UseCase useCase)
    {
        var (method, path) = Concrete(route);
        var world = plane.World;
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, plane.Request(method, path, null));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, Broken(plane.Request(method, path, world.Vendor)));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, plane.Request(method, path, world.Vendor, late: RequestToken.Tolerance + TimeSpan.FromSeconds(1)));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, plane.Request(method, path, world.Vendor, late: -RequestToken.Tolerance - TimeSpan.FromSeconds(1)));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, plane.Request(method, path, world.Vendor, tokenFor: path + "/other"));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, plane.Request(method, path, world.Vendor, tokenFor: path + "?from=1"));
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, OfAnotherPlane(plane, method, path));
        if (method != "GET") await RefusesAReplayAsync(plane, method, path);
        if (OpenToAnyKey.Contains(route)) return true;
        await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, path, world.Stranger));
        await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, path, world.Agent));
        await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, path.Replace("/acme", "/nowhere", StringComparison.Ordinal), world.Vendor));
        foreach (var (role, key) in People.Where(p => !p.Key.Allows(useCase.Permission)))
            await ExpectAsync(plane, HttpStatusCode.Forbidden, plane.Request(method, path, key), role.ToString());
        if (useCase.Only is { } only) await ExpectAsync(plane, HttpStatusCode.Forbidden, plane.Request(method, path, only == Party.Customer ? world.Vendor : world.Customer));
        return path.Contains("/acme", StringComparison.Ordinal);
    }

    private static async Task RefusesAReplayAsync(RunningPlane plane, string method, string path)
    {
        var request = plane.Request(method, path, plane.World.Vendor, body: "{}"u8.ToArray());
        var token = request.Headers.GetValues("Authorization").Single();
        using var first = await plane.Client.SendAsync(request);
        Assert.NotEqual(HttpStatusCode.Unauthorized, first.StatusCode);
        var again = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent("{}"u8.ToArray()) };
        again.Headers.TryAddWithoutValidation("Authorization", token);
        await ExpectAsync(plane, HttpStatusCode.Unauthorized, again);
    }

    private static async Task<bool> RefusesAllBodiesAsync(RunningPlane plane, string route)
    {
        var world = plane.World;
        var (method, path) = Concrete(route);
        await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, path, null, body: []));
        await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, path, world.Vendor, body: "{}"u8.ToArray()));
        await ExpectAsync(plane, HttpStatusCode.RequestEntityTooLarge, plane.Request(method, path, null, body: new byte[200_000]));
        var member = world.Member(60, Role.Viewer, world.Stranger);
        switch (route)
        {
            case "POST /v1/environments":
                var founding = world.Founding(EnvironmentId.Parse("second"));
                await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, path, null, body: Forge(founding)));
                await ExpectAsync(plane, HttpStatusCode.Conflict, plane.Request(method, path, null, body: member.Bytes.ToArray()));
                await ExpectAsync(plane, HttpStatusCode.Conflict, plane.Request(method, path, null, body: world.Founding(PlaneWorld.Acme).Bytes.ToArray()));
                var half = world.Write(EnvironmentId.Parse("second"), founding.Data, world.Customer);
                await ExpectAsync(plane, HttpStatusCode.Conflict, plane.Request(method, path, null, body: half.Bytes.ToArray()));
                return true;
            case "POST /v1/environments/{env}/entries":
                await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, path, null, body: member.Bytes.ToArray()));
                await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, "/v1/environments/nowhere/entries", null, body: world.Member(EnvironmentId.Parse("nowhere"), 60, Role.Viewer).Bytes.ToArray()));
                await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, "/v1/environments/other/entries", null, body: world.Member(60, Role.Viewer).Bytes.ToArray()));
                await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, path, null, body: Forge(world.Member(60, Role.Viewer))));
                await ExpectAsync(plane, HttpStatusCode.Conflict, plane.Request(method, path, null, body: world.Write(new MemberAdded(Sample.Key(60).Public.KeyId, Role.Viewer, "x"), People[Role.Viewer]).Bytes.ToArray()));
                await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request(method, path, null, body: world.Finding("over the wrong door").Bytes.ToArray()));
                return true;
            case "POST /v1/agents/join":
                // The matrix of joining stands in HubJoiningTests.
                await ExpectAsync(plane, HttpStatusCode.BadRequest, plane.Request(method, path, null, body: "[]"u8.ToArray()));
                return true;
            default:
                return false;
        }
    }

    private static async Task<bool> RefusesAtThisDoorAsync(RunningPlane plane, string route)
    {
        await ExpectAsync(plane, HttpStatusCode.NotFound, plane.Request("POST", Concrete(route).Path, plane.World.Vendor, body: []));
        return true;
    }

    private static async Task ExpectAsync(RunningPlane plane, HttpStatusCode status, HttpRequestMessage request, string who = "")
    {
        using var answer = await plane.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{request.Method} {request.RequestUri} {who}: {(int)answer.StatusCode} instead of {(int)status}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("https://demarc.dev/problems/", (await RunningPlane.ProblemAsync(answer)).Type, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
    }

    private static (string Method, string Path) Concrete(string route)
    {
        var parts = route.Split(' ');
        var path = parts[1].Replace("{env}", "acme", StringComparison.Ordinal).Replace("{id}", "books", StringComparison.Ordinal).Replace("{index:long}", "0", StringComparison.Ordinal);
        if (path.EndsWith("/inclusion", StringComparison.Ordinal)) path += "?index=0";
        if (path.EndsWith("/consistency", StringComparison.Ordinal)) path += "?first=0";
        return (parts[0], path);
    }

    private static HttpRequestMessage Broken(HttpRequestMessage request)
    {
        var token = request.Headers.GetValues("Authorization").Single().Split(' ')[1];
        var envelope = Encoding.UTF8.GetString(Base64Text.Decode(token.AsSpan(), Base64Form.Either)!);
        var at = envelope.IndexOf("\"sig\":\"", StringComparison.Ordinal) + 7;
        var forged = envelope[..at] + (envelope[at] == 'A' ? 'B' : 'A') + envelope[(at + 1)..];
        request.Headers.Remove("Authorization");
        request.Headers.TryAddWithoutValidation("Authorization", $"Demarc {Base64Text.EncodeUrl(Encoding.UTF8.GetBytes(forged))}");
        return request;
    }

    private static HttpRequestMessage OfAnotherPlane(RunningPlane plane, string method, string path)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.TryAddWithoutValidation("Authorization", RequestToken.Write(plane.World.Vendor, "plane.other", method, path, plane.World.Time.GetUtcNow(), System.Security.Cryptography.RandomNumberGenerator.Fill));
        return request;
    }

    private static byte[] Forge(Entry entry)
    {
        var text = Encoding.UTF8.GetString(entry.Bytes.Span);
        var at = text.IndexOf("\"sig\":\"", StringComparison.Ordinal) + 7;
        return Encoding.UTF8.GetBytes(text[..at] + (text[at] == 'A' ? 'B' : 'A') + text[(at + 1)..]);
    }
}
