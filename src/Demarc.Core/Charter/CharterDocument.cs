using System.Collections.Immutable;

namespace Demarc.Core.Charter;

/// <summary>Who may do what, as both parties signed it. The default is the published table.</summary>
/// <param name="Version">1, 2, …: each amendment is the next number.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Rules">One rule for each of the 17 tasks.</param>
public sealed record CharterDocument(int Version, string Name, ImmutableDictionary<TaskId, CharterRule> Rules)
{
    /// <summary>The published table, with deletion asking the customer, and healing left to the agent.</summary>
    public static CharterDocument Default { get; } = new(1, "default", Responsibilities.All.ToImmutableDictionary(row => row.Id, DefaultRule));

    /// <summary>The rule of a task.</summary>
    public CharterRule this[TaskId task] => Rules[task];

    private static CharterRule DefaultRule(Responsibility row) => row.Id == TaskId.Provision
        ? new CharterRule(
            row.DefaultOwner,
            ImmutableSortedDictionary<string, Owner>.Empty.Add(ChangeAction.Delete.Name, Owner.Customer),
            [ChangeAction.Heal.Name, ChangeAction.Purge.Name],
            ImmutableSortedDictionary<string, long>.Empty.Add(CharterLimits.MaxInstances, 10).Add(CharterLimits.MaxMemoryMib, 16384))
        : CharterRule.OwnedBy(row.DefaultOwner);
}

/// <summary>What the charter says of one task.</summary>
/// <param name="Owner">Whose task it is; the other party's requests are refused.</param>
/// <param name="Approval">Action name → who must approve it before it runs.</param>
/// <param name="Standing">Actions that the agent may start alone.</param>
/// <param name="Limits">Limit name (see <see cref="CharterLimits"/>) → greatest allowed value.</param>
public sealed record CharterRule(
    Owner Owner,
    ImmutableSortedDictionary<string, Owner> Approval,
    ImmutableSortedSet<string> Standing,
    ImmutableSortedDictionary<string, long> Limits)
{
    /// <summary>A rule that only says whose task it is.</summary>
    public static CharterRule OwnedBy(Owner owner) =>
        new(owner, ImmutableSortedDictionary<string, Owner>.Empty, [], ImmutableSortedDictionary<string, long>.Empty);
}

/// <summary>The limits a charter can set, and bounds on the document itself.</summary>
public static class CharterLimits
{
    /// <summary>How many instances there may be, the recycle bin included.</summary>
    public const string MaxInstances = "max-instances";

    /// <summary>How much memory all instances together may be given, in MiB.</summary>
    public const string MaxMemoryMib = "max-memory-mib";

    /// <summary>A charter is a page or two; 32 KiB leaves room and fits in one ledger entry.</summary>
    public const int MaxBytes = 32 * 1024;

    /// <summary>Deepest nesting of the YAML: document, tasks, task, map.</summary>
    public const int MaxDepth = 6;

    /// <summary>Which limits each task knows.</summary>
    public static ImmutableDictionary<TaskId, ImmutableArray<string>> Known { get; } =
        ImmutableDictionary<TaskId, ImmutableArray<string>>.Empty.Add(TaskId.Provision, [MaxInstances, MaxMemoryMib]);
}
