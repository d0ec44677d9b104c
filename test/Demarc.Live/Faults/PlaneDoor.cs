using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Live.Faults;

/// <summary>
/// One person's way to a plane that may be dead at any moment. It asks until it is answered, hands the identical entry in again when an answer was
/// lost, and writes down what the plane has said: an index it gave is a promise, and so is a refusal.
/// </summary>
internal sealed class PlaneDoor(Uri address, string plane, SigningKey key, Promises promises) : IDisposable
{
    private static readonly EnvironmentId Environment = EnvironmentId.Parse("local");
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(20) };

    public SigningKey Key => key;

    /// <summary>Where the entry stands; null when it has no place there, with the plane's words in <see cref="LastRefusal"/>.</summary>
    public async Task<long?> AppendAsync(EntryData data)
    {
        var entry = Entry.Write(Environment, Entry.NewId(RandomNumberGenerator.Fill), TimeProvider.System.GetUtcNow(), data, key);
        var (status, body) = await UntilAnsweredAsync(HttpMethod.Post, $"/v1/environments/{Environment}/entries", entry.Bytes.ToArray());
        if (status == HttpStatusCode.OK)
        {
            var index = JsonSerializer.Deserialize(body, ViewJson.Default.AppendedView)!.Index;
            promises.Kept[entry.Id] = (index, entry.Bytes.ToArray());
            return index;
        }

        promises.Refused.TryAdd(entry.Id, LastRefusal = $"{(int)status} {JsonSerializer.Deserialize(body, ViewJson.Default.ProblemView)?.Detail}");
        return null;
    }

    /// <summary>Why the last entry was refused.</summary>
    public string LastRefusal { get; private set; } = "";

    /// <summary>An answer of the plane; null when there is no such thing.</summary>
    public async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type) where T : class
    {
        var (status, body) = await UntilAnsweredAsync(HttpMethod.Get, $"/v1/environments/{Environment}{path}", null);
        if (status == HttpStatusCode.NotFound) return null;
        Assert.True(status == HttpStatusCode.OK, $"GET {path}: {(int)status} {System.Text.Encoding.UTF8.GetString(body)}");
        return JsonSerializer.Deserialize(body, type);
    }

    public void Dispose() => http.Dispose();

    private async Task<(HttpStatusCode Status, byte[] Body)> UntilAnsweredAsync(HttpMethod method, string path, byte[]? body)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var request = new HttpRequestMessage(method, path);
                request.Headers.TryAddWithoutValidation("Authorization", RequestToken.Write(key, plane, method.Method, path, TimeProvider.System.GetUtcNow(), RandomNumberGenerator.Fill));
                if (body is not null)
                {
                    request.Content = new ByteArrayContent(body);
                    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                }

                using var answer = await http.SendAsync(request);
                var bytes = await answer.Content.ReadAsByteArrayAsync();
                // What the plane could not settle, or had no time for, is asked again.
                if ((int)answer.StatusCode < 500 && answer.StatusCode != HttpStatusCode.TooManyRequests) return (answer.StatusCode, bytes);
                promises.Unsettled.Enqueue($"{method} {path}: {(int)answer.StatusCode}");
            }
            catch (Exception lost) when (lost is HttpRequestException or IOException or TaskCanceledException)
            {
                Assert.True(attempt < 600, $"{method} {path}: the plane has not answered for a minute: {lost.Message}");
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }
}

/// <summary>What the plane and the instances have promised to the people of the day.</summary>
internal sealed class Promises
{
    /// <summary>Entry id → the index it was given, and its exact bytes.</summary>
    public ConcurrentDictionary<string, (long Index, byte[] Bytes)> Kept { get; } = [];

    /// <summary>Entry id → why it was refused. Such an entry must not stand in the ledger.</summary>
    public ConcurrentDictionary<string, string> Refused { get; } = [];

    /// <summary>Answers that settled nothing.</summary>
    public ConcurrentQueue<string> Unsettled { get; } = [];

    /// <summary>What must never be seen, seen.</summary>
    public ConcurrentQueue<string> Broken { get; } = [];

    /// <summary>How often each kind of thing was done.</summary>
    public ConcurrentDictionary<string, int> Done { get; } = [];

    public void Count(string what) => Done.AddOrUpdate(what, 1, (_, n) => n + 1);
}
