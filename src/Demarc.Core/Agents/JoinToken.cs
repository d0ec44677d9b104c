using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Agents;

/// <summary>
/// What the customer hands to a new agent: where the plane is, the private half of the invitation, and, above all, what to pin. The
/// founding entry's hash fixes both roots and the plane's key, so that a plane cannot pass another environment off as this one.
/// </summary>
/// <param name="Plane">Base address of the plane.</param>
/// <param name="Environment">Which environment.</param>
/// <param name="Invitation">Seed of the invitation key, base64url: a secret, good for one join.</param>
/// <param name="Founding">Hex leaf hash of the founding entry.</param>
public sealed record JoinToken(string Plane, string Environment, string Invitation, string Founding)
{
    private const string Prefix = "demarc-join:v1:";
    private const int MaxLength = 2048;

    /// <summary>The token as text.</summary>
    public string Encode() => Prefix + Base64Text.EncodeUrl(JsonSerializer.SerializeToUtf8Bytes(this, JoinTokenJson.Default.JoinToken));

    /// <summary>Reads a token's text; null, and why, when it is not one.</summary>
    public static JoinToken? Read(string text, out string? fault)
    {
        fault = null;
        text = text.Trim();
        if (text.Length > MaxLength || !text.StartsWith(Prefix, StringComparison.Ordinal)) return Fault($"a join token starts with '{Prefix}' and has at most {MaxLength} characters", out fault);
        if (Base64Text.Decode(text.AsSpan(Prefix.Length), Base64Form.Either) is not { } bytes) return Fault("the join token is damaged: it is not base64url", out fault);
        try
        {
            var token = JsonSerializer.Deserialize(bytes, JoinTokenJson.Default.JoinToken);
            if (token is null || !EnvironmentId.TryParse(token.Environment, out _)) return Fault("the join token names no environment", out fault);
            if (token.InvitationSeed() is null) return Fault("the join token's invitation is damaged", out fault);
            if (!Uri.TryCreate(token.Plane, UriKind.Absolute, out var plane) || plane.Scheme is not ("http" or "https")) return Fault("the join token's plane is not an http(s) address", out fault);
            return token;
        }
        catch (JsonException)
        {
            return Fault("the join token is damaged: its content cannot be read", out fault);
        }
    }

    /// <summary>The seed of the invitation key; null when damaged.</summary>
    public byte[]? InvitationSeed() => Base64Text.Decode(Invitation.AsSpan(), Base64Form.Either) is { Length: SigningKey.SeedSize } seed ? seed : null;

    /// <summary>Shows where it leads, never the invitation.</summary>
    public override string ToString() => $"join token for {Environment} at {Plane} (***)";

    private static JoinToken? Fault(string why, out string? fault)
    {
        fault = why;
        return null;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(JoinToken))]
internal sealed partial class JoinTokenJson : JsonSerializerContext;
