using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Emergency;

/// <summary>What somebody who works in a session says.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SessionSays>))]
public enum SessionSays
{
    /// <summary>I am here; the words that follow are signed by the key that I name, which lives as long as this stream.</summary>
    [JsonStringEnumMemberName("attach")] Attach,

    /// <summary>Run this.</summary>
    [JsonStringEnumMemberName("command")] Command,

    /// <summary>I am still here.</summary>
    [JsonStringEnumMemberName("beat")] Beat,

    /// <summary>I am done.</summary>
    [JsonStringEnumMemberName("leave")] Leave,
}

/// <summary>What a word says: in which session, as which one, and what.</summary>
/// <param name="Demarc">Version of this body, 1.</param>
/// <param name="Environment">The environment.</param>
/// <param name="Session">The session.</param>
/// <param name="Terms">The hash of its approved terms.</param>
/// <param name="Seq">0 for the first, then one more each: a word that comes twice or late is no word.</param>
/// <param name="At">When, by the clock of who says it.</param>
/// <param name="Says">What kind of word.</param>
/// <param name="Text">The command; of the first word the key of those that follow; else empty.</param>
public sealed record SessionWordBody(int Demarc, string Environment, string Session, string Terms, long Seq, DateTimeOffset At, SessionSays Says, string Text);

/// <summary>
/// A word of the person who works in a session, in a DSSE envelope. The first is signed by the key that asked for the session and names a key made for this
/// stream; the rest are signed by that one, so that a person is asked for their signature once. The plane carries words and can make none.
/// </summary>
/// <param name="Body">What it says.</param>
/// <param name="Signer">Whose signature was checked.</param>
public sealed record SessionWord(SessionWordBody Body, PublicKey Signer)
{
    /// <summary>DSSE payload type: an entry is no word, and a word is no entry.</summary>
    public const string PayloadType = "application/vnd.demarc.session-word+json";

    /// <summary>More bytes than that no word has.</summary>
    public const int MaxBytes = 8 * 1024;

    /// <summary>How old the first word may be when it arrives: an attachment that was held back opens nothing.</summary>
    public static TimeSpan Fresh { get; } = TimeSpan.FromMinutes(2);

    /// <summary>Writes and signs a word.</summary>
    public static ReadOnlyMemory<byte> Write(EnvironmentId environment, SessionId session, string termsHash, long seq, DateTimeOffset at, SessionSays says, string text, ISigner key) =>
        DsseEnvelope.Sign(PayloadType, JsonSerializer.SerializeToUtf8Bytes(new SessionWordBody(1, environment.Value, session.Value, termsHash, seq, at.ToUniversalTime(), says, text), SessionJson.Default.SessionWordBody), key).Bytes;

    /// <summary>Reads a word and checks its one signature; null and a fault for anything else.</summary>
    public static (SessionWord? Word, string? Fault) Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > MaxBytes) return (null, $"it has {bytes.Length} bytes, at most {MaxBytes} are read");
        if (DsseEnvelope.Parse(bytes).Envelope is not { } envelope) return (null, "it is no DSSE envelope");
        if (envelope.PayloadType != PayloadType) return (null, $"its payload type is not {PayloadType}");
        if (envelope.Signatures is not [var only] || !PublicKey.TryParse(only.KeyId, out var key)) return (null, "it needs exactly one signature of a known form");
        if (!envelope.IsSignedBy(key)) return (null, "its signature does not hold");
        try
        {
            var body = JsonSerializer.Deserialize(envelope.Payload.Span, SessionJson.Default.SessionWordBody);
            if (body is not { Demarc: 1 }) return (null, "its body is not of version 1");
            return body.Text.Length <= SessionLimits.MaxCommand ? (new SessionWord(body, key), null) : (null, $"its text has {body.Text.Length} characters, at most {SessionLimits.MaxCommand} are read");
        }
        catch (JsonException)
        {
            return (null, "its body cannot be read");
        }
    }

    /// <summary>Why this is not the word that a session waits for, or null.</summary>
    public string? Fault(EnvironmentId environment, Session session, PublicKey? expected, long seq, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(session);
        if (Body.Environment != environment.Value || Body.Session != session.Id.Value) return "it is of another session";
        if (Body.Terms != session.TermsHash) return "it names other terms than those that were approved";
        if (expected is null ? Signer.KeyId != session.RequestedBy : !Signer.Equals(expected)) return $"it is signed by {Signer.KeyId}, who did not ask for this session";
        if (Body.Seq != seq) return $"it is word {Body.Seq}, word {seq} comes next: one was lost or comes again";
        if ((Body.Says == SessionSays.Attach) != (expected is null)) return "a session is attached to once, by its first word";
        return expected is null && (Body.At - now).Duration() > Fresh ? $"it was signed at {Body.At:u}, more than {Fresh.TotalMinutes:0} minutes from now" : null;
    }
}

/// <summary>How words and bundles are written and read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    WriteIndented = false,
    MaxDepth = 8)]
[JsonSerializable(typeof(SessionWordBody))]
public sealed partial class SessionJson : JsonSerializerContext;
