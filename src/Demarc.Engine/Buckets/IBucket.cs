namespace Demarc.Engine.Buckets;

/// <summary>An object's content, and the tag that changes with it.</summary>
internal sealed record BucketObject(byte[] Content, string Tag);

/// <summary>
/// The bucket, or a part of one, that segments are kept in. An object is there whole under its name or not at all. Whatever
/// the service refuses or does not answer is a <see cref="BucketException"/>.
/// </summary>
internal interface IBucket : IDisposable
{
    /// <summary>How people call it, as in <c>s3://models/engine-1</c>.</summary>
    string Place { get; }

    /// <summary>Names and lengths of all objects.</summary>
    Task<IReadOnlyDictionary<string, long>> ListAsync(CancellationToken stop);

    /// <summary>Puts a file's content there, in place of what has the name.</summary>
    Task PutAsync(string name, string path, CancellationToken stop);

    /// <summary>
    /// Puts a small object there if nobody has changed it meanwhile; false when somebody has. It is also true when the very
    /// content is there already, because an earlier try may have had its effect: who must tell its own from another's gives it a mark.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">Its content.</param>
    /// <param name="seen">The tag of what is to be replaced; null when there must be none.</param>
    /// <param name="stop">Gives up.</param>
    Task<bool> PutIfAsync(string name, ReadOnlyMemory<byte> content, string? seen, CancellationToken stop);

    /// <summary>A small object, or null when there is none; one of more than <paramref name="most"/> bytes is refused.</summary>
    Task<BucketObject?> ReadAsync(string name, int most, CancellationToken stop);

    /// <summary>Writes an object's bytes [from, from + length) to a stream; false when there is none.</summary>
    Task<bool> ReadRangeAsync(string name, long from, long length, Stream to, CancellationToken stop);

    /// <summary>Removes an object; that there is none is no fault.</summary>
    Task DeleteAsync(string name, CancellationToken stop);
}

/// <summary>The bucket's service refused, or did not answer.</summary>
internal sealed class BucketException(string message, Exception? cause = null) : IOException(message, cause);
