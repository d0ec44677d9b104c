using System.Diagnostics.CodeAnalysis;

namespace Demarc.Core.Environments;

/// <summary>Names one customer data plane: 3 to 40 of <c>a-z 0-9 -</c>, starting with a letter, not ending with a dash.</summary>
public readonly record struct EnvironmentId
{
    private readonly string? value;

    private EnvironmentId(string value) => this.value = value;

    /// <summary>The text of the id.</summary>
    public string Value => value ?? "";

    /// <summary>What an id must look like, for error messages.</summary>
    public const string Form = "3 to 40 characters of a-z, 0-9 and '-', starting with a letter and not ending with '-'";

    /// <summary>Reads an id; false when the text is not of that form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EnvironmentId id)
    {
        id = default;
        if (!Slug.IsValid(text, 3, 40)) return false;
        id = new EnvironmentId(text!);
        return true;
    }

    /// <summary>Reads an id that is known to be of the form; throws <see cref="FormatException"/> otherwise.</summary>
    public static EnvironmentId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not an environment id: {Form}.");

    /// <inheritdoc/>
    public override string ToString() => Value;
}
