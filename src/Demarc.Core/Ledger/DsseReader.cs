using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Demarc.Core.Ledger;

/// <summary>
/// Reads the JSON of an envelope with no leniency where leniency would let two readers see two things: a second field of one name, anything
/// behind the object, comments and unsound text are refused. Unknown fields are skipped, as the specification asks.
/// </summary>
internal static class DsseReader
{
    // What a refusal names, made once: a ledger of a million entries is read without making them again for each.
    private static readonly Place[] Places = [.. Enumerable.Range(0, LedgerLimits.EnvelopeSignatures).Select(i => new Place($"signatures[{i}]", $"signatures[{i}].keyid", $"signatures[{i}].sig"))];

    public static DsseParse Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > LedgerLimits.EnvelopeBytes)
            return DsseParse.Refused($"envelope: {bytes.Length} bytes are over the limit of {LedgerLimits.EnvelopeBytes}");
        if (!Utf8.IsValid(bytes.Span)) return DsseParse.Refused("envelope: not valid UTF-8");
        var reader = new Utf8JsonReader(bytes.Span, new JsonReaderOptions { MaxDepth = LedgerLimits.EnvelopeDepth });
        var fields = new Fields();
        try
        {
            return ReadEnvelope(ref reader, ref fields) is { } error
                ? DsseParse.Refused(error)
                : DsseParse.Of(new DsseEnvelope(fields.PayloadType!, fields.Payload, fields.Signatures!, bytes));
        }
        catch (JsonException failure)
        {
            return DsseParse.Refused($"envelope: not the expected JSON at byte {reader.TokenStartIndex}: {FirstSentence(failure.Message)}");
        }
        catch (InvalidOperationException)
        {
            // An escape such as \ud800 stands for half a character; the base library refuses to make text of it.
            return DsseParse.Refused($"envelope: text at byte {reader.TokenStartIndex} holds half of a surrogate pair");
        }
    }

    private static string FirstSentence(string message) => message.Split(" LineNumber", 2)[0];

    private sealed record Place(string Name, string KeyId, string Sig);

    private struct Fields
    {
        public string? PayloadType;
        public byte[]? Payload;
        public List<DsseSignature>? Signatures;
    }

    private static string? ReadEnvelope(ref Utf8JsonReader reader, ref Fields fields)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return "envelope: expected a JSON object";
        HashSet<string>? unknown = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string? error;
            if (reader.ValueTextEquals("payload"u8))
            {
                if (fields.Payload is not null) return Twice("payload");
                error = ReadBase64(ref reader, "payload", LedgerLimits.EnvelopeBytes, out fields.Payload);
            }
            else if (reader.ValueTextEquals("payloadType"u8))
            {
                if (fields.PayloadType is not null) return Twice("payloadType");
                error = ReadText(ref reader, "payloadType", LedgerLimits.PayloadTypeBytes, out fields.PayloadType, Entry.PayloadType);
                if (error is null && !DsseEnvelope.IsPayloadType(fields.PayloadType)) error = "payloadType: empty or with control characters";
            }
            else if (reader.ValueTextEquals("signatures"u8))
            {
                if (fields.Signatures is not null) return Twice("signatures");
                error = ReadSignatures(ref reader, out fields.Signatures);
            }
            else
            {
                error = SkipUnknown(ref reader, "envelope", ref unknown);
            }

            if (error is not null) return error;
        }

        // One more read proves that nothing but white space follows: the reader throws on anything else.
        if (reader.Read()) return "envelope: data after the object";
        if (fields.Payload is null) return "payload: missing";
        if (fields.PayloadType is null) return "payloadType: missing";
        return fields.Signatures is null ? "signatures: missing" : null;
    }

    private static string? ReadSignatures(ref Utf8JsonReader reader, out List<DsseSignature>? signatures)
    {
        signatures = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray) return "signatures: expected a list";
        var read = new List<DsseSignature>(1);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (read.Count == LedgerLimits.EnvelopeSignatures) return $"signatures: more than {LedgerLimits.EnvelopeSignatures}";
            if (ReadSignature(ref reader, Places[read.Count], out var signature) is { } error) return error;
            read.Add(signature!);
        }

        if (read.Count == 0) return "signatures: empty, at least one is needed";
        signatures = read;
        return null;
    }

    private static string? ReadSignature(ref Utf8JsonReader reader, Place place, out DsseSignature? signature)
    {
        signature = null;
        if (reader.TokenType != JsonTokenType.StartObject) return $"{place.Name}: expected an object";
        string? keyId = null;
        byte[]? sig = null;
        HashSet<string>? unknown = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string? error;
            if (reader.ValueTextEquals("keyid"u8))
            {
                if (keyId is not null) return Twice(place.KeyId);
                error = ReadText(ref reader, place.KeyId, LedgerLimits.KeyIdBytes, out keyId);
            }
            else if (reader.ValueTextEquals("sig"u8))
            {
                if (sig is not null) return Twice(place.Sig);
                error = ReadBase64(ref reader, place.Sig, LedgerLimits.SignatureBytes, out sig);
            }
            else
            {
                error = SkipUnknown(ref reader, place.Name, ref unknown);
            }

            if (error is not null) return error;
        }

        if (sig is null) return $"{place.Sig}: missing";
        signature = new DsseSignature(keyId ?? "", sig);
        return null;
    }

    private static string Twice(string field) => $"{field}: stands there twice";

    private static string? SkipUnknown(ref Utf8JsonReader reader, string at, ref HashSet<string>? unknown)
    {
        var name = reader.GetString()!;
        unknown ??= new HashSet<string>(StringComparer.Ordinal);
        if (!unknown.Add(name)) return Twice($"{at}, unknown field '{Shorten(name)}'");
        if (unknown.Count > LedgerLimits.EnvelopeFields) return $"{at}: more than {LedgerLimits.EnvelopeFields} unknown fields";
        reader.Skip();
        return null;
    }

    private static string Shorten(string name) => name.Length <= 40 ? name : name[..40] + "…";

    // A text that almost always stands there is not made anew.
    private static string? ReadText(ref Utf8JsonReader reader, string field, int limit, out string? text, string? usual = null)
    {
        text = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String) return $"{field}: expected text";
        if (usual is not null && reader.ValueTextEquals(usual))
        {
            text = usual;
            return null;
        }

        var read = reader.GetString()!;
        if (Encoding.UTF8.GetByteCount(read) > limit) return $"{field}: longer than {limit} bytes";
        text = read;
        return null;
    }

    private static string? ReadBase64(ref Utf8JsonReader reader, string field, int limit, out byte[]? bytes)
    {
        bytes = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String) return $"{field}: expected base64 text";
        if (!reader.ValueIsEscaped)
        {
            bytes = Base64Text.Decode(reader.ValueSpan, Base64Form.Either);
        }
        else
        {
            // '/' and '+' are often written as escapes.
            var rented = ArrayPool<byte>.Shared.Rent(reader.ValueSpan.Length);
            bytes = Base64Text.Decode(rented.AsSpan(0, reader.CopyString(rented)), Base64Form.Either);
            ArrayPool<byte>.Shared.Return(rented);
        }

        if (bytes is null) return $"{field}: not base64 (standard with padding, or URL-safe)";
        if (bytes.Length <= limit) return null;
        bytes = null;
        return $"{field}: longer than {limit} bytes";
    }
}
