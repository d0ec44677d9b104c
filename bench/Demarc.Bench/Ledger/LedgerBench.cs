using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;

namespace Demarc.Bench.Ledger;

/// <summary>Durable appends to one ledger and to a thousand, verification of a long ledger, and the fold alone.</summary>
internal static class LedgerBench
{
    private static readonly SigningKey PlaneKey = SigningKey.FromSeed(new byte[32]);
    private static readonly CheckpointSigner Signer = new("plane.bench", PlaneKey);

    /// <summary>Appends per second with a durable commit: handed in one by one by one writer, and by many at once.</summary>
    public static async Task AppendAsync()
    {
        var folder = Measure.Folder();
        await Measure.DiskAsync(folder);
        foreach (var (environments, each, writers) in new[] { (1, 2000, 1), (1, 4000, 64), (1000, 4, 1000) })
        {
            var vendor = SigningKey.FromSeed([.. Enumerable.Repeat((byte)9, 32)]);
            var run = 0;
            await Measure.RateAsync($"append: {environments} environment(s), {writers} at once", "entries/s", async () =>
            {
                await using var store = SqliteLedgerStore.Open(Path.Combine(folder, $"ledger-{environments}-{writers}-{run++}.db"));
                var sequencer = new Sequencer(store, Signer, new HostingRule(vendor.Public.KeyId, Signer.VerifierKey));
                using var stop = new CancellationTokenSource();
                var loop = Task.Run(() => sequencer.RunAsync(stop.Token));
                var ledgers = await PrepareAsync(sequencer, environments, each, vendor, run);
                var clock = System.Diagnostics.Stopwatch.StartNew();
                if (environments == 1 && writers == 1) await OneByOneAsync(sequencer, ledgers[0]);
                else if (environments == 1) await ManyAsync(sequencer, ledgers[0], writers);
                else await Task.WhenAll(ledgers.Select(ledger => OneByOneAsync(sequencer, ledger)));
                var took = clock.Elapsed;
                await stop.CancelAsync();
                await loop;
                return (ledgers.Sum(l => (long)l.Entries.Count), took);
            });
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Reads, checks every signature, hashes and folds a ledger; signatures on all cores ahead of the fold.</summary>
    public static async Task VerifyAsync(int size)
    {
        Console.WriteLine($"making a ledger of {size:N0} entries …");
        var sample = new SampleLedger("verify", Signer.Key);
        var entries = sample.Beginning().Concat(sample.Days()).Take(size).Select(e => e.Bytes).ToList();
        Console.WriteLine($"{entries.Sum(e => (long)e.Length) / size} bytes an entry, {Environment.ProcessorCount} cores");
        await Measure.SecondsAsync($"verify {size:N0} entries: signatures, root and fold", () =>
        {
            Verify(entries);
            return Task.CompletedTask;
        }, runs: size > 200_000 ? 3 : Measure.Runs);
        var read = entries.Take(100_000).Select(e => Entry.Read(e).Entry!).ToList();
        await Measure.RateAsync("fold alone", "entries/s", () =>
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            var (_, folded, refusal) = EnvironmentFold.ApplyAll(EnvironmentState.Empty, read);
            if (refusal is not null) throw new InvalidOperationException(refusal);
            return Task.FromResult(((long)folded, clock.Elapsed));
        });
    }

    private static void Verify(List<ReadOnlyMemory<byte>> entries)
    {
        const int chunk = 8192;
        var state = EnvironmentState.Empty;
        var frontier = new MerkleFrontier();
        var ahead = ReadChunk(entries, 0, chunk);
        for (var at = 0; at < entries.Count; at += chunk)
        {
            var now = ahead.GetAwaiter().GetResult();
            ahead = at + chunk < entries.Count ? ReadChunk(entries, at + chunk, chunk) : ahead;
            foreach (var read in now)
            {
                var entry = read.Entry ?? throw new InvalidOperationException(read.Fault);
                frontier.AppendLeafHash(entry.LeafHash);
                state = EnvironmentFold.Apply(state, entry).State ?? throw new InvalidOperationException("an entry does not fold");
            }
        }

        if (frontier.Size != entries.Count || frontier.Root().Length != MerkleHash.Size) throw new InvalidOperationException("the tree is not whole");
    }

    private static Task<EntryRead[]> ReadChunk(List<ReadOnlyMemory<byte>> entries, int from, int count) =>
        Task.Run(() => Entry.ReadAll(entries.GetRange(from, Math.Min(count, entries.Count - from)), Environment.ProcessorCount));

    private static async Task<List<(EnvironmentId Id, List<Entry> Entries)>> PrepareAsync(Sequencer sequencer, int environments, int each, SigningKey vendor, int run)
    {
        var ledgers = new List<(EnvironmentId, List<Entry>)>();
        var founding = new List<Task>();
        for (var i = 0; i < environments; i++)
        {
            var sample = new SampleLedger($"bench-{run}-{i}", Signer.Key, vendor);
            var beginning = sample.Beginning().ToList();
            founding.Add(OneByOneAsync(sequencer, (sample.Id, beginning)));
            ledgers.Add((sample.Id, sample.Days().Take(each).ToList()));
        }

        await Task.WhenAll(founding);
        return ledgers;
    }

    private static async Task OneByOneAsync(Sequencer sequencer, (EnvironmentId Id, List<Entry> Entries) ledger)
    {
        foreach (var entry in ledger.Entries)
        {
            if ((await sequencer.AppendAsync(ledger.Id, entry, CancellationToken.None)).Refusal is { } refusal) throw new InvalidOperationException(refusal);
        }
    }

    /// <summary>Many in flight at once, in order, as an agent's stream hands them in.</summary>
    private static async Task ManyAsync(Sequencer sequencer, (EnvironmentId Id, List<Entry> Entries) ledger, int inFlight)
    {
        var waiting = new Queue<Task<Appended>>();
        foreach (var entry in ledger.Entries)
        {
            if (waiting.Count == inFlight && (await waiting.Dequeue()).Refusal is { } refusal) throw new InvalidOperationException(refusal);
            waiting.Enqueue(sequencer.AppendAsync(ledger.Id, entry, CancellationToken.None).AsTask());
        }

        while (waiting.Count > 0)
        {
            if ((await waiting.Dequeue()).Refusal is { } refusal) throw new InvalidOperationException(refusal);
        }
    }
}
