using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demarc.Core.Emergency;

/// <summary>Names one emergency session within its environment, as in <c>s-5hq2m7xk</c>: 3 to 40 of <c>a-z 0-9 -</c>.</summary>
[JsonConverter(typeof(SessionIdJson))]
public readonly record struct SessionId
{
    private const string Alphabet = "abcdefghjkmnpqrstuvwxyz23456789";
    private readonly string? value;

    private SessionId(string value) => this.value = value;

    /// <summary>The text of the id.</summary>
    public string Value => value ?? "";

    /// <summary>What an id must look like, for error messages.</summary>
    public const string Form = "3 to 40 characters of a-z, 0-9 and '-', starting with a letter and not ending with '-'";

    /// <summary>A new id out of ten random bytes.</summary>
    public static SessionId New(FillRandom random)
    {
        Span<byte> bytes = stackalloc byte[10];
        random(bytes);
        Span<char> text = stackalloc char[12];
        text[0] = 's';
        text[1] = '-';
        for (var i = 0; i < bytes.Length; i++) text[i + 2] = Alphabet[bytes[i] % Alphabet.Length];
        return new SessionId(new string(text));
    }

    /// <summary>Reads an id; false when the text is not of that form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out SessionId id)
    {
        id = default;
        if (!Slug.IsValid(text, 3, 40)) return false;
        id = new SessionId(text!);
        return true;
    }

    /// <summary>Reads an id that is known to be of the form; throws <see cref="FormatException"/> otherwise.</summary>
    public static SessionId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a session's id: {Form}.");

    /// <inheritdoc/>
    public override string ToString() => Value;

    internal sealed class SessionIdJson : JsonConverter<SessionId>
    {
        public override SessionId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TryParse(reader.GetString(), out var id) ? id : throw new JsonException($"not a session's id: {Form}");

        public override void Write(Utf8JsonWriter writer, SessionId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
    }
}
