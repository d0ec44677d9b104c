using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Protocol;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Agents;

/// <summary>What the agent's own copy of the ledger makes of a severance, and of planes that would have it otherwise.</summary>
public sealed class AgentSeveranceTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly NoteSigner own;
    private AgentLedger ledger;

    public AgentSeveranceTests()
    {
        own = new NoteSigner("plane.customer", SigningKey.Generate(lab.Fill));
        ledger = lab.Open(store);
        lab.Sync(ledger);
    }

    public void Dispose() => lab.Dispose();

    [Fact]
    public void Counts_from_the_moment_it_is_handed_in_and_before_any_plane_has_seen_it()
    {
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Sync(ledger);
        Assert.Single(ledger.State.Open);
        Assert.Null(ledger.Sever(Severance()));
        Assert.NotNull(ledger.State.Severed);
        Assert.Empty(ledger.State.Open);
        Assert.True(ledger.AwaitsPlane);
        Assert.True(ledger.InForce, "it goes on acting");
        Assert.Null(ledger.Verified.Severed);
        Assert.Equal(own.Key.ToString(), ledger.State.PlaneKey);
    }

    [Fact]
    public void The_customers_plane_is_followed_once_its_first_batch_begins_with_the_severance()
    {
        var entry = Severance();
        Assert.Null(ledger.Sever(entry));
        var heal = ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space")).Entry!;
        lab.Sequence(entry);
        lab.Sequence(heal);
        Assert.True(ledger.Accept(6, AgentLab.Bytes(lab.Entries.Skip(6)), lab.Checkpoint(lab.Entries, own)), ledger.Refusal);
        Assert.False(ledger.AwaitsPlane);
        Assert.Empty(ledger.Outbox);
        Assert.NotNull(ledger.Verified.Severed);
        Assert.False(lab.Open(store).AwaitsPlane);
    }

    [Fact]
    public void The_old_plane_keeps_sequencing_and_offers_its_history()
    {
        // Before and after the customer's plane has spoken, whether or not the old one has put the severance into its own history.
        var entry = Severance();
        Assert.Null(ledger.Sever(entry));
        var finding = lab.Write(lab.Vendor, new ChangeRequested(ChangeId.Parse("c-own"), new InstanceRequest("instances.create", InstanceId.Parse("one"), AgentLab.Order())));
        Refused([finding], lab.Checkpoint([.. lab.Entries, finding]));
        Refused([finding, entry], lab.Checkpoint([.. lab.Entries, finding, entry]));
        Refused([entry], lab.Checkpoint([.. lab.Entries, entry]));
        lab.Sequence(entry);
        Assert.True(ledger.Accept(6, AgentLab.Bytes([entry]), lab.Checkpoint(lab.Entries, own)), ledger.Refusal);
        var late = lab.Say(lab.Customer, new MemberAdded(lab.Plane.Key.Key.KeyId, Demarc.Core.Access.Role.Viewer, "somebody"));
        Refused([late], lab.Checkpoint(lab.Entries));
        Assert.Contains("whose word no longer counts", ledger.Refusal, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.ForgedSignature, store.ReadEvidence()[^1].Reason);
    }

    [Fact]
    public void A_plane_forges_the_severance()
    {
        // The vendor's plane cannot write it, and a stranger's plane cannot bring one that somebody else has signed.
        foreach (var forger in new[] { lab.Vendor, SigningKey.Generate(lab.Fill) })
        {
            var forged = lab.Write(forger, new VendorSevered(own.Key.ToString(), "come to us"));
            Assert.NotNull(ledger.Sever(forged));
            Assert.False(ledger.Accept(6, AgentLab.Bytes([forged]), lab.Checkpoint([.. lab.Entries, forged], own)));
            Assert.Contains("unauthorised change", ledger.Refusal, StringComparison.Ordinal);
            store.ClearRefusal();
            ledger = lab.Open(store);
        }

        // And a key alone, without the entry that puts it in force, is nobody's.
        Refused([], lab.Checkpoint(lab.Entries, own));
        Assert.Null(ledger.State.Severed);
    }

    [Fact]
    public void A_batch_that_puts_one_plane_in_force_is_not_believed_under_the_signature_of_another()
    {
        var entry = Severance();
        var third = new NoteSigner("plane.third", SigningKey.Generate(lab.Fill));
        Refused([entry], lab.Checkpoint([.. lab.Entries, entry], third));
        Refused([entry], lab.Checkpoint([.. lab.Entries, entry]));
        Assert.Contains("another plane is in force", ledger.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void The_agent_restarted_in_the_middle_is_as_severed_as_before()
    {
        Assert.Null(ledger.Sever(Severance()));
        var again = lab.Open(store);
        Assert.True(again.AwaitsPlane);
        Assert.NotNull(again.State.Severed);
        Assert.Equal(own.Key.ToString(), again.State.PlaneKey);
        var late = lab.Say(lab.Vendor, new MemberAdded(own.Key.Key.KeyId, Demarc.Core.Access.Role.Viewer, "somebody"));
        Assert.False(again.Accept(6, AgentLab.Bytes([late]), lab.Checkpoint(lab.Entries)));
    }

    [Theory]
    [InlineData("before take severance", false)]
    [InlineData("after take severance", true)]
    public void Killed_while_it_takes_it_the_agent_has_it_whole_or_not_at_all(string where, bool taken)
    {
        var entry = Severance();
        store.Touch = at =>
        {
            if (at == where) throw new IOException("killed");
        };
        Assert.Throws<IOException>(() => ledger.Sever(entry));
        store.Touch = null;
        ledger = lab.Open(store);
        Assert.Equal(taken, ledger.AwaitsPlane);
        Assert.Null(ledger.Sever(entry));
        Assert.True(ledger.AwaitsPlane);
    }

    [Fact]
    public void Killed_after_the_customers_plane_was_verified_it_awaits_nothing()
    {
        var entry = lab.Sequence(Severance());
        Assert.Null(ledger.Sever(entry));
        store.Touch = at =>
        {
            if (at == "after extend") throw new IOException("killed");
        };
        Assert.Throws<IOException>(() => ledger.Accept(6, AgentLab.Bytes([entry]), lab.Checkpoint(lab.Entries, own)));
        store.Touch = null;
        Assert.False(lab.Open(store).AwaitsPlane);
    }

    [Fact]
    public void A_plane_that_was_refused_is_severed_and_the_next_one_is_followed()
    {
        // The case it is there for: the vendor's plane has lied.
        Refused([lab.Write(lab.Vendor, new VendorSevered(own.Key.ToString(), "x"))], lab.Checkpoint(lab.Entries));
        var entry = lab.Sequence(Severance());
        Assert.Null(ledger.Sever(entry));
        Assert.Null(ledger.Refusal);
        Assert.Null(ledger.FreshEvidence);
        Assert.NotEmpty(store.ReadEvidence());
        Assert.True(ledger.Accept(6, AgentLab.Bytes([entry]), lab.Checkpoint(lab.Entries, own)));
    }

    [Fact]
    public void Handed_in_again_it_changes_nothing_and_another_is_refused()
    {
        var entry = Severance();
        Assert.Null(ledger.Sever(entry));
        Assert.Null(ledger.Sever(entry));
        Assert.Contains("another severance", ledger.Sever(Severance()), StringComparison.Ordinal);
        Assert.Contains("not vendor.severed", ledger.Sever(lab.Write(lab.Customer, new AgentRevoked(lab.AgentKey.Public.KeyId, "x"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_of_an_old_severance_at_the_agents_door()
    {
        var entry = Severance();
        Assert.Null(ledger.Sever(entry));
        lab.Sequence(entry);
        Assert.True(ledger.Accept(6, AgentLab.Bytes([entry]), lab.Checkpoint(lab.Entries, own)));
        Rejoin();
        lab.Say(lab.Customer, new PlaneMoved(lab.Plane.Key.ToString(), "back"));
        Assert.True(ledger.Accept(7, AgentLab.Bytes(lab.Entries.Skip(7)), lab.Checkpoint(lab.Entries, own)), ledger.Refusal);
        Assert.Equal(lab.Plane.Key.ToString(), ledger.State.PlaneKey);
        Assert.Contains("replay", ledger.Sever(entry), StringComparison.Ordinal);
        Assert.Null(ledger.State.Severed);
    }

    [Fact]
    public void What_was_promised_by_the_plane_before_binds_nobody_any_more()
    {
        var finding = ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space")).Entry!;
        Assert.True(ledger.Acknowledged(finding.Id, 6));
        var entry = lab.Sequence(Severance());
        Assert.Null(ledger.Sever(entry));
        lab.Sequence(finding);
        Assert.True(ledger.Accept(6, AgentLab.Bytes([entry, finding]), lab.Checkpoint(lab.Entries, own)), ledger.Refusal);
    }

    [Fact]
    public void A_rehearsal_keeps_nothing()
    {
        var entry = Severance();
        Assert.Null(ledger.Rehearse(entry, lab.Checkpoint([.. lab.Entries, entry], own)));
        Assert.NotNull(ledger.Rehearse(entry, lab.Checkpoint([.. lab.Entries, entry])));
        Assert.Equal(6, ledger.Size);
        Assert.Null(ledger.State.Severed);
        Assert.Empty(store.ReadEvidence());
    }

    [Fact]
    public async Task Closes_the_link_at_once_sends_nothing_more_and_never_dials_it_again()
    {
        var link = new ScriptedLink();
        var presence = new PlanePresence();
        using var stop = new CancellationTokenSource();
        var exclusive = new TaskFactory(new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler);
        var dialler = new PlaneDialler(lab.Gate(link, ledger), ledger, new Reports(), presence, lab.Identity, lab.Time, lab.Fill, NullLogger.Instance);
        var running = exclusive.StartNew(() => dialler.RunAsync(stop.Token)).Unwrap();
        var plane = await link.AcceptAsync(lab);
        await plane.NextAsync();
        plane.Welcome();
        await link.TurnUntilAsync(lab, () => presence.Connected);

        // In one go: the entry is handed in while a batch of the old plane is already here and an entry of the agent waits to be sent.
        var late = lab.Write(lab.Vendor, new ChangeRequested(ChangeId.Parse("c-late"), new InstanceRequest("instances.create", InstanceId.Parse("one"), AgentLab.Order())));
        await exclusive.StartNew(() =>
        {
            ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "bucket", "full", "free some space"));
            plane.Send(new PlaneFrame { Batch = new Batch { First = 6, Envelopes = { ByteString.CopyFrom(late.Bytes.Span) }, Checkpoint = lab.Checkpoint([.. lab.Entries, late]) } });
            Assert.Null(ledger.Sever(Severance()));
        });
        await link.TurnUntilAsync(lab, () => !presence.Connected);
        while (plane.TryNext(out var frame)) Assert.NotEqual(AgentFrame.FrameOneofCase.Submit, frame.FrameCase);
        for (var turn = 0; turn < 600; turn++) lab.Time.Advance(TimeSpan.FromSeconds(1));
        await exclusive.StartNew(() => { });
        Assert.Equal(1, link.Dialled);
        Assert.Null(ledger.Refusal);
        Assert.Equal(6, ledger.Size);
        stop.Cancel();
        await Task.WhenAny(running);
    }

    [Fact]
    public void A_new_agent_catches_up_at_the_customers_plane_by_the_head_that_the_customer_vouches_for()
    {
        lab.Sequence(Severance());
        lab.Say(lab.Customer, new MemberAdded(lab.Plane.Key.Key.KeyId, Demarc.Core.Access.Role.Viewer, "somebody"));
        Demarc.Core.Agents.InvitedHead Head(int size) => new(own.Key.ToString(), size, Base64Text.Encode(Root(size)));
        AgentLedger Fresh(Demarc.Core.Agents.InvitedHead? head)
        {
            var identity = lab.Identity with { Trust = lab.Identity.Trust with { Head = head } };
            return AgentLedger.Open(new AgentMemoryStore(), identity, lab.Time, lab.Fill, NullLogger.Instance).Ledger!;
        }

        bool Piece(AgentLedger to, int first, int count) => to.Accept(first, AgentLab.Bytes(lab.Entries.Skip(first).Take(count)), lab.Checkpoint([.. lab.Entries.Take(first + count)], own));

        // Without the customer's word a piece from before the plane's time is not believed under its signature.
        Assert.False(Piece(Fresh(null), 0, 4));
        var believing = Fresh(Head(7));
        Assert.True(Piece(believing, 0, 4), believing.Refusal);
        Assert.True(Piece(believing, 4, 2), believing.Refusal);
        Assert.True(Piece(believing, 6, 2), believing.Refusal);
        Assert.Equal(own.Key.ToString(), believing.State.PlaneKey);

        // Another history up to that head is found out there, whoever has signed it.
        var lied = Fresh(Head(7) with { Root = Base64Text.Encode(new byte[32]) });
        Assert.True(Piece(lied, 0, 4), lied.Refusal);
        Assert.False(Piece(lied, 4, 3));
        Assert.Contains("had verified when they invited", lied.Refusal, StringComparison.Ordinal);

        // And beyond it only the plane in force counts.
        var third = new NoteSigner("plane.third", SigningKey.Generate(lab.Fill));
        var beyond = Fresh(new Demarc.Core.Agents.InvitedHead(third.Key.ToString(), 6, Base64Text.Encode(Root(6))));
        Assert.True(beyond.Accept(0, AgentLab.Bytes(lab.Entries.Take(6)), lab.Checkpoint([.. lab.Entries.Take(6)], third)), beyond.Refusal);
        Assert.False(beyond.Accept(6, AgentLab.Bytes(lab.Entries.Skip(6)), lab.Checkpoint(lab.Entries, third)));
    }

    private byte[] Root(int size)
    {
        var frontier = new MerkleFrontier();
        foreach (var entry in lab.Entries.Take(size)) frontier.AppendEntry(entry.Bytes.Span);
        return frontier.Root();
    }

    private void Refused(IReadOnlyList<Entry> entries, string checkpoint)
    {
        var size = ledger.Size;
        Assert.False(ledger.Accept(size, AgentLab.Bytes(entries), checkpoint));
        Assert.Equal(size, ledger.Size);
    }

    private VendorSevered Data => new(own.Key.ToString(), "the contract has ended");

    private Entry Severance() => lab.Write(lab.Customer, Data);

    private void Rejoin()
    {
        var yaml = CharterYaml.Write(CharterDocument.Default with { Version = 3 });
        lab.Say(lab.Customer, new CharterProposed(3, yaml));
        lab.Say(lab.Customer, new CharterSigned(3, CharterText.Hash(yaml)));
        lab.Say(lab.Vendor, new CharterSigned(3, CharterText.Hash(yaml)));
    }
}
