using System.Collections.Immutable;
using System.Text.Json;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Core.Changes;

/// <summary>
/// An immutable list of steps, and the text whose hash approvals sign. The text, not the object, is what stands in the ledger:
/// what was approved is, byte for byte, what runs.
/// </summary>
public sealed class Plan : IEquatable<Plan>
{
    private Plan(string text, ImmutableArray<InstanceStep> steps)
    {
        Text = text;
        Steps = steps;
        Hash = ContentHash.Of(text);
    }

    /// <summary>Most steps a plan may have: ours have at most six, a cluster roll a few dozen.</summary>
    public const int MaxSteps = 100;

    /// <summary>The JSON of the steps, as hashed.</summary>
    public string Text { get; }

    /// <summary><c>sha256:</c> and the hex of the text's hash.</summary>
    public string Hash { get; }

    /// <summary>What runs, in order.</summary>
    public ImmutableArray<InstanceStep> Steps { get; }

    /// <summary>The time all steps should take together.</summary>
    public TimeSpan Expected => Steps.Aggregate(TimeSpan.Zero, (sum, step) => sum + step.Expected);

    /// <summary>A plan of steps.</summary>
    public static Plan Of(ImmutableArray<InstanceStep> steps)
    {
        Must.Hold(steps.Length is > 0 and <= MaxSteps);
        return new Plan(JsonSerializer.Serialize(steps, LedgerJson.Default.ImmutableArrayInstanceStep), steps);
    }

    /// <summary>Reads the text of a plan; null when it is not one, or names a step this version does not know.</summary>
    public static Plan? Read(string text)
    {
        try
        {
            var steps = JsonSerializer.Deserialize(text, LedgerJson.Default.ImmutableArrayInstanceStep);
            return steps.IsDefaultOrEmpty || steps.Length > MaxSteps || steps.Any(step => step is null) ? null : new Plan(text, steps);
        }
        catch (Exception unreadable) when (unreadable is JsonException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public bool Equals(Plan? other) => other is not null && other.Hash == Hash;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Plan);

    /// <inheritdoc/>
    public override int GetHashCode() => Hash.GetHashCode(StringComparison.Ordinal);
}
