using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Demarc.Core.Ledger;

/// <summary>
/// What a reader may see of an entry's data. Each known field says how far it may be shown; whatever says nothing, because it comes from a
/// later version or was forgotten, counts as secret. Only a view is redacted: the signed bytes stay whole.
/// </summary>
public static class Redaction
{
    /// <summary>Stands in the place of every value that the reader may not see.</summary>
    public const string Mask = "(redacted)";

    /// <summary>The entry's data as a reader of this level may see it: a field is shown when it is at least as public as the level.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="maySee">The least public sensitivity the reader may see; <see cref="Sensitivity.Secret"/> shows everything.</param>
    public static JsonElement Of(Entry entry, Sensitivity maySee)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (maySee == Sensitivity.Secret) return entry.Body.Data;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            if (entry.Kind is { } kind) Write(writer, entry.Body.Data, kind.Type, maySee);
            else writer.WriteStringValue(Mask);
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value, JsonTypeInfo type, Sensitivity maySee)
    {
        // Lists, dictionaries and plain values have no fields of their own to ask: the field that holds them has answered.
        if (value.ValueKind != JsonValueKind.Object || type.Kind != JsonTypeInfoKind.Object)
        {
            value.WriteTo(writer);
            return;
        }

        writer.WriteStartObject();
        foreach (var field in value.EnumerateObject())
        {
            writer.WritePropertyName(field.Name);
            var known = type.Properties.FirstOrDefault(p => p.Name == field.Name);
            if (known is null || SensitivityOf(known) < maySee) writer.WriteStringValue(Mask);
            else Write(writer, field.Value, type.Options.GetTypeInfo(known.PropertyType), maySee);
        }

        writer.WriteEndObject();
    }

    private static Sensitivity SensitivityOf(JsonPropertyInfo field)
    {
        if (field.AttributeProvider is not { } attributes || attributes.IsDefined(typeof(SecretFieldAttribute), true)) return Sensitivity.Secret;
        if (attributes.IsDefined(typeof(SensitiveAttribute), true)) return Sensitivity.Sensitive;
        return attributes.IsDefined(typeof(PublicAttribute), true) ? Sensitivity.Public : Sensitivity.Secret;
    }
}
