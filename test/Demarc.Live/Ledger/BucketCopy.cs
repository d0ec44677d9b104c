using System.Security.Cryptography;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Demarc.Core.Access;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Live.Faults;

namespace Demarc.Live.Ledger;

/// <summary>
/// The ledger's copy in a bucket of an S3 server that we did not write, with the real agent: under object lock, complete after it was killed, verified by the command
/// line and by a verifier in Go; rewritten and removed objects are noticed, and what is locked stays.
/// </summary>
public sealed class BucketCopy : IAsyncLifetime
{
    private const string Server = "DEMARC_LIVE_S3";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly Quickstart quickstart = new() { Ports = Quickstart.FreePorts() };
    private readonly string locked = "demarc-" + Guid.NewGuid().ToString("n")[..12];
    private readonly string bare = "demarc-" + Guid.NewGuid().ToString("n")[..12];
    private BucketAccess? access;
    private AmazonS3Client? s3;
    private Supervised? agent;

    public async ValueTask InitializeAsync()
    {
        if (Quickstart.Programs is null || Environment.GetEnvironmentVariable(Server) is not { Length: > 0 } file) return;
        var (read, fault) = BucketAccess.Read(await File.ReadAllTextAsync(file));
        access = read ?? throw new InvalidDataException($"{Server}: {fault}");
        s3 = new AmazonS3Client(new BasicAWSCredentials(access.AccessKey, access.SecretKey.Reveal()), new AmazonS3Config { ServiceURL = access.Endpoint!.ToString(), ForcePathStyle = true, AuthenticationRegion = access.Region });
        await s3.PutBucketAsync(new PutBucketRequest { BucketName = locked, ObjectLockEnabledForBucket = true });
        await s3.PutBucketAsync(new PutBucketRequest { BucketName = bare });
        await quickstart.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (agent is not null) await agent.DisposeAsync();
        if (access is not null) await quickstart.DisposeAsync();
        s3?.Dispose();
    }

    [Fact]
    public async Task The_copy_is_locked_survives_kills_and_tells_on_whoever_tampers_with_it()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (s3 is null) Assert.Skip($"no S3 server: {Server} names no access file (endpoint, region, access-key, secret-key, of a key that may make buckets)");
        await CopyToAsync($"s3://{locked}/prod");
        var status = await CaughtUpAsync();
        Assert.Contains("object lock in compliance mode, the newest head until ", status.GetProperty("copy").GetProperty("protection").GetString(), StringComparison.Ordinal);

        // It grows by more than a bundle, and the agent is killed again and again meanwhile.
        var growing = GrowAsync(300);
        while (!growing.IsCompleted)
        {
            await Task.WhenAny(growing, Task.Delay(1500));
            agent!.Kill();
        }

