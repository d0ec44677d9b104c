using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Demarc.Cli.Access;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>Files of a ledger, an export's or a copy's, wherever they are.</summary>
internal abstract class CopySource : IDisposable
{
    /// <summary>No file of the format is larger: a full bundle of the largest entries.</summary>
    protected const long MaxFileBytes = TlogTiles.Width * (2L + Entry.MaxBytes);

    /// <summary>Where they are, for people.</summary>
    public abstract string Name { get; }

    /// <summary>A file; null when there is none, or one that is too large to be of the format.</summary>
    public abstract byte[]? Read(string path);

    /// <summary>The newest head that was copied over more than so many entries; null when there is none.</summary>
    public abstract long? NewestHeadAfter(long size);

    public virtual void Dispose()
    {
    }

    /// <summary>A folder, or <c>s3://BUCKET/PREFIX</c> with a file that says how to reach it.</summary>
    public static CopySource Open(string place, string? accessFile)
    {
        if (CopyPlace.Read(place) is not { } read) throw CommandFailedException.Usage($"'{place}' is neither a folder nor s3://BUCKET/PREFIX.");
        if (read.Bucket is null) return new FolderSource(read.Path);
        if (accessFile is null) throw CommandFailedException.Usage($"How to reach '{place}' is not said.", "Name the file with --bucket-access: endpoint, region, access-key and secret-key, a line each; a key that may only read is enough.");
        if (!File.Exists(accessFile)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no file '{accessFile}'.");
        KeyFile.MustBePrivate(accessFile);
        if (new FileInfo(accessFile).Length > BucketAccess.MaxBytes) throw CommandFailedException.Usage($"'{accessFile}' is larger than {BucketAccess.MaxBytes} bytes.");
        var (access, fault) = BucketAccess.Read(File.ReadAllText(accessFile));
        return access is null ? throw CommandFailedException.Usage($"{accessFile}: {fault}.") : new BucketSource(read, access);
    }
}

/// <summary>Files in a folder.</summary>
internal sealed class FolderSource(string folder) : CopySource
{
    public override string Name => folder;

    public override byte[]? Read(string path)
    {
        if (!Directory.Exists(folder)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no folder '{folder}'.");
        var file = new FileInfo(Path.Combine(folder, path));
        return file.Exists && file.Length <= MaxFileBytes ? File.ReadAllBytes(file.FullName) : null;
    }

    public override long? NewestHeadAfter(long size)
    {
        var heads = Path.Combine(folder, CopyLayout.Heads);
        return Directory.Exists(heads) ? Directory.EnumerateFiles(heads).Select(file => CopyLayout.SizeOf(CopyLayout.Heads + Path.GetFileName(file))).Where(head => head > size).Max() : null;
    }
}

/// <summary>Objects in an S3-compatible bucket. Only reads; the newest version of each counts.</summary>
internal sealed class BucketSource : CopySource
{
    private readonly AmazonS3Client client;
    private readonly CopyPlace place;

    public BucketSource(CopyPlace place, BucketAccess access)
    {
        this.place = place;
        AWSCredentials credentials = access.SessionToken is { } token
            ? new SessionAWSCredentials(access.AccessKey, access.SecretKey.Reveal(), token.Reveal())
            : new BasicAWSCredentials(access.AccessKey, access.SecretKey.Reveal());
        var config = new AmazonS3Config { Timeout = TimeSpan.FromSeconds(60), AuthenticationRegion = access.Region };
        if (access.Endpoint is { } endpoint) (config.ServiceURL, config.ForcePathStyle) = (endpoint.ToString(), true);
        else config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(access.Region);
        client = new AmazonS3Client(credentials, config);
    }

    public override string Name => place.ToString();

    public override byte[]? Read(string path) => Ask(async () =>
    {
        using var answer = await client.GetObjectAsync(new GetObjectRequest { BucketName = place.Bucket, Key = place.Path + path });
        if (answer.ContentLength > MaxFileBytes) return null;
        using var bytes = new MemoryStream();
        await answer.ResponseStream.CopyToAsync(bytes);
        return bytes.ToArray();
    });

    public override long? NewestHeadAfter(long size)
    {
        long? newest = null;
        var request = new ListObjectsV2Request { BucketName = place.Bucket, Prefix = place.Path + CopyLayout.Heads, StartAfter = place.Path + CopyLayout.Head(size) };
        while (true)
        {
            var page = Ask(() => client.ListObjectsV2Async(request))!;
            foreach (var item in page.S3Objects ?? []) newest = CopyLayout.SizeOf(item.Key[place.Path.Length..]) is { } head && head > size ? head : newest;
            if (page.IsTruncated != true) return newest;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    public override void Dispose()
    {
        client.Dispose();
        base.Dispose();
    }

    private T? Ask<T>(Func<Task<T?>> ask) where T : class
    {
        try
        {
            return ask().GetAwaiter().GetResult();
        }
        catch (AmazonS3Exception none) when (none.ErrorCode == "NoSuchKey")
        {
            return null;
        }
        catch (AmazonServiceException refused)
        {
            throw new CommandFailedException(ExitCodes.Unreachable, $"{Name} cannot be read: {refused.ErrorCode ?? refused.StatusCode.ToString()}: {refused.Message}", "Check the place, and what the access file's key may do: it has to read and list.");
        }
        catch (Exception away) when (away is HttpRequestException or IOException or AmazonClientException or TaskCanceledException)
        {
            throw new CommandFailedException(ExitCodes.Unreachable, $"{Name} does not answer: {away.Message}", "Check the endpoint in the access file.");
        }
    }
}
