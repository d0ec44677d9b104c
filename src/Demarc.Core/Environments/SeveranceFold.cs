using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Core.Environments;

/// <summary>
/// The customer takes over, and the ledger moves from plane to plane. Only the customer's owner does either: whoever holds the ledger's order can hold things
/// up, and it is the customer's account. A plane that is left behind may go on signing a history of its own; nobody who holds this entry follows it there.
/// </summary>
internal static class SeveranceFold
{
    public static Folded Sever(EnvironmentState state, Entry entry, VendorSevered data, Member owner)
    {
        if (Fault(state, entry, owner, data.PlaneKey, data.Reason) is { } fault) return Folded.Refuse(fault);
        if (state.Severed is { } before) return Folded.Refuse($"the vendor is severed already, since entry {before.Index}");
        var open = state.OpenChanges.ToList();
        var ended = open.Where(Ends).ToList();
        var severed = new Severance(entry.At, state.Size, entry.Author.KeyId, data.Reason, state.CharterYaml, ended.Count, open.Count(c => c.Status == ChangeStatus.Running));
        var charter = state.Charter is { } charterBefore ? SeveredCharter.Of(charterBefore) : null;
        var text = charter is null ? null : SeveredCharter.Text(charter);
        var act = CharterFold.Act(state, entry, owner);
        return Folded.To(state with
        {
            Severed = severed,
            Charter = charter,
            CharterYaml = text,
            Charters = charter is null ? state.Charters : state.Charters.Add(new CharterTerm(charter, CharterFold.Hash(text!), act, [act]) { BySeverance = true }),
            // What was on the table was proposed before: the vendor comes back by a charter that the customer proposes anew.
            Proposal = null,
            Invitations = state.Invitations.Clear(),
            Changes = state.Changes.SetItems(open.Select(change => KeyValuePair.Create(change.Id, Ends(change) ? Withdrawn(change, entry.At) : Kept(change)))),
            Open = state.Open.RemoveRange(ended.Select(change => change.Id)),
            Planes = state.Planes.Add(new PlaneTerm(data.PlaneKey, state.Size)),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    public static Folded Move(EnvironmentState state, Entry entry, PlaneMoved data, Member owner)
    {
        if (Fault(state, entry, owner, data.PlaneKey, data.Reason) is { } fault) return Folded.Refuse(fault);
        return Folded.To(state with
        {
            HandedOverFrom = state.PlaneKey,
            Planes = state.Planes.Add(new PlaneTerm(data.PlaneKey, state.Size)),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    /// <summary>Why a member may not write this while the vendor is severed, or null.</summary>
    public static string? Refusal(EnvironmentState state, Entry entry, Member member) =>
        state.Severed is { } severed && member.Party == Party.Vendor && entry.Data is not CharterSigned
            ? $"the customer has severed the vendor (entry {severed.Index}): all that the vendor's people can do is sign a charter that the customer proposes"
            : null;

    private static string? Fault(EnvironmentState state, Entry entry, Member owner, string planeKey, string reason)
    {
        if (CharterFold.Replayed(state, entry) is { Refusal: { } replayed }) return replayed;
        if (owner.Party != Party.Customer) return $"{entry.Kind!.Name} is the customer's owner's alone to write: it is the customer's account";
        if (SeveranceLimits.PlaneFault(planeKey, state.PlaneKey) is { } fault) return fault;
        if (string.IsNullOrWhiteSpace(reason)) return "reason is empty: say why, the other side reads it";
        return reason.Length > SeveranceLimits.MaxReason ? $"reason has {reason.Length} characters, at most {SeveranceLimits.MaxReason} are allowed" : null;
    }

    /// <summary>Whether a change ends when the vendor is severed.</summary>
    public static bool Ends(Change change) => change is { RequestedFor: Party.Vendor, IsWaiting: true };

    private static Change Withdrawn(Change change, DateTimeOffset at) =>
        change with { Status = ChangeStatus.Withdrawn, Reason = "withdrawn by severance: the customer has severed the vendor before it began", EndedAt = at, Plan = null, Halt = null };

    // What has begun goes on: half a change is worse than a whole one, it was approved as it is, and the customer can stop it like any other. What stood still
    // because the vendor wanted so stands still until the customer decides.
    private static Change Kept(Change change)
    {
        if (change.Halt is { } halt && halt.By.Contains(Party.Vendor)) change = change with { Halt = halt with { By = [Party.Customer] } };
        if (!change.IsWaiting) return change;
        var kept = change with { NeedsApproval = SeveredCharter.Need(change.NeedsApproval), Approvals = change.Approvals.RemoveAll(a => a.Party == Party.Vendor) };
        return kept.Status == ChangeStatus.Planned && kept.NeedsApproval?.IsMetBy(kept.Approvals, kept.RequestedBy) != false ? kept with { Status = ChangeStatus.Approved } : kept;
    }
}
