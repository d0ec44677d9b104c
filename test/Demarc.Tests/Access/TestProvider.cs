using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Demarc.Core.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Demarc.Tests.Access;

/// <summary>
/// A small OpenID provider of our own, which shares no code with what it tests: discovery, keys, authorization code with PKCE, id tokens by RS256. What it
/// answers can be bent, to see that a bent answer lets nobody in.
/// </summary>
internal sealed class TestProvider : IAsyncDisposable
{
    public const string Client = "demarc-plane";

    private readonly RSA key = RSA.Create(2048);
    private readonly RSA otherKey = RSA.Create(2048);
    private readonly ConcurrentDictionary<string, (string Challenge, string Nonce, string Redirect)> codes = new();
    private readonly TimeProvider clock;
    private readonly WebApplication app;

    private TestProvider(TimeProvider clock)
    {
        this.clock = clock;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.MapGet("/.well-known/openid-configuration", () => Results.Text(Discovery().ToJsonString(), "application/json"));
        app.MapGet("/keys", () => Results.Text(Keys().ToJsonString(), "application/json"));
        app.MapGet("/authorize", Authorize);
        app.MapPost("/token", TokenAsync);
    }

    public string Issuer => app.Urls.First();

    /// <summary>Who signs in next.</summary>
    public string Subject { get; set; } = "ann";

    public string? Secret { get; set; }

    /// <summary>Changes the claims before they are signed.</summary>
    public Action<JsonObject>? Bend { get; set; }

    /// <summary>Changes the finished token.</summary>
    public Func<string, string>? BendToken { get; set; }

    /// <summary>Signs with a key that the provider does not publish.</summary>
    public bool SignsWithOtherKey { get; set; }

    /// <summary>What the last token request did not show though it should have; null when it was right.</summary>
    public string? Complaint { get; private set; }

    public int Tokens { get; private set; }

    public static async Task<TestProvider> StartAsync(TimeProvider clock)
    {
        var provider = new TestProvider(clock);
        await provider.app.StartAsync();
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        key.Dispose();
        otherKey.Dispose();
    }

    private JsonObject Discovery() => new()
    {
        ["issuer"] = Issuer,
        ["authorization_endpoint"] = Issuer + "/authorize",
        ["token_endpoint"] = Issuer + "/token",
        ["jwks_uri"] = Issuer + "/keys",
        ["response_types_supported"] = new JsonArray("code"),
        ["subject_types_supported"] = new JsonArray("public"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
        ["code_challenge_methods_supported"] = new JsonArray("S256"),
    };

    private JsonObject Keys()
    {
        var parameters = key.ExportParameters(false);
        return new JsonObject { ["keys"] = new JsonArray(new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["alg"] = "RS256", ["kid"] = "one", ["n"] = Base64Text.EncodeUrl(parameters.Modulus), ["e"] = Base64Text.EncodeUrl(parameters.Exponent) }) };
    }

    private IResult Authorize(HttpRequest request)
    {
        string Asked(string name) => request.Query[name].ToString();
        if (Asked("client_id") != Client || Asked("response_type") != "code" || Asked("code_challenge_method") != "S256" || Asked("scope") != "openid") return Results.BadRequest("asked wrongly: " + request.QueryString);
        var code = Base64Text.EncodeUrl(RandomNumberGenerator.GetBytes(16));
        codes[code] = (Asked("code_challenge"), Asked("nonce"), Asked("redirect_uri"));
        return Results.Redirect($"{Asked("redirect_uri")}?code={code}&state={Uri.EscapeDataString(Asked("state"))}");
    }

    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        Tokens++;
        Complaint = !codes.TryRemove(form["code"].ToString(), out var asked) ? "the code is unknown or used"
            : Base64Text.EncodeUrl(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) != asked.Challenge ? "the verifier is not that of the challenge"
            : form["redirect_uri"] != asked.Redirect ? "another redirect address"
            : form["client_id"] != Client ? "another client"
            : Secret is not null && form["client_secret"] != Secret ? "not the client's secret"
            : null;
        if (Complaint is not null) return Results.Text(new JsonObject { ["error"] = "invalid_grant" }.ToJsonString(), "application/json", statusCode: 400);
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject { ["iss"] = Issuer, ["sub"] = Subject, ["aud"] = Client, ["iat"] = now, ["exp"] = now + 300, ["nonce"] = asked.Nonce };
        Bend?.Invoke(claims);
        var token = Jwt(claims);
        return Results.Text(new JsonObject { ["access_token"] = "of no use", ["token_type"] = "Bearer", ["expires_in"] = 300, ["id_token"] = BendToken?.Invoke(token) ?? token }.ToJsonString(), "application/json");
    }

    private string Jwt(JsonObject claims)
    {
        var head = Base64Text.EncodeUrl("""{"alg":"RS256","typ":"JWT","kid":"one"}"""u8);
        var signed = $"{head}.{Base64Text.EncodeUrl(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        var signature = (SignsWithOtherKey ? otherKey : key).SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{signed}.{Base64Text.EncodeUrl(signature)}";
    }
}

/// <summary>A browser as far as signing in goes: it follows redirects and keeps cookies per host.</summary>
internal sealed class TestBrowser : IDisposable
{
    private readonly CookieContainer cookies = new();
    private readonly HttpClient http;

    public TestBrowser() => http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies, UseProxy = false });

    public IEnumerable<Cookie> CookiesOf(Uri address) => cookies.GetCookies(address);

    /// <summary>Opens an address, and what it leads to as long as <paramref name="follow"/> says so.</summary>
    public async Task<(HttpResponseMessage Answer, Uri At)> OpenAsync(Uri address, Func<Uri, bool>? follow = null)
    {
        for (var hop = 0; hop < 6; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("Accept", "text/html");
            var answer = await http.SendAsync(request);
            if ((int)answer.StatusCode is < 300 or >= 400 || answer.Headers.Location is not { } next) return (answer, address);
            next = new Uri(address, next);
            if (follow?.Invoke(next) == false) return (answer, next);
            address = next;
        }

        throw new InvalidOperationException("too many redirects");
    }

    public void Dispose() => http.Dispose();
}
