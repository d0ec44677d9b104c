using Demarc.Agent.Ledger;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Tests.Agents;

/// <summary>One contract for the disk in memory and the real one.</summary>
public sealed class AgentStoreTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("demarc-store-").FullName;
    private readonly AgentLab lab = new();

    public void Dispose()
    {
        lab.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static TheoryData<string> Kinds() => ["memory", "sqlite"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_was_written_is_there_after_a_new_start(string kind)
    {
        using var disk = new Disk(kind, folder);
        var first = lab.Open(disk.Store);
        lab.Sync(first);
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Sync(first);
        var finding = first.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space"));
        disk.Restart();
        var second = lab.Open(disk.Store);
        Assert.Equal(7, second.Size);
        Assert.Equal(first.Root, second.Root);
        Assert.Equal(first.Checkpoint, second.Checkpoint);
        Assert.Equal(finding.Entry!.Id, Assert.Single(second.Outbox).Id);
        Assert.True(second.State.Findings.ContainsKey("bucket-full"));
        Assert.False(second.Verified.Findings.ContainsKey("bucket-full"));
        lab.Sync(second);
        Assert.Empty(second.Outbox);
        Assert.True(second.Verified.Findings.ContainsKey("bucket-full"));
        disk.Restart();
        Assert.Empty(lab.Open(disk.Store).Outbox);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Countersigned_checkpoint_is_kept_and_is_the_agents(string kind)
    {
        using var disk = new Disk(kind, folder);
        lab.Sync(lab.Open(disk.Store));
        var note = SignedNote.Parse(disk.Store.ReadHead().Checkpoint).Note!;
        Assert.True(note.IsSignedBy(lab.Plane.Key));
        var seen = note.Verify(new NoteKey($"agent.{lab.Environment}", lab.AgentKey.Public, NoteKeyType.CosignatureV1));
        Assert.Equal(NoteVerdict.Valid, seen.Verdict);
        Assert.Equal(lab.Time.GetUtcNow(), seen.Time);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Refused_entry_becomes_evidence_and_leaves_the_outbox(string kind)
    {
        using var disk = new Disk(kind, folder);
        var ledger = lab.Open(disk.Store);
        lab.Sync(ledger);
        var entry = ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space")).Entry!;
        ledger.RefusedByPlane(entry.Id, "not today");
        Assert.Empty(ledger.Outbox);
        Assert.Empty(ledger.State.Findings);
        disk.Restart();
        var kept = Assert.Single(disk.Store.ReadEvidence());
        Assert.Equal(RefusalReason.OwnEntryRefused, kept.Reason);
        Assert.Contains("not today", kept.Detail, StringComparison.Ordinal);
        Assert.Equal(entry.Bytes.ToArray(), Assert.Single(kept.Envelopes).ToArray());
        Assert.Empty(disk.Store.ReadOutbox());
        Assert.Null(disk.Store.ReadRefusal());
    }

    /// <summary>What the disk kept and failed to confirm is not known to this process: until it ends it must not build on less.</summary>
    [Fact]
    public void After_the_disk_has_failed_nothing_more_is_written_before_a_new_start()
    {
        var store = new AgentMemoryStore();
        var ledger = lab.Open(store);
        lab.Sync(ledger);
        lab.Request("instances.create", "one", AgentLab.Order());
        var (size, authority) = (ledger.Size, ledger.Authority);
        store.Touch = what =>
        {
            if (what.StartsWith("after", StringComparison.Ordinal)) throw new IOException("the answer is lost");
        };
        Assert.Throws<IOException>(() => lab.Sync(ledger));
        store.Touch = null;
        Assert.Equal(size, ledger.Size);
        Assert.True(authority.IsCancellationRequested);
        Assert.Throws<IOException>(() => ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space")));
        Assert.Empty(store.ReadOutbox());
        Assert.Equal(size + 1, lab.Open(store).Size);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Notes_and_refusal_are_kept(string kind)
    {
        using var disk = new Disk(kind, folder);
        Assert.Null(disk.Store.ReadNote("a"));
        disk.Store.WriteNote("a", "1");
        disk.Store.WriteNote("a", "2");
        var evidence = new Evidence(lab.Time.GetUtcNow(), "forked history", "two roots", null, "note", 3, [new byte[] { 1, 2 }]);
        disk.Store.RefusePlane(evidence);
        disk.Restart();
        Assert.Equal("2", disk.Store.ReadNote("a"));
        Assert.Equal("forked history: two roots", disk.Store.ReadRefusal());
        disk.Store.ClearRefusal();
        Assert.Null(disk.Store.ReadRefusal());
        var kept = Assert.Single(disk.Store.ReadEvidence());
        Assert.Equal((evidence.At, evidence.Reason, evidence.Detail, evidence.Held, evidence.Checkpoint, evidence.First), (kept.At, kept.Reason, kept.Detail, kept.Held, kept.Checkpoint, kept.First));
        Assert.Equal([1, 2], kept.Envelopes[0].ToArray());
    }

    [Fact]
    public void File_is_for_its_owner_alone_and_survives_power_loss()
    {
        using var disk = new Disk("sqlite", folder);
        lab.Sync(lab.Open(disk.Store));
        var path = Path.Combine(folder, "agent.db");
        Assert.All(Directory.GetFiles(folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode";
        Assert.Equal("wal", command.ExecuteScalar());
    }

    [Fact]
    public void Damaged_copy_is_told_and_not_used()
    {
        using var disk = new Disk("sqlite", folder);
        lab.Sync(lab.Open(disk.Store));
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "agent.db")};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "DELETE FROM entry WHERE at = 5";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        disk.Restart();
        var (replica, fault) = Replica.Open(disk.Store, lab.Identity.Trust, lab.Time);
        Assert.Null(replica);
        Assert.Contains("5 entries", fault, StringComparison.Ordinal);
    }

    private sealed class Disk(string kind, string folder) : IDisposable
    {
        private readonly AgentMemoryStore memory = new();
        private SqliteAgentStore? file;

        public IAgentStore Store => kind == "memory" ? memory : file ??= new SqliteAgentStore(Path.Combine(folder, "agent.db"));

        public void Restart() => Dispose();

        public void Dispose()
        {
            file?.Dispose();
            file = null;
        }
    }
}
