using System.Collections.Immutable;

namespace Demarc.Core.Charter;

/// <summary>Something a change can do, the task it belongs to, and whether it is a thing only the agent starts by itself.</summary>
/// <param name="Name">As in <c>instances.create</c>; what charters and ledgers name.</param>
/// <param name="Task">The row of the table it falls under.</param>
/// <param name="Standing">True for what the agent starts alone under standing authority, and no person requests.</param>
/// <param name="Summary">One line for people.</param>
public sealed record ChangeAction(string Name, TaskId Task, bool Standing, string Summary)
{
    /// <summary>A new instance from an order.</summary>
    public static ChangeAction Create { get; } = new("instances.create", TaskId.Provision, false, "provision a new instance from an order");

    /// <summary>Another size or other labels.</summary>
    public static ChangeAction Modify { get; } = new("instances.modify", TaskId.Provision, false, "change an instance's size or labels");

    /// <summary>Stops it and keeps its data.</summary>
    public static ChangeAction Suspend { get; } = new("instances.suspend", TaskId.Provision, false, "stop an instance and keep its data");

    /// <summary>Starts a suspended one.</summary>
    public static ChangeAction Resume { get; } = new("instances.resume", TaskId.Provision, false, "start a suspended instance");

    /// <summary>Moves it to the recycle bin.</summary>
    public static ChangeAction Delete { get; } = new("instances.delete", TaskId.Provision, false, "stop an instance and move its data to the recycle bin");

    /// <summary>Takes it back from the recycle bin.</summary>
    public static ChangeAction Restore { get; } = new("instances.restore", TaskId.Provision, false, "take an instance back from the recycle bin");

    /// <summary>Brings a ready instance back that is not running.</summary>
    public static ChangeAction Heal { get; } = new("instances.heal", TaskId.Provision, true, "start a ready instance again that has stopped by itself");

    /// <summary>Erases what has stood in the recycle bin for its full time.</summary>
    public static ChangeAction Purge { get; } = new("instances.purge", TaskId.Provision, true, "erase an instance whose time in the recycle bin is over");

    /// <summary>A read-only diagnostic bundle that the customer sees before it leaves.</summary>
    public static ChangeAction Bundle { get; } = new("emergency.bundle", TaskId.Emergency, false, "collect a redacted diagnostic bundle") { IsSession = true };

    /// <summary>A temporary Milvus user.</summary>
    public static ChangeAction MilvusSession { get; } = new("emergency.milvus", TaskId.Emergency, false, "use an instance with a temporary Milvus user") { IsSession = true };

    /// <summary>Commands from an allow-list on the agent's machine.</summary>
    public static ChangeAction Terminal { get; } = new("emergency.terminal", TaskId.Emergency, false, "run allowed commands on the agent's machine") { IsSession = true };

    /// <summary>Any of these before anybody has approved, where the charter allows it.</summary>
    public static ChangeAction Override { get; } = new("emergency.override", TaskId.Emergency, false, "open an emergency session at once and be reviewed afterwards") { IsSession = true };

    /// <summary>All of them.</summary>
    public static ImmutableArray<ChangeAction> All { get; } = [Create, Modify, Suspend, Resume, Delete, Restore, Heal, Purge, Bundle, MilvusSession, Terminal, Override];

    /// <summary>Whether it opens an emergency session, rather than changing an instance.</summary>
    public bool IsSession { get; private init; }

    /// <summary>What an approval of it is of, as in <c>once its plan is approved</c>: a change has a plan, a session has terms.</summary>
    public string ApprovedThing => IsSession ? "terms are" : "plan is";

    /// <summary>The action of a name, or null when there is none.</summary>
    public static ChangeAction? ByName(string name)
    {
        foreach (var action in All)
        {
            if (action.Name == name) return action;
        }

        return null;
    }
}
