using Demarc.Core.Access;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Access;

/// <summary>Who makes a request, and the environment as it stood when they were let in.</summary>
/// <param name="Reader">Whom the request stands for.</param>
/// <param name="Member">What they are there; null for routes of no environment.</param>
/// <param name="View">The environment; null for routes of none.</param>
public sealed record Caller(Reader Reader, Member? Member, LedgerView? View)
{
    /// <summary>The caller whom the gate let in.</summary>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? throw new BrokenBeliefException("A route was reached past the gate.");

    /// <summary>The environment of the route.</summary>
    public LedgerView Environment => View ?? throw new BrokenBeliefException("The route names no environment.");
}
