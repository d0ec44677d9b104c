using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>What reading a request token gives: whose key signed this very request, or why it is refused.</summary>
/// <param name="Key">The key; null when refused.</param>
/// <param name="Fault">Why; null when accepted.</param>
public readonly record struct RequestTokenRead(PublicKey? Key, string? Fault);

/// <summary>
/// Proof that the holder of a key makes this request, to this plane, now: a DSSE envelope in the Authorization header. It is bound to
/// method, path and query and to the plane's name, so that one that is overheard opens nothing else and nothing elsewhere.
/// </summary>
public static class RequestToken
{
    /// <summary>The scheme of the Authorization header.</summary>
    public const string Scheme = "Demarc";

    private const string PayloadType = "application/vnd.demarc.request+json";
    private const int MaxLength = 8192;

    /// <summary>How far the two clocks may stand apart.</summary>
    public static TimeSpan Tolerance { get; } = TimeSpan.FromMinutes(2);

    /// <summary>The value of the Authorization header for a request.</summary>
    public static string Write(ISigner key, string plane, string method, string pathAndQuery, DateTimeOffset at, FillRandom random)
    {
        Span<byte> nonce = stackalloc byte[12];
        random(nonce);
        var body = new RequestTokenBody(1, plane, method, pathAndQuery, at.ToUniversalTime(), Base64Text.EncodeUrl(nonce));
        var envelope = DsseEnvelope.Sign(PayloadType, JsonSerializer.SerializeToUtf8Bytes(body, RequestTokenJson.Default.RequestTokenBody), key);
        return $"{Scheme} {Base64Text.EncodeUrl(envelope.Bytes.Span)}";
    }

    /// <summary>Reads the header of a request. Never throws for bad input.</summary>
    public static RequestTokenRead Read(string? header, string plane, string method, string pathAndQuery, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(header) || !header.StartsWith(Scheme + " ", StringComparison.Ordinal)) return Refuse($"the Authorization header must be '{Scheme} <token>'");
        if (header.Length > MaxLength) return Refuse($"the token is longer than {MaxLength} characters");
        if (Base64Text.Decode(header.AsSpan(Scheme.Length + 1), Base64Form.Either) is not { } bytes) return Refuse("the token is not base64url");
        if (DsseEnvelope.Parse(bytes).Envelope is not { } envelope || envelope.PayloadType != PayloadType) return Refuse($"the token is not a DSSE envelope of {PayloadType}");
        if (envelope.Signatures.Count != 1 || !PublicKey.TryParse(envelope.Signatures[0].KeyId, out var key) || !envelope.IsSignedBy(key)) return Refuse("the token's signature does not hold");
        RequestTokenBody? body;
        try
        {
            body = JsonSerializer.Deserialize(envelope.Payload.Span, RequestTokenJson.Default.RequestTokenBody);
        }
        catch (JsonException)
        {
            body = null;
        }

        if (body is not { Demarc: 1 }) return Refuse("the token's body cannot be read");
        if (body.Plane != plane) return Refuse($"the token is for plane '{Clip(body.Plane)}', this is '{plane}'");
        if (body.Method != method || body.Path != pathAndQuery) return Refuse("the token is for another request");
        if ((body.At - now).Duration() > Tolerance) return Refuse($"the token was made at {body.At:u}, it is {now:u} here: set the clocks");
        return new RequestTokenRead(key, null);
    }

    private static RequestTokenRead Refuse(string fault) => new(null, fault);

    private static string Clip(string text) => text.Length <= 60 ? text : text[..60] + "…";
}

/// <summary>What a request token signs.</summary>
/// <param name="Demarc">Version, 1.</param>
/// <param name="Plane">Name of the plane it is for.</param>
/// <param name="Method">As in <c>GET</c>.</param>
/// <param name="Path">Path and query, exactly as sent.</param>
/// <param name="At">When it was made.</param>
/// <param name="Nonce">Makes two of the same moment differ.</param>
internal sealed record RequestTokenBody(int Demarc, string Plane, string Method, string Path, DateTimeOffset At, string Nonce);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false, MaxDepth = 4)]
[JsonSerializable(typeof(RequestTokenBody))]
internal sealed partial class RequestTokenJson : JsonSerializerContext;
