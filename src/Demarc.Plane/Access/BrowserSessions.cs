using System.Collections.Concurrent;
using System.Security.Cryptography;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Access;

/// <summary>
/// Lets a browser in without a second secret: a person's signed request makes a one-time code, opening it sets a cookie that stands for that key's role
/// and can only read. Codes and cookies are random, kept as hashes, in memory: a restart signs everyone out.
/// </summary>
public sealed class BrowserSessions(TimeProvider clock, FillRandom random)
{
    /// <summary>The cookie's name; the prefix makes browsers insist on path and host.</summary>
    public const string Cookie = "demarc-session";

    private const int MaxEntries = 1000;
    private static readonly TimeSpan CodeLife = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan SessionLife = TimeSpan.FromHours(8);
    private readonly ConcurrentDictionary<string, (PublicKey Key, DateTimeOffset Until)> codes = new();
    private readonly ConcurrentDictionary<string, (PublicKey Key, DateTimeOffset Until)> sessions = new();

    /// <summary>A code that signs one browser in as this key, within five minutes; null when too many wait.</summary>
    public string? NewCode(PublicKey key) => Add(codes, key, CodeLife);

    /// <summary>Uses a code up; null when it is unknown, used or late.</summary>
    public string? Open(string? code)
    {
        if (code is null || !codes.TryRemove(Hash(code), out var found) || found.Until < clock.GetUtcNow()) return null;
        return Add(sessions, found.Key, SessionLife);
    }

    /// <summary>The key a cookie stands for, or null.</summary>
    public PublicKey? Find(string? cookie)
    {
        if (cookie is not { Length: > 0 and <= 100 } || !sessions.TryGetValue(Hash(cookie), out var found)) return null;
        if (found.Until >= clock.GetUtcNow()) return found.Key;
        sessions.TryRemove(Hash(cookie), out _);
        return null;
    }

    /// <summary>Forgets a cookie.</summary>
    public void Close(string? cookie)
    {
        if (cookie is { Length: > 0 and <= 100 }) sessions.TryRemove(Hash(cookie), out _);
    }

    private string? Add(ConcurrentDictionary<string, (PublicKey Key, DateTimeOffset Until)> into, PublicKey key, TimeSpan life)
    {
        var now = clock.GetUtcNow();
        foreach (var (hash, entry) in into)
        {
            if (entry.Until < now) into.TryRemove(hash, out _);
        }

        if (into.Count >= MaxEntries) return null;
        Span<byte> bytes = stackalloc byte[32];
        random(bytes);
        var secret = Base64Text.EncodeUrl(bytes);
        into[Hash(secret)] = (key, now + life);
        return secret;
    }

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret)));
}
