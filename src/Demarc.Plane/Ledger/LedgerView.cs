using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>
/// One environment as it stands at one size: state, root and signed head that belong together. Whoever watches an environment reads what is new
/// since the view it last had and then waits for <see cref="Superseded"/>; nothing is queued for it, so a slow watcher costs nothing.
/// </summary>
public sealed class LedgerView
{
    private readonly TaskCompletionSource superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource next = new();

    internal LedgerView(EnvironmentId environment, EnvironmentState state, MerkleFrontier frontier, string checkpoint, Countersigned? countersigned, LedgerFacets facets)
    {
        Must.Hold(state.Size == frontier.Size);
        Facets = facets;
        Environment = environment;
        State = state;
        Frontier = frontier;
        Root = frontier.Root();
        Checkpoint = checkpoint;
        Countersigned = countersigned;
    }

    /// <summary>Which environment.</summary>
    public EnvironmentId Environment { get; }

    /// <summary>All entries, folded.</summary>
    public EnvironmentState State { get; }

    /// <summary>How many entries.</summary>
    public long Size => State.Size;

    /// <summary>The root over them.</summary>
    public byte[] Root { get; }

    /// <summary>The plane's note over exactly this size; empty before the first entry.</summary>
    public string Checkpoint { get; }

    /// <summary>How far the agent has countersigned.</summary>
    public Countersigned? Countersigned { get; }

    /// <summary>What its entries are about; it may know of newer ones already.</summary>
    public LedgerFacets Facets { get; }

    /// <summary>Completes when there is a newer view.</summary>
    public Task Superseded => superseded.Task;

    /// <summary>Waits until there is a newer view, and stays on the caller's scheduler: nothing passes over the thread pool.</summary>
    public async Task SupersededAsync(CancellationToken cancellation)
    {
        await next.Task.WaitAsync(cancellation);
        // The one who publishes is not run through by those who wait.
        await Task.Yield();
    }

    /// <summary>The edge to go on from; never changed once it is here.</summary>
    internal MerkleFrontier Frontier { get; }

    internal void Supersede()
    {
        superseded.TrySetResult();
        next.TrySetResult();
    }
}
