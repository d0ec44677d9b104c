using Demarc.Agent.Audit;
using Demarc.Agent.Ledger;
using Demarc.Core.Audit;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Audit;

/// <summary>The agent's copy of the ledger: complete after a crash anywhere, written once, and never in the way of anything else.</summary>
public sealed class LedgerCopyTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly TemporaryFolder bucket = new();
    private AgentLedger ledger;

    public LedgerCopyTests()
    {
        ledger = lab.Open(store);
        lab.Sync(ledger);
    }

    private string Place => Path.Combine(bucket.Path, "ledger", "lab-one");

    private FolderCopy Folder => new(Place, bucket.Path);

    public void Dispose()
    {
        lab.Dispose();
        bucket.Dispose();
    }

    [Fact]
    public async Task Everything_verified_is_copied_in_files_that_nobody_writes_to_again()
    {
        var copy = Copy(Folder);
        await copy.TryAsync(CancellationToken.None);
        Assert.Equal((6, null), (copy.State.Size, copy.State.Fault));
        Grow(300);
        await copy.TryAsync(CancellationToken.None);
        Grow(5);
        await copy.TryAsync(CancellationToken.None);
        Assert.Equal(ledger.Size, copy.State.Size);
        Holds(ledger.Size, 6, 306, 311);
        if (OperatingSystem.IsWindows()) return;
        Assert.All(Directory.EnumerateFiles(Place, "*", SearchOption.AllDirectories), file => Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task A_crash_before_or_after_any_write_leaves_a_copy_that_the_next_start_completes()
    {
        for (var at = 0; ; at++)
        {
            var folder = new FolderCopy(Path.Combine(bucket.Path, $"run-{at}"), bucket.Path);
            var crashed = new Crashing(folder) { At = at };
            var copy = Copy(crashed);
            while (!crashed.IsOver && copy.Copied < 306)
            {
                try
                {
                    await copy.TryAsync(CancellationToken.None);
                    if (ledger.Size < 306) Grow(300);
                }
                catch (ProcessKilledException)
                {
                    break;
                }
            }

            // What is there is a whole copy of some size, or has no head yet.
            if (await folder.ReadAsync("checkpoint", CancellationToken.None) is { } head) Verified(folder.Place, SignedHead.Read(System.Text.Encoding.UTF8.GetString(head)).Head!.Checkpoint);
            var again = Copy(folder);
            await again.TryAsync(CancellationToken.None);
            Assert.Null(again.State.Fault);
            Verified(folder.Place, Head());
            if (!crashed.IsOver) break;
            Assert.True(at < 100);
        }
    }

    [Fact]
    public async Task A_place_that_fails_holds_nothing_up_and_the_customer_is_told_after_a_while()
    {
        var failing = new Crashing(Folder) { Refuses = true };
        var copy = Copy(failing);
        Assert.Equal(CopyLimits.Retry, await copy.TryAsync(CancellationToken.None));
        Assert.Equal("the disk is on holiday", copy.State.Fault);
        Assert.Empty(ledger.State.Findings);
        lab.Time.Advance(CopyLimits.Patience);
        await copy.TryAsync(CancellationToken.None);
        Assert.Equal(TaskId.Audit, ledger.State.Findings["ledger-copy-failing"].Task);
        Grow(600);
        failing.Refuses = false;
        failing.FailsOnce = 3;
        for (var i = 0; i < 3; i++) await copy.TryAsync(CancellationToken.None);
        Assert.Empty(ledger.State.Findings);
        lab.Sync(ledger);
        await copy.TryAsync(CancellationToken.None);
        Verified(Place, Head());
    }

    [Fact]
    public async Task An_object_of_somebody_else_in_its_place_is_never_overwritten()
    {
        await Copy(Folder).TryAsync(CancellationToken.None);
        var other = new FolderCopy(Path.Combine(bucket.Path, "other"), bucket.Path);
        await other.PutOnceAsync("tile/entries/000.p/6", "mine"u8.ToArray(), CancellationToken.None);
        var copy = Copy(other);
        await copy.TryAsync(CancellationToken.None);
        Assert.Equal("tile/entries/000.p/6 is there with other content than this ledger's", copy.State.Fault);
        Assert.Contains("ledger-copy-conflict", ledger.State.Findings.Keys);
        Assert.Equal("mine"u8.ToArray(), await other.ReadAsync("tile/entries/000.p/6", CancellationToken.None));
        Assert.Null(await other.ReadAsync("checkpoint", CancellationToken.None));
    }

    [Fact]
    public async Task A_head_of_another_history_in_the_place_of_ours_is_a_conflict_and_the_same_countersigned_again_is_none()
    {
        var copy = Copy(Folder);
        await copy.TryAsync(CancellationToken.None);
        lab.Time.Advance(TimeSpan.FromHours(1));
        var (again, fault) = AgentLedger.Open(store, lab.Identity, lab.Time, lab.Fill, NullLogger.Instance);
        Assert.Null(fault);
        ledger = again!;
        Assert.True(ledger.Accept(6, [], lab.Checkpoint(lab.Entries)), ledger.Refusal);
        store.WriteNote(AgentNotes.Copy, "{\"place\":\"elsewhere\",\"size\":6}");
        var second = Copy(Folder);
        await second.TryAsync(CancellationToken.None);
        Assert.Null(second.State.Fault);

        var forked = new FolderCopy(Path.Combine(bucket.Path, "forked"), bucket.Path);
        await forked.PutOnceAsync(CopyLayout.Head(6), System.Text.Encoding.UTF8.GetBytes(SignedNote.Sign(new Checkpoint(lab.Origin, 6, new byte[32]).Body, lab.Plane).ToString()), CancellationToken.None);
        var third = Copy(forked);
        await third.TryAsync(CancellationToken.None);
        Assert.Contains("is there with another head than the one that this agent has verified", third.State.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_place_that_was_emptied_gets_everything_again_and_a_bucket_that_is_gone_is_not_made_anew()
    {
        await Copy(Folder).TryAsync(CancellationToken.None);
        Directory.Delete(Path.Combine(bucket.Path, "ledger"), recursive: true);
        await Copy(Folder).TryAsync(CancellationToken.None);
        Verified(Place, Head());

        var gone = Path.Combine(bucket.Path, "unmounted");
        var copy = Copy(new FolderCopy(Path.Combine(gone, "ledger", "lab-one"), gone));
        await copy.TryAsync(CancellationToken.None);
        Assert.Contains("does not exist or is not a folder", copy.State.Fault, StringComparison.Ordinal);
        Assert.False(Directory.Exists(gone));
    }

    [Fact]
    public async Task A_bucket_without_lock_is_a_finding_that_is_over_once_it_has_one()
    {
        var target = new Crashing(Folder) { Protection = new CopyProtection(false, true, "the bucket acme has no object lock") };
        await Copy(target).TryAsync(CancellationToken.None);
        Assert.Contains("the bucket acme has no object lock", ledger.State.Findings["ledger-copy-unlocked"].Reason, StringComparison.Ordinal);
        target.Protection = new CopyProtection(true, true, "object lock in compliance mode");
        await Copy(target).TryAsync(CancellationToken.None);
        Assert.Empty(ledger.State.Findings);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(20_480, 10)]
    [InlineData(400_000, 120)]
    public void The_larger_the_partial_files_the_longer_the_next_head_waits(long bytes, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), CopyLimits.Pause(bytes));

    private LedgerCopy Copy(ICopyTarget target) => new(ledger, target, lab.Time, NullLogger.Instance);

    private void Grow(int entries)
    {
        for (var i = 0; i < entries; i++)
        {
            if (lab.State.Members.Count > 2) lab.Say(lab.Customer, new MemberRemoved(Sample.Key(200).Public.KeyId));
            else lab.Say(lab.Customer, new MemberAdded(Sample.Key(200).Public.KeyId, Demarc.Core.Access.Role.Viewer, "Ann"));
        }

        lab.Sync(ledger);
    }

    private Checkpoint Head() => SignedHead.Read(ledger.Checkpoint!).Head!.Checkpoint;

    private void Holds(long size, params long[] heads)
    {
        Verified(Place, Head());
        Assert.Equal(size, heads[^1]);
        Assert.Equal(heads, Directory.EnumerateFiles(Path.Combine(Place, "checkpoints")).Select(file => CopyLayout.SizeOf("checkpoints/" + Path.GetFileName(file))!.Value).Order());
        Assert.Equal(File.ReadAllBytes(Path.Combine(Place, "checkpoint")), File.ReadAllBytes(Path.Combine(Place, CopyLayout.Head(size))));
    }

    private static void Verified(string place, Checkpoint head)
    {
        var read = 0L;
        Assert.Null(TlogTilesReader.Verify(head, path => File.Exists(Path.Combine(place, path)) ? File.ReadAllBytes(Path.Combine(place, path)) : null, (_, _) => read++));
        Assert.Equal(head.Size, read);
    }

    /// <summary>The process ends here.</summary>
    private sealed class ProcessKilledException : Exception;

    /// <summary>A place before and after whose writes the agent is killed, or which fails.</summary>
    private sealed class Crashing(ICopyTarget inner) : ICopyTarget
    {
        private int touched;

        public int At { get; init; } = -1;

        public bool IsOver { get; private set; }

        public bool Refuses { get; set; }

        /// <summary>How many writes from now one fails, once.</summary>
        public int FailsOnce { get; set; }

        public CopyProtection? Protection { get; set; }

        public string Place => inner.Place;

        public async Task<CopyProtection> ProtectionAsync(string? written, CancellationToken stop) => Protection ?? await inner.ProtectionAsync(written, stop);

        public async Task<PutOnce> PutOnceAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop)
        {
            Touch();
            var put = await inner.PutOnceAsync(path, bytes, stop);
            Touch();
            return put;
        }

        public async Task PutNewestAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop)
        {
            Touch();
            await inner.PutNewestAsync(path, bytes, stop);
            Touch();
        }

        public Task<byte[]?> ReadAsync(string path, CancellationToken stop) => Refuses ? throw new CopyException("the disk is on holiday") : inner.ReadAsync(path, stop);

        private void Touch()
        {
            if (Refuses || (FailsOnce > 0 && --FailsOnce == 0)) throw new CopyException("the disk is on holiday");
            if (touched++ != At) return;
            IsOver = true;
            throw new ProcessKilledException();
        }
    }
}
