using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demarc.Core.Instances;

/// <summary>Names one Milvus instance within its environment: 2 to 40 of <c>a-z 0-9 -</c>, starting with a letter, not ending with a dash.</summary>
[JsonConverter(typeof(InstanceIdJson))]
public readonly record struct InstanceId : IComparable<InstanceId>
{
    private readonly string? value;

    private InstanceId(string value) => this.value = value;

    /// <summary>The text of the id.</summary>
    public string Value => value ?? "";

    /// <summary>What an id must look like, for error messages.</summary>
    public const string Form = "2 to 40 characters of a-z, 0-9 and '-', starting with a letter and not ending with '-'";

    /// <summary>Reads an id; false when the text is not of that form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out InstanceId id)
    {
        id = default;
        if (!Slug.IsValid(text, 2, 40)) return false;
        id = new InstanceId(text!);
        return true;
    }

    /// <summary>Reads an id that is known to be of the form; throws <see cref="FormatException"/> otherwise.</summary>
    public static InstanceId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not an instance id: {Form}.");

    /// <inheritdoc/>
    public int CompareTo(InstanceId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;

    internal sealed class InstanceIdJson : JsonConverter<InstanceId>
    {
        public override InstanceId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TryParse(reader.GetString(), out var id) ? id : throw new JsonException($"not an instance id: {Form}");

        public override void Write(Utf8JsonWriter writer, InstanceId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);

        public override InstanceId ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader, typeToConvert, options);

        public override void WriteAsPropertyName(Utf8JsonWriter writer, InstanceId value, JsonSerializerOptions options) => writer.WritePropertyName(value.Value);
    }
}
