using System.Collections.Concurrent;
using System.Net;

namespace Demarc.Plane.Access;

/// <summary>Counts refused attempts per address and minute, so that nobody can try keys or codes at speed. Those who are let in are not slowed.</summary>
public sealed class FailedAttempts(TimeProvider clock)
{
    /// <summary>A person mistypes a few times; a script that polls with a wrong key is told to slow down.</summary>
    public const int PerMinute = 120;

    private const int MaxAddresses = 10_000;
    private readonly ConcurrentDictionary<IPAddress, int> counts = new();
    private long minute;

    /// <summary>Whether the address has failed too often this minute.</summary>
    public bool TooMany(IPAddress? address)
    {
        Turn();
        return counts.GetValueOrDefault(address ?? IPAddress.None) >= PerMinute;
    }

    /// <summary>One more.</summary>
    public void Count(IPAddress? address)
    {
        Turn();
        if (counts.Count < MaxAddresses || counts.ContainsKey(address ?? IPAddress.None)) counts.AddOrUpdate(address ?? IPAddress.None, 1, (_, n) => n + 1);
    }

    private void Turn()
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds() / 60;
        if (Interlocked.Exchange(ref minute, now) != now) counts.Clear();
    }
}
