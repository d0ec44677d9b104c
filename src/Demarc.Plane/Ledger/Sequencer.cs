using System.Collections.Concurrent;
using System.Threading.Channels;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Environments;

namespace Demarc.Plane.Ledger;

/// <summary>What came of handing in an entry.</summary>
/// <param name="Index">Where it stands; null when refused.</param>
/// <param name="Size">Size of the ledger with it.</param>
/// <param name="Again">True when the identical entry stood there before: a lost answer was asked for again.</param>
/// <param name="Refusal">Why it has no place; null when it has one.</param>
public readonly record struct Appended(long? Index, long Size, bool Again, string? Refusal)
{
    internal static Appended Refuse(string why) => new(null, 0, false, why);
}

/// <summary>
/// Gives entries their order. One loop takes what waits, folds each entry onto its environment, and commits all environments of a batch in one
/// transaction, so that a thousand ledgers share one flush. An entry that does not fold is refused in the fold's own words and never stored. Nobody sees
/// a state before it is durable.
/// </summary>
public sealed class Sequencer
{
    private readonly ConcurrentDictionary<EnvironmentId, LedgerCell> cells = new();
    private readonly Channel<Submission> inbox = Channel.CreateBounded<Submission>(new BoundedChannelOptions(PlaneLedgerLimits.Queue) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly CheckpointSigner signer;
    private readonly HostingRule hosting;

    /// <summary>Over a store; <see cref="RunAsync"/> does the work.</summary>
    public Sequencer(ILedgerStore store, CheckpointSigner signer, HostingRule hosting)
    {
        Store = store;
        this.signer = signer;
        this.hosting = hosting;
    }

    /// <summary>Where the ledgers are kept; for readers.</summary>
    public ILedgerStore Store { get; }

    /// <summary>Who signs the heads.</summary>
    public CheckpointSigner Signer => signer;

    /// <summary>The environment as it stands, read from the store at first; null when there is none.</summary>
    public async ValueTask<LedgerView?> FindAsync(EnvironmentId environment, CancellationToken cancellation)
    {
        if (cells.TryGetValue(environment, out var cell) && cell.Current is { } view) return view;

        // A name that nobody has founded must leave nothing in memory, however often strangers ask for it.
        if (await Store.HeadAsync(environment, cancellation) is null) return null;
        return await cells.GetOrAdd(environment, id => new LedgerCell(id, Store, signer)).LoadAsync(cancellation);
    }

    /// <summary>
    /// Hands in an entry and waits until it is durable or refused. Handing in the identical entry again answers where it stands. Throws
    /// <see cref="LedgerUnavailableException"/> when the outcome is not known.
    /// </summary>
    public async ValueTask<Appended> AppendAsync(EnvironmentId environment, Entry entry, CancellationToken cancellation)
    {
        if (entry.Environment != environment) return Appended.Refuse($"the entry is for environment {entry.Environment}, this is the ledger of {environment}");
        if (await FindAsync(environment, cancellation) is null)
        {
            if (entry.Data is not EnvironmentFounded founding) return Appended.Refuse($"there is no environment {environment}");
            if (hosting.Refuse(founding) is { } refusal) return Appended.Refuse(refusal);
            if ((await Store.EnvironmentsAsync(cancellation)).Count >= PlaneLedgerLimits.Environments) return Appended.Refuse($"this plane holds {PlaneLedgerLimits.Environments} environments already");
        }

        return await SubmitAsync(new Submission(environment, entry, null), cancellation);
    }

    /// <summary>
    /// Takes in a piece of a ledger that is held here and that another plane has put in order; <see cref="Appended.Size"/> says how far this plane then holds it. Taken in
    /// again it changes nothing. A history that differs from the one held is refused.
    /// </summary>
    public async ValueTask<Appended> ImportAsync(EnvironmentId environment, ImportedPart part, CancellationToken cancellation) =>
        await FindAsync(environment, cancellation) is null
            ? Appended.Refuse($"there is no environment {environment}")
            : await SubmitAsync(new Submission(environment, null, null) { Part = part }, cancellation);

    /// <summary>Keeps a countersigned checkpoint; the caller has verified it. An older one than the kept one changes nothing.</summary>
    public async ValueTask CountersignAsync(EnvironmentId environment, Countersigned countersigned, CancellationToken cancellation) =>
        await SubmitAsync(new Submission(environment, null, countersigned), cancellation);

    /// <summary>Sequences until asked to stop. What has not been committed by then is answered with <see cref="LedgerUnavailableException"/>.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var batch = new List<Submission>();
        try
        {
            while (await inbox.Reader.WaitToReadAsync(stop))
            {
                batch.Clear();
                var bytes = 0;
                while (batch.Count < PlaneLedgerLimits.BatchEntries && bytes < PlaneLedgerLimits.BatchBytes && inbox.Reader.TryRead(out var next))
                {
                    batch.Add(next);
                    bytes += next.Entry?.Bytes.Length ?? 0;
                }

                await CommitAsync(batch);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to.
        }
        finally
        {
            inbox.Writer.TryComplete();
            while (inbox.Reader.TryRead(out var left)) left.Fail(new LedgerUnavailableException("the plane stops: hand the entry in again when it is back"));
        }
    }

    private async ValueTask<Appended> SubmitAsync(Submission submission, CancellationToken cancellation)
    {
        try
        {
            await inbox.Writer.WriteAsync(submission, cancellation);
        }
        catch (ChannelClosedException)
        {
            throw new LedgerUnavailableException("the plane stops: hand the entry in again when it is back");
        }

        return await submission.Outcome;
    }

    private async Task CommitAsync(List<Submission> submissions)
    {
        try
        {
            var batch = new LedgerBatch(Store, signer);
            await batch.FoldAsync(submissions, CellOfAsync);
            if (batch.Writes.Count > 0) await Store.CommitAsync(batch.Writes, CancellationToken.None);
            batch.Publish();
        }
        catch (Exception failure)
        {
            // It may have been kept all the same: only the store knows, so what is in memory counts for nothing until it is read again.
            foreach (var environment in submissions.Select(s => s.Environment).Distinct())
            {
                if (cells.TryGetValue(environment, out var cell)) await cell.ReloadAsync();
            }

            foreach (var submission in submissions) submission.Fail(new LedgerUnavailableException("the ledger could not be written just now: hand the identical entry in again", failure));
        }
    }

    private async ValueTask<LedgerCell?> CellOfAsync(Submission submission)
    {
        if (await FindAsync(submission.Environment, CancellationToken.None) is not null) return cells[submission.Environment];
        return submission.Entry?.Data is EnvironmentFounded ? cells.GetOrAdd(submission.Environment, id => new LedgerCell(id, Store, signer)) : null;
    }
}

/// <summary>One thing to sequence: an entry, or a countersignature to keep.</summary>
internal sealed record Submission(EnvironmentId Environment, Entry? Entry, Countersigned? Countersigned)
{
    /// <summary>A piece to take in instead; null for none.</summary>
    public ImportedPart? Part { get; init; }

    private readonly TaskCompletionSource<Appended> outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Appended> Outcome => outcome.Task;

    public void Answer(Appended appended) => outcome.TrySetResult(appended);

    public void Fail(Exception failure) => outcome.TrySetException(failure);
}
