using System.Collections.Immutable;

namespace Demarc.Core.Charter;

/// <summary>The charter that stands unless the parties agree on another: the published table, and for its shared rows who does which part.</summary>
internal static class DefaultCharter
{
    /// <summary>A vendor's change can be put off over a long weekend.</summary>
    private static readonly TimeSpan Deferral = TimeSpan.FromHours(72);

    public static CharterRule Rule(Responsibility row)
    {
        var rule = CharterRule.OwnedBy(row.DefaultOwner) with { Parts = Parts(row.Id), Deferral = IsFeltByUsers(row.Id) ? Deferral : TimeSpan.Zero };
        return row.Id switch
        {
            TaskId.Provision => rule with
            {
                Approval = rule.Approval.Add(ChangeAction.Delete.Name, ApprovalNeed.OfCustomer),
                Standing = [ChangeAction.Heal.Name, ChangeAction.Purge.Name],
                Limits = rule.Limits.Add(CharterLimits.MaxInstances, 10).Add(CharterLimits.MaxMemoryMib, 16384),
            },
            TaskId.Emergency => rule with
            {
                Approval = rule.Approval
                    .Add(ChangeAction.Bundle.Name, ApprovalNeed.OfCustomer)
                    .Add(ChangeAction.MilvusSession.Name, ApprovalNeed.OfCustomer)
                    .Add(ChangeAction.Terminal.Name, ApprovalNeed.OfCustomer),
                Limits = rule.Limits.Add(CharterLimits.MaxSessionMinutes, 60).Add(CharterLimits.MaxOpenSessions, 2),
            },
            _ => rule,
        };
    }

    // What may interrupt those who use an instance, and can wait.
    private static bool IsFeltByUsers(TaskId task) => task is TaskId.Machines or TaskId.Cluster or TaskId.Provision or TaskId.MilvusUpgrade
        or TaskId.SoftwarePatches or TaskId.InfrastructurePatches or TaskId.Scaling;

    private static ImmutableSortedDictionary<Party, string> Parts(TaskId task) => task switch
    {
        TaskId.InfrastructurePatches => Split("rolls machine images, Kubernetes and add-ons, group by group", "sets window and cadence, and keeps account and network patched"),
        TaskId.Scaling => Split("scales within the agreed range, and asks beyond it", "sets range, schedule and budget, and may scale inside them"),
        TaskId.Identity => Split("says what it needs and why, and uses short-lived rights only", "creates, bounds and revokes the roles, and invites the agent"),
        TaskId.Access => Split("keeps its own people and their roles", "keeps its own people, and the users of its instances"),
        TaskId.Recovery => Split("backs up, copies and rehearses restoring", "sets the policy, owns the second bucket, decides to fail over"),
        TaskId.Sla => Split("measures, reports and credits", "keeps access and quotas alive, and checks the report"),
        TaskId.Audit => Split("keeps the ledger in order", "holds a full copy and verifies it"),
        TaskId.Emergency => Split("asks, with a reason and for a while", "approves, watches, cuts off and reviews"),
        _ => ImmutableSortedDictionary<Party, string>.Empty,
    };

    private static ImmutableSortedDictionary<Party, string> Split(string vendor, string customer) =>
        ImmutableSortedDictionary<Party, string>.Empty.Add(Party.Vendor, vendor).Add(Party.Customer, customer);
}
