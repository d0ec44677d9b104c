using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Tests.Ledger;

/// <summary>Order, refusal, durability and recovery of the plane's ledgers, on the real store.</summary>
public sealed class SequencerTests : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryFolder folder = new();
    private readonly PlaneWorld world = new();
    private readonly FaultyLedgerStore store;

    public SequencerTests() => store = new FaultyLedgerStore(SqliteLedgerStore.Open(folder.File("ledger.db")));

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Entries_stand_in_the_order_of_their_acceptance_under_a_signed_checkpoint()
    {
        await using var running = new RunningSequencer(store, world);
        Assert.Equal(new Appended(0, 1, false, null), await running.AppendAsync(world.Founding(PlaneWorld.Acme)));
        Assert.Equal(new Appended(1, 2, false, null), await running.AppendAsync(world.Member(10, Role.Viewer)));
        var view = await running.ViewAsync(PlaneWorld.Acme);
        var checkpoint = world.Signer.Open(PlaneWorld.Acme, view.Checkpoint, out _, out var fault);
        Assert.Null(fault);
        Assert.Equal(2, checkpoint!.Size);
        Assert.Equal(view.Root, checkpoint.Root);
        Assert.Equal("demarc/acme", checkpoint.Origin);
        Assert.NotNull(view.State.MemberOf(Sample.Key(10).Public));
    }

    [Fact]
    public async Task An_entry_that_does_not_fold_is_refused_in_the_folds_words_and_changes_nothing()
    {
        await using var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        var refused = await running.AppendAsync(world.Member(11, Role.Viewer, world.Stranger));
        Assert.Contains("is no member of this environment", refused.Refusal, StringComparison.Ordinal);
        Assert.Equal(1, (await running.ViewAsync(PlaneWorld.Acme)).Size);
        Assert.Equal(1, store.Commits);
    }

    [Fact]
    public async Task Only_the_own_vendor_with_the_own_key_founds_here()
    {
        await using var running = new RunningSequencer(store, world);
        Assert.Contains("there is no environment", (await running.AppendAsync(world.Member(10, Role.Viewer))).Refusal, StringComparison.Ordinal);
        var foreign = world.Write(new EnvironmentFounded("x", world.Customer.Public.KeyId, world.Stranger.Public.KeyId, world.Signer.VerifierKey, PlaneWorld.Sealing), world.Customer, world.Stranger);
        Assert.Contains("this plane belongs to", (await running.AppendAsync(foreign)).Refusal, StringComparison.Ordinal);
        var elsewhere = world.Write(new EnvironmentFounded("x", world.Customer.Public.KeyId, world.Vendor.Public.KeyId, new NoteKey("other", Sample.Key(9).Public).ToString(), PlaneWorld.Sealing), world.Customer, world.Vendor);
        Assert.Contains("this plane signs with", (await running.AppendAsync(elsewhere)).Refusal, StringComparison.Ordinal);
        var unsigned = world.Write(new EnvironmentFounded("x", world.Customer.Public.KeyId, world.Vendor.Public.KeyId, world.Signer.VerifierKey, PlaneWorld.Sealing), world.Customer);
        Assert.Contains("not signed by vendorRoot", (await running.AppendAsync(unsigned)).Refusal, StringComparison.Ordinal);
        Assert.Empty(await store.EnvironmentsAsync(None));
        Assert.Null(await running.Sequencer.FindAsync(PlaneWorld.Acme, None));
        Assert.Null((await running.AppendAsync(world.Founding(PlaneWorld.Acme))).Refusal);
    }

    [Fact]
    public async Task The_identical_entry_again_answers_where_it_stands()
    {
        await using var running = new RunningSequencer(store, world);
        var founding = world.Founding(PlaneWorld.Acme);
        var member = world.Member(10, Role.Viewer);
        await running.AppendAllAsync([founding, member]);
        Assert.Equal(new Appended(1, 2, true, null), await running.AppendAsync(member));
        Assert.Equal(new Appended(0, 2, true, null), await running.AppendAsync(founding));

        // Several at once, before any of them is durable, are one entry too.
        var third = world.Member(12, Role.Viewer);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => running.AppendAsync(third)));
        Assert.All(answers, answer => Assert.Equal(2, answer.Index));
        Assert.Equal(1, answers.Count(answer => !answer.Again));
        Assert.Equal(3, (await running.ViewAsync(PlaneWorld.Acme)).Size);
    }

    [Fact]
    public async Task An_id_is_used_once()
    {
        await using var running = new RunningSequencer(store, world);
        var founding = world.Founding(PlaneWorld.Acme);
        await running.AppendAsync(founding);
        var thief = Entry.Write(PlaneWorld.Acme, founding.Id, world.Time.GetUtcNow(), new MemberAdded(Sample.Key(10).Public.KeyId, Role.Viewer, "x"), world.Customer);
        Assert.Contains("is used by another entry, at index 0", (await running.AppendAsync(thief)).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_piles_up_shares_one_commit_across_environments()
    {
        await using var running = new RunningSequencer(store, world);
        var names = Enumerable.Range(0, 50).Select(i => EnvironmentId.Parse($"env-{i}")).ToList();
        await Task.WhenAll(names.Select(name => running.AppendAsync(world.Founding(name))));
        var before = store.Commits;
        store.Hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var members = names.SelectMany(name => Enumerable.Range(10, 4).Select(i => world.Member(name, (byte)i, Role.Viewer))).ToList();
        var handedIn = members.Select(running.AppendAsync).ToList();
        var hold = store.Hold;
        store.Hold = null;
        hold.SetResult();
        var answers = await Task.WhenAll(handedIn);
        Assert.All(answers, answer => Assert.Null(answer.Refusal));
        Assert.True(store.Commits - before <= 3, $"{store.Commits - before} commits for 200 entries");
        for (var i = 0; i < members.Count; i++) Assert.Equal(1 + (i % 4), answers[i].Index);
    }

    [Theory]
    [InlineData(nameof(CommitFault.BeforeEffect), 1)]
    [InlineData(nameof(CommitFault.AnswerLost), 2)]
    public async Task After_a_commit_of_unknown_outcome_the_store_says_what_is_true(string fault, long sizeAfter)
    {
        await using var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        var before = await running.ViewAsync(PlaneWorld.Acme);
        var member = world.Member(10, Role.Viewer);
        store.Next = Enum.Parse<CommitFault>(fault);
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => running.AppendAsync(member));
        Assert.Equal(sizeAfter, (await running.ViewAsync(PlaneWorld.Acme)).Size);
        await before.Superseded.WaitAsync(Patience.Limit);

        // Handing the identical entry in again is safe either way.
        Assert.Equal(1, (await running.AppendAsync(member)).Index);
        Assert.Equal(2, (await running.ViewAsync(PlaneWorld.Acme)).Size);
        Assert.Null((await running.AppendAsync(world.Member(11, Role.Viewer))).Refusal);
    }

    [Fact]
    public async Task A_founding_whose_commit_failed_can_be_tried_again()
    {
        await using var running = new RunningSequencer(store, world);
        var founding = world.Founding(PlaneWorld.Acme);
        store.Next = CommitFault.BeforeEffect;
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => running.AppendAsync(founding));
        Assert.Null(await running.Sequencer.FindAsync(PlaneWorld.Acme, None));
        Assert.Equal(0, (await running.AppendAsync(founding)).Index);
    }

    [Fact]
    public async Task A_restart_rebuilds_the_same_state_root_and_checkpoint()
    {
        LedgerView before;
        await using (var running = new RunningSequencer(store, world))
        {
            await running.AppendAllAsync(world.UpToAgent());
            await running.Sequencer.CountersignAsync(PlaneWorld.Acme, new Countersigned(3, "kept"), None);
            before = await running.ViewAsync(PlaneWorld.Acme);
        }

        await using var again = new RunningSequencer(store, world);
        var after = await again.ViewAsync(PlaneWorld.Acme);
        Assert.Equal(before.Root, after.Root);
        Assert.Equal(before.Checkpoint, after.Checkpoint);
        Assert.Equal(before.State.Agent, after.State.Agent);
        Assert.Equal(before.State.Members.Keys.Order(), after.State.Members.Keys.Order());
        Assert.Equal(new Countersigned(3, "kept"), after.Countersigned);
    }

    [Theory]
    [InlineData("UPDATE entry SET envelope = (SELECT envelope FROM entry WHERE id = 'entry-000002') WHERE id = 'entry-000003'", "does not fold")]
    [InlineData("DELETE FROM entry WHERE id = 'entry-000003'", "its checkpoint says 3")]
    [InlineData("UPDATE entry SET envelope = x'7b7d' WHERE id = 'entry-000002'", "entry 1 cannot be read")]
    [InlineData("UPDATE environment SET checkpoint = 'nonsense'", "its checkpoint does not hold")]
    [InlineData("DELETE FROM entry WHERE id = 'entry-000003'; UPDATE environment SET size = 2", "its checkpoint says 3")]
    public async Task A_store_that_was_tampered_with_is_not_served(string tampering, string says)
    {
        await using (var running = new RunningSequencer(store, world))
            await running.AppendAllAsync([world.Founding(PlaneWorld.Acme), world.Member(10, Role.Viewer), world.Member(11, Role.Viewer)]);
        await using (var connection = new SqliteConnection($"Data Source={folder.File("ledger.db")};Pooling=False"))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = tampering;
            Assert.True(await command.ExecuteNonQueryAsync() > 0);
        }

        await using var again = new RunningSequencer(store, world);
        var damaged = await Assert.ThrowsAsync<LedgerDamagedException>(() => again.ViewAsync(PlaneWorld.Acme));
        Assert.Contains(says, damaged.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<LedgerDamagedException>(() => again.AppendAsync(world.Member(12, Role.Viewer)));

        // The others are served all the same.
        Assert.Null((await again.AppendAsync(world.Founding(EnvironmentId.Parse("other")))).Refusal);
    }

    [Fact]
    public async Task Proofs_from_stored_nodes_satisfy_cores_verifiers_at_every_size()
    {
        await using var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        var roots = new List<byte[]> { MerkleHash.Empty, (await running.ViewAsync(PlaneWorld.Acme)).Root };
        var leaves = new List<byte[]>();
        for (byte i = 10; i < 46; i++)
        {
            await running.AppendAsync(world.Member(i, Role.Viewer));
            roots.Add((await running.ViewAsync(PlaneWorld.Acme)).Root);
        }

        await foreach (var bytes in store.ReadAsync(PlaneWorld.Acme, 0, 100, None)) leaves.Add(MerkleHash.Leaf(bytes.Span));
        for (var size = 1; size < roots.Count; size++)
        {
            Assert.Equal(roots[size], await LedgerTree.RootAsync(store, PlaneWorld.Acme, size, None));
            for (var index = 0; index < size; index++)
            {
                var proof = await LedgerTree.InclusionAsync(store, PlaneWorld.Acme, index, size, None);
                Assert.True(MerkleTree.VerifyInclusion(leaves[index], index, size, roots[size], proof), $"entry {index} of {size}");
            }

            for (var first = 0; first <= size; first++)
            {
                var proof = await LedgerTree.ConsistencyAsync(store, PlaneWorld.Acme, first, size, None);
                Assert.True(MerkleTree.VerifyConsistency(first, roots[first], size, roots[size], proof), $"{first} to {size}");
            }
        }
    }

    [Fact]
    public async Task An_older_countersignature_does_not_replace_a_newer_one()
    {
        await using var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        await running.Sequencer.CountersignAsync(PlaneWorld.Acme, new Countersigned(5, "newer"), None);
        await running.Sequencer.CountersignAsync(PlaneWorld.Acme, new Countersigned(4, "older"), None);
        Assert.Equal("newer", (await running.ViewAsync(PlaneWorld.Acme)).Countersigned!.Note);
        Assert.Equal(1, (await running.ViewAsync(PlaneWorld.Acme)).Size);
    }

    [Fact]
    public async Task Who_waits_hears_of_the_next_view_and_strangers_leave_nothing_in_memory()
    {
        await using var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        var view = await running.ViewAsync(PlaneWorld.Acme);
        Assert.False(view.Superseded.IsCompleted);
        await running.AppendAsync(world.Member(10, Role.Viewer));
        await view.Superseded.WaitAsync(Patience.Limit);
        Assert.Null(await running.Sequencer.FindAsync(EnvironmentId.Parse("nowhere"), None));
        Assert.Equal([PlaneWorld.Acme], await store.EnvironmentsOfAsync(Sample.Key(10).Public.KeyId, None));
    }

    [Fact]
    public async Task After_the_stop_entries_are_answered_with_what_to_do()
    {
        var running = new RunningSequencer(store, world);
        await running.AppendAsync(world.Founding(PlaneWorld.Acme));
        await running.DisposeAsync();
        var stopped = await Assert.ThrowsAsync<LedgerUnavailableException>(() => running.AppendAsync(world.Member(10, Role.Viewer)));
        Assert.Contains("hand the entry in again", stopped.Message, StringComparison.Ordinal);
    }
}
