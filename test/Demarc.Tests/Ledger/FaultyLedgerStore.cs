using Demarc.Core.Environments;
using Demarc.Plane.Ledger;

namespace Demarc.Tests.Ledger;

/// <summary>What goes wrong with a commit.</summary>
internal enum CommitFault
{
    None,
    BeforeEffect,
    AnswerLost,
}

/// <summary>A store that fails on demand in the two ways a store can: before anything was kept, and after everything was.</summary>
internal sealed class FaultyLedgerStore(ILedgerStore store) : ILedgerStore
{
    public CommitFault Next { get; set; }

    public int Commits { get; private set; }

    /// <summary>When set, commits wait for it: what is handed in meanwhile piles up.</summary>
    public TaskCompletionSource? Hold { get; set; }

    public async ValueTask CommitAsync(IReadOnlyList<LedgerWrite> writes, CancellationToken cancellation)
    {
        if (Hold is { } hold) await hold.Task;
        var fault = Next;
        Next = CommitFault.None;
        if (fault == CommitFault.BeforeEffect) throw new IOException("the disk is gone");
        await store.CommitAsync(writes, cancellation);
        Commits++;
        if (fault == CommitFault.AnswerLost) throw new IOException("the answer is gone");
    }

    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsAsync(CancellationToken cancellation) => store.EnvironmentsAsync(cancellation);

    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsOfAsync(string readerId, CancellationToken cancellation) => store.EnvironmentsOfAsync(readerId, cancellation);

    public ValueTask<LedgerHead?> HeadAsync(EnvironmentId environment, CancellationToken cancellation) => store.HeadAsync(environment, cancellation);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(EnvironmentId environment, long first, long count, CancellationToken cancellation) => store.ReadAsync(environment, first, count, cancellation);

    public ValueTask<IReadOnlyList<long?>> FindAsync(IReadOnlyList<EntryName> names, CancellationToken cancellation) => store.FindAsync(names, cancellation);

    public ValueTask<IReadOnlyList<byte[]>> NodesAsync(EnvironmentId environment, IReadOnlyList<NodeAddress> nodes, CancellationToken cancellation) => store.NodesAsync(environment, nodes, cancellation);

    public ValueTask NoteAsync(EnvironmentId environment, Notice notice, CancellationToken cancellation) => store.NoteAsync(environment, notice, cancellation);

    public ValueTask<IReadOnlyList<Notice>> NoticesAsync(EnvironmentId environment, CancellationToken cancellation) => store.NoticesAsync(environment, cancellation);

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
