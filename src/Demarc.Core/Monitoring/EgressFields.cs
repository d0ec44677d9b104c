using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Demarc.Core.Monitoring;

/// <summary>A field that may leave, as the customer reads it.</summary>
/// <param name="Path">As in <c>machine.loadPercent</c>; <c>[]</c> stands for each of a list or map.</param>
/// <param name="Type">What it holds, in a word.</param>
/// <param name="Sensitivity">How far it may be shown.</param>
public sealed record EgressField(string Path, string Type, Sensitivity Sensitivity);

/// <summary>
/// Classified fields, as far as JSON that leaves is concerned. What says nothing about itself counts as secret and is left out; what is left out is
/// named, so that it becomes a finding rather than a riddle.
/// </summary>
public static class EgressFields
{
    private const int MaxDepth = 16;

    /// <summary>The same JSON with classified, non-secret fields only, and the paths of what was left out.</summary>
    public static (ReadOnlyMemory<byte> Json, ImmutableArray<string> LeftOut) Keep(JsonElement value, JsonTypeInfo type)
    {
        var left = ImmutableArray.CreateBuilder<string>();
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer)) Write(writer, value, type, "", left, 0);
        return (buffer.WrittenMemory, left.ToImmutable());
    }

    /// <summary>Paths in the JSON that no classified field answers for; the secret ones are given apart, for the caller to see whether they are sealed.</summary>
    public static ImmutableArray<string> Unclassified(JsonElement value, JsonTypeInfo type, out ImmutableArray<(string Path, JsonElement Value)> secrets)
    {
        var left = ImmutableArray.CreateBuilder<string>();
        var found = ImmutableArray.CreateBuilder<(string, JsonElement)>();
        Look(value, type, "", left, found, 0);
        secrets = found.ToImmutable();
        return left.ToImmutable();
    }

    /// <summary>Every field of a type, in its order: what the schema prints.</summary>
    public static IEnumerable<EgressField> Of(JsonTypeInfo type) => Of(type, "", 0);

    /// <summary>How far a field may be shown; null when it says nothing.</summary>
    public static Sensitivity? Says(JsonPropertyInfo field)
    {
        ArgumentNullException.ThrowIfNull(field);
        if (field.AttributeProvider is not { } attributes) return null;
        if (attributes.IsDefined(typeof(SecretFieldAttribute), true)) return Sensitivity.Secret;
        if (attributes.IsDefined(typeof(SensitiveAttribute), true)) return Sensitivity.Sensitive;
        return attributes.IsDefined(typeof(PublicAttribute), true) ? Sensitivity.Public : null;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value, JsonTypeInfo type, string path, ImmutableArray<string>.Builder left, int depth)
    {
        type = Plain(type);
        if (depth <= MaxDepth && value.ValueKind == JsonValueKind.Object && type.Kind == JsonTypeInfoKind.Object)
        {
            writer.WriteStartObject();
            foreach (var field in value.EnumerateObject())
            {
                var known = type.Properties.FirstOrDefault(p => p.Name == field.Name);
                if (known is null || Says(known) is not (Sensitivity.Public or Sensitivity.Sensitive))
                {
                    left.Add(Join(path, field.Name));
                    continue;
                }

                writer.WritePropertyName(field.Name);
                Write(writer, field.Value, type.Options.GetTypeInfo(known.PropertyType), Join(path, field.Name), left, depth + 1);
            }

            writer.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Object && Element(type) is { } one)
        {
            writer.WriteStartObject();
            foreach (var field in value.EnumerateObject())
            {
                writer.WritePropertyName(field.Name);
                Write(writer, field.Value, one, path + "[]", left, depth + 1);
            }

            writer.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Array && Element(type) is { } item)
        {
            writer.WriteStartArray();
            foreach (var each in value.EnumerateArray()) Write(writer, each, item, path + "[]", left, depth + 1);
            writer.WriteEndArray();
        }
        else if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
        {
            // It has an inside, and nothing says what may be in there.
            left.Add(path);
            writer.WriteNullValue();
        }
        else
        {
            value.WriteTo(writer);
        }
    }

    private static void Look(JsonElement value, JsonTypeInfo type, string path, ImmutableArray<string>.Builder left, ImmutableArray<(string, JsonElement)>.Builder secrets, int depth)
    {
        type = Plain(type);
        if (depth > MaxDepth)
        {
            left.Add(path);
        }
        else if (value.ValueKind == JsonValueKind.Object && type.Kind == JsonTypeInfoKind.Object)
        {
            foreach (var field in value.EnumerateObject())
            {
                var known = type.Properties.FirstOrDefault(p => p.Name == field.Name);
                var says = known is null ? null : Says(known);
                if (says is null) left.Add(Join(path, field.Name));
                else if (says == Sensitivity.Secret) secrets.Add((Join(path, field.Name), field.Value));
                else Look(field.Value, type.Options.GetTypeInfo(known!.PropertyType), Join(path, field.Name), left, secrets, depth + 1);
            }
        }
        else if (value.ValueKind == JsonValueKind.Object && Element(type) is { } one)
        {
            foreach (var field in value.EnumerateObject()) Look(field.Value, one, path + "[]", left, secrets, depth + 1);
        }
        else if (value.ValueKind == JsonValueKind.Array && Element(type) is { } item)
        {
            foreach (var each in value.EnumerateArray()) Look(each, item, path + "[]", left, secrets, depth + 1);
        }
        else if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
        {
            left.Add(path);
        }
    }

    private static IEnumerable<EgressField> Of(JsonTypeInfo type, string path, int depth)
    {
        if (depth > MaxDepth) yield break;
        foreach (var field in type.Properties)
        {
            var here = Join(path, field.Name);
            var inner = Plain(type.Options.GetTypeInfo(field.PropertyType));
            var holds = inner;
            var holdsPath = here;
            while (Element(holds) is { } item)
            {
                holds = item;
                holdsPath += "[]";
            }

            yield return new EgressField(here, Word(inner), Says(field) ?? Sensitivity.Secret);
            if (holds.Kind != JsonTypeInfoKind.Object) continue;
            foreach (var below in Of(holds, holdsPath, depth + 1)) yield return below;
        }
    }

    // What may be null says of itself that its element is what it would be if it were not: one level too many.
    private static JsonTypeInfo Plain(JsonTypeInfo type) => Nullable.GetUnderlyingType(type.Type) is { } plain ? type.Options.GetTypeInfo(plain) : type;

    private static JsonTypeInfo? Element(JsonTypeInfo type) => type.Kind is JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary && type.ElementType is { } element ? Plain(type.Options.GetTypeInfo(element)) : null;

    private static string Word(JsonTypeInfo type)
    {
        if (Element(type) is { } item) return $"{(type.Kind == JsonTypeInfoKind.Dictionary ? "map of " : "list of ")}{Word(item)}";
        var plain = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        if (type.Kind == JsonTypeInfoKind.Object) return "object";
        if (plain == typeof(bool)) return "yes or no";
        if (plain == typeof(int) || plain == typeof(long) || plain == typeof(double)) return "number";
        if (plain == typeof(DateTimeOffset)) return "time";
        return plain == typeof(DateOnly) ? "day" : plain.IsEnum ? "word" : "text";
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
