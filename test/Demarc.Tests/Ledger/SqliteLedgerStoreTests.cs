using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Tests.Ledger;

/// <summary>The embedded store by itself: all or nothing, in order, and whole after any crash.</summary>
public sealed class SqliteLedgerStoreTests : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly EnvironmentId Other = EnvironmentId.Parse("other");
    private readonly TemporaryFolder folder = new();
    private readonly SqliteLedgerStore store;

    public SqliteLedgerStoreTests() => store = SqliteLedgerStore.Open(folder.File("ledger.db"));

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Reads_back_ranges_heads_and_ids()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 700)], None);
        await store.CommitAsync([Write(PlaneWorld.Acme, 700, 3)], None);
        Assert.Equal(703, (await store.HeadAsync(PlaneWorld.Acme, None))!.Size);
        Assert.Equal("checkpoint 703", (await store.HeadAsync(PlaneWorld.Acme, None))!.Checkpoint);
        Assert.Equal(["bytes 255", "bytes 256", "bytes 257"], await TextsAsync(store, PlaneWorld.Acme, 255, 3));
        Assert.Equal(703, (await TextsAsync(store, PlaneWorld.Acme, 0, long.MaxValue)).Count);
        Assert.Empty(await TextsAsync(store, PlaneWorld.Acme, 703, 10));
        Assert.Equal([702L, null, null], await store.FindAsync([new(PlaneWorld.Acme, "id-702"), new(PlaneWorld.Acme, "id-703"), new(Other, "id-1")], None));
        Assert.Null(await store.HeadAsync(Other, None));
    }

    [Fact]
    public async Task A_range_never_runs_into_the_next_environment()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 2), Write(Other, 0, 2)], None);
        Assert.Equal(["bytes 0", "bytes 1"], await TextsAsync(store, PlaneWorld.Acme, 0, 100));
        Assert.Equal([PlaneWorld.Acme, Other], await store.EnvironmentsAsync(None));
    }

    [Fact]
    public async Task One_wrong_size_leaves_every_environment_of_the_commit_untouched()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 2)], None);
        await Assert.ThrowsAsync<LedgerConflictException>(async () => await store.CommitAsync([Write(Other, 0, 5), Write(PlaneWorld.Acme, 1, 1)], None));
        Assert.Null(await store.HeadAsync(Other, None));
        Assert.Equal(2, (await store.HeadAsync(PlaneWorld.Acme, None))!.Size);
        await store.CommitAsync([Write(PlaneWorld.Acme, 2, 1)], None);
        Assert.Equal(3, (await store.HeadAsync(PlaneWorld.Acme, None))!.Size);
    }

    [Fact]
    public async Task An_id_that_comes_twice_fails_the_whole_commit()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 2)], None);
        var again = Write(PlaneWorld.Acme, 2, 1) with { Entries = [new EntryRow("id-1", new byte[1], new byte[32])] };
        await Assert.ThrowsAsync<SqliteException>(async () => await store.CommitAsync([Write(Other, 0, 1), again], None));
        Assert.Null(await store.HeadAsync(Other, None));
    }

    [Fact]
    public async Task Members_and_countersignatures_are_replaced_with_their_entries()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 1) with { Members = ["a", "b"] }, Write(Other, 0, 1) with { Members = ["b"] }], None);
        await store.CommitAsync([Write(PlaneWorld.Acme, 1, 1) with { Members = ["a"] }], None);
        Assert.Equal([Other], await store.EnvironmentsOfAsync("b", None));
        Assert.Equal([PlaneWorld.Acme], await store.EnvironmentsOfAsync("a", None));
        await store.CommitAsync([Write(PlaneWorld.Acme, 2, 0) with { Countersigned = new Countersigned(2, "note") }], None);
        Assert.Equal(new Countersigned(2, "note"), (await store.HeadAsync(PlaneWorld.Acme, None))!.Countersigned);
        Assert.Equal("checkpoint 2", (await store.HeadAsync(PlaneWorld.Acme, None))!.Checkpoint);
    }

    [Fact]
    public async Task The_newest_notices_are_kept()
    {
        await store.CommitAsync([Write(PlaneWorld.Acme, 0, 1), Write(Other, 0, 1)], None);
        await store.NoteAsync(Other, new Notice(DateTimeOffset.UnixEpoch, "kind", "other"), None);
        for (var i = 0; i < PlaneLedgerLimits.Notices + 5; i++) await store.NoteAsync(PlaneWorld.Acme, new Notice(DateTimeOffset.UnixEpoch.AddHours(i), "kind", $"notice {i}"), None);
        var notices = await store.NoticesAsync(PlaneWorld.Acme, None);
        Assert.Equal(PlaneLedgerLimits.Notices, notices.Count);
        Assert.Equal($"notice {PlaneLedgerLimits.Notices + 4}", notices[0].Text);
        Assert.Equal("notice 5", notices[^1].Text);
        Assert.Single(await store.NoticesAsync(Other, None));
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused_and_left_alone()
    {
        var path = folder.File("newer.db");
        await SqliteLedgerStore.Open(path).DisposeAsync();
        Run(path, "PRAGMA user_version=9");
        var refused = Assert.Throws<InvalidDataException>(() => SqliteLedgerStore.Open(path));
        Assert.Contains("newer version", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// A crash leaves the main file and some beginning of the write-ahead log. Whatever the beginning, even one that ends inside a page, what is found
    /// must be exactly one of the states that were committed, of all environments alike.
    /// </summary>
    [Fact]
    public async Task Any_torn_log_opens_as_a_state_that_was_committed()
    {
        var world = new PlaneWorld();
        await using (var running = new RunningSequencer(store, world))
        {
            await running.AppendAsync(world.Founding(PlaneWorld.Acme));
            await running.AppendAsync(world.Founding(Other));
            for (byte i = 10; i < 40; i++)
            {
                var both = new[] { world.Member(PlaneWorld.Acme, i, Role.Viewer), world.Member(Other, i, Role.Viewer) };
                await Task.WhenAll(both.Select(running.AppendAsync));
            }
        }

        var main = await ReadSharedAsync(folder.File("ledger.db"));
        var log = await ReadSharedAsync(folder.File("ledger.db-wal"));
        Assert.True(log.Length > 100_000);
        var random = new Random(20261124);
        var found = new HashSet<long>();
        for (var run = 0; run < 60; run++)
        {
            var path = folder.File($"torn-{run}.db");
            await File.WriteAllBytesAsync(path, main);
            await File.WriteAllBytesAsync(path + "-wal", log[..random.Next(log.Length)]);
            SqliteLedgerStore torn;
            try
            {
                torn = SqliteLedgerStore.Open(path);
            }
            catch (SqliteException)
            {
                Assert.Fail($"the store torn in run {run} does not open");
                throw;
            }

            await using (torn)
            {
                await using var again = new RunningSequencer(torn, world);
                foreach (var environment in await torn.EnvironmentsAsync(None))
                {
                    // Loading recomputes the root from the entries and compares it with the signed checkpoint.
                    var view = await again.ViewAsync(environment);
                    found.Add(view.Size);
                    Assert.Null((await again.AppendAsync(world.Member(environment, 200, Role.Viewer))).Refusal);
                }
            }
        }

        Assert.True(found.Count > 10, $"only {found.Count} different sizes were seen");
    }

    private static LedgerWrite Write(EnvironmentId environment, long size, int count) => new(
        environment,
        size,
        [.. Enumerable.Range((int)size, count).Select(i => new EntryRow($"id-{i}", System.Text.Encoding.UTF8.GetBytes($"bytes {i}"), MerkleHash.Leaf(Sample.Entry(i))))],
        $"checkpoint {size + count}",
        null,
        null);

    private static async Task<List<string>> TextsAsync(ILedgerStore store, EnvironmentId environment, long first, long count)
    {
        var texts = new List<string>();
        await foreach (var bytes in store.ReadAsync(environment, first, count, None)) texts.Add(System.Text.Encoding.UTF8.GetString(bytes.Span));
        return texts;
    }

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes);
        return bytes;
    }

    private static void Run(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
