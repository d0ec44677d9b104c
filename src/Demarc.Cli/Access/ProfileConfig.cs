using System.Text.Json.Serialization;

namespace Demarc.Cli.Access;

/// <summary>What a profile remembers besides keys; <c>config.json</c>.</summary>
internal sealed record ProfileConfig
{
    /// <summary>Address of the plane.</summary>
    public string? Plane { get; init; }

    /// <summary>The environment that commands mean when none is named.</summary>
    public string? Environment { get; init; }

    /// <summary>Data folder of the quickstart on this machine.</summary>
    public string? Data { get; init; }

    /// <summary>Environment → hex leaf hash of its founding entry, pinned when it was founded or first seen.</summary>
    public Dictionary<string, string> Founded { get; init; } = [];

    /// <summary>Environment → address of the vendor's plane, where this profile has severed the vendor.</summary>
    public Dictionary<string, string> SeveredFrom { get; init; } = [];
}
