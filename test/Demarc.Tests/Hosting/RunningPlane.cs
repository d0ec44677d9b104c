using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Environments;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Demarc.Tests.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Demarc.Tests.Hosting;

/// <summary>A whole plane in this process, on free loopback ports, in a folder of its own; only its clock is the test's.</summary>
internal sealed class RunningPlane : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PlaneFolder plane;

    private RunningPlane(Func<PlaneOptions, PlaneOptions>? started)
    {
        World = new PlaneWorld(TimeProvider.System.GetUtcNow());
        Options = new PlaneOptions(folder.File("data"), new Uri("http://127.0.0.1:0"), 0, [], "plane.test", World.Vendor.Public.KeyId);
        if (started is not null) Options = started(Options);
        var (opened, fault) = PlaneFolder.Open(Options.Data);
        plane = opened ?? throw new InvalidOperationException(fault);

        // The world's founding entries pin the key that this plane signs with.
        PrivateFile.Write(plane.File("plane.key"), Base64Text.EncodeUrl(Sample.Key(5).ExportSeed()));
        App = PlaneHost.Build(Options, plane, World.Time);
        Client = new HttpClient();
    }

    public PlaneWorld World { get; }

    public PlaneOptions Options { get; }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public Sequencer Sequencer => App.Services.GetRequiredService<Sequencer>();

    public PlaneView Identity => App.Services.GetRequiredService<PlaneIdentity>().View;

    public static async Task<RunningPlane> StartAsync(Func<PlaneOptions, PlaneOptions>? started = null)
    {
        var running = new RunningPlane(started);
        await running.App.StartAsync();
        running.Client.BaseAddress = running.App.Services.GetRequiredService<PlaneIdentity>().Rest;
        return running;
    }

    public async Task AppendAllAsync(IEnumerable<Entry> entries)
    {
        foreach (var entry in entries) Assert.Null((await Sequencer.AppendAsync(entry.Environment, entry, CancellationToken.None)).Refusal);
    }

    /// <summary>A request with the given key's token; nothing is signed without a key.</summary>
    public HttpRequestMessage Request(string method, string path, SigningKey? key, string? tokenFor = null, TimeSpan late = default, byte[]? body = null)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (key is not null) request.Headers.TryAddWithoutValidation("Authorization", RequestToken.Write(key, "plane.test", method, tokenFor ?? path, World.Time.GetUtcNow() - late, RandomNumberGenerator.Fill));
        if (body is not null) request.Content = new ByteArrayContent(body);
        return request;
    }

    public Task<HttpResponseMessage> SendAsync(string method, string path, SigningKey? key, byte[]? body = null) => Client.SendAsync(Request(method, path, key, body: body));

    public async Task<T> GetAsync<T>(string path, SigningKey key, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        using var answer = await SendAsync("GET", path, key);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return (await answer.Content.ReadFromJsonAsync(type))!;
    }

    public async Task<string> GetTextAsync(string path, SigningKey? key = null)
    {
        using var answer = await SendAsync("GET", path, key);
        return await answer.Content.ReadAsStringAsync();
    }

    public Task<HttpResponseMessage> PostEntryAsync(Entry entry) => SendAsync("POST", $"/v1/environments/{entry.Environment}/entries", null, entry.Bytes.ToArray());

    public static async Task<ProblemView> ProblemAsync(HttpResponseMessage answer)
    {
        Assert.True(answer.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{answer} {await answer.Content.ReadAsStringAsync()}");
        return (await answer.Content.ReadFromJsonAsync(ViewJson.Default.ProblemView))!;
    }

    /// <summary>The request of the world's agent to join, with a transport key of its own.</summary>
    public JoinRequest JoinRequest(Entry joined, TransportKey key, SigningKey? prover = null) => new(
        "acme",
        Base64Text.Encode(joined.Bytes.Span),
        Base64Text.Encode(key.Csr),
        Base64Text.Encode(CertificateRequestProof.Sign(prover ?? World.Agent, PlaneWorld.Acme, key.Csr)));

    public Task<HttpResponseMessage> JoinAsync(JoinRequest request) =>
        SendAsync("POST", "/v1/agents/join", null, Encoding.UTF8.GetBytes(System.Text.Json.JsonSerializer.Serialize(request, ViewJson.Default.JoinRequest)));

    /// <summary>Founds the world with its agent joined over REST; gives the agent's transport.</summary>
    public async Task<AgentTransport> JoinedAsync()
    {
        await AppendAllAsync([World.Founding(PlaneWorld.Acme), .. World.Charter(), World.Invite()]);
        var key = new TransportKey();
        using var answer = await JoinAsync(JoinRequest(World.Join(), key));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        var reply = (await answer.Content.ReadFromJsonAsync(ViewJson.Default.JoinReply))!;
        return new AgentTransport(reply.Hub, reply.Ca, key.With(Convert.FromBase64String(reply.Certificate)), World.Time.GetUtcNow());
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync().WaitAsync(Patience.Limit);
        await App.DisposeAsync();
        Client.Dispose();
        plane.Dispose();
        folder.Dispose();
    }
}

/// <summary>The key of an agent's TLS certificate, and the request for one.</summary>
internal sealed class TransportKey
{
    private readonly ECDsa key;

    public TransportKey(ECCurve? curve = null)
    {
        key = ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);
        Csr = new CertificateRequest("CN=whatever it says", key, HashAlgorithmName.SHA256).CreateSigningRequest();
    }

    public byte[] Csr { get; }

    public X509Certificate2 With(byte[] certificate)
    {
        using var bare = X509CertificateLoader.LoadCertificate(certificate);
        return bare.CopyWithPrivateKey(key);
    }
}
