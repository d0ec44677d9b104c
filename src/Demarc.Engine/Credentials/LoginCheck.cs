using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Credentials;

/// <summary>How a login attempt ended.</summary>
/// <param name="User">Who it is; empty when logins are off; null when refused.</param>
/// <param name="Refusal">Milvus's words for the refusal.</param>
/// <param name="Busy">Too many attempts wait for the slow hash.</param>
/// <param name="ReadOnly">Whether they may only read.</param>
internal readonly record struct Login(string? User, string? Refusal, bool Busy = false, bool ReadOnly = false);

/// <summary>
/// Checks the `authorization` header that Milvus clients send: base64 of user:password. The slow hash runs once per
/// credential; after that a keyed digest of the header, with a key that lives only in this process, is looked up.
/// </summary>
internal sealed class LoginCheck : IDisposable
{
    public const string WrongPassword = "auth check failure, please check username and password are correct";
    private readonly EngineState state;
    private readonly TemporaryLogins? temporary;
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, string> known = new(StringComparer.Ordinal);
    private readonly SlowHashGate gate = new();

    /// <summary>Verified when the user does not exist, so that the time taken does not tell which users do.</summary>
    private readonly Lazy<PasswordHash> decoy = new(() => PasswordHash.Create(Convert.ToHexString(RandomNumberGenerator.GetBytes(16))));
    private int generation;

    /// <param name="state">Who the users are.</param>
    /// <param name="temporaryFile">Where users for a while stand; null for nowhere.</param>
    /// <param name="time">The clock by which those end.</param>
    public LoginCheck(EngineState state, string? temporaryFile, TimeProvider time)
    {
        this.state = state;
        temporary = temporaryFile is null ? null : new TemporaryLogins(temporaryFile, gate, time);
        state.UsersChanged += Forget;
    }

    /// <summary>Whether a login is asked for.</summary>
    public bool Enabled => state.Access.LoginsOn;

    public async ValueTask<Login> Check(string? header)
    {
        if (!Enabled)
        {
            return new Login("", null);
        }

        if (string.IsNullOrEmpty(header))
        {
            return new Login(null, "missing authorization in header");
        }

        if (temporary is not null && await temporary.Check(header) is { } forAWhile)
        {
            return forAWhile;
        }

        var digest = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(header)));
        if (known.TryGetValue(digest, out var remembered))
        {
            return new Login(remembered, null);
        }

        if (Decode(header) is not { } text)
        {
            return new Login(null, "invalid token format");
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? new Login(null, "auth check failure, please check api key is correct")
            : await Verify(text[..colon], text[(colon + 1)..], digest);
    }

    public void Dispose()
    {
        state.UsersChanged -= Forget;
        gate.Dispose();
    }

    private Task<Login> Verify(string user, string password, string digest) => gate.RunAsync(async () =>
    {
        // Another call of the same client may have done the work while this one waited.
        if (known.TryGetValue(digest, out var remembered))
        {
            return new Login(remembered, null);
        }

        var begun = Volatile.Read(ref generation);
        var hash = state.Access.Users.TryGetValue(user, out var stored) ? PasswordHash.Parse(stored.PasswordHash) : null;
        var matches = await Task.Run(() => (hash ?? decoy.Value).Matches(password));
        if (hash is null || !matches)
        {
            return new Login(null, WrongPassword);
        }

        Remember(digest, user, begun);
        return new Login(user, null);
    });

    private void Remember(string digest, string user, int begun)
    {
        if (known.Count >= Limits.CachedLogins)
        {
            known.Clear();
        }

        // Users may have changed while the hash ran; what was verified against the old ones is not remembered.
        known[digest] = user;
        if (Volatile.Read(ref generation) != begun)
        {
            known.TryRemove(digest, out _);
        }
    }

    private void Forget()
    {
        Interlocked.Increment(ref generation);
        known.Clear();
    }

    internal static string? Decode(string header)
    {
        var bytes = new byte[((header.Length / 4) + 1) * 3];
        return Convert.TryFromBase64String(header, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
