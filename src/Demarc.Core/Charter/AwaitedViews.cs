using System.Collections.Immutable;
using Demarc.Core.Changes;
using Demarc.Core.Environments;

namespace Demarc.Core.Charter;

/// <summary>Whose approval is missing, exactly, of whatever the charter asks approval for.</summary>
public static class AwaitedViews
{
    /// <summary>Of which party, how many, in which roles.</summary>
    public static ImmutableArray<AwaitedView> Of(ApprovalNeed need, IReadOnlyCollection<Approval> approvals, string requestedBy)
    {
        ArgumentNullException.ThrowIfNull(need);
        return [.. Enum.GetValues<Party>().Where(party => need.Missing(party, approvals, requestedBy) > 0).Select(party => Of(need, party, need.Missing(party, approvals, requestedBy)))];
    }

    private static AwaitedView Of(ApprovalNeed need, Party party, int missing)
    {
        var roles = need.Roles.Select(role => role.ToString().ToLowerInvariant()).ToImmutableArray();
        var words = missing == 1 && need.Of(party) == 1 ? $"the approval of the {party.Word()}" : $"{missing} more {(missing == 1 ? "approval" : "approvals")} of the {party.Word()}";
        if (!roles.IsEmpty) words += $" by {string.Join(" or ", roles)}";
        return new AwaitedView(party, missing, roles, need.NotRequester, words + (need.NotRequester ? ", other than who asked" : ""));
    }
}
