using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>
/// The plane's REST API. Every request carries a token signed by the person's own key, bound to this very request. An error of the
/// plane becomes the command's own error with the same words; that nobody answers is said with the address that was tried.
/// </summary>
internal sealed class PlaneClient : IDisposable
{
    /// <summary>The largest answer: a page of entries. A plane that sends more is cut off.</summary>
    private const int MaxAnswerBytes = 64 * 1024 * 1024;

    private const string EnvironmentsPath = "/v1/environments/";

    private readonly HttpClient http;
    private readonly ISigner? key;
    private readonly TimeProvider time;
    private readonly FillRandom random;
    private PlaneView? plane;

    public PlaneClient(Uri address, ISigner? key, TimeProvider time, FillRandom random)
    {
        Address = address;
        this.key = key;
        this.time = time;
        this.random = random;
        http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback, AllowAutoRedirect = false })
        {
            BaseAddress = address,
            MaxResponseContentBufferSize = MaxAnswerBytes,
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    public Uri Address { get; }

    /// <summary>Called with each environment before anything is asked about it; null for a client that nobody watches.</summary>
    public Func<EnvironmentId, Task>? Watch { get; set; }

    /// <summary>What the plane says of itself.</summary>
    public async Task<PlaneView> PlaneAsync(CancellationToken stop)
    {
        if (plane is not null) return plane;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/plane");
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return plane = await ReadAsync(answer, ViewJson.Default.PlaneView, stop);
    }

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Get, path, stop);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await ReadAsync(answer, type, stop);
    }

    public async Task<string> GetTextAsync(string path, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Get, path, stop);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await answer.Content.ReadAsStringAsync(stop);
    }

    public async Task<TOut> PostAsync<TIn, TOut>(string path, TIn body, JsonTypeInfo<TIn> inType, JsonTypeInfo<TOut> outType, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Post, path, stop);
        request.Content = Json(JsonSerializer.SerializeToUtf8Bytes(body, inType));
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await ReadAsync(answer, outType, stop);
    }

    public async Task<TOut> PostNothingAsync<TOut>(string path, JsonTypeInfo<TOut> outType, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Post, path, stop);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await ReadAsync(answer, outType, stop);
    }

    public async Task<TOut> DeleteAsync<TOut>(string path, JsonTypeInfo<TOut> outType, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Delete, path, stop);
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await ReadAsync(answer, outType, stop);
    }

    /// <summary>Appends an entry; its own signatures are its authority.</summary>
    public Task<AppendedView> AppendAsync(Entry entry, CancellationToken stop) =>
        PostEntryAsync($"/v1/environments/{entry.Environment}/entries", entry, stop);

    /// <summary>Founds an environment.</summary>
    public Task<AppendedView> FoundAsync(Entry founding, CancellationToken stop) => PostEntryAsync("/v1/environments", founding, stop);

    /// <summary>Opens a stream of server-sent events; the caller disposes it.</summary>
    public async Task<Stream> EventsAsync(string path, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Get, path, stop);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        var answer = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        return await answer.Content.ReadAsStreamAsync(stop);
    }

    /// <summary>Opens a WebSocket; the caller disposes it.</summary>
    public async Task<ClientWebSocket> SocketAsync(string path, CancellationToken stop)
    {
        using var request = await SignedAsync(HttpMethod.Get, path, stop);
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", request.Headers.NonValidated["Authorization"].ToString());
        socket.Options.CollectHttpResponseDetails = true;
        if (Address.IsLoopback) socket.Options.Proxy = null;
        var address = new UriBuilder(new Uri(Address, path)) { Scheme = Address.Scheme == "https" ? "wss" : "ws" }.Uri;
        try
        {
            await socket.ConnectAsync(address, stop);
            return socket;
        }
        catch (WebSocketException refused)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            if (status == 0) throw PlaneProblem.Unreachable(Address, refused.Message);

            // The refusal in words comes with a plain request: of a handshake only the number is told.
            await GetTextAsync(path, stop);
            throw PlaneProblem.Unreachable(Address, $"{path} answered {(int)status}");
        }
    }

    public void Dispose() => http.Dispose();

    private async Task<AppendedView> PostEntryAsync(string path, Entry entry, CancellationToken stop)
    {
        using var request = key is null ? new HttpRequestMessage(HttpMethod.Post, path) : await SignedAsync(HttpMethod.Post, path, stop);
        request.Content = Json(entry.Bytes.ToArray());
        using var answer = await SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        return await ReadAsync(answer, ViewJson.Default.AppendedView, stop);
    }

    private async Task<HttpRequestMessage> SignedAsync(HttpMethod method, string path, CancellationToken stop)
    {
        var name = (await PlaneAsync(stop)).Name;
        if (Watch is not null && path.StartsWith(EnvironmentsPath, StringComparison.Ordinal) && EnvironmentId.TryParse(path[EnvironmentsPath.Length..].Split('/', '?')[0], out var environment)) await Watch(environment);
        var request = new HttpRequestMessage(method, path);
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Authorization", RequestToken.Write(key, name, method.Method, path, time.GetUtcNow(), random));
        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken stop)
    {
        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(request, completion, stop);
        }
        catch (HttpRequestException unreachable)
        {
            throw PlaneProblem.Unreachable(Address, unreachable.Message);
        }
        catch (TaskCanceledException) when (!stop.IsCancellationRequested)
        {
            throw PlaneProblem.Unreachable(Address, $"no answer within {http.Timeout.TotalSeconds} s");
        }

        if (answer.IsSuccessStatusCode) return answer;
        using (answer) throw PlaneProblem.Of(answer.StatusCode, await answer.Content.ReadAsStringAsync(stop), request);
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken stop)
    {
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(stop);
            return await JsonSerializer.DeserializeAsync(body, type, stop) ?? throw new JsonException("it is null");
        }
        catch (JsonException unreadable)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"The answer of {Address} to {answer.RequestMessage?.RequestUri?.PathAndQuery} cannot be read: {unreadable.Message}", "Is this a Demarc plane, and of this version?");
        }
    }

    private static ByteArrayContent Json(byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}
