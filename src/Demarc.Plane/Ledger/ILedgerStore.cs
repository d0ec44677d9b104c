using Demarc.Core.Environments;

namespace Demarc.Plane.Ledger;

/// <summary>
/// What the plane needs of a store, and no more, so that a PostgreSQL store can stand behind the same lines: many environments' entries in one
/// transaction at expected sizes, ranges, tree nodes and heads. The expected size is the only concurrency control.
/// </summary>
public interface ILedgerStore : IAsyncDisposable
{
    /// <summary>All environments, in the order of their founding.</summary>
    ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsAsync(CancellationToken cancellation);

    /// <summary>The environments that have the key as a member, or the subject as a linked one: an index that is written together with the entries it follows from.</summary>
    ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsOfAsync(string readerId, CancellationToken cancellation);

    /// <summary>How far an environment is; null when there is none of that name.</summary>
    ValueTask<LedgerHead?> HeadAsync(EnvironmentId environment, CancellationToken cancellation);

    /// <summary>
    /// Writes everything or nothing, durably. Throws <see cref="LedgerConflictException"/> when an environment does not have the expected size. After
    /// any other exception the outcome is unknown: the caller reads the heads again.
    /// </summary>
    ValueTask CommitAsync(IReadOnlyList<LedgerWrite> writes, CancellationToken cancellation);

    /// <summary>Exact bytes of consecutive entries from <paramref name="first"/> on, at most <paramref name="count"/>, read in pages.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(EnvironmentId environment, long first, long count, CancellationToken cancellation);

    /// <summary>Where entries of these ids stand, in the order asked; null for one that does not.</summary>
    ValueTask<IReadOnlyList<long?>> FindAsync(IReadOnlyList<EntryName> names, CancellationToken cancellation);

    /// <summary>Hashes of complete subtrees, in the order asked. Asking for one that is not complete is a bug of the caller.</summary>
    ValueTask<IReadOnlyList<byte[]>> NodesAsync(EnvironmentId environment, IReadOnlyList<NodeAddress> nodes, CancellationToken cancellation);

    /// <summary>Keeps a notice and forgets the oldest beyond <see cref="PlaneLedgerLimits.Notices"/>.</summary>
    ValueTask NoteAsync(EnvironmentId environment, Notice notice, CancellationToken cancellation);

    /// <summary>The notices of an environment, newest first.</summary>
    ValueTask<IReadOnlyList<Notice>> NoticesAsync(EnvironmentId environment, CancellationToken cancellation);
}

/// <summary>The stored end of a ledger.</summary>
/// <param name="Size">How many entries it has.</param>
/// <param name="Checkpoint">The note over exactly these.</param>
/// <param name="Countersigned">The newest checkpoint that the agent has countersigned, or null.</param>
public sealed record LedgerHead(long Size, string Checkpoint, Countersigned? Countersigned);

/// <summary>A checkpoint with the agent's line.</summary>
/// <param name="Size">How far the agent has verified.</param>
/// <param name="Note">The note with both signatures.</param>
public sealed record Countersigned(long Size, string Note);

/// <summary>What one transaction does to one environment.</summary>
/// <param name="Environment">Which.</param>
/// <param name="ExpectedSize">How many entries it has now; 0 founds it.</param>
/// <param name="Entries">What is added, in order; may be empty when only a countersignature is kept.</param>
/// <param name="Checkpoint">The note over the size after it.</param>
/// <param name="Countersigned">A newer countersigned checkpoint, or null to keep the one there is.</param>
/// <param name="Members">All ids of <see cref="EnvironmentState.ReaderIds"/>, when they have changed; otherwise null.</param>
public sealed record LedgerWrite(EnvironmentId Environment, long ExpectedSize, IReadOnlyList<EntryRow> Entries, string Checkpoint, Countersigned? Countersigned, IReadOnlyCollection<string>? Members);

/// <summary>One entry as it is stored.</summary>
/// <param name="Id">Its id, unique in its environment.</param>
/// <param name="Bytes">The exact envelope.</param>
/// <param name="Nodes">Its leaf hash, and after it each inner node that this leaf completes, upwards: every complete node stands once, with its last leaf.</param>
public sealed record EntryRow(string Id, ReadOnlyMemory<byte> Bytes, byte[] Nodes);

/// <summary>An entry by its name.</summary>
/// <param name="Environment">Whose ledger.</param>
/// <param name="Id">Its id.</param>
public readonly record struct EntryName(EnvironmentId Environment, string Id);

/// <summary>A complete subtree of 2^level leaves; see <see cref="Core.Ledger.MerkleNodeReader"/>.</summary>
/// <param name="Level">0 for leaves.</param>
/// <param name="Index">Counted within the level.</param>
public readonly record struct NodeAddress(int Level, long Index)
{
    /// <summary>The leaf with which the node is stored.</summary>
    public long LastLeaf => ((Index + 1) << Level) - 1;
}

/// <summary>Something the plane must not forget about an agent though it is no entry: a refused report, or the agent's refusal of this plane.</summary>
/// <param name="At">When.</param>
/// <param name="Kind"><c>agent-refuses</c>, <c>report-refused</c> or <c>history-differs</c>.</param>
/// <param name="Text">What happened, in one line.</param>
public sealed record Notice(DateTimeOffset At, string Kind, string Text);

/// <summary>An environment did not have the expected size: somebody else has written.</summary>
public sealed class LedgerConflictException(string message) : Exception(message);

/// <summary>What is stored is not what was signed: the environment is not served until a person has looked.</summary>
public sealed class LedgerDamagedException(string message) : Exception(message);

/// <summary>The store did not answer; whether the entry was kept is unknown. Sending the identical entry again is safe.</summary>
public sealed class LedgerUnavailableException : Exception
{
    /// <summary>With the cause.</summary>
    public LedgerUnavailableException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>Without one: the queue is full, or the plane stops.</summary>
    public LedgerUnavailableException(string message) : base(message)
    {
    }
}
