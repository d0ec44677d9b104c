using System.Collections.Concurrent;
using System.Security.Cryptography;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Access;

/// <summary>
/// Browsers that were let in: by a one-time code that a person's signed request made, or by the OpenID provider. A cookie stands for that reader's role and
/// can only read. Codes and cookies are random, kept as hashes, in memory: a restart signs everyone out.
/// </summary>
public sealed class BrowserSessions(TimeProvider clock, FillRandom random)
{
    /// <summary>The cookie's name.</summary>
    public const string Cookie = "demarc-session";

    /// <summary>Browsers of one reader; with one more the oldest is signed out, so that nobody uses up what all share.</summary>
    public const int OfOneReader = 16;

    private const int MaxEntries = 4000;
    private static readonly TimeSpan CodeLife = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan SessionLife = TimeSpan.FromHours(8);
    private readonly ConcurrentDictionary<string, Held> codes = new();
    private readonly ConcurrentDictionary<string, Held> sessions = new();

    /// <summary>Everyone who is signed in now.</summary>
    public IEnumerable<Reader> Readers => sessions.Values.Select(held => held.Reader).Distinct();

    /// <summary>A code that signs one browser in as this key, within five minutes; null when too many wait.</summary>
    public string? NewCode(PublicKey key) => Add(codes, Reader.Of(key), CodeLife);

    /// <summary>Uses a code up; null when it is unknown, used or late.</summary>
    public string? Open(string? code)
    {
        if (code is null || !codes.TryRemove(Hash(code), out var found) || found.Until < clock.GetUtcNow()) return null;
        return Open(found.Reader);
    }

    /// <summary>A cookie for a reader who has proved who they are; null when too many are signed in.</summary>
    public string? Open(Reader reader) => Add(sessions, reader, SessionLife);

    /// <summary>Whom a cookie stands for, or null.</summary>
    public Reader? Find(string? cookie)
    {
        if (cookie is not { Length: > 0 and <= 100 } || !sessions.TryGetValue(Hash(cookie), out var found)) return null;
        if (found.Until >= clock.GetUtcNow()) return found.Reader;
        sessions.TryRemove(Hash(cookie), out _);
        return null;
    }

    /// <summary>Forgets a cookie.</summary>
    public void Close(string? cookie)
    {
        if (cookie is { Length: > 0 and <= 100 }) sessions.TryRemove(Hash(cookie), out _);
    }

    /// <summary>Signs a reader out of every browser, and makes codes that nobody opened yet worth nothing; says how many browsers it were.</summary>
    public int CloseAll(Reader reader)
    {
        foreach (var (hash, held) in codes)
        {
            if (held.Reader == reader) codes.TryRemove(hash, out _);
        }

        return sessions.Count(entry => entry.Value.Reader == reader && sessions.TryRemove(entry.Key, out _));
    }

    private string? Add(ConcurrentDictionary<string, Held> into, Reader reader, TimeSpan life)
    {
        var now = clock.GetUtcNow();
        foreach (var (hash, held) in into)
        {
            if (held.Until < now) into.TryRemove(hash, out _);
        }

        var mine = into.Where(entry => entry.Value.Reader == reader).OrderBy(entry => entry.Value.Until).ToList();
        foreach (var (hash, _) in mine.Take(mine.Count - OfOneReader + 1)) into.TryRemove(hash, out _);
        if (into.Count >= MaxEntries) return null;
        Span<byte> bytes = stackalloc byte[32];
        random(bytes);
        var secret = Base64Text.EncodeUrl(bytes);
        into[Hash(secret)] = new Held(reader, now + life);
        return secret;
    }

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret)));

    private sealed record Held(Reader Reader, DateTimeOffset Until);
}
