using Demarc.Core.Environments;
using Demarc.Plane.Emergency;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Plane.Agents;

/// <summary>What all conversations with agents share.</summary>
/// <param name="Sequencer">The ledgers.</param>
/// <param name="Board">Who is here.</param>
/// <param name="Time">The clock.</param>
/// <param name="Version">This plane's version.</param>
public sealed record AgentHub(Sequencer Sequencer, AgentBoard Board, TimeProvider Time, string Version)
{
    /// <summary>Emergency sessions; null where the plane carries none.</summary>
    public SessionBoard? Sessions { get; init; }

    /// <summary>
    /// The entries from <paramref name="first"/> on that fit one batch, under a checkpoint of exactly the size after them: an agent that catches up
    /// verifies each batch by itself and need not hold a whole ledger before it knows whether to believe it.
    /// </summary>
    public async ValueTask<Batch> BatchAsync(LedgerView view, long first, CancellationToken cancellation)
    {
        var batch = new Batch { First = (ulong)first };
        var bytes = 0;
        await foreach (var envelope in Sequencer.Store.ReadAsync(view.Environment, first, Math.Min(view.Size - first, AgentHubLimits.BatchEntries), cancellation))
        {
            batch.Envelopes.Add(UnsafeByteOperations.UnsafeWrap(envelope));
            bytes += envelope.Length;
            if (bytes >= AgentHubLimits.BatchBytes) break;
        }

        Must.Hold(batch.Envelopes.Count > 0);
        var size = first + batch.Envelopes.Count;
        batch.Checkpoint = size == view.Size
            ? view.Checkpoint
            : Sequencer.Signer.Sign(view.Environment, size, await LedgerTree.RootAsync(Sequencer.Store, view.Environment, size, cancellation));
        return batch;
    }
}
