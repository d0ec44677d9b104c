using Demarc.Engine.Durability;

namespace Demarc.Engine.Buckets;

/// <summary>
/// How to reach the bucket, from a file only its owner can read: a line is <c>name = value</c>, or empty, or a comment
/// after <c>#</c>. The secrets come in no other way, because other processes see a command line and an environment.
/// </summary>
/// <param name="Endpoint">The service's address; null for AWS itself.</param>
/// <param name="Region">The region that requests are signed for.</param>
/// <param name="AccessKey">The id of the access key.</param>
/// <param name="SecretKey">Its secret.</param>
/// <param name="SessionToken">What temporary credentials have beside these; null for lasting ones.</param>
internal sealed record BucketAccess(Uri? Endpoint, string Region, string AccessKey, string SecretKey, string? SessionToken)
{
    /// <summary>Bytes of the file: several times what credentials need, so that a wrong file is not read whole.</summary>
    public const int MaxBytes = 16 * 1024;

    private static readonly string[] Names = ["endpoint", "region", "access-key", "secret-key", "session-token"];

    public static BucketAccess Read(string path)
    {
        if (!File.Exists(path))
        {
            throw Refused($"The bucket's access file {path} does not exist.");
        }

        try
        {
            if (!OperatingSystem.IsWindows())
            {
                var others = File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite);
                if (others != 0)
                {
                    throw Refused($"The bucket's access file {path} may be used by others ({others}). Run: chmod 600 {path}");
                }
            }

            var length = new FileInfo(path).Length;
            return length <= MaxBytes
                ? Parse(File.ReadAllText(path))
                : throw Refused($"The bucket's access file {path} has {length} bytes; at most {MaxBytes} are read.");
        }
        catch (FormatException wrong)
        {
            throw Refused($"The bucket's access file {path}: {wrong.Message}");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw Refused($"The bucket's access file {path} cannot be read: {unreadable.Message}");
        }
    }

    /// <summary>Reads the file's text. A <see cref="FormatException"/> names the line or the value, and shows neither.</summary>
    public static BucketAccess Parse(string text)
    {
        var values = Values(text);
        string Needed(string name) => values.TryGetValue(name, out var value) ? value : throw new FormatException($"{name} is missing.");
        return new BucketAccess(
            values.TryGetValue("endpoint", out var endpoint) ? Address(endpoint) : null,
            Needed("region"),
            Needed("access-key"),
            Needed("secret-key"),
            values.GetValueOrDefault("session-token"));
    }

    public override string ToString() => $"{AccessKey}:***";

    private static Dictionary<string, string> Values(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (index, line) in text.Split('\n').Select(line => line.Trim()).Index())
        {
            if (line.Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            var parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !Names.Contains(parts[0]))
            {
                throw new FormatException($"line {index + 1} is not of the form name = value with one of the names {string.Join(", ", Names)}.");
            }

            // What stands in a header must not end it.
            if (parts[1].Length == 0 || parts[1].Any(c => c is < '!' or > '~'))
            {
                throw new FormatException($"line {index + 1}: {parts[0]} is empty or has characters that do not belong there.");
            }

            if (!values.TryAdd(parts[0], parts[1]))
            {
                throw new FormatException($"line {index + 1}: {parts[0]} was given before.");
            }
        }

        return values;
    }

    private static Uri Address(string value)
    {
        if (!Uri.TryCreate(value, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.PathAndQuery != "/" || address.UserInfo.Length + address.Fragment.Length != 0)
        {
            throw new FormatException("endpoint is not an address such as https://s3.example.org.");
        }

        return address.Scheme == "https" || address.IsLoopback
            ? address
            : throw new FormatException("endpoint is http on another machine, where others on the way read and change what goes by: it must be https.");
    }

    private static DataDirectoryException Refused(string message) => new(ExitCodes.Credentials, message);
}
