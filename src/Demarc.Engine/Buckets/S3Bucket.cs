using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Demarc.Engine.Buckets;

/// <summary>
/// A bucket of a service that speaks S3. Files go there in one request or, when they are large, in parts that become an
/// object together. The SDK repeats a request twice when the service fails or the connection breaks; one that stalls is given up.
/// </summary>
internal sealed partial class S3Bucket : IBucket
{
    /// <summary>Bytes read before they are passed on.</summary>
    private const int ChunkBytes = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);
    private readonly AmazonS3Client client;
    private readonly BucketPlace place;
    private readonly TimeSpan patience;

    /// <param name="place">The bucket and the prefix.</param>
    /// <param name="access">How to reach it.</param>
    /// <param name="patience">How long nothing may move before a request is given up; half a minute when null.</param>
    public S3Bucket(BucketPlace place, BucketAccess access, TimeSpan? patience = null)
    {
        this.place = place;
        this.patience = patience ?? Patience;
        AWSCredentials credentials = access.SessionToken is { } token
            ? new SessionAWSCredentials(access.AccessKey, access.SecretKey, token)
            : new BasicAWSCredentials(access.AccessKey, access.SecretKey);
        var config = new AmazonS3Config
        {
            AuthenticationRegion = access.Region,
            ConnectTimeout = ConnectPatience,
            MaxErrorRetry = 2,
            // The watch on each request bounds the time; this would bound that of a whole body.
            Timeout = Timeout.InfiniteTimeSpan,
            // Not every service knows the checksums that the SDK adds by itself, and the files have their own.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            // Only the access file says where requests go.
            IgnoreConfiguredEndpointUrls = true,
        };
        if (access.Endpoint is { } endpoint)
        {
            (config.ServiceURL, config.ForcePathStyle) = (endpoint.ToString(), true);
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(access.Region);
        }

        client = new AmazonS3Client(credentials, config);
    }

    public string Place => place.ToString();

    public async Task<IReadOnlyDictionary<string, long>> ListAsync(CancellationToken stop)
    {
        var found = new Dictionary<string, long>(StringComparer.Ordinal);
        for (string? next = null; ;)
        {
            var request = new ListObjectsV2Request { BucketName = place.Bucket, Prefix = place.Prefix, ContinuationToken = next };
            var page = await AskAsync(watch => client.ListObjectsV2Async(request, watch.Token), stop);

            // An object with the prefix as its whole key is what consoles make of a folder.
            foreach (var item in page.S3Objects?.Where(item => item.Key.Length > place.Prefix.Length) ?? [])
            {
                found[item.Key[place.Prefix.Length..]] = item.Size ?? 0;
            }

            next = page.NextContinuationToken;
            if (page.IsTruncated is not true)
            {
                return found;
            }
        }
    }

    public async Task PutAsync(string name, string path, CancellationToken stop)
    {
        await using var file = File.OpenRead(path);
        if (file.Length > PartBytes)
        {
            await PutPartsAsync(name, path, file.Length, stop);
        }
        else
        {
            await AskAsync(watch => client.PutObjectAsync(Put(name, file, watch), watch.Token), stop);
        }
    }

    public async Task<bool> PutIfAsync(string name, ReadOnlyMemory<byte> content, string? seen, CancellationToken stop)
    {
        using var body = new MemoryStream(content.ToArray(), writable: false);
        var isDone = await AskAsync(async watch =>
        {
            var request = Put(name, body, watch);
            (request.IfMatch, request.IfNoneMatch) = (seen, seen is null ? "*" : null);
            try
            {
                await client.PutObjectAsync(request, watch.Token);
                return true;
            }
            catch (AmazonS3Exception answer) when (IsChanged(answer, seen))
            {
                return false;
            }
        }, stop);

        // When the answer to the first try was lost, the second one is in the way of the first.
        return isDone || await HasAsync(name, content, stop);
    }

    public async Task<BucketObject?> ReadAsync(string name, int most, CancellationToken stop)
    {
        using var answer = await OpenAsync(name, null, stop);
        if (answer is null)
        {
            return null;
        }

        return answer.ContentLength <= most
            ? new BucketObject(await ContentAsync(name, answer, stop), answer.ETag)
            : throw new BucketException($"{Place}: {name} has {answer.ContentLength} bytes, and at most {most} are expected.");
    }

    public async Task<bool> ReadRangeAsync(string name, long from, long length, Stream to, CancellationToken stop)
    {
        // No header asks for an empty range.
        using var answer = await OpenAsync(name, length == 0 ? null : new ByteRange(from, from + length - 1), stop);
        if (answer is null)
        {
            return false;
        }

        if (length == 0 ? answer.ContentLength < from : answer.ContentLength != length)
        {
            throw new BucketException($"{Place}: {name} ends before byte {from + length}.");
        }

        await CopyAsync(name, answer, length, to, stop);
        return true;
    }

    public Task DeleteAsync(string name, CancellationToken stop) =>
        AskAsync(watch => client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = place.Bucket, Key = Key(name) }, watch.Token), stop);

    public void Dispose() => client.Dispose();

    private string Key(string name) => place.Prefix + name;

    private PutObjectRequest Put(string name, Stream body, StallWatch watch) => new()
    {
        BucketName = place.Bucket,
        Key = Key(name),
        InputStream = body,
        AutoCloseStream = false,
        ContentType = "application/octet-stream",
        StreamTransferProgress = (_, _) => watch.Moved(),
    };

    private Task<GetObjectResponse?> OpenAsync(string name, ByteRange? range, CancellationToken stop) => AskAsync(async watch =>
    {
        try
        {
            return await client.GetObjectAsync(new GetObjectRequest { BucketName = place.Bucket, Key = Key(name), ByteRange = range }, watch.Token);
        }
        catch (AmazonS3Exception answer) when (answer.ErrorCode == "NoSuchKey")
        {
            return (GetObjectResponse?)null;
        }
    }, stop);

    private async Task<bool> HasAsync(string name, ReadOnlyMemory<byte> content, CancellationToken stop)
    {
        using var answer = await OpenAsync(name, null, stop);
        return answer?.ContentLength == content.Length && (await ContentAsync(name, answer, stop)).AsSpan().SequenceEqual(content.Span);
    }

    private async Task<byte[]> ContentAsync(string name, GetObjectResponse answer, CancellationToken stop)
    {
        var content = new byte[answer.ContentLength];
        using var to = new MemoryStream(content);
        await CopyAsync(name, answer, content.Length, to, stop);
        return content;
    }

    // Only the reading is the service's: a stream that cannot be written to fails in its own words, and may take its time.
    private async Task CopyAsync(string name, GetObjectResponse answer, long length, Stream to, CancellationToken stop)
    {
        var chunk = new byte[(int)Math.Min(ChunkBytes, length)];
        for (long done = 0; done < length;)
        {
            var wanted = chunk.AsMemory(0, (int)Math.Min(chunk.Length, length - done));
            var count = await AskAsync(async watch => await answer.ResponseStream.ReadAsync(wanted, watch.Token), stop);
            if (count == 0)
            {
                throw new BucketException($"{Place}: {name} broke off after {done} of {length} bytes.");
            }

            await to.WriteAsync(wanted[..count], stop);
            done += count;
        }
    }

    // Another request changed the object: before this one, or at the same time, which AWS and Ceph have different words for.
    // What is to be replaced may also be gone.
    private static bool IsChanged(AmazonS3Exception answer, string? seen) =>
        answer.StatusCode == HttpStatusCode.PreconditionFailed
        || answer.ErrorCode is "ConditionalRequestConflict" or "ConcurrentModification"
        || (seen is not null && answer.ErrorCode == "NoSuchKey");

    private async Task<T> AskAsync<T>(Func<StallWatch, Task<T>> ask, CancellationToken stop, TimeSpan? longer = null)
    {
        using var watch = new StallWatch(longer ?? patience, stop);
        try
        {
            return await ask(watch);
        }
        catch (AmazonServiceException refused) when (refused.StatusCode != 0)
        {
            var code = string.IsNullOrEmpty(refused.ErrorCode) ? refused.StatusCode.ToString() : refused.ErrorCode;
            throw new BucketException(refused.Message.Length == 0 ? $"{Place}: {code}." : $"{Place}: {code}: {refused.Message}", refused);
        }
        catch (Exception stopped) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stopped.Message, stopped, stop);
        }
        catch (Exception stalled) when (watch.Token.IsCancellationRequested)
        {
            throw new BucketException($"{Place} does not answer: nothing moved for {(longer ?? patience).TotalSeconds:0.#} seconds.", stalled);
        }
        catch (Exception away) when (away is AmazonClientException or HttpRequestException or IOException or TimeoutException or OperationCanceledException)
        {
            throw new BucketException($"{Place} does not answer: {away.GetBaseException().Message}", away);
        }
        catch (Exception unread)
        {
            // The SDK stumbles over some answers, as over a tag of another form, with whatever its code throws there.
            throw new BucketException($"{Place} gave an answer that cannot be read: {unread.Message}", unread);
        }
    }
}
