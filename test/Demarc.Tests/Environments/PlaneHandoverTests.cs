using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Environments;
using Demarc.Plane.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>
/// A ledger passes from the vendor's plane to the customer's and back: each of them two stores and two keys. Whoever takes it in verifies it; a history of one's own is
/// neither merged nor lost.
/// </summary>
public sealed class PlaneHandoverTests : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PlaneWorld world = new();
    private readonly CheckpointSigner own = new("plane.customer", Sample.Key(6));
    private readonly SqliteLedgerStore vendorStore;
    private readonly SqliteLedgerStore ownStore;
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];

    public PlaneHandoverTests()
    {
        vendorStore = SqliteLedgerStore.Open(folder.File("vendor.db"));
        ownStore = SqliteLedgerStore.Open(folder.File("own.db"));
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running).WaitAsync(Patience.Limit);
        await vendorStore.DisposeAsync();
        await ownStore.DisposeAsync();
        stop.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task The_customers_plane_goes_on_at_the_same_size_under_its_own_key()
    {
        var (_, customers) = await SeveredAsync();
        var view = await ViewAsync(customers);
        Assert.Equal(7, view.Size);
        Assert.NotNull(own.Open(PlaneWorld.Acme, view.Checkpoint, out _, out _));
        Assert.NotNull(view.State.Severed);
        Assert.Null((await AppendAsync(customers, world.Member(20, Role.Viewer))).Refusal);
        Assert.Contains("has severed the vendor", (await AppendAsync(customers, world.Member(21, Role.Viewer, world.Vendor))).Refusal, StringComparison.Ordinal);

        // A new start reads it all again, under either key.
        var again = Run(ownStore, own);
        Assert.Equal(8, (await ViewAsync(again)).Size);
    }

    [Fact]
    public async Task The_old_plane_withholds_the_entry()
    {
        // It is not asked: the entry goes to the agent and to the customer's plane, and the old plane could not give it a place if it wanted to.
        var vendors = Run(vendorStore, world.Signer);
        await AppendAllAsync(vendors, world.UpToAgent());
        Assert.Contains("puts another plane in force", (await AppendAsync(vendors, Severance())).Refusal, StringComparison.Ordinal);
        Assert.Equal(6, (await ViewAsync(vendors)).Size);
    }

    [Fact]
    public async Task The_old_plane_is_told_and_takes_no_more_entries()
    {
        var (vendors, customers) = await SeveredAsync();
        Assert.Equal(7, await PushAsync(customers, own, vendors));
        var view = await ViewAsync(vendors);
        Assert.NotNull(view.State.Severed);
        Assert.Contains("does not give entries of acme their order any more", (await AppendAsync(vendors, world.Member(20, Role.Viewer))).Refusal, StringComparison.Ordinal);
        Assert.Contains("has severed the vendor", (await AppendAsync(vendors, world.Member(21, Role.Viewer, world.Vendor))).Refusal, StringComparison.Ordinal);
        Assert.Equal(7, await PushAsync(customers, own, vendors));
        Assert.Equal(7, (await ViewAsync(Run(vendorStore, world.Signer))).Size);
    }

    [Fact]
    public async Task The_vendors_plane_takes_in_what_happened_meanwhile_and_goes_on()
    {
        var (vendors, customers) = await SeveredAsync();
        for (byte i = 30; i < 40; i++) Assert.Null((await AppendAsync(customers, world.Member(i, Role.Viewer))).Refusal);
        await AppendAllAsync(customers, Rejoining());
        Assert.Null((await AppendAsync(customers, world.Write(new PlaneMoved(world.Signer.VerifierKey, "back"), world.Customer))).Refusal);
        Assert.Contains("does not give entries of acme their order any more", (await AppendAsync(customers, world.Member(50, Role.Viewer))).Refusal, StringComparison.Ordinal);
        var size = (await ViewAsync(customers)).Size;
        Assert.Equal(size, await PushAsync(customers, own, vendors));
        Assert.Null((await AppendAsync(vendors, world.Member(51, Role.Viewer, world.Vendor))).Refusal);
        var view = await ViewAsync(vendors);
        Assert.Null(view.State.Severed);
        Assert.NotNull(world.Signer.Open(PlaneWorld.Acme, view.Checkpoint, out _, out _));
        Assert.Equal(view.Size, (await ViewAsync(Run(vendorStore, world.Signer))).Size);
    }

    [Fact]
    public async Task A_plane_with_a_history_of_its_own_is_refused_and_keeps_it_until_its_operator_gives_it_up()
    {
        var (vendors, customers) = await SeveredAsync();
        await AppendAllAsync(vendors, [world.Member(60, Role.Viewer, world.Vendor), world.Member(61, Role.Viewer, world.Vendor)]);
        await AppendAllAsync(customers, [world.Member(30, Role.Viewer), world.Member(31, Role.Viewer)]);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => PushAsync(customers, own, vendors));
        Assert.Contains("history of its own from entry 7", refused.Message, StringComparison.Ordinal);
        Assert.Equal(8, (await ViewAsync(vendors)).Size);

        var export = await ExportAsync(customers, ownStore, own);
        var kept = folder.File("aside.jsonl");
        var without = await new LedgerImport(vendorStore, world.Signer, export, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None);
        Assert.Contains("history of its own from entry 6", without.Refusal, StringComparison.Ordinal);
        var done = await new LedgerImport(vendorStore, world.Signer, export, world.Customer.Public.KeyId).RunAsync((_, _) => File.Create(kept), CancellationToken.None);
        Assert.Null(done.Refusal);
        Assert.Equal((9, 3, 2), (done.Size, done.Taken, done.SetAside));
        Assert.Equal(2, File.ReadAllLines(kept).Length);
        var restarted = Run(vendorStore, world.Signer);
        Assert.Equal((await ViewAsync(customers)).Root, (await ViewAsync(restarted)).Root);
    }

    [Fact]
    public async Task A_piece_that_was_changed_reordered_cut_or_signed_by_the_wrong_plane_is_refused()
    {
        var (vendors, customers) = await SeveredAsync();
        for (byte i = 30; i < 34; i++) Assert.Null((await AppendAsync(customers, world.Member(i, Role.Viewer))).Refusal);
        var view = await ViewAsync(customers);
        var entries = await EntriesAsync(ownStore, 6, view.Size - 6);
        async Task RefusedAsync(string why, long first, IReadOnlyList<ReadOnlyMemory<byte>> part, string note)
        {
            var taken = await vendors.ImportAsync(PlaneWorld.Acme, new ImportedPart(first, part, note), CancellationToken.None);
            Assert.Contains(why, taken.Refusal, StringComparison.Ordinal);
            Assert.Equal(6, (await ViewAsync(vendors)).Size);
        }

        await RefusedAsync("root", 6, [entries[0], entries[2], entries[1], entries[3], entries[4]], view.Checkpoint);
        await RefusedAsync("the note is over", 6, [.. entries.Take(3)], view.Checkpoint);
        await RefusedAsync("entries in between are missing", 7, [.. entries.Skip(1)], view.Checkpoint);
        await RefusedAsync("not signed by the plane that is in force", 6, entries, world.Signer.Sign(PlaneWorld.Acme, view.Size, view.Root));
        await RefusedAsync("not signed by the plane that is in force", 6, entries, new CheckpointSigner("plane.customer", Sample.Key(7)).Sign(PlaneWorld.Acme, view.Size, view.Root));
        await RefusedAsync("not a signed note", 6, entries, "nonsense");
        await RefusedAsync("is of 'demarc/other'", 6, entries, own.Sign(EnvironmentId.Parse("other"), view.Size, view.Root));
        var flipped = entries[1].ToArray();
        flipped[^20] ^= 1;
        await RefusedAsync("does not hold", 6, [entries[0], flipped, .. entries.Skip(2)], view.Checkpoint);
        var forged = world.Write(new VendorSevered(own.VerifierKey, "forged"), world.Vendor);
        await RefusedAsync("has no place in this ledger", 6, [forged.Bytes], own.Sign(PlaneWorld.Acme, 7, view.Root));
    }

    [Fact]
    public async Task A_ledger_that_its_agent_has_not_countersigned_or_of_another_customer_is_not_taken_in()
    {
        var vendors = Run(vendorStore, world.Signer);
        await AppendAllAsync(vendors, world.UpToAgent());
        var bare = await ExportAsync(vendors, vendorStore, world.Signer, countersigned: false);
        Assert.Contains("lacks the countersignature", (await new LedgerImport(ownStore, own, bare, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None)).Refusal, StringComparison.Ordinal);
        var export = await ExportAsync(vendors, vendorStore, world.Signer);
        Assert.Contains("customer's root is", (await new LedgerImport(ownStore, own, export, world.Stranger.Public.KeyId).RunAsync(null, CancellationToken.None)).Refusal, StringComparison.Ordinal);
        Assert.Null(await ownStore.HeadAsync(PlaneWorld.Acme, CancellationToken.None));
    }

    [Fact]
    public async Task An_import_that_was_killed_goes_on_where_it_stood_and_a_partial_one_passes_for_nothing()
    {
        var vendors = Run(vendorStore, world.Signer);
        await AppendAllAsync(vendors, world.UpToAgent());
        for (var i = 0; i < 1250; i++) await AppendAllAsync(vendors, [world.Finding("full"), world.Write(new FindingCleared("full"), world.Agent)]);
        var export = await ExportAsync(vendors, vendorStore, world.Signer);

        // The first page is kept, and the disk is pulled while the second is read.
        var reads = 0;
        byte[]? Failing(string path)
        {
            if (path.StartsWith("tile/entries/", StringComparison.Ordinal) && ++reads > 10 + 7) throw new IOException("pulled");
            return export(path);
        }

        await Assert.ThrowsAsync<IOException>(() => new LedgerImport(ownStore, own, Failing, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None));
        var half = (await ownStore.HeadAsync(PlaneWorld.Acme, CancellationToken.None))!;
        Assert.InRange(half.Size, 1, 2505);
        Assert.Null(world.Signer.Open(PlaneWorld.Acme, half.Checkpoint, out _, out _));
        var done = await new LedgerImport(ownStore, own, export, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None);
        Assert.Equal((2506, 2506 - half.Size), (done.Size, done.Taken));
        var again = await new LedgerImport(ownStore, own, export, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None);
        Assert.Equal((2506, 0), (again.Size, again.Taken));
        Assert.Equal((await ViewAsync(vendors)).Root, (await ViewAsync(Run(ownStore, own))).Root);
    }

    private Entry Severance() => world.Write(new VendorSevered(own.VerifierKey, "the contract has ended"), world.Customer);

    private IEnumerable<Entry> Rejoining()
    {
        var yaml = CharterYaml.Write(CharterDocument.Default with { Version = 3 });
        var hash = CharterText.Hash(yaml);
        return [world.Write(new CharterProposed(3, yaml), world.Customer), world.Write(new CharterSigned(3, hash), world.Customer), world.Write(new CharterSigned(3, hash), world.Vendor)];
    }

    private async Task<(Sequencer Vendors, Sequencer Customers)> SeveredAsync()
    {
        var vendors = Run(vendorStore, world.Signer);
        await AppendAllAsync(vendors, world.UpToAgent());
        var export = await ExportAsync(vendors, vendorStore, world.Signer);
        Assert.Null((await new LedgerImport(ownStore, own, export, world.Customer.Public.KeyId).RunAsync(null, CancellationToken.None)).Refusal);
        var customers = Run(ownStore, own);
        Assert.Contains("does not give entries", (await AppendAsync(customers, world.Member(19, Role.Viewer))).Refusal, StringComparison.Ordinal);
        Assert.Null((await AppendAsync(customers, Severance())).Refusal);
        return (vendors, customers);
    }

    private Sequencer Run(ILedgerStore store, CheckpointSigner signer)
    {
        var sequencer = new Sequencer(store, signer, new HostingRule(signer == world.Signer ? world.Vendor.Public.KeyId : null, signer.VerifierKey));
        running.Add(sequencer.RunAsync(stop.Token));
        return sequencer;
    }

    private static Task<Appended> AppendAsync(Sequencer sequencer, Entry entry) => sequencer.AppendAsync(entry.Environment, entry, CancellationToken.None).AsTask().WaitAsync(Patience.Limit);

    private static async Task AppendAllAsync(Sequencer sequencer, IEnumerable<Entry> entries)
    {
        foreach (var entry in entries) Assert.Null((await AppendAsync(sequencer, entry)).Refusal);
    }

    private static async Task<LedgerView> ViewAsync(Sequencer sequencer) => (await sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!;

    private static async Task<List<ReadOnlyMemory<byte>>> EntriesAsync(ILedgerStore store, long first, long count)
    {
        var entries = new List<ReadOnlyMemory<byte>>();
        await foreach (var bytes in store.ReadAsync(PlaneWorld.Acme, first, count, CancellationToken.None)) entries.Add(bytes);
        return entries;
    }

    // As the command does it: pieces that overlap by one entry, each under a head of its own.
    private static async Task<long> PushAsync(Sequencer from, CheckpointSigner signer, Sequencer to)
    {
        var end = await ViewAsync(from);
        var held = (await ViewAsync(to)).Size;
        do
        {
            var first = Math.Max(0, held - 1);
            var count = Math.Min(4, end.Size - first);
            var size = first + count;
            var note = size == end.Size ? end.Checkpoint : signer.Sign(PlaneWorld.Acme, size, await LedgerTree.RootAsync(from.Store, PlaneWorld.Acme, size, CancellationToken.None));
            var taken = await to.ImportAsync(PlaneWorld.Acme, new ImportedPart(first, await EntriesAsync(from.Store, first, count), note), CancellationToken.None);
            if (taken.Refusal is { } refusal) throw new InvalidOperationException(refusal);
            held = taken.Size;
        }
        while (held < end.Size);
        return held;
    }

    private async Task<Func<string, byte[]?>> ExportAsync(Sequencer sequencer, ILedgerStore store, CheckpointSigner signer, bool countersigned = true)
    {
        var view = await ViewAsync(sequencer);
        var files = TlogTiles.Write(await EntriesAsync(store, 0, view.Size)).ToDictionary(file => file.Path, file => file.Bytes.ToArray());
        var note = SignedNote.Parse(signer.Sign(PlaneWorld.Acme, view.Size, view.Root)).Note!;
        if (countersigned) note = note.AddSignature(NoteSigner.Cosigner($"agent.{PlaneWorld.Acme}", world.Agent, world.Time.GetUtcNow()));
        files[TlogTiles.CheckpointPath] = Encoding.UTF8.GetBytes(note.ToString());
        return path => files.GetValueOrDefault(path);
    }
}
