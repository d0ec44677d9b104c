using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>A person's key, or a service's, and what it is to its party.</summary>
/// <param name="Key">Their signing key.</param>
/// <param name="Party">Whose side they are on.</param>
/// <param name="Role">What they may do there.</param>
/// <param name="Name">What people call them.</param>
/// <param name="IsRoot">True for the one key per party that stands above its owners: the founding entry pins it, and only a quorum of owners replaces it.</param>
public sealed record Member(PublicKey Key, Party Party, Role Role, string Name, bool IsRoot)
{
    /// <summary>When the key counts for nothing any more; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>For a service token, the permissions it was given instead of a role's; null for a person.</summary>
    public ImmutableSortedSet<Permission>? Scope { get; init; }

    /// <summary>Since when its party has had this key.</summary>
    public DateTimeOffset AddedAt { get; init; }

    /// <summary>When it last signed something into the ledger; null for never.</summary>
    public DateTimeOffset? LastActedAt { get; init; }

    /// <summary>Whether this is a service's token.</summary>
    public bool IsService => Scope is not null;

    /// <summary>What it is called beside its party: its role, or <c>service</c>.</summary>
    public string RoleWord => IsService ? "service" : Role.ToString().ToLowerInvariant();

    /// <summary>Whether it may do what needs a permission.</summary>
    public bool Allows(Permission permission) => Scope is { } scope ? permission == Permission.None || scope.Contains(permission) : Role.Allows(permission);

    /// <summary>Whether its time is over.</summary>
    public bool IsExpired(DateTimeOffset at) => ExpiresAt is { } end && at >= end;
}
