using Demarc.Core.Environments;

namespace Demarc.Plane.Environments;

/// <summary>What this plane says of itself to everyone: what agents and founding entries pin.</summary>
/// <param name="View">The answer.</param>
public sealed record PlaneIdentity(PlaneView View);
