using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Demarc.Core.Charter;

namespace Demarc.Core.Instances;

/// <summary>How big an instance is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<InstanceSize>))]
public enum InstanceSize
{
    /// <summary>512 MiB: for trying and for tests.</summary>
    [JsonStringEnumMemberName("small")] Small,

    /// <summary>2 GiB.</summary>
    [JsonStringEnumMemberName("medium")] Medium,

    /// <summary>8 GiB.</summary>
    [JsonStringEnumMemberName("large")] Large,
}

/// <summary>The figures behind a size.</summary>
public static class InstanceSizes
{
    /// <summary>Greatest memory its engine may take, in MiB.</summary>
    public static int MemoryMib(this InstanceSize size) => size switch
    {
        InstanceSize.Small => 512,
        InstanceSize.Medium => 2048,
        InstanceSize.Large => 8192,
    };

    /// <summary>The size as people write it.</summary>
    public static string Word(this InstanceSize size) => size switch
    {
        InstanceSize.Small => "small",
        InstanceSize.Medium => "medium",
        InstanceSize.Large => "large",
    };

    /// <summary>The size of a word, or null when there is none.</summary>
    public static InstanceSize? Parse(string word) => word switch
    {
        "small" => InstanceSize.Small,
        "medium" => InstanceSize.Medium,
        "large" => InstanceSize.Large,
        _ => null,
    };
}

/// <summary>What is wanted of an instance, in terms of the outcome.</summary>
/// <param name="Version">The Milvus version, as in <c>2.6.4</c>.</param>
/// <param name="Size">How big.</param>
/// <param name="Labels">Up to <see cref="InstanceLimits.MaxLabels"/> labels of the parties' own.</param>
public sealed record InstanceOrder(
    [property: Public] string Version,
    [property: Public] InstanceSize Size,
    [property: Public] ImmutableSortedDictionary<string, string> Labels)
{
    /// <summary>The first thing wrong with the order, or null: field, value, limit and remedy in one sentence.</summary>
    public string? Fault()
    {
        if (string.IsNullOrEmpty(Version) || Version.Length > 20 || !Version.All(c => char.IsAsciiDigit(c) || c == '.'))
            return $"order.version '{Clip(Version)}' is not a Milvus version: give digits and dots, as in 2.6.4.";
        if (Labels.Count > InstanceLimits.MaxLabels)
            return $"order.labels has {Labels.Count} labels, at most {InstanceLimits.MaxLabels} are allowed: leave some out.";
        foreach (var (key, value) in Labels)
        {
            if (!Slug.IsValid(key, 1, InstanceLimits.MaxLabelLength))
                return $"order.labels key '{Clip(key)}' must be 1 to {InstanceLimits.MaxLabelLength} characters of a-z, 0-9 and '-', starting with a letter.";
            if (value is null || value.Length > InstanceLimits.MaxLabelLength || value.Any(char.IsControl))
                return $"order.labels.{key} must be at most {InstanceLimits.MaxLabelLength} printable characters.";
        }

        return null;
    }

    private static string Clip(string? text) => text is null ? "" : text.Length <= 60 ? text : text[..60] + "…";
}

/// <summary>What a change asks for: an action on one instance, with an order where the action needs one.</summary>
/// <param name="Action">The name of a <see cref="ChangeAction"/>.</param>
/// <param name="Instance">Which instance.</param>
/// <param name="Order">For create and modify; null for the others.</param>
public sealed record InstanceRequest(
    [property: Public] string Action,
    [property: Public] InstanceId Instance,
    [property: Public] InstanceOrder? Order)
{
    /// <summary>The first thing wrong with the request, or null.</summary>
    public string? Fault()
    {
        if (ChangeAction.ByName(Action) is not { IsSession: false } action)
            return $"action '{(Action.Length > 60 ? Action[..60] : Action)}' is not known: one of {string.Join(", ", ChangeAction.All.Where(a => !a.IsSession).Select(a => a.Name))}.";
        var takesOrder = action == ChangeAction.Create || action == ChangeAction.Modify;
        if (takesOrder && Order is null) return $"{Action} needs an order (version, size, labels).";
        if (!takesOrder && Order is not null) return $"{Action} takes no order: leave it out.";
        if (Instance.Value.Length == 0) return $"instance must be {InstanceId.Form}.";
        return Order?.Fault();
    }
}

/// <summary>Bounds of what an environment can hold.</summary>
public static class InstanceLimits
{
    /// <summary>Enough to sort by team, stage and cost centre; they stand in every entry about the instance.</summary>
    public const int MaxLabels = 16;

    /// <summary>As long as a DNS label.</summary>
    public const int MaxLabelLength = 63;

    /// <summary>How long a deleted instance can be taken back.</summary>
    public static TimeSpan RecycleFor { get; } = TimeSpan.FromDays(30);

    /// <summary>How long a change may wait before it starts.</summary>
    public static TimeSpan ChangeExpiresAfter { get; } = TimeSpan.FromDays(7);
}
