using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Access;

/// <summary>Signing in with an OpenID provider: who is linked reads, who is not gets nothing, and no bent answer of a provider lets anybody in.</summary>
public sealed class OpenIdSignInTests
{
    [Fact]
    public async Task Whom_an_owner_has_linked_reads_in_their_role_and_can_do_nothing_by_it()
    {
        await using var world = await SignInWorld.StartAsync();
        await world.LinkAsync("ann", 70, Role.Viewer);
        using var browser = new TestBrowser();
        var (entered, _) = await browser.OpenAsync(world.Start);
        Assert.Equal(HttpStatusCode.OK, entered.StatusCode);
        Assert.Contains("Signed in", await entered.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Null(world.Provider.Complaint);
        var cookie = browser.CookiesOf(world.Plane.Client.BaseAddress!).Single(c => c.Name == BrowserSessions.Cookie);
        Assert.True(cookie.HttpOnly);

        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(browser, "/"));
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(browser, "/environments/acme/inbox"));
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(browser, "/v1/environments/acme"));
        Assert.Equal(HttpStatusCode.Forbidden, await world.StatusAsync(browser, "/environments/acme/ledger"));

        // A cookie is no signature: whatever does something is refused.
        foreach (var path in new[] { "/v1/console/links", "/v1/console/sign-out", "/v1/environments/acme/hooks", "/v1/environments/acme/charter/check" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
            request.Headers.TryAddWithoutValidation("Cookie", $"{cookie.Name}={cookie.Value}");
            using var refused = await world.Plane.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }
    }

    [Fact]
    public async Task Whom_nobody_has_linked_is_told_what_to_hand_to_an_owner_and_gets_no_session()
    {
        await using var world = await SignInWorld.StartAsync();
        world.Provider.Subject = "<b>mallory</b>";
        using var browser = new TestBrowser();
        var (refused, _) = await browser.OpenAsync(world.Start);
        var html = await refused.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("&lt;b&gt;mallory&lt;/b&gt;", html, StringComparison.Ordinal);
        Assert.Contains("demarc members link KEY", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", html, StringComparison.Ordinal);
        Assert.DoesNotContain(browser.CookiesOf(world.Plane.Client.BaseAddress!), c => c.Name == BrowserSessions.Cookie);
        Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync(browser, "/"));
    }

    [Fact]
    public async Task Who_is_unlinked_or_leaves_reads_nothing_more_from_the_next_request_on()
    {
        await using var world = await SignInWorld.StartAsync();
        await world.LinkAsync("ann", 70, Role.Operator);
        using var browser = new TestBrowser();
        await browser.OpenAsync(world.Start);
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(browser, "/environments/acme"));
        await world.Plane.AppendAllAsync([world.Plane.World.Write(new MemberUnlinked(world.Provider.Issuer, "ann"), world.Plane.World.Customer)]);
        Assert.Equal(HttpStatusCode.NotFound, await world.StatusAsync(browser, "/environments/acme"));

        // Linked again, and then the member goes.
        await world.Plane.AppendAllAsync([world.Plane.World.Write(new MemberLinked(Sample.Key(70).Public.KeyId, world.Provider.Issuer, "ann"), world.Plane.World.Customer)]);
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(browser, "/environments/acme"));
        await world.Plane.AppendAllAsync([world.Plane.World.Write(new MemberRemoved(Sample.Key(70).Public.KeyId), world.Plane.World.Customer)]);
        Assert.Equal(HttpStatusCode.NotFound, await world.StatusAsync(browser, "/environments/acme"));
        using var again = new TestBrowser();
        Assert.Equal(HttpStatusCode.Forbidden, (await again.OpenAsync(world.Start)).Answer.StatusCode);
    }

    [Fact]
    public async Task A_session_ends_by_its_own_time_and_when_its_reader_signs_out_everywhere()
    {
        await using var world = await SignInWorld.StartAsync();
        await world.LinkAsync("ann", 70, Role.Operator);
        using var one = new TestBrowser();
        using var two = new TestBrowser();
        await one.OpenAsync(world.Start);
        await two.OpenAsync(world.Start);
        using (var closed = await world.Plane.SendAsync("POST", "/v1/console/sign-out", Sample.Key(70)))
            Assert.Equal("""{"browsers":2}""", await closed.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync(one, "/environments/acme"));
        Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync(two, "/environments/acme"));
        await one.OpenAsync(world.Start);
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync(one, "/environments/acme"));
        world.Plane.World.Time.Advance(TimeSpan.FromHours(8) + TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync(one, "/environments/acme"));
    }

    public static TheoryData<string, Action<TestProviderKnobs>> Attacks => new()
    {
        { "a token for another client", knobs => knobs.Bend(claims => claims["aud"] = "somebody-else") },
        { "a token of another issuer", knobs => knobs.Bend(claims => claims["iss"] = "https://evil.example") },
        { "a token that has ended", knobs => knobs.Bend(claims => claims["exp"] = claims["iat"]!.GetValue<long>() - 300) },
        { "a token that never ends", knobs => knobs.Bend(claims => claims.Remove("exp")) },
        { "a token of tomorrow", knobs => knobs.Bend(claims => claims["nbf"] = claims["iat"]!.GetValue<long>() + 86400) },
        { "a token of another sign-in", knobs => knobs.Bend(claims => claims["nonce"] = "another") },
        { "a token without a nonce", knobs => knobs.Bend(claims => claims.Remove("nonce")) },
        { "a token without a subject", knobs => knobs.Bend(claims => claims.Remove("sub")) },
        { "a token of a key that the provider does not publish", knobs => knobs.OtherKey() },
        { "a token that nobody has signed", knobs => knobs.Token(token => $"{Base64Text.EncodeUrl("""{"alg":"none"}"""u8)}.{token.Split('.')[1]}.") },
        { "a token whose subject was exchanged", knobs => knobs.Token(token => $"{token.Split('.')[0]}.{Base64Text.EncodeUrl(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Base64Text.Decode(token.Split('.')[1].AsSpan(), Base64Form.Either)!).Replace("eve", "ann", StringComparison.Ordinal)))}.{token.Split('.')[2]}") },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task No_bent_answer_lets_anybody_in(string attack, Action<TestProviderKnobs> bend)
    {
        await using var world = await SignInWorld.StartAsync();
        await world.LinkAsync("ann", 70, Role.Owner);
        if (attack.Contains("exchanged", StringComparison.Ordinal)) world.Provider.Subject = "eve";
        bend(new TestProviderKnobs(world.Provider));
        using var browser = new TestBrowser();
        var (refused, _) = await browser.OpenAsync(world.Start);
        Assert.Equal(1, world.Provider.Tokens);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.DoesNotContain(browser.CookiesOf(world.Plane.Client.BaseAddress!), c => c.Name == BrowserSessions.Cookie);
    }

    [Fact]
    public async Task A_code_that_was_overheard_is_worth_nothing_in_another_browser_nor_twice_in_the_same()
    {
        await using var world = await SignInWorld.StartAsync();
        await world.LinkAsync("ann", 70, Role.Owner);
        using var victim = new TestBrowser();
        using var thief = new TestBrowser();
        var (_, callback) = await victim.OpenAsync(world.Start, next => !next.AbsolutePath.EndsWith("/callback", StringComparison.Ordinal));
        Assert.Contains("code=", callback.Query, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await thief.OpenAsync(callback)).Answer.StatusCode);
        Assert.Equal(0, world.Provider.Tokens);
        Assert.Equal(HttpStatusCode.OK, (await victim.OpenAsync(callback)).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await victim.OpenAsync(callback)).Answer.StatusCode);
    }

    [Theory]
    [InlineData("?error=access_denied&error_description=%3Cscript%3E")]
    [InlineData("?code=x&state=y")]
    [InlineData("?id_token=x")]
    [InlineData("")]
    public async Task An_answer_that_nobody_asked_for_is_refused_on_a_page(string query)
    {
        await using var world = await SignInWorld.StartAsync();
        using var browser = new TestBrowser();
        var (refused, _) = await browser.OpenAsync(new Uri(world.Plane.Client.BaseAddress!, "/sign-in/openid/callback" + query));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.DoesNotContain("<script>", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_is_said_so_and_asked_again_by_the_next()
    {
        await using var world = await SignInWorld.StartAsync(reachable: false);
        using var browser = new TestBrowser();
        var (failed, _) = await browser.OpenAsync(world.Start);
        Assert.Equal(HttpStatusCode.BadGateway, failed.StatusCode);
    }

    [Fact]
    public async Task A_plane_without_a_provider_offers_none()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var browser = new TestBrowser();
        foreach (var path in new[] { "/sign-in/openid", "/sign-in/openid/callback" })
            Assert.Equal(HttpStatusCode.NotFound, (await browser.OpenAsync(new Uri(plane.Client.BaseAddress!, path))).Answer.StatusCode);
        Assert.DoesNotContain("/sign-in/openid", await (await browser.OpenAsync(plane.Client.BaseAddress!)).Answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_client_s_secret_goes_to_the_provider_and_nowhere_else()
    {
        await using var world = await SignInWorld.StartAsync(secret: "s3cret-of-the-client");
        await world.LinkAsync("ann", 70, Role.Viewer);
        using var browser = new TestBrowser();
        var (entered, _) = await browser.OpenAsync(world.Start);
        Assert.Equal(HttpStatusCode.OK, entered.StatusCode);
        Assert.DoesNotContain("s3cret", world.Plane.Options.ToString(), StringComparison.Ordinal);
    }
}

/// <summary>What an attack may change of a provider.</summary>
public sealed class TestProviderKnobs
{
    private readonly TestProvider provider;

    internal TestProviderKnobs(TestProvider provider) => this.provider = provider;

    public void Bend(Action<JsonObject> claims) => provider.Bend = claims;

    public void Token(Func<string, string> token) => provider.BendToken = token;

    public void OtherKey() => provider.SignsWithOtherKey = true;
}

/// <summary>A plane, a provider that it trusts, and an environment.</summary>
internal sealed class SignInWorld : IAsyncDisposable
{
    private SignInWorld(RunningPlane plane, TestProvider provider)
    {
        Plane = plane;
        Provider = provider;
    }

    public RunningPlane Plane { get; }

    public TestProvider Provider { get; }

    public Uri Start => new(Plane.Client.BaseAddress!, "/sign-in/openid");

    public static async Task<SignInWorld> StartAsync(bool reachable = true, string? secret = null)
    {
        var provider = await TestProvider.StartAsync(TimeProvider.System);
        provider.Secret = secret;
        var authority = new Uri(provider.Issuer);
        if (!reachable) await provider.DisposeAsync();
        var plane = await RunningPlane.StartAsync(options => options with { OpenId = new OpenIdOptions(authority, TestProvider.Client, secret is null ? null : new Secret(secret), "the test's provider") });
        await plane.AppendAllAsync(plane.World.UpToAgent());
        return new SignInWorld(plane, provider);
    }

    public Task LinkAsync(string subject, byte member, Role role) => Plane.AppendAllAsync(
        [Plane.World.Member(member, role), Plane.World.Write(new MemberLinked(Sample.Key(member).Public.KeyId, Provider.Issuer, subject), Plane.World.Customer)]);

    public async Task<HttpStatusCode> StatusAsync(TestBrowser browser, string path) => (await browser.OpenAsync(new Uri(Plane.Client.BaseAddress!, path))).Answer.StatusCode;

    public async ValueTask DisposeAsync()
    {
        await Plane.DisposeAsync();
        await Provider.DisposeAsync();
    }
}
