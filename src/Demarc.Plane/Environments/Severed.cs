using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Environments;

/// <summary>What becomes of a severed vendor's people at a plane. Their acts are refused by the fold, everywhere; that they also see nothing is the customer's plane's to keep.</summary>
internal static class Severed
{
    /// <summary>
    /// Whether a member is kept out here: one of a severed vendor, at the plane in force. At the plane that was left behind they go on looking at what they had: it
    /// is on their own disk.
    /// </summary>
    public static bool Bars(LedgerView view, Member member, CheckpointSigner signer) =>
        view.State.Severed is not null && member.Party == Party.Vendor && view.State.PlaneKey == signer.VerifierKey;
}
