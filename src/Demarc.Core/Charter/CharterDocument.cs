using System.Collections.Immutable;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>Who may do what, as both parties signed it. The default is the published table.</summary>
/// <param name="Version">1, 2, …: each amendment is the next number.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Rules">One rule for each of the 17 tasks.</param>
public sealed record CharterDocument(int Version, string Name, ImmutableDictionary<TaskId, CharterRule> Rules)
{
    /// <summary>The published table, with deletion and emergency access asking the customer, and healing left to the agent.</summary>
    public static CharterDocument Default { get; } = new(1, "default", Responsibilities.All.ToImmutableDictionary(row => row.Id, DefaultCharter.Rule));

    /// <summary>Windows by name; rules refer to them.</summary>
    public ImmutableSortedDictionary<string, TimeWindow> Windows { get; init; } = ImmutableSortedDictionary<string, TimeWindow>.Empty;

    /// <summary>What is approved beforehand, a number of times.</summary>
    public ImmutableArray<PreapprovedAct> Preapproved { get; init; } = [];

    /// <summary>What an instance of a size costs a month, in the parties' own currency.</summary>
    public ImmutableSortedDictionary<InstanceSize, long> Prices { get; init; } = ImmutableSortedDictionary<InstanceSize, long>.Empty;

    /// <summary>The rule of a task.</summary>
    public CharterRule this[TaskId task] => Rules[task];

    /// <summary>The window that an action has to begin in, with its name; null when it may begin at any time.</summary>
    public (string Name, TimeWindow Window)? WindowOf(ChangeAction action) =>
        this[action.Task].Windows.TryGetValue(action.Name, out var name) && Windows.TryGetValue(name, out var window) ? (name, window) : null;
}

/// <summary>An act that needs no further approval until its uses are used up.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Action">Which action.</param>
/// <param name="Instance">Of which instance; null for any.</param>
/// <param name="Uses">How many times.</param>
/// <param name="Until">The last day, by UTC.</param>
public sealed record PreapprovedAct(string Name, string Action, InstanceId? Instance, int Uses, DateOnly Until);

/// <summary>What a stopped change leaves behind.</summary>
public enum OnStop
{
    /// <summary>What was done is undone.</summary>
    RollBack,

    /// <summary>What was done stays.</summary>
    Leave,
}

/// <summary>What the charter says of one task.</summary>
/// <param name="Owner">Whose task it is; the other party's requests are refused.</param>
/// <param name="Approval">Action name → who must approve it before it runs.</param>
/// <param name="Standing">Actions that the agent may start alone.</param>
/// <param name="Limits">Limit name (see <see cref="CharterLimits"/>) → greatest allowed value.</param>
public sealed record CharterRule(
    Owner Owner,
    ImmutableSortedDictionary<string, ApprovalNeed> Approval,
    ImmutableSortedSet<string> Standing,
    ImmutableSortedDictionary<string, long> Limits)
{
    /// <summary>Which part of a shared task is whose, in words.</summary>
    public ImmutableSortedDictionary<Party, string> Parts { get; init; } = ImmutableSortedDictionary<Party, string>.Empty;

    /// <summary>Action name → name of the window it has to begin in.</summary>
    public ImmutableSortedDictionary<string, string> Windows { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What becomes of a change that is stopped.</summary>
    public OnStop OnStop { get; init; }

    /// <summary>How long the customer may put off a vendor's change in all.</summary>
    public TimeSpan Deferral { get; init; }

    /// <summary>Whether the vendor may open an emergency session without waiting for approval, and be reviewed afterwards.</summary>
    public bool Override { get; init; }

    /// <summary>Class of what leaves for the vendor → bytes a UTC day; a class left out has its default.</summary>
    public ImmutableSortedDictionary<string, long> Egress { get; init; } = ImmutableSortedDictionary<string, long>.Empty;

    /// <summary>A rule that only says whose task it is.</summary>
    public static CharterRule OwnedBy(Owner owner) =>
        new(owner, ImmutableSortedDictionary<string, ApprovalNeed>.Empty, [], ImmutableSortedDictionary<string, long>.Empty);
}

/// <summary>The limits a charter can set, and bounds on the document itself.</summary>
public static class CharterLimits
{
    /// <summary>How many instances there may be, the recycle bin included.</summary>
    public const string MaxInstances = "max-instances";

    /// <summary>How much memory all instances together may be given, in MiB.</summary>
    public const string MaxMemoryMib = "max-memory-mib";

    /// <summary>What all instances together may cost a month, by the charter's own prices.</summary>
    public const string MaxMonthlyCost = "max-monthly-cost";

    /// <summary>How many changes may be asked for within 24 hours.</summary>
    public const string MaxChangesPerDay = "max-changes-per-day";

    /// <summary>How long one emergency session may last, in minutes.</summary>
    public const string MaxSessionMinutes = "max-session-minutes";

    /// <summary>How many emergency sessions may be asked for or open at once.</summary>
    public const string MaxOpenSessions = "max-open-sessions";

    /// <summary>Requests of a day that are remembered to be counted; a limit cannot be set higher.</summary>
    public const int MostChangesPerDay = 10_000;

    /// <summary>Named windows and preapproved acts in one charter; a page that people read has few.</summary>
    public const int MaxNamed = 50;

    /// <summary>The longest a vendor's change can be put off: beyond it the parties talk.</summary>
    public static TimeSpan MaxDeferral { get; } = TimeSpan.FromDays(30);

    /// <summary>A charter is a page or two; 32 KiB leaves room and fits in one ledger entry.</summary>
    public const int MaxBytes = 32 * 1024;

    /// <summary>Deepest nesting of the YAML: document, tasks, task, map.</summary>
    public const int MaxDepth = 6;

    /// <summary>Which limits each task knows.</summary>
    public static ImmutableDictionary<TaskId, ImmutableArray<string>> Known { get; } =
        ImmutableDictionary<TaskId, ImmutableArray<string>>.Empty
            .Add(TaskId.Provision, [MaxInstances, MaxMemoryMib, MaxMonthlyCost, MaxChangesPerDay])
            .Add(TaskId.Emergency, [MaxSessionMinutes, MaxOpenSessions]);
}
