namespace Demarc.Core.Ledger;

/// <summary>
/// Checks many envelopes at once, many signatures in one equation (<see cref="Ed25519Batch"/>) and on several threads. A signature checked alone costs some
/// 40 µs, a hundred times what hashing an entry does, so this is what makes the check of a long ledger quick. The answer does not depend on the number
/// of threads. For what is in a ledger already; what asks to be let in is checked one by one.
/// </summary>
public static class DsseBatch
{
    /// <summary>Signatures in one equation: more gain little, and one that does not hold sends all of them to be looked at singly.</summary>
    internal const int Chunk = 4096;

    /// <summary>The index of the first envelope that is not signed by the key that stands beside it; null when all are.</summary>
    public static int? FirstUnsigned(IReadOnlyList<(DsseEnvelope Envelope, PublicKey Key)> batch, int threads)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Must.Hold(threads > 0);
        var chunks = (batch.Count + Chunk - 1) / Chunk;

        // Break lets every lower chunk finish, so the lowest bad one is found whatever the order.
        var result = new int?[chunks];
        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads }, (chunk, loop) =>
        {
            result[chunk] = FirstUnsigned(batch, chunk * Chunk, Math.Min(batch.Count, (chunk + 1) * Chunk));
            if (result[chunk] is not null) loop.Break();
        });
        return result.FirstOrDefault(first => first is not null);
    }

    private static int? FirstUnsigned(IReadOnlyList<(DsseEnvelope Envelope, PublicKey Key)> batch, int from, int to)
    {
        var claims = new List<Ed25519Claim>(to - from);
        var alone = 0;
        for (var i = from; i < to; i++)
        {
            var (envelope, key) = batch[i];
            if (key is not Ed25519Key ed25519) alone += envelope.IsSignedBy(key) ? 1 : 0;
            else if (envelope.Signatures.FirstOrDefault(s => s.KeyId == key.KeyId) is { } signature) claims.Add(envelope.ClaimOf(ed25519, signature));
        }

        if (claims.Count + alone == to - from && (claims.Count == 0 || Ed25519Batch.AllHold(claims))) return null;
        for (var i = from; i < to; i++)
        {
            if (!batch[i].Envelope.IsSignedBy(batch[i].Key)) return i;
        }

        return null;
    }
}
