using System.Globalization;

namespace Demarc.Core.Audit;

/// <summary>Under which lock objects are written: nobody shortens <c>compliance</c>; whoever has the bucket's special permission shortens <c>governance</c>.</summary>
public enum BucketLock
{
    /// <summary>The bucket's own default, if it has one.</summary>
    AsTheBucketSays,

    /// <summary>Object lock in governance mode.</summary>
    Governance,

    /// <summary>Object lock in compliance mode.</summary>
    Compliance,
}

/// <summary>
/// How to reach an S3-compatible bucket: a small file of the customer's, <c>name = value</c> a line, which only its owner can read. There is no other way to
/// hand in the secrets: neither arguments nor variables, which other processes can see.
/// </summary>
/// <param name="Endpoint">Address of the service; null for AWS itself.</param>
/// <param name="Region">Its region.</param>
/// <param name="AccessKey">Id of the access key.</param>
/// <param name="SecretKey">The secret access key.</param>
/// <param name="SessionToken">The token of temporary credentials; null for lasting ones.</param>
/// <param name="Lock">Under which lock objects are written.</param>
/// <param name="LockDays">For how many days; 0 for the bucket's default.</param>
public sealed record BucketAccess(Uri? Endpoint, string Region, string AccessKey, Secret SecretKey, Secret? SessionToken, BucketLock Lock, int LockDays)
{
    /// <summary>A file is never larger.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>The longest lock: a hundred years, the most that the service takes.</summary>
    public const int MaxLockDays = 36_500;

    private static readonly string[] Names = ["endpoint", "region", "access-key", "secret-key", "session-token", "lock", "lock-days"];

    /// <summary>Reads the file's text; the fault names the line or the value, never a secret.</summary>
    public static (BucketAccess? Access, string? Fault) Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            var at = line.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? "" : line[..at].Trim();
            if (!Names.Contains(name)) return Wrong($"line {number} is not 'name = value' with one of {string.Join(", ", Names)}");
            if (!values.TryAdd(name, line[(at + 1)..].Trim())) return Wrong($"line {number}: {name} is given twice");
        }

        foreach (var needed in new[] { "region", "access-key", "secret-key" })
        {
            if (values.GetValueOrDefault(needed, "").Length == 0) return Wrong($"{needed} is missing");
        }

        Uri? endpoint = null;
        if (values.TryGetValue("endpoint", out var address) && (!Uri.TryCreate(address, UriKind.Absolute, out endpoint) || endpoint.Scheme is not ("http" or "https"))) return Wrong("endpoint is not an http(s) address");
        if (endpoint is { Scheme: "http", IsLoopback: false }) return Wrong("endpoint is http to another machine: use https, so that nobody on the way reads or changes what is written");
        BucketLock? mode = values.GetValueOrDefault("lock", "") switch { "" => BucketLock.AsTheBucketSays, "governance" => BucketLock.Governance, "compliance" => BucketLock.Compliance, _ => null };
        if (mode is not { } locked) return Wrong("lock must be governance or compliance, or be left out for the bucket's own default");
        var days = 0;
        if (values.TryGetValue("lock-days", out var told) && (!int.TryParse(told, NumberStyles.None, CultureInfo.InvariantCulture, out days) || days is < 1 or > MaxLockDays)) return Wrong($"lock-days must be a whole number from 1 to {MaxLockDays}");
        if ((locked == BucketLock.AsTheBucketSays) != (days == 0)) return Wrong("lock and lock-days go together: name both, or neither");
        return (new BucketAccess(endpoint, values["region"], values["access-key"], new Secret(values["secret-key"]), values.TryGetValue("session-token", out var token) ? new Secret(token) : null, locked, days), null);
    }

    private static (BucketAccess?, string?) Wrong(string why) => (null, why);
}

/// <summary>Where a copy of a ledger is: a folder, or a prefix of an S3-compatible bucket.</summary>
/// <param name="Bucket">The bucket; null for a folder.</param>
/// <param name="Path">The folder, or the prefix with a slash at its end, empty for the bucket itself.</param>
public sealed record CopyPlace(string? Bucket, string Path)
{
    private const string Scheme = "s3://";

    /// <summary>Reads <c>s3://BUCKET/PREFIX</c>, or else a path; null when it is neither.</summary>
    public static CopyPlace? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Scheme, StringComparison.Ordinal)) return text.Length == 0 || text.Contains("://", StringComparison.Ordinal) ? null : new CopyPlace(null, text);
        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (bucket, prefix) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..].Trim('/'));
        if (bucket.Length is < 3 or > 63 || bucket.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '.'))) return null;
        return prefix.Length > 512 || prefix.Any(char.IsControl) ? null : new CopyPlace(bucket, prefix.Length == 0 ? "" : prefix + "/");
    }

    /// <inheritdoc/>
    public override string ToString() => Bucket is null ? Path : $"{Scheme}{Bucket}/{Path}".TrimEnd('/');
}

/// <summary>How an agent's copy of the ledger stands.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Size">How many entries its newest head covers.</param>
/// <param name="Protection">What keeps it from being changed or removed; null before the place has answered.</param>
/// <param name="Fault">Why it does not go on; null when it does.</param>
public sealed record CopyView(string Place, long Size, string? Protection, string? Fault);

/// <summary>
/// The layout of a copy: C2SP tlog-tiles, which other people's verifiers read, and beside it every head that was ever copied. All of it is written once and never
/// again, but for <c>checkpoint</c>, which the format wants to name the newest head.
/// </summary>
public static class CopyLayout
{
    /// <summary>Folder of the heads.</summary>
    public const string Heads = "checkpoints/";

    /// <summary>Where the head over so many entries stands; in this form, names sort as sizes do.</summary>
    public static string Head(long size) => string.Create(CultureInfo.InvariantCulture, $"{Heads}{size:D19}");

    /// <summary>The size in the name of a head; null when it is none.</summary>
    public static long? SizeOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.StartsWith(Heads, StringComparison.Ordinal) && path.Length == Heads.Length + 19 && long.TryParse(path[Heads.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null;
    }
}
