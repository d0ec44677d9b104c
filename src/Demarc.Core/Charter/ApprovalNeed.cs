using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;

namespace Demarc.Core.Charter;

/// <summary>Whose approval a charter asks for: how many people of each party, in which roles.</summary>
/// <param name="Vendor">How many of the vendor's people.</param>
/// <param name="Customer">How many of the customer's people.</param>
/// <param name="Roles">In one of these roles; empty for every role that may approve.</param>
/// <param name="NotRequester">Whether the person who asked for it does not count.</param>
public sealed record ApprovalNeed(int Vendor, int Customer, ImmutableSortedSet<Role> Roles, bool NotRequester)
{
    /// <summary>More approvers than this of one party nobody waits for.</summary>
    public const int MaxOfParty = 10;

    /// <summary>One of the customer.</summary>
    public static ApprovalNeed OfCustomer { get; } = Of(Owner.Customer);

    /// <summary>One of the vendor, of the customer, or of each.</summary>
    public static ApprovalNeed Of(Owner owner) => new(owner.Includes(Party.Vendor) ? 1 : 0, owner.Includes(Party.Customer) ? 1 : 0, [], false);

    /// <summary>How many people of a party.</summary>
    public int Of(Party party) => party == Party.Vendor ? Vendor : Customer;

    /// <summary>Whether a party has a say.</summary>
    public bool Includes(Party party) => Of(party) > 0;

    /// <summary>Why a person's approval does not count, or null when it does.</summary>
    public string? Fault(Approval approval, string requestedBy)
    {
        if (!Includes(approval.Party)) return $"no approval of the {approval.Party.Word()} is awaited";
        if (!Roles.IsEmpty && !Roles.Contains(approval.Role)) return $"the charter asks for an approver in the role {RoleWords}; {approval.Key} is {approval.Role.ToString().ToLowerInvariant()}";
        return NotRequester && approval.Key == requestedBy ? "the charter asks for the approval of somebody else than who asked for it" : null;
    }

    /// <summary>How many approvals of a party are still missing.</summary>
    public int Missing(Party party, IEnumerable<Approval> approvals, string requestedBy) =>
        Math.Max(0, Of(party) - approvals.Where(a => a.Party == party && Fault(a, requestedBy) is null).Select(a => a.Key).Distinct().Count());

    /// <summary>Whether these approvals are enough.</summary>
    public bool IsMetBy(IEnumerable<Approval> approvals, string requestedBy) =>
        Missing(Party.Vendor, approvals, requestedBy) == 0 && Missing(Party.Customer, approvals, requestedBy) == 0;

    /// <summary>As people say it: <c>two people of the customer in the role owner, other than who asked</c>.</summary>
    public string Word()
    {
        var who = (Vendor, Customer) switch
        {
            (0, 1) => "customer",
            (1, 0) => "vendor",
            (1, 1) => "vendor and the customer",
            (0, var c) => $"customer ({c} people)",
            (var v, 0) => $"vendor ({v} people)",
            var (v, c) => $"vendor ({v}) and the customer ({c})",
        };
        return $"{who}{(Roles.IsEmpty ? "" : $" in the role {RoleWords}")}{(NotRequester ? ", other than who asked" : "")}";
    }

    private string RoleWords => string.Join(" or ", Roles.Select(r => r.ToString().ToLowerInvariant()));
}
