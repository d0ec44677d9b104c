using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demarc.Core;

/// <summary>
/// A value that must not be shown: it prints, logs and serialises as <c>***</c>, in a debugger too. Taking the value out is a call that stands
/// in the code for everyone to see, <see cref="Reveal"/>.
/// </summary>
[DebuggerDisplay("***")]
[JsonConverter(typeof(SecretJsonConverter))]
public sealed class Secret : IEquatable<Secret>
{
    /// <summary>What stands in the place of every secret.</summary>
    public const string Mask = "***";

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly byte[] value;

    /// <summary>Wraps a text.</summary>
    public Secret(string text) => value = Encoding.UTF8.GetBytes(text);

    /// <summary>Wraps a copy of the bytes.</summary>
    public Secret(ReadOnlySpan<byte> bytes) => value = bytes.ToArray();

    /// <summary>The value as text (UTF-8).</summary>
    public string Reveal() => Encoding.UTF8.GetString(value);

    /// <summary>A copy of the value's bytes.</summary>
    public byte[] RevealBytes() => [.. value];

    /// <summary>Compares in a time that does not depend on where the values differ.</summary>
    public bool Equals(Secret? other) => other is not null && CryptographicOperations.FixedTimeEquals(value, other.value);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Secret other && Equals(other);

    /// <summary>The same for every secret: a hash would tell something about the value.</summary>
    public override int GetHashCode() => 0;

    /// <inheritdoc/>
    public override string ToString() => Mask;
}

/// <summary>Reads a secret from JSON text, and writes it as the mask: what went in never comes out.</summary>
public sealed class SecretJsonConverter : JsonConverter<Secret>
{
    /// <inheritdoc/>
    public override Secret? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? new Secret(reader.GetString()!) : throw new JsonException("A secret is a text.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Secret value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(Secret.Mask);
    }
}
