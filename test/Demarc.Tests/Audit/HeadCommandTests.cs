extern alias cli;

using System.Text.Json;
using cli::Demarc.Cli;
using cli::Demarc.Cli.Audit;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Tests.Cli;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Audit;

/// <summary>
/// The command line against a plane that shows two histories, to one person at two times, to a person and the agent, to two people: caught with exit code 6, the
/// evidence kept, and convincing to a stranger who has the plane's key and nothing else.
/// </summary>
public sealed class HeadCommandTests
{
    private static string PlaneKey(ForkedPlane plane) => plane.World.Signer.VerifierKey;

    [Theory]
    [InlineData(2, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 40)]
    [InlineData(2, 300)]
    public async Task A_plane_that_shows_two_histories_to_one_person_at_two_times_is_caught(int seen, int shown)
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.AloneAsync(plane.One, seen);
        await plane.AloneAsync(plane.Other, shown);
        using var shell = plane.Shell();
        await shell.MustAsync(["status", .. plane.At(plane.One)]);

        // Any command meets it, before it has anything to do with the environment.
        var caught = await shell.RefusedAsync(6, seen > shown ? "shows an old head of acme: " : "The plane has signed TWO HISTORIES of acme: ", ["members", "list", .. plane.At(plane.Other)]);
        Assert.Contains("docs/runbooks/two-histories.md", caught.Error, StringComparison.Ordinal);
        Assert.Empty(caught.Out);
        var evidence = Kept(shell);
        if (seen > shown) return;
        await ProvenAsync(plane, evidence);

        // What the plane showed for its head is kept beside it, whole.
        var entries = Path.ChangeExtension(evidence, null) + ".entries";
        await shell.MustAsync("audit", "verify", "--offline", entries, "--uncountersigned", "--customer-root", plane.World.Customer.Public.KeyId, "--vendor-root", plane.World.Vendor.Public.KeyId);

