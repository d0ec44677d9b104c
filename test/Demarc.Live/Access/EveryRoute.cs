using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Ledger;

namespace Demarc.Live.Access;

/// <summary>Asks a plane for everything it has a route for, as everybody, rightly and wrongly, and keeps head and body of each answer.</summary>
internal sealed class EveryRoute(Uri plane, Quickstart quickstart, Needles needles) : IDisposable
{
    private const int MostBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan Listen = TimeSpan.FromSeconds(1.5);
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = plane };
    private readonly SigningKey customer = quickstart.Key("customer");
    private readonly SigningKey vendor = quickstart.Key("vendor");
    private int tokens;

    public List<Place> Answers { get; } = [];

    /// <summary>Opens a one-time link; gives the cookie it sets, which becomes a secret.</summary>
    public async Task<string> SignInAsync(string code)
    {
        var answer = await AskAsync(HttpMethod.Get, $"/sign-in?code={code}", "sign-in", null, null, null);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie")).Split(';')[0];
        needles.Add("session cookie", cookie[(cookie.IndexOf('=') + 1)..]);
        Answers[^1] = Answers[^1] with { May = ["session cookie"] };
        return cookie;
    }

    /// <summary>Every GET route of the golden list, with every kind of caller.</summary>
    public async Task<int> AskAllAsync(string permissions, IReadOnlyDictionary<string, string> values, string cookie)
    {
        var paths = File.ReadLines(permissions).Where(line => line.StartsWith("GET ", StringComparison.Ordinal)).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]).ToList();
        foreach (var pattern in paths.Where(path => path != "/sign-out"))
        {
            foreach (var (path, what, whole) in Filled(pattern, values))
            {
                var asCustomer = await AskAsync(HttpMethod.Get, path, $"{what} as customer", () => Token(customer, "GET", path), null, null);
                var withCookie = await AskAsync(HttpMethod.Get, path, $"{what} with a cookie", null, cookie, null);
                if (!whole) continue;
                // Only who asked for a session works in it, and only while it is open: the refusal is looked through like any answer.
                if (pattern.EndsWith("/attach", StringComparison.Ordinal)) Assert.InRange((int)asCustomer.StatusCode, 400, 499);
                else Assert.True(asCustomer.IsSuccessStatusCode || withCookie.IsSuccessStatusCode || pattern.StartsWith("/sign-in", StringComparison.Ordinal), $"{path} shows the customer nothing: {(int)asCustomer.StatusCode}, {(int)withCookie.StatusCode}");
                await AskAsync(HttpMethod.Get, path, $"{what} as vendor", () => Token(vendor, "GET", path), null, null);
                await AskAsync(HttpMethod.Get, path, $"{what} as nobody", null, null, null);
                await AskAsync(HttpMethod.Get, path, $"{what} with a token of another request", () => Token(customer, "GET", "/elsewhere"), null, null);
            }
        }

        return paths.Count;
    }

    /// <summary>Requests that are refused: replayed and damaged tokens, used codes, bodies that are none.</summary>
    public async Task AskWronglyAsync(string usedCode, string cookie)
    {
        var path = "/v1/environments/local";
        var token = Token(customer, "POST", "/v1/console/links");
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(HttpMethod.Post, "/v1/console/links", "first use of a token", () => token, null, null)).StatusCode);
        await RefusedAsync(HttpMethod.Post, "/v1/console/links", "a replayed token", () => token);
        await RefusedAsync(HttpMethod.Get, path, "a token cut short", () => Token(customer, "GET", path)[..^40]);
        await RefusedAsync(HttpMethod.Get, path, "a token of another scheme", () => "Bearer" + Token(customer, "GET", path)[RequestToken.Scheme.Length..]);
        await RefusedAsync(HttpMethod.Get, $"/sign-in?code={usedCode}", "a used code", null);
        await AskAsync(HttpMethod.Get, path, "a damaged cookie", null, cookie + "x", null);
        foreach (var post in new[] { "/v1/agents/join", "/v1/environments", "/v1/environments/local/entries", "/v1/environments/local/decide", "/v1/console/links" })
        {
            await AskAsync(HttpMethod.Post, post, $"POST {post} of nonsense", () => Token(vendor, "POST", post), null, "{\"envelope\":1}");
            await AskAsync(HttpMethod.Post, post, $"POST {post} of nothing", null, null, "");
        }

        // A link asked for here is an answer that reveals a code, as the command's is.
        for (var i = 0; i < Answers.Count; i++)
        {
            var text = Encoding.UTF8.GetString(Answers[i].Bytes);
            if (text.IndexOf("sign-in?code=", StringComparison.Ordinal) is var at and >= 0)
            {
                needles.Add($"link code {i}", text[(at + 13)..].Split('"')[0]);
                Answers[i] = Answers[i] with { May = [.. Answers[i].May, $"link code {i}"] };
            }
        }
    }

    public void Dispose()
    {
        http.Dispose();
        customer.Dispose();
        vendor.Dispose();
    }

    private static IEnumerable<(string Path, string What, bool Whole)> Filled(string pattern, IReadOnlyDictionary<string, string> values)
    {
        var path = pattern.Replace("{env}", "local", StringComparison.Ordinal).Replace("{documentName}", "v1", StringComparison.Ordinal).Replace("{index:long}", values["index"], StringComparison.Ordinal);
        path = path.Replace("{id}", values[path.Contains("/changes/", StringComparison.Ordinal) ? "change" : path.EndsWith("/bundle", StringComparison.Ordinal) ? "bundle" : path.Contains("/sessions/", StringComparison.Ordinal) ? "session" : "instance"], StringComparison.Ordinal);
        Assert.DoesNotContain('{', path);
        yield return (path + (path.EndsWith("inclusion", StringComparison.Ordinal) ? "?index=3" : path.EndsWith("consistency", StringComparison.Ordinal) ? "?first=3" : path.EndsWith("explain", StringComparison.Ordinal) ? "?action=instances.delete" : ""), pattern, true);
        if (pattern.Contains("{env}", StringComparison.Ordinal)) yield return (path.Replace("/local", "/elsewhere", StringComparison.Ordinal), pattern + " elsewhere", false);
        if (pattern.EndsWith('}')) yield return (path + "9999", pattern + " that is not there", false);
    }

    private async Task RefusedAsync(HttpMethod method, string path, string what, Func<string>? token) =>
        Assert.InRange((int)(await AskAsync(method, path, what, token, null, null)).StatusCode, 400, 499);

    private async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, string what, Func<string>? token, string? cookie, string? body)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(method, path);
            if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", token());
            if (cookie is not null) request.Headers.TryAddWithoutValidation("Cookie", cookie);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
            var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.True((int)answer.StatusCode < 500, $"{what}: {(int)answer.StatusCode}");
            Answers.Add(new Place($"{what} ({(int)answer.StatusCode})", [.. Encoding.UTF8.GetBytes($"{answer.Headers}{answer.Content.Headers}\n"), .. await BodyAsync(answer)]));
            if (answer.StatusCode != HttpStatusCode.TooManyRequests) return answer;
            // So many refusals in a row look like an attack; the plane forgets them with the minute.
            await Task.Delay(TimeSpan.FromSeconds(61 - TimeProvider.System.GetUtcNow().Second), TimeProvider.System);
        }
    }

    // A stream of events never ends: it is listened to for a while.
    private static async Task<byte[]> BodyAsync(HttpResponseMessage answer)
    {
        using var patience = new CancellationTokenSource(answer.Content.Headers.ContentType?.MediaType == "text/event-stream" ? Listen : TimeSpan.FromSeconds(30));
        using var all = new MemoryStream();
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync();
            var buffer = new byte[64 * 1024];
            for (int read; all.Length < MostBytes && (read = await body.ReadAsync(buffer, patience.Token)) > 0;) all.Write(buffer, 0, read);
        }
        catch (OperationCanceledException)
        {
            // Listened long enough.
        }

        return all.ToArray();
    }

    private string Token(SigningKey key, string method, string path)
    {
        var token = RequestToken.Write(key, "plane.local", method, path, TimeProvider.System.GetUtcNow(), RandomNumberGenerator.Fill);
        // The end of a token is its signature: what makes it worth stealing, and unlike every other.
        needles.AddPlain($"request token {++tokens} ({method} {path})", token[^64..]);
        return token;
    }
}
