using System.Buffers.Binary;

namespace Demarc.Core.Monitoring;

/// <summary>Bounds of notifications, each with its reason.</summary>
public static class NotifyLimits
{
    /// <summary>Hooks of one party in one environment: a few teams, a pager, a chat room.</summary>
    public const int HooksOfParty = 10;

    /// <summary>Characters of a webhook's address.</summary>
    public const int UrlCharacters = 500;

    /// <summary>Characters of an e-mail address (RFC 5321, 4.5.3.1).</summary>
    public const int MailCharacters = 254;

    /// <summary>Characters of a hook's name.</summary>
    public const int NameCharacters = 60;

    /// <summary>Attempts of one delivery; with the delays between them they reach over four to nine hours: a receiver that is down for a night misses little.</summary>
    public const int Attempts = 14;

    /// <summary>Deliveries that wait for one hook; what is beyond is given up at once and shown so: whoever does not answer for so long reads the inbox.</summary>
    public const int WaitingOfHook = 100;

    /// <summary>Deliveries kept per hook to be looked at, the newest.</summary>
    public const int KeptOfHook = 200;

    /// <summary>Characters of the reason why a delivery failed.</summary>
    public const int ReasonCharacters = 200;

    /// <summary>The first delay between two attempts; each further one is twice as long, up to <see cref="LongestDelay"/>.</summary>
    public static TimeSpan FirstDelay { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest delay between two attempts.</summary>
    public static TimeSpan LongestDelay { get; } = TimeSpan.FromHours(2);

    /// <summary>How long a receiver may take to answer.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(10);
}

/// <summary>When to try again, and where nothing is sent at all.</summary>
public static class NotifyRules
{
    /// <summary>The delay after an attempt (the first is 1): doubled each time, and of that a random part between a half and the whole, so that receivers that come back are not run over.</summary>
    public static TimeSpan Delay(int attempt, FillRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Must.Hold(attempt > 0);
        var whole = Math.Min(NotifyLimits.FirstDelay.TotalSeconds * Math.Pow(2, Math.Min(attempt - 1, 30)), NotifyLimits.LongestDelay.TotalSeconds);
        Span<byte> bytes = stackalloc byte[4];
        random(bytes);
        var part = BinaryPrimitives.ReadUInt32LittleEndian(bytes) / (double)uint.MaxValue;
        return TimeSpan.FromSeconds(whole * (0.5 + (part / 2)));
    }

    /// <summary>What is wrong with a webhook's address, or null. Which machine its name leads to is asked again whenever something is sent.</summary>
    public static string? UrlFault(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > NotifyLimits.UrlCharacters) return $"the address must have 1 to {NotifyLimits.UrlCharacters} characters";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) return "the address must be like https://hooks.example/demarc";
        if (url.UserInfo.Length > 0) return "the address must not hold a user or password: the receiver knows us by the signature";
        if (url.Fragment.Length > 0) return "the address must not hold a '#'";
        return url.Scheme == "http" && !url.IsLoopback ? "the address must be https; http is for this machine alone" : null;
    }

    /// <summary>
    /// Whether an address (4 or 16 bytes) is one of this machine, of a private network, or of nobody (RFC 6890): whoever may name a webhook must not reach
    /// with the plane's hands what they cannot reach with their own.
    /// </summary>
    public static bool IsPrivate(ReadOnlySpan<byte> address)
    {
        if (address.Length == 16 && address[..12].SequenceEqual<byte>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])) address = address[12..];
        return address.Length switch
        {
            4 => IsPrivate4(address),

            // Global unicast is 2000::/3. Teredo, 6to4, benchmarks and documentation lie within it and lead nowhere, or to IPv4 addresses in disguise.
            16 => (address[0] & 0xe0) != 0x20 || (address[0] == 0x20 && (address[1] == 0x02 || (address[1] == 0x01 && (address[2] < 0x02 || (address[2] == 0x0d && address[3] == 0xb8))))),
            _ => true,
        };
    }

    private static bool IsPrivate4(ReadOnlySpan<byte> a) => (a[0], a[1], a[2]) switch
    {
        (0 or 10 or 127 or >= 224, _, _) => true,
        (100, >= 64 and < 128, _) => true,
        (169, 254, _) => true,
        (172, >= 16 and < 32, _) => true,
        (192, 168, _) or (192, 0, 0 or 2) or (192, 88, 99) => true,
        (198, 18 or 19, _) or (198, 51, 100) or (203, 0, 113) => true,
        _ => false,
    };
}