        // What was seen first stays what is held against: the plane has to go back to it.
        await shell.MustAsync(["members", "list", .. plane.At(plane.One)]);
        await shell.RefusedAsync(6, "TWO HISTORIES", ["audit", "verify", .. plane.At(plane.Other)]);
    }

    // As the command that follows a change does: it asks for the change and for its events at the same time.
    [Fact]
    public async Task A_command_that_asks_from_many_threads_looks_at_the_head_once()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        var host = shell.Host(TextWriter.Null, TextWriter.Null);
        const int Threads = 8;
        for (var round = 0; round < 100; round++)
        {
            using var command = new Invocation(DemarcCommand.Create(host).Parse(["status", .. plane.At(plane.One)]), host, TestContext.Current.CancellationToken);
            var watch = command.Watch;
            using var together = new Barrier(Threads);
            var looks = new Task[Threads];
            var threads = Enumerable.Range(0, Threads).Select(mine => new Thread(() =>
            {
                together.SignalAndWait();
                looks[mine] = watch.OnceAsync(command.Environment);
            })).ToList();
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
            await Assert.Single(looks.Distinct());
        }
    }

    [Fact]
    public async Task A_plane_that_shows_two_histories_to_the_command_line_and_the_agent_is_caught()
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.BothAsync(3);
        await plane.AloneAsync(plane.One, 2);
        await plane.AloneAsync(plane.Other, 5);
        await using var agent = await plane.AgentAsync(plane.One);
        using var shell = plane.Shell();
        var caught = await shell.RefusedAsync(6, "TWO HISTORIES of acme: 11 entries, ", ["audit", "compare", "--agent-data", agent.Data, .. plane.At(plane.Other)]);
        Assert.Contains("entry 9 is the first that differs", caught.Error, StringComparison.Ordinal);
        var proven = await ProvenAsync(plane, Kept(shell));
        Assert.Contains("entry 9 is the first that differs: finding.raised by ed25519:", proven.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_was_shown_more_of_another_history_than_the_command_line_is_asked_for_its_entries()
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.AloneAsync(plane.One, 30);
        await plane.AloneAsync(plane.Other, 5);
        await using var agent = await plane.AgentAsync(plane.One);
        using var shell = plane.Shell();
        await shell.RefusedAsync(6, "entry 6 is the first that differs", ["audit", "compare", "--agent-data", agent.Data, .. plane.At(plane.Other)]);
        await ProvenAsync(plane, Kept(shell));
    }

    [Fact]
    public async Task Two_people_who_were_shown_two_histories_find_out_by_a_file()
    {
        await using var plane = await ForkedPlane.StartAsync();
        foreach (var number in new byte[] { 41, 42 })
        {
            var member = plane.World.Member(number, Role.Auditor);
            await plane.One.AppendAllAsync([member]);
            await plane.Other.AppendAllAsync([member]);
        }

        await plane.AloneAsync(plane.One, 2);
        await plane.AloneAsync(plane.Other, 3);
        using var ann = plane.Shell(41);
        using var bob = plane.Shell(42);
        var witness = Path.Combine(ann.Folder, "witness.txt");
        await ann.MustAsync(["audit", "head", "--to", witness, .. plane.At(plane.One)]);
        await ann.MustAsync(["audit", "head", "--to", witness, .. plane.At(plane.One)]);
        Assert.Single(Demarc.Core.Audit.SignedHead.Split(await File.ReadAllTextAsync(witness, TestContext.Current.CancellationToken)));
        await bob.RefusedAsync(6, "TWO HISTORIES", ["audit", "compare", witness, .. plane.At(plane.Other)]);
        await ProvenAsync(plane, Kept(bob));
    }

    [Fact]
    public async Task Heads_of_one_history_compare_in_either_order_and_nothing_is_kept()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        var first = Path.Combine(shell.Folder, "first.txt");
        await File.WriteAllTextAsync(first, (await shell.MustAsync(["audit", "head", "-q", .. plane.At(plane.One)])).Out, TestContext.Current.CancellationToken);
        await using var agent = await plane.AgentAsync(plane.One);
        await plane.AloneAsync(plane.One, 9);
        await using var later = await plane.AgentAsync(plane.One);
        var ran = await shell.MustAsync(["audit", "compare", first, "--agent-data", agent.Data, .. plane.At(plane.One)]);
        Assert.Contains("ONE HISTORY. All 4 heads of acme are of the same ledger.", ran.Out, StringComparison.Ordinal);
        Assert.Contains("the same head", (await shell.MustAsync(["audit", "compare", "--agent-data", later.Data, .. plane.At(plane.One)])).Out, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(shell.Home, "evidence")));

        // The other plane has not gone on yet: what it shows is old to this profile, and nothing to a new one that the agent's head is held against.
        await shell.RefusedAsync(6, "shows an old head of acme: 6 entries, ", ["status", .. plane.At(plane.Other)]);
        using var stranger = plane.Shell();
        await stranger.MustAsync(["audit", "compare", "--agent-data", later.Data, .. plane.At(plane.Other)]);
    }

    [Fact]
    public async Task An_old_checkpoint_that_is_replayed_is_caught_and_no_one_is_accused_of_two_histories()
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.BothAsync(2);
        await plane.AloneAsync(plane.One, 4);
        using var shell = plane.Shell();
        await shell.MustAsync(["audit", "verify", .. plane.At(plane.One)]);
        await shell.RefusedAsync(6, "the ledger was cut off, or an old checkpoint is replayed. The evidence is in ", ["audit", "verify", .. plane.At(plane.Other)]);
        await shell.RefusedAsync(6, "does not prove two histories: its hashes do not lead to the root over 12 entries", "audit", "evidence", Kept(shell), "--plane-key", PlaneKey(plane));
    }

    [Fact]
    public async Task A_plane_that_holds_back_what_another_was_shown_is_told_so()
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.AloneAsync(plane.One, 3);
        using var ann = plane.Shell();
        using var bob = plane.Shell();
        var head = Path.Combine(ann.Folder, "head.txt");
        await File.WriteAllTextAsync(head, (await ann.MustAsync(["audit", "head", .. plane.At(plane.One)])).Out, TestContext.Current.CancellationToken);
        await bob.RefusedAsync(6, "it holds entries back, or shows another history.", ["audit", "compare", head, .. plane.At(plane.Other)]);
    }

    [Fact]
    public async Task A_head_that_no_plane_of_the_ledger_has_signed_is_no_head_of_it()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        var path = Path.Combine(shell.Folder, "head.txt");
        await File.WriteAllTextAsync(path, SignedNote.Sign(new Checkpoint("demarc/acme", 3, new byte[32]).Body, new NoteSigner("plane.test", Sample.Key(6))).ToString(), TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "is signed by no plane that was ever in force in acme", ["audit", "compare", path, .. plane.At(plane.One)]);
        await File.WriteAllTextAsync(path, SignedNote.Sign(new Checkpoint("demarc/other", 3, new byte[32]).Body, new NoteSigner("plane.test", Sample.Key(5))).ToString(), TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "is of 'demarc/other', not of 'demarc/acme'", ["audit", "compare", path, .. plane.At(plane.One)]);
        await File.WriteAllTextAsync(path, "all is well\n", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "is not a signed head", ["audit", "compare", path, .. plane.At(plane.One)]);
        await shell.RefusedAsync(4, "There is no ", ["audit", "compare", path + "x", .. plane.At(plane.One)]);
    }

    [Fact]
    public async Task A_viewer_who_may_not_read_the_ledger_catches_it_too()
    {
        await using var plane = await ForkedPlane.StartAsync();
        var member = plane.World.Member(41, Role.Viewer);
        await plane.One.AppendAllAsync([member]);
        await plane.Other.AppendAllAsync([member]);
        using var shell = plane.Shell(41);
        await shell.MustAsync(["status", .. plane.At(plane.One)]);
        await plane.AloneAsync(plane.One, 5);
        await shell.MustAsync(["status", .. plane.At(plane.One)]);
        await plane.AloneAsync(plane.Other, 9);

        // Without the entries nobody can prove it to others; that the plane shows no proof is enough to stop.
        await shell.RefusedAsync(6, "Nobody shows that of these heads of acme the longer one continues the shorter one", ["status", .. plane.At(plane.Other)]);
        Kept(shell);
    }

    [Fact]
    public async Task Heads_are_remembered_one_behind_the_other_by_commands_that_run_at_once()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        shell.Time = TimeProvider.System;
        var writing = plane.AloneAsync(plane.One, 20);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => shell.MustAsync(["status", .. plane.At(plane.One)])));
        await writing;
        await shell.MustAsync(["status", .. plane.At(plane.One)]);
        var sizes = Sizes(shell);
        Assert.Equal(sizes.Order(), sizes);
        Assert.Equal(sizes.Distinct(), sizes);
        Assert.Equal(26, sizes[^1]);
    }

    [Fact]
    public async Task What_is_remembered_is_bounded_and_what_is_damaged_is_not_passed_over()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        for (var i = 0; i < HeadMemory.Most + 3; i++)
        {
            await plane.AloneAsync(plane.One, 0);
            await plane.One.AppendAllAsync([plane.World.Finding($"more-{i}")]);
            await shell.MustAsync(["status", .. plane.At(plane.One)]);
        }

        Assert.Equal(HeadMemory.Most, Sizes(shell).Count);
        var path = Path.Combine(shell.Home, "heads", "acme.json");
        await File.WriteAllTextAsync(path, "[{}]", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(1, "in which this profile remembers the heads it has seen, cannot be read", ["status", .. plane.At(plane.One)]);
    }

    [Fact]
    public async Task Another_plane_is_believed_once_the_whole_ledger_shows_who_put_it_there()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        await shell.MustAsync(["status", .. plane.At(plane.One)]);

        // A head by another key that the ledger knows nothing of.
        var path = Path.Combine(shell.Home, "heads", "acme.json");
        var text = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var other = new NoteKey("plane.elsewhere", Sample.Key(77).Public).ToString();
        await File.WriteAllTextAsync(path, text.Replace(JsonEncodedText.Encode(PlaneKey(plane)).ToString(), JsonEncodedText.Encode(other).ToString(), StringComparison.Ordinal), TestContext.Current.CancellationToken);
        var ran = await shell.MustAsync(["status", .. plane.At(plane.One)]);
        Assert.Contains("Another plane signs the head of acme than before: the whole ledger is verified", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Another plane", (await shell.MustAsync(["status", .. plane.At(plane.One)])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evidence_that_is_none_is_refused()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        var path = Path.Combine(shell.Folder, "evidence.json");
        await File.WriteAllTextAsync(path, "{", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "cannot be read", "audit", "evidence", path, "--plane-key", PlaneKey(plane));
        await File.WriteAllTextAsync(path, "null", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "holds nothing", "audit", "evidence", path, "--plane-key", PlaneKey(plane));
        await File.WriteAllTextAsync(path, "{\"demarc\":1}", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "lacks a head", "audit", "evidence", path, "--plane-key", PlaneKey(plane));
        await shell.RefusedAsync(2, "is not a verifier key", "audit", "evidence", path, "--plane-key", "ed25519:x");
        await shell.RefusedAsync(4, "There is no file", "audit", "evidence", path + "x", "--plane-key", PlaneKey(plane));
    }

    private static List<long> Sizes(CommandLine shell) =>
        [.. JsonDocument.Parse(File.ReadAllText(Path.Combine(shell.Home, "heads", "acme.json"))).RootElement.EnumerateArray().Select(head => long.Parse(head.GetProperty("note").GetString()!.Split('\n')[1], System.Globalization.CultureInfo.InvariantCulture))];

    private static string Kept(CommandLine shell) => Assert.Single(Directory.EnumerateFiles(Path.Combine(shell.Home, "evidence"), "*.json"));

    // A third person: another profile, no plane, no agent.
    private static async Task<Ran> ProvenAsync(ForkedPlane plane, string evidence)
    {
        using var third = new CommandLine();
        var proven = await third.MustAsync("audit", "evidence", evidence, "--plane-key", PlaneKey(plane));
        Assert.StartsWith($"PROVEN: whoever holds the key {PlaneKey(plane)} has signed two histories.", proven.Out, StringComparison.Ordinal);
        return proven;
    }
}
