using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Demarc.Core.Audit;

namespace Demarc.Agent.Audit;

/// <summary>
/// An S3-compatible bucket as the place of the copy. Objects are written on the condition that there is none, and under object lock where the bucket has it. Whether
/// objects really are locked is asked of the bucket once one was written.
/// </summary>
public sealed class S3Copy : ICopyTarget, IDisposable
{
    private readonly AmazonS3Client client;
    private readonly CopyPlace place;
    private readonly BucketAccess access;
    private readonly TimeProvider time;
    private bool hasLock;

    /// <summary>With where it is and how to get there.</summary>
    public S3Copy(CopyPlace place, BucketAccess access, TimeProvider time)
    {
        Core.Must.Hold(place.Bucket is not null);
        this.place = place;
        this.access = access;
        this.time = time;
        AWSCredentials credentials = access.SessionToken is { } token
            ? new SessionAWSCredentials(access.AccessKey, access.SecretKey.Reveal(), token.Reveal())
            : new BasicAWSCredentials(access.AccessKey, access.SecretKey.Reveal());
        var config = new AmazonS3Config { Timeout = TimeSpan.FromSeconds(30), MaxErrorRetry = 2, AuthenticationRegion = access.Region };
        if (access.Endpoint is { } endpoint) (config.ServiceURL, config.ForcePathStyle) = (endpoint.ToString(), true);
        else config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(access.Region);
        client = new AmazonS3Client(credentials, config);
    }

    /// <inheritdoc/>
    public string Place => place.ToString();

    /// <inheritdoc/>
    public async Task<CopyProtection> ProtectionAsync(string? written, CancellationToken stop)
    {
        var configured = await AskAsync(async () => (await client.GetObjectLockConfigurationAsync(new GetObjectLockConfigurationRequest { BucketName = place.Bucket }, stop)).ObjectLockConfiguration, "ObjectLockConfigurationNotFoundError", stop);
        hasLock = configured?.ObjectLockEnabled == ObjectLockEnabled.Enabled;
        if (!hasLock) return new CopyProtection(false, true, $"the bucket {place.Bucket} has no object lock");
        if (written is not null) return await ProtectionOfAsync(written, stop);
        if (access.Lock != BucketLock.AsTheBucketSays) return new CopyProtection(true, true, $"object lock in {access.Lock.ToString().ToLowerInvariant()} mode for {access.LockDays} days");
        return configured!.Rule?.DefaultRetention is { Mode: { } mode } retention
            ? new CopyProtection(true, true, $"object lock in {mode.Value.ToLowerInvariant()} mode for {(retention.Days is > 0 and var days ? $"{days} days" : $"{retention.Years} years")}, the bucket's default")
            : new CopyProtection(false, true, $"the bucket {place.Bucket} has object lock, and neither a default retention nor one in the access file: nothing is locked");
    }

    /// <inheritdoc/>
    public async Task<PutOnce> PutOnceAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        if (await PutAsync(path, bytes, onlyNew: true, stop)) return PutOnce.Written;
        return await ReadAsync(path, stop) is { } there && bytes.Span.SequenceEqual(there) ? PutOnce.SameThere : PutOnce.OtherThere;
    }

    /// <inheritdoc/>
    public async Task PutNewestAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop) => await PutAsync(path, bytes, onlyNew: false, stop);

    /// <inheritdoc/>
    public Task<byte[]?> ReadAsync(string path, CancellationToken stop) => AskAsync(async () =>
    {
        using var answer = await client.GetObjectAsync(new GetObjectRequest { BucketName = place.Bucket, Key = place.Path + path }, stop);
        using var bytes = new MemoryStream();
        await answer.ResponseStream.CopyToAsync(bytes, stop);
        return bytes.ToArray();
    }, "NoSuchKey", stop);

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();

    private async Task<CopyProtection> ProtectionOfAsync(string path, CancellationToken stop)
    {
        var kept = await AskAsync(async () => (await client.GetObjectRetentionAsync(new GetObjectRetentionRequest { BucketName = place.Bucket, Key = place.Path + path }, stop)).Retention, "NoSuchObjectLockConfiguration", stop);
        return kept is { Mode: { } mode, RetainUntilDate: { } until } && until.ToUniversalTime() > time.GetUtcNow().UtcDateTime
            ? new CopyProtection(true, true, $"object lock in {mode.Value.ToLowerInvariant()} mode, the newest head until {until.ToUniversalTime():yyyy-MM-dd}")
            : new CopyProtection(false, true, $"the bucket {place.Bucket} has object lock, and its newest head is not locked: name lock and lock-days, or give the bucket a default retention");
    }

    // False when there is an object already.
    private async Task<bool> PutAsync(string path, ReadOnlyMemory<byte> bytes, bool onlyNew, CancellationToken stop)
    {
        using var stream = new MemoryStream(bytes.ToArray(), writable: false);
        var request = new PutObjectRequest { BucketName = place.Bucket, Key = place.Path + path, InputStream = stream, ContentType = "application/octet-stream" };
        if (onlyNew) request.IfNoneMatch = "*";
        if (hasLock && access.Lock != BucketLock.AsTheBucketSays)
        {
            request.ObjectLockMode = access.Lock == BucketLock.Compliance ? ObjectLockMode.Compliance : ObjectLockMode.Governance;
            request.ObjectLockRetainUntilDate = time.GetUtcNow().AddDays(access.LockDays).UtcDateTime;
        }

        return await AskAsync(() => client.PutObjectAsync(request, stop), "PreconditionFailed", stop) is not null;
    }

    // Null for the one error that is an answer; every other becomes ours, in the service's words.
    private async Task<T?> AskAsync<T>(Func<Task<T>> ask, string none, CancellationToken stop) where T : class
    {
        try
        {
            return await ask();
        }
        catch (AmazonS3Exception answer) when (answer.ErrorCode == none || (none == "PreconditionFailed" && answer.StatusCode == HttpStatusCode.PreconditionFailed))
        {
            return null;
        }
        catch (AmazonServiceException refused)
        {
            throw new CopyException($"{Place}: {refused.ErrorCode ?? refused.StatusCode.ToString()}: {refused.Message}", refused);
        }
        catch (Exception away) when (away is HttpRequestException or IOException or AmazonClientException or (TaskCanceledException or TimeoutException) && !stop.IsCancellationRequested)
        {
            throw new CopyException($"{Place} does not answer: {away.Message}", away);
        }
    }
}
