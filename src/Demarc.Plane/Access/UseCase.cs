using Demarc.Core.Access;
using Demarc.Core.Charter;

namespace Demarc.Plane.Access;

/// <summary>What a route is for: its name, the row of the responsibility table it falls under, and what its caller needs. A route without one does not start.</summary>
/// <param name="Name">As in <c>changes.list</c>.</param>
/// <param name="Task">The row.</param>
/// <param name="Permission">What the caller's role must allow in the environment of the route.</param>
public sealed record UseCase(string Name, TaskId Task, Permission Permission)
{
    /// <summary>How the caller proves who they are.</summary>
    public Proof Proof { get; init; } = Proof.Request;

    /// <summary>Whether a severed vendor's people may use it at the customer's plane: what they need to read the charter that brings them back, and nothing else.</summary>
    public bool OpenToSevered { get; init; }

    /// <summary>The one party that may use it; null for both.</summary>
    public Party? Only { get; init; }
}

/// <summary>How a caller proves who they are.</summary>
public enum Proof
{
    /// <summary>A signed request, or, for reading, the cookie of a browser that was signed in by one.</summary>
    Request,

    /// <summary>The body is a signed entry: its author is the caller, and the fold decides.</summary>
    SignedBody,

    /// <summary>A client certificate of the plane's own small authority, on the hub's port.</summary>
    Certificate,

    /// <summary>Not at all: what it gives is public by nature.</summary>
    Open,
}
