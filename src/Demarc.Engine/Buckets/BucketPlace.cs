using System.Text;

namespace Demarc.Engine.Buckets;

/// <summary>A bucket, and the part of it that is this engine's.</summary>
/// <param name="Bucket">The bucket's name.</param>
/// <param name="Prefix">What the keys of all objects begin with: empty, or with a slash at its end.</param>
internal sealed record BucketPlace(string Bucket, string Prefix)
{
    /// <summary>Bytes of a prefix: half of what S3 takes for a key, so that names have room.</summary>
    public const int PrefixBytes = 512;

    private const string Scheme = "s3://";

    /// <summary>Reads <c>s3://BUCKET</c> or <c>s3://BUCKET/PREFIX</c>; null when the text is neither.</summary>
    public static BucketPlace? Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return null;
        }

        var parts = text[Scheme.Length..].Split('/', 2);
        var prefix = parts.Length == 1 ? "" : parts[1].TrimEnd('/');
        return IsBucket(parts[0]) && (prefix.Length == 0 || IsPrefix(prefix))
            ? new BucketPlace(parts[0], prefix.Length == 0 ? "" : prefix + "/")
            : null;
    }

    public override string ToString() => $"{Scheme}{Bucket}/{Prefix}".TrimEnd('/');

    // The rules that S3 has for new buckets.
    private static bool IsBucket(string name) =>
        name.Length is >= 3 and <= 63
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.')
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1]);

    // Some clients and proxies fold empty steps and steps of dots, and then two prefixes would be one.
    private static bool IsPrefix(string prefix) =>
        Encoding.UTF8.GetByteCount(prefix) < PrefixBytes && !prefix.Any(char.IsControl) && !prefix.Split('/').Any(step => step is "" or "." or "..");
}
