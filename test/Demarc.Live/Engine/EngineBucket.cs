using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Demarc.Engine.Buckets;
using Demarc.Tests.Engine.Buckets;
using S3Bucket = Demarc.Engine.Buckets.S3Bucket;

namespace Demarc.Live.Engine;

/// <summary>The engine's bucket on an S3 server that we did not write: it keeps the contract that the bucket in memory keeps, with objects of several parts and lists of several pages.</summary>
public sealed class EngineBucket(BucketServer server) : BucketContract, IClassFixture<BucketServer>
{
    private readonly string prefix = "engine-" + Guid.NewGuid().ToString("n")[..12];
    private S3Bucket? bucket;

    private protected override IBucket Bucket => bucket ??= Open(prefix);

    // More than one part.
    protected override int LargeBytes => 70 * 1024 * 1024;

    [Fact]
    public async Task A_list_of_several_pages_is_whole_and_without_the_neighbour_s()
    {
        using var neighbour = Open(prefix + "0");
        await neighbour.PutAsync("theirs", FileOf("theirs"), Stop);
        var names = Enumerable.Range(0, 1_003).Select(i => i.ToString("d5", CultureInfo.InvariantCulture)).ToList();
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Stop }, async (name, stop) =>
            Assert.True(await Bucket.PutIfAsync(name, Bytes(name), null, stop)));
        var listed = await Bucket.ListAsync(Stop);
        Assert.Equal(names, listed.Keys.Order(StringComparer.Ordinal));
        Assert.All(listed.Values, length => Assert.Equal(5, length));
        Assert.Equal(["theirs"], (await neighbour.ListAsync(Stop)).Keys);
    }

    [Fact]
    public async Task A_large_file_that_is_not_sent_to_its_end_leaves_nothing()
    {
        var path = FileOf("");
        await using (var file = File.OpenWrite(path))
        {
            file.SetLength(5 * S3Bucket.PartBytes);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        _ = Bucket;
        stop.CancelAfter(TimeSpan.FromMilliseconds(400));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Bucket.PutAsync("large", path, stop.Token));
        Assert.Empty(await Bucket.ListAsync(Stop));
        var left = await server.Client!.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = server.Name, Prefix = prefix }, Stop);
        Assert.Empty(left.MultipartUploads ?? []);
    }

    [Fact]
    public async Task A_bucket_that_is_not_there_and_a_secret_that_is_wrong_are_said()
    {
        _ = Bucket;
        using var missing = new S3Bucket(new BucketPlace(server.Name + "-not", ""), server.Access!);
        Assert.Contains("NoSuchBucket", (await Assert.ThrowsAsync<BucketException>(() => missing.ListAsync(Stop))).Message, StringComparison.Ordinal);
        Assert.Contains("NoSuchBucket", (await Assert.ThrowsAsync<BucketException>(() => missing.ReadAsync("a", 100, Stop))).Message, StringComparison.Ordinal);
        Assert.Contains("NoSuchBucket", (await Assert.ThrowsAsync<BucketException>(() => missing.PutIfAsync("a", Bytes("a"), null, Stop))).Message, StringComparison.Ordinal);
        using var wrong = new S3Bucket(new BucketPlace(server.Name, ""), server.Access! with { SecretKey = "planted-Secret-4711" });
        var refused = await Assert.ThrowsAsync<BucketException>(() => wrong.ListAsync(Stop));
        Assert.Matches($"^s3://{server.Name}: (SignatureDoesNotMatch|AccessDenied)", refused.Message);
        Assert.DoesNotContain("planted-", refused.ToString(), StringComparison.Ordinal);
    }

    protected override void Close() => bucket?.Dispose();

    private S3Bucket Open(string below)
    {
        if (server.Client is null)
        {
            Assert.Skip($"no S3 server: {BucketServer.Variable} names no access file (endpoint, region, access-key, secret-key, of a key that may make buckets)");
        }

        return new S3Bucket(BucketPlace.Parse($"s3://{server.Name}/{below}")!, server.Access!);
    }
}

/// <summary>The server that the tests of one run share, with a bucket of their own.</summary>
public sealed class BucketServer : IAsyncLifetime
{
    public const string Variable = "DEMARC_LIVE_S3";

    public string Name { get; } = "demarc-" + Guid.NewGuid().ToString("n")[..12];

    internal BucketAccess? Access { get; private set; }

    internal AmazonS3Client? Client { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } file)
        {
            return;
        }

        Access = BucketAccess.Read(file);
        Client = new AmazonS3Client(new BasicAWSCredentials(Access.AccessKey, Access.SecretKey), new AmazonS3Config { ServiceURL = Access.Endpoint!.ToString(), ForcePathStyle = true, AuthenticationRegion = Access.Region });
        await Client.PutBucketAsync(new PutBucketRequest { BucketName = Name });
    }

    public ValueTask DisposeAsync()
    {
        Client?.Dispose();
        return ValueTask.CompletedTask;
    }
}
