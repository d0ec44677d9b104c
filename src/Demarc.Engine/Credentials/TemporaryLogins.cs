using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demarc.Engine.Credentials;

/// <summary>
/// Users who exist for a while and may only read. They stand in a file beside the credential file, which is looked at with every call: who is taken out of
/// it, or whose time is over, is out with the next call. A file that others could have written, or that cannot be read, holds nobody.
/// </summary>
internal sealed class TemporaryLogins(string path, SlowHashGate gate, TimeProvider time)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "temporary.json";

    private const long MaxBytes = 16 * 1024;
    private const int MaxUsers = 16;

    // What only reads; every other method, one of a later version included, is not for these users.
    private static readonly FrozenSet<string> Reads = new[]
    {
        "Connect", "GetVersion", "CheckHealth", "GetComponentStates", "ListDatabases", "DescribeDatabase", "HasCollection", "DescribeCollection", "ShowCollections", "GetCollectionStatistics",
        "HasPartition", "ShowPartitions", "GetLoadingProgress", "GetLoadState", "DescribeIndex", "GetIndexStatistics", "GetIndexState", "GetIndexBuildProgress", "Search", "Query", "GetPersistentSegmentInfo",
    }.ToFrozenSet(StringComparer.Ordinal);

    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, string> matched = new(StringComparer.Ordinal);
    private readonly Lock reading = new();
    private (DateTime Written, long Length, IReadOnlyDictionary<string, TemporaryLogin> Users) seen = (default, 0, new Dictionary<string, TemporaryLogin>());

    /// <summary>Whether a method only reads.</summary>
    public static bool MayCall(string method) => Reads.Contains(method);

    /// <summary>The login of a temporary user; null when the header names none, and the other users are asked.</summary>
    public async ValueTask<Login?> Check(string? header)
    {
        if (header is null || !File.Exists(path) || LoginCheck.Decode(header) is not { } text || text.IndexOf(':', StringComparison.Ordinal) is not (> 0 and var colon)) return null;
        if (!Users().TryGetValue(text[..colon], out var user)) return null;
        if (user.Until <= time.GetUtcNow()) return new Login(null, LoginCheck.WrongPassword);
        var digest = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(header)));
        if (Has(digest, user)) return new Login(user.User, null, ReadOnly: true);
        return await gate.RunAsync(async () =>
        {
            // Another call of the same client may have done the work while this one waited.
            if (!Has(digest, user))
            {
                if (!await Task.Run(() => PasswordHash.Parse(user.PasswordHash)?.Matches(text[(colon + 1)..]) == true)) return new Login(null, LoginCheck.WrongPassword);
                if (matched.Count >= Limits.CachedLogins) matched.Clear();
                matched[digest] = user.PasswordHash;
            }

            // It may have been taken out while the hash ran.
            return Users().ContainsKey(user.User) ? new Login(user.User, null, ReadOnly: true) : new Login(null, LoginCheck.WrongPassword);
        });
    }

    private bool Has(string digest, TemporaryLogin user) => matched.TryGetValue(digest, out var hash) && hash == user.PasswordHash;

    private IReadOnlyDictionary<string, TemporaryLogin> Users()
    {
        var file = new FileInfo(path);
        lock (reading)
        {
            if (!file.Exists) return seen.Users.Count == 0 ? seen.Users : (seen = (default, 0, new Dictionary<string, TemporaryLogin>())).Users;
            if (file.LastWriteTimeUtc != seen.Written || file.Length != seen.Length) seen = (file.LastWriteTimeUtc, file.Length, Read(file));
            return seen.Users;
        }
    }

    private Dictionary<string, TemporaryLogin> Read(FileInfo file)
    {
        var users = new Dictionary<string, TemporaryLogin>(StringComparer.Ordinal);
        try
        {
            if (file.Length > MaxBytes || !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0) return users;
            var read = JsonSerializer.Deserialize(File.ReadAllBytes(path), TemporaryLoginJson.Default.TemporaryLoginFile);
            foreach (var user in (read?.Users ?? []).Take(MaxUsers))
            {
                if (user is { User: { Length: > 0 and <= Limits.UserNameLength }, PasswordHash: not null } && PasswordHash.Parse(user.PasswordHash) is not null) users[user.User] = user;
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or IOException or UnauthorizedAccessException)
        {
            users.Clear();
        }

        return users;
    }
}

/// <summary>A user for a while.</summary>
internal sealed record TemporaryLogin(string User, string PasswordHash, DateTimeOffset Until)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{User}:*** until {Until:u}");
}

/// <summary>What the file holds.</summary>
internal sealed record TemporaryLoginFile(IReadOnlyList<TemporaryLogin>? Users);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TemporaryLoginFile))]
internal sealed partial class TemporaryLoginJson : JsonSerializerContext;
