using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>
/// Where the newest view of one environment is found. It is rebuilt from the store by folding every entry, and what comes out must be what the stored
/// checkpoint says under this plane's own signature: a store that was tampered with is not served.
/// </summary>
internal sealed class LedgerCell(EnvironmentId environment, ILedgerStore store, CheckpointSigner signer)
{
    private readonly Lock gate = new();
    private Task<LedgerView>? loading;
    private LedgerView? last;
    private volatile LedgerView? current;

    /// <summary>The newest durable view; null while it has to be read from the store.</summary>
    public LedgerView? Current => current;

    /// <summary>What the next entry is folded onto: an environment that is being founded has nothing yet.</summary>
    public LedgerView Base => current ?? new LedgerView(environment, EnvironmentState.Empty, new MerkleFrontier(), "", null, new LedgerFacets());

    /// <summary>The view, read once however many ask.</summary>
    public Task<LedgerView> LoadAsync(CancellationToken cancellation)
    {
        TaskCompletionSource<LedgerView> read;
        lock (gate)
        {
            if (current is { } view) return Task.FromResult(view);
            if (loading is { IsFaulted: false }) return JoinAsync(loading, cancellation);
            read = new TaskCompletionSource<LedgerView>();
            loading = read.Task;
        }

        // Reading may take long and happens outside the lock: those who come meanwhile wait for the task, not for a thread.
        return FillAsync(read).WaitAsync(cancellation);
    }

    /// <summary>After a commit.</summary>
    public void Publish(LedgerView view)
    {
        LedgerView? before;
        lock (gate)
        {
            before = last;
            current = last = view;
        }

        before?.Supersede();
    }

    /// <summary>After a commit whose outcome is not known. When the store does not answer, the next one who asks tries again.</summary>
    public async Task ReloadAsync()
    {
        lock (gate)
        {
            current = null;
            loading = null;
        }

        try
        {
            if (await store.HeadAsync(environment, CancellationToken.None) is not null) await LoadAsync(CancellationToken.None);
        }
        catch (Exception failure) when (failure is not BrokenBeliefException)
        {
            // Those who wait for the failed commit hear of it; this environment stays unread until somebody asks.
        }
    }

    // Who reads is not run through by those who wait for it; and these stay on their scheduler, with no detour over the thread pool.
    private static async Task<LedgerView> JoinAsync(Task<LedgerView> loading, CancellationToken cancellation)
    {
        var view = await loading.WaitAsync(cancellation);
        await Task.Yield();
        return view;
    }

    private async Task<LedgerView> FillAsync(TaskCompletionSource<LedgerView> read)
    {
        try
        {
            read.SetResult(await ReadAsync());
        }
        catch (Exception failure)
        {
            read.SetException(failure);
        }

        return await read.Task;
    }

    private async Task<LedgerView> ReadAsync()
    {
        var head = await store.HeadAsync(environment, CancellationToken.None) ?? throw Damaged("its head is gone");
        var state = EnvironmentState.Empty;
        var frontier = new MerkleFrontier();
        var facets = new LedgerFacets();
        await foreach (var bytes in store.ReadAsync(environment, 0, head.Size, CancellationToken.None))
        {
            var read = Entry.Read(bytes);
            if (read.Entry is not { } entry) throw Damaged($"entry {frontier.Size} cannot be read: {read.Fault}");
            var folded = EnvironmentFold.Apply(state, entry);
            state = folded.State ?? throw Damaged($"entry {frontier.Size} does not fold: {folded.Refusal}");
            frontier.AppendLeafHash(entry.LeafHash);
            facets.Add(entry, EntrySubject.Of(state, entry));
        }

        // A head that another plane has signed was taken in whole, and this plane holds it without giving it its order.
        if (signer.Open(environment, head.Checkpoint, state.Planes, out _, out var fault) is not { } checkpoint) throw Damaged($"its checkpoint does not hold: {fault}");
        if (frontier.Size != checkpoint.Size) throw Damaged($"it has {frontier.Size} entries, its checkpoint says {checkpoint.Size}");
        if (!frontier.Root().AsSpan().SequenceEqual(checkpoint.Root)) throw Damaged("its entries do not give the root of its checkpoint");
        var view = new LedgerView(environment, state, frontier, head.Checkpoint, head.Countersigned, facets);
        Publish(view);
        return view;
    }

    private LedgerDamagedException Damaged(string what) =>
        new($"The stored ledger of {environment} is damaged: {what}. It is not served. Restore the store from a backup, or from the agent's replica.");
}