        await growing;
        var size = (await CaughtUpAsync()).GetProperty("size").GetInt64();
        Assert.True(size > 300);
        Assert.Empty(agent!.OwnEnds);
        var verified = await VerifyAsync();
        Assert.True(verified.ExitCode == 0, verified.Everything);
        Assert.Contains($"VERIFIED. Environment local, {size} entries.", verified.Output, StringComparison.Ordinal);
        await AnotherVerifierAsync();
        await NobodyCanRewriteAsync();
    }

    [Fact]
    public async Task A_bucket_without_lock_is_copied_to_and_said_to_have_none()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (s3 is null) Assert.Skip($"no S3 server: {Server} names no access file (endpoint, region, access-key, secret-key, of a key that may make buckets)");
        await CopyToAsync($"s3://{bare}");
        Assert.Contains($"the bucket {bare} has no object lock", (await CaughtUpAsync()).GetProperty("copy").GetProperty("protection").GetString(), StringComparison.Ordinal);
        await UntilAsync("the finding", async () => (await quickstart.JsonAsync("audit", "search", "--kind", "finding.raised")).GetProperty("entries").EnumerateArray().Any(entry => entry.GetProperty("data").GetProperty("finding").GetString() == "ledger-copy-unlocked") ? "" : null);
    }

    private static string AccessFile(Quickstart quickstart) => Path.Combine(quickstart.Home, "bucket.access");

    private async Task CopyToAsync(string place)
    {
        var text = $"endpoint = {access!.Endpoint}\nregion = {access.Region}\naccess-key = {access.AccessKey}\nsecret-key = {access.SecretKey.Reveal()}\nlock = compliance\nlock-days = 1\n";
        await File.WriteAllTextAsync(AccessFile(quickstart), text);
        File.SetUnixFileMode(AccessFile(quickstart), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var running = Processes.Of("demarc-agent", quickstart.Data).Single();
        Processes.Kill(running.Pid);
        await UntilAsync("the agent to end", () => Task.FromResult(Processes.IsAlive(running) ? null : ""));
        agent = new Supervised("demarc-agent", [.. running.Words, "--ledger-copy", place, "--bucket-access", AccessFile(quickstart)], Path.Combine(quickstart.Data, "agent-again.log"));
    }

    // Entries are handed in as they are signed: their own signatures are their authority.
    private async Task GrowAsync(int entries)
    {
        using var customer = quickstart.Key("customer");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{quickstart.Ports!.Value.Web}") };
        var member = SigningKey.FromSeed(new byte[SigningKey.SeedSize]).Public.KeyId;
        for (var i = 0; i < entries; i++)
        {
            EntryData data = i % 2 == 0 ? new MemberAdded(member, Role.Viewer, "Ann") : new MemberRemoved(member);
            var entry = Entry.Write(EnvironmentId.Parse("local"), Entry.NewId(RandomNumberGenerator.Fill), TimeProvider.System.GetUtcNow(), data, customer);
            using var body = new ByteArrayContent(entry.Bytes.ToArray());
            using var answer = await http.PostAsync("/v1/environments/local/entries", body);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            await Task.Delay(20);
        }
    }

    private Task<JsonElement> CaughtUpAsync() => UntilAsync("the copy to catch up", async () =>
    {
        var ran = await quickstart.DemarcAsync("agent", "status", "--output", "json");
        if (ran.ExitCode != 0) return (JsonElement?)null;
        var status = JsonDocument.Parse(ran.Output).RootElement;
        var plane = (await quickstart.JsonAsync("env", "show")).GetProperty("size").GetInt64();
        return status.GetProperty("size").GetInt64() == plane && status.GetProperty("waiting").GetInt32() == 0 && status.GetProperty("copy").GetProperty("size").GetInt64() == plane ? status : null;
    }).ContinueWith(found => found.Result!.Value, TaskScheduler.Default);

    private static async Task<T> UntilAsync<T>(string what, Func<Task<T?>> look)
    {
        for (var since = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(since) < Patience; await Task.Delay(200))
        {
            if (await look() is { } found) return found;
        }

        throw new TimeoutException($"waited a minute for {what}");
    }

    private Task<Ran> VerifyAsync() => quickstart.DemarcAsync("audit", "verify", "--from", $"s3://{locked}/prod", "--bucket-access", AccessFile(quickstart));

    // What lies in the bucket, taken out by hand, is a log to other people's programs too.
    private async Task AnotherVerifierAsync()
    {
        if (!IndependentVerifier.IsInstalled) return;
        var folder = Path.Combine(quickstart.Home, "from-the-bucket");
        foreach (var item in (await s3!.ListObjectsV2Async(new ListObjectsV2Request { BucketName = locked, Prefix = "prod/" })).S3Objects)
        {
            using var answer = await s3.GetObjectAsync(locked, item.Key);
            await answer.WriteResponseStreamToFileAsync(Path.Combine(folder, item.Key["prod/".Length..]), append: false, CancellationToken.None);
        }

        var accepted = await IndependentVerifier.VerifyAsync(folder, (await quickstart.JsonAsync("env", "show")).GetProperty("planeKey").GetString()!);
        Assert.True(accepted.ExitCode == 0, accepted.Everything);
    }

    private async Task NobodyCanRewriteAsync()
    {
        const string Tile = "prod/tile/entries/000";
        var first = (await s3!.GetObjectMetadataAsync(locked, Tile)).VersionId;
        var refused = await Assert.ThrowsAsync<AmazonS3Exception>(() => s3.DeleteObjectAsync(new DeleteObjectRequest { BucketName = locked, Key = Tile, VersionId = first, BypassGovernanceRetention = true }));
        Assert.Equal("AccessDenied", refused.ErrorCode);

        // A version put on top is noticed, and so is a mark of deletion; what is below them is untouched.
        var version = (await s3.PutObjectAsync(new PutObjectRequest { BucketName = locked, Key = Tile, ContentBody = "another history" })).VersionId;
        var rewritten = await VerifyAsync();
        Assert.True(rewritten.ExitCode == 6, rewritten.Everything);
        Assert.Contains("NOT VERIFIED. tile/entries/000", rewritten.Error, StringComparison.Ordinal);
        await s3.DeleteObjectAsync(new DeleteObjectRequest { BucketName = locked, Key = Tile, VersionId = version });
        Assert.Equal(0, (await VerifyAsync()).ExitCode);
        var mark = (await s3.DeleteObjectAsync(new DeleteObjectRequest { BucketName = locked, Key = Tile })).VersionId;
        var missing = await VerifyAsync();
        Assert.True(missing.ExitCode == 6, missing.Everything);
        Assert.Contains("tile/entries/000: missing.", missing.Error, StringComparison.Ordinal);
        await s3.DeleteObjectAsync(new DeleteObjectRequest { BucketName = locked, Key = Tile, VersionId = mark });
        Assert.Equal(0, (await VerifyAsync()).ExitCode);
    }
}
