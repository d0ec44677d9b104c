namespace Demarc.Core.Ledger;

/// <summary>
/// Checks many envelopes at once. A signature costs some 40 µs, a hundred times what hashing an entry does, so the check of a long ledger is as
/// fast as its cores are many. The answer does not depend on the number of threads, and one thread means a plain loop.
/// </summary>
public static class DsseBatch
{
    /// <summary>The index of the first envelope that is not signed by the key that stands beside it; null when all are.</summary>
    public static int? FirstUnsigned(IReadOnlyList<(DsseEnvelope Envelope, PublicKey Key)> batch, int threads)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Must.Hold(threads > 0);
        if (threads == 1)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                if (!batch[i].Envelope.IsSignedBy(batch[i].Key)) return i;
            }

            return null;
        }

        // Break lets every lower index finish, so the lowest bad one is found whatever the order.
        var result = Parallel.For(0, batch.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, (i, loop) =>
        {
            if (!batch[i].Envelope.IsSignedBy(batch[i].Key)) loop.Break();
        });
        return (int?)result.LowestBreakIteration;
    }
}
