using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Core.Monitoring;

/// <summary>
/// What a webhook is signed with, and the signature, as the Standard Webhooks specification (1.0) has them: HMAC-SHA256 over <c>id.timestamp.body</c>, so
/// that libraries which check such webhooks check ours.
/// </summary>
public sealed class WebhookSecret
{
    /// <summary>The header with the id of what is told: the same whenever it is sent again, for whoever receives it to deduplicate.</summary>
    public const string IdHeader = "webhook-id";

    /// <summary>The header with the seconds since 1970 at which it was sent.</summary>
    public const string TimestampHeader = "webhook-timestamp";

    /// <summary>The header with the signature.</summary>
    public const string SignatureHeader = "webhook-signature";

    /// <summary>Bytes of a new secret: those of the hash.</summary>
    private const int Size = 32;

    private const string Prefix = "whsec_";
    private const string Version = "v1,";
    private readonly Secret bytes;

    private WebhookSecret(Secret bytes) => this.bytes = bytes;

    /// <summary>The text that is shown once and stored: <c>whsec_</c> and base64.</summary>
    public Secret Text => new(Prefix + Base64Text.Encode(bytes.RevealBytes()));

    /// <summary>A new one.</summary>
    public static WebhookSecret Create(FillRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Span<byte> fresh = stackalloc byte[Size];
        random(fresh);
        return new WebhookSecret(new Secret(fresh));
    }

    /// <summary>Reads the text form; null when it is none.</summary>
    public static WebhookSecret? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        return Base64Text.Decode(text.AsSpan(Prefix.Length), Base64Form.Either) is { Length: >= 24 and <= 64 } read ? new WebhookSecret(new Secret(read)) : null;
    }

    /// <summary>The value of the signature header.</summary>
    public string Sign(string id, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{at.ToUnixTimeSeconds()}."));
        return Version + Base64Text.Encode(HMACSHA256.HashData(bytes.RevealBytes(), (byte[])[.. head, .. body]));
    }

    /// <summary>Whether a header, which may hold several signatures, has this secret's over exactly this.</summary>
    public bool Holds(string header, string id, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        ArgumentNullException.ThrowIfNull(header);
        var own = Encoding.UTF8.GetBytes(Sign(id, at, body));
        var holds = false;
        foreach (var one in header.Split(' ', StringSplitOptions.RemoveEmptyEntries)) holds |= CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), own);
        return holds;
    }
}
