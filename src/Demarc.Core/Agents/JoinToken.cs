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
/// <param name="Head">What the customer had verified when they invited; only where the ledger has gone from plane to plane, otherwise null.</param>
public sealed record JoinToken(string Plane, string Environment, string Invitation, string Founding, InvitedHead? Head = null)
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
            if (token.Head is { } head && (head.Size <= 0 || !NoteKey.TryParse(head.PlaneKey, out _) || Base64Text.Decode(head.Root.AsSpan(), Base64Form.Standard) is not { Length: MerkleHash.Size })) return Fault("the join token's head is damaged", out fault);
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

/// <summary>
/// A head that the customer vouches for to a new agent. The plane in force hands out the whole ledger in pieces, and for those from before its time it is not the
/// one whose word counts; up to this head the customer's word stands in for it, and at this head the root has to be the one named.
/// </summary>
/// <param name="PlaneKey">The plane that may sign for the pieces up to here.</param>
/// <param name="Size">How many entries.</param>
/// <param name="Root">Base64 of the root over them.</param>
public sealed record InvitedHead(string PlaneKey, long Size, string Root);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JoinToken))]
internal sealed partial class JoinTokenJson : JsonSerializerContext;
