using Amazon.S3.Model;

namespace Demarc.Engine.Buckets;

/// <summary>Large files, which go in parts.</summary>
internal sealed partial class S3Bucket
{
    /// <summary>The largest file that goes in one request, and the size of a part of a larger one: little is lost when one fails.</summary>
    public const long PartBytes = 64L * 1024 * 1024;

    /// <summary>Parts of one object; S3's bound is 10,000.</summary>
    private const long MostParts = 9_999;

    /// <summary>Parts on their way at once: a single connection seldom fills the line.</summary>
    private const int PartsAtOnce = 4;

    // The parts are no object, and no reader sees them, until they are completed.
    private async Task PutPartsAsync(string name, string path, long length, CancellationToken stop)
    {
        var begun = await AskAsync(watch => client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = place.Bucket, Key = Key(name), ContentType = "application/octet-stream" }, watch.Token), stop);
        try
        {
            var size = Math.Max(PartBytes, (length + MostParts - 1) / MostParts);
            var tags = new PartETag[(int)((length + size - 1) / size)];
            await Parallel.ForEachAsync(Enumerable.Range(0, tags.Length), new ParallelOptions { MaxDegreeOfParallelism = PartsAtOnce, CancellationToken = stop }, async (i, end) =>
            {
                var sent = await AskAsync(watch => client.UploadPartAsync(new UploadPartRequest
                {
                    BucketName = place.Bucket,
                    Key = Key(name),
                    UploadId = begun.UploadId,
                    PartNumber = i + 1,
                    FilePath = path,
                    FilePosition = i * size,
                    PartSize = Math.Min(size, length - (i * size)),
                    StreamTransferProgress = (_, _) => watch.Moved(),
                }, watch.Token), end);
                tags[i] = new PartETag(i + 1, sent.ETag);
            });

            // The service may copy all of it before it answers.
            var whole = new CompleteMultipartUploadRequest { BucketName = place.Bucket, Key = Key(name), UploadId = begun.UploadId, PartETags = [.. tags] };
            await AskAsync(watch => client.CompleteMultipartUploadAsync(whole, watch.Token), stop, patience * 10);
        }
        catch
        {
            await ForgetPartsAsync(name, begun.UploadId);
            throw;
        }
    }

    // Parts that are left cost money until somebody removes them; why they are left is what the caller has to hear.
    private async Task ForgetPartsAsync(string name, string upload)
    {
        try
        {
            await AskAsync(watch => client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = place.Bucket, Key = Key(name), UploadId = upload }, watch.Token), CancellationToken.None, patience / 3);
        }
        catch (BucketException)
        {
            // The bucket's rule for incomplete uploads removes them.
        }
    }
}
