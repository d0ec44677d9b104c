using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;

namespace Demarc.Bench.Ledger;

/// <summary>How long a filtered page of a long ledger takes, from the store of a plane that has just opened it.</summary>
internal static class SearchBench
{
    private static readonly CheckpointSigner Signer = new("plane.bench", SigningKey.FromSeed(new byte[32]));

    public static async Task RunAsync(int size)
    {
        Console.WriteLine($"making a stored ledger of {size:N0} entries …");
        var folder = Measure.Folder();
        var vendor = SigningKey.FromSeed([.. Enumerable.Repeat((byte)9, 32)]);
        var sample = new SampleLedger("search", Signer.Key, vendor);
        await using (var store = SqliteLedgerStore.Open(Path.Combine(folder, "ledger.db")))
        {
            var sequencer = new Sequencer(store, Signer, new HostingRule(vendor.Public.KeyId, Signer.VerifierKey));
            using var stop = new CancellationTokenSource();
            var loop = Task.Run(() => sequencer.RunAsync(stop.Token));
            var waiting = new Queue<Task<Appended>>();
            foreach (var entry in sample.Beginning().Concat(sample.Days()).Take(size))
            {
                if (waiting.Count == 1000 && (await waiting.Dequeue()).Refusal is { } refusal) throw new InvalidOperationException(refusal);
                waiting.Enqueue(sequencer.AppendAsync(sample.Id, entry, CancellationToken.None).AsTask());
                // There is no environment before its founding stands.
                if (entry.Data is EnvironmentFounded) await waiting.Peek();
            }

            await Task.WhenAll(waiting);
            var view = await sequencer.FindAsync(sample.Id, CancellationToken.None) ?? throw new InvalidOperationException("no ledger");
            LedgerFilter none = new(null, null, null, null, null, null, null);
            await PageAsync(view, store, "newest 50", none, null);
            await PageAsync(view, store, "50 of one kind among all", none with { Kind = "change.requested" }, null);
            await PageAsync(view, store, "the only founding entry, at the other end", none with { Kind = "environment.founded" }, null);
            await PageAsync(view, store, "nothing fits, all is looked through", none with { Instance = "docs", Task = Demarc.Core.Charter.TaskId.Logs }, null);
            await PageAsync(view, store, "a text that stands nowhere, as far as one answer looks", none, "no such words");
            await stop.CancelAsync();
            await loop;
        }

        Directory.Delete(folder, recursive: true);
    }

    private static Task PageAsync(LedgerView view, SqliteLedgerStore store, string what, LedgerFilter filter, string? text) =>
        Measure.SecondsAsync($"search: {what}", async () => await SearchRoutes.FindAsync(view, store, filter, text, view.Size, 50, CancellationToken.None), runs: 9);
}
