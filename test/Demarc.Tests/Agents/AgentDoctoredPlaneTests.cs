using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>
/// A plane that rewrites, drops, forks, forges, replays or slips something in. Each is refused under its own name, the evidence is on disk and holds
/// the bytes that came, the replica stays as it was, and a new start still does not follow that plane.
/// </summary>
public sealed class AgentDoctoredPlaneTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly AgentLedger ledger;

    public AgentDoctoredPlaneTests()
    {
        ledger = lab.Open(store);
        lab.Sync(ledger);
        Assert.Equal(6, ledger.Size);
        Assert.True(ledger.InForce);
    }

    public void Dispose() => lab.Dispose();

    [Fact]
    public void Rewritten_entry_is_refused()
    {
        // The plane offers another text in the place of an entry that was verified.
        var rewritten = lab.Write(lab.Customer, new AgentInvited(lab.Vendor.Public.KeyId, lab.Time.GetUtcNow().AddDays(2)));
        List<Entry> history = [.. lab.Entries];
        history[4] = rewritten;
        Refused(RefusalReason.RewrittenEntry, 4, [rewritten, history[5]], lab.Checkpoint(history));
    }

    [Fact]
    public void Entry_rewritten_on_its_way_is_refused()
    {
        var good = lab.Write(lab.Vendor, Request("one"));
        var bytes = good.Bytes.ToArray();
        bytes[^20] ^= 1;
        RefusedRaw(RefusalReason.RewrittenEntry, 6, bytes, lab.Checkpoint([.. lab.Entries, good]));
    }

    [Fact]
    public void Dropped_entry_is_refused()
    {
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Request("instances.create", "two", AgentLab.Order());
        Refused(RefusalReason.DroppedEntry, 7, [lab.Entries[7]], lab.Checkpoint(lab.Entries));
    }

    [Fact]
    public void Entry_dropped_from_the_end_is_refused()
    {
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Request("instances.create", "two", AgentLab.Order());
        Refused(RefusalReason.DroppedEntry, 6, [lab.Entries[6]], lab.Checkpoint(lab.Entries));
    }

    [Fact]
    public void Own_entry_dropped_after_it_was_acknowledged_is_refused()
    {
        var own = ledger.Write(new FindingRaised("bucket-full", Demarc.Core.Charter.TaskId.Bucket, "bucket", "full", "free some space")).Entry!;
        Assert.True(ledger.Acknowledged(own.Id, 6));
        lab.Request("instances.create", "one", AgentLab.Order());
        Refused(RefusalReason.DroppedEntry, 6, [lab.Entries[6]], lab.Checkpoint(lab.Entries));
        Assert.Equal(own.Id, ledger.Outbox[0].Id);
    }

    [Fact]
    public void Own_entry_acknowledged_where_another_stands_is_refused()
    {
        var own = ledger.Write(new FindingRaised("bucket-full", Demarc.Core.Charter.TaskId.Bucket, "bucket", "full", "free some space")).Entry!;
        Assert.False(ledger.Acknowledged(own.Id, 3));
        Kept(RefusalReason.DroppedEntry);
    }

    [Fact]
    public void Forked_history_is_refused()
    {
        // Every signature is right: two histories, each complete in itself, both signed by the plane.
        List<Entry> fork = [.. lab.Entries[..5], lab.Write(lab.Vendor, Request("fork"))];
        Refused(RefusalReason.ForkedHistory, 6, [], lab.Checkpoint(fork));
    }

    [Fact]
    public void Forked_history_that_goes_on_is_refused()
    {
        var next = lab.Write(lab.Vendor, Request("one"));
        List<Entry> fork = [.. lab.Entries[..5], lab.Write(lab.Vendor, Request("fork")), next];
        Refused(RefusalReason.ForkedHistory, 6, [next], lab.Checkpoint(fork));
    }

    [Fact]
    public void Checkpoint_of_another_ledger_is_refused()
    {
        var next = lab.Write(lab.Vendor, Request("one"));
        Refused(RefusalReason.ForkedHistory, 6, [next], lab.Checkpoint([.. lab.Entries, next], origin: "demarc/lab-two"));
    }

    [Fact]
    public void Forged_checkpoint_signature_is_refused()
    {
        var next = lab.Write(lab.Vendor, Request("one"));
        using var thief = SigningKey.Generate(lab.Fill);
        Refused(RefusalReason.ForgedSignature, 6, [next], lab.Checkpoint([.. lab.Entries, next], new NoteSigner("plane.test", thief)));
        var second = new AgentMemoryStore();
        var other = lab.Open(second);
        lab.Sync(other);
        // The same name and key hash over another text: a line that claims to be the plane's and is not.
        var signed = lab.Checkpoint([.. lab.Entries, next]);
        var moved = lab.Checkpoint([.. lab.Entries, lab.Write(lab.Vendor, Request("two"))])[..^1];
        var spliced = moved[..moved.LastIndexOf("\n\n", StringComparison.Ordinal)] + signed[signed.LastIndexOf("\n\n", StringComparison.Ordinal)..];
        Assert.False(other.Accept(6, [next.Bytes], spliced));
        Assert.Equal(RefusalReason.ForgedSignature, Assert.Single(second.ReadEvidence()).Reason);
    }

    [Fact]
    public void Forged_entry_signature_is_refused()
    {
        // The plane signs its checkpoint over an entry whose author never signed it.
        var good = lab.Write(lab.Vendor, Request("one"));
        var envelope = DsseEnvelope.Parse(good.Bytes).Envelope!;
        var text = System.Text.Encoding.UTF8.GetString(envelope.Bytes.Span);
        var other = DsseEnvelope.Parse(lab.Write(lab.Vendor, Request("two")).Bytes).Envelope!;
        var forged = System.Text.Encoding.UTF8.GetBytes(text.Replace(Convert.ToBase64String(envelope.Payload.Span), Convert.ToBase64String(other.Payload.Span), StringComparison.Ordinal));
        Assert.NotEqual(good.Bytes.ToArray(), forged);
        var frontier = new MerkleFrontier();
        foreach (var entry in lab.Entries) frontier.AppendEntry(entry.Bytes.Span);
        frontier.AppendEntry(forged);
        var note = SignedNote.Sign(new Checkpoint(lab.Origin, frontier.Size, frontier.Root()).Body, lab.Plane).ToString();
        RefusedRaw(RefusalReason.ForgedSignature, 6, forged, note);
    }

    [Fact]
    public void Replayed_old_checkpoint_is_refused()
    {
        var old = lab.Checkpoint(lab.Entries);
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Sync(ledger);
        Refused(RefusalReason.ReplayedCheckpoint, 6, [], old);
    }

    [Fact]
    public void Unauthorised_change_is_refused()
    {
        // The customer cannot request what the charter gives to the vendor, and a stranger nothing at all.
        var forbidden = lab.Write(lab.Customer, Request("one"));
        Refused(RefusalReason.UnauthorisedChange, 6, [forbidden], lab.Checkpoint([.. lab.Entries, forbidden]));
        using var stranger = SigningKey.Generate(lab.Fill);
        var second = new AgentMemoryStore();
        var other = lab.Open(second);
        lab.Sync(other);
        var strange = lab.Write(stranger, Request("one"));
        Assert.False(other.Accept(6, [strange.Bytes], lab.Checkpoint([.. lab.Entries, strange])));
        Assert.Equal(RefusalReason.UnauthorisedChange, Assert.Single(second.ReadEvidence()).Reason);
    }

    [Theory]
    [InlineData("by the vendor")]
    [InlineData("by the customer")]
    [InlineData("by a key that is nobody's")]
    public void A_start_that_the_agent_did_not_make_is_refused(string signed)
    {
        // What deletes waits for the customer; a plane that wants it done at once says that it has begun.
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Sync(ledger);
        using var nobody = SigningKey.Generate(lab.Fill);
        var author = signed switch { "by the vendor" => lab.Vendor, "by the customer" => lab.Customer, _ => nobody };
        var plan = Plan.Of([new EraseData(InstanceId.Parse("one"))]);
        var change = lab.State.OpenChanges.Single().Id;
        var planned = lab.Write(author, new ChangePlanned(change, plan.Text, plan.Hash));
        Refused(RefusalReason.UnauthorisedChange, 7, [planned], lab.Checkpoint([.. lab.Entries, planned]));
        var second = new AgentMemoryStore();
        var other = lab.Open(second);
        lab.Sync(other);
        var started = lab.Write(author, new ChangeStarted(change, plan.Hash));
        Assert.False(other.Accept(7, [started.Bytes], lab.Checkpoint([.. lab.Entries, started])));
        Assert.Equal(RefusalReason.UnauthorisedChange, Assert.Single(second.ReadEvidence()).Reason);
        Assert.Equal(ChangeStatus.Requested, other.State.Changes[change].Status);
    }

    [Fact]
    public void An_approval_that_the_customer_did_not_give_is_refused()
    {
        lab.Request("instances.create", "one", AgentLab.Order());
        var change = lab.State.OpenChanges.Single().Id;
        var forged = lab.Write(lab.Vendor, new ChangeApproved(change, "sha256:" + new string('0', 64)));
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, 7, [forged], lab.Checkpoint([.. lab.Entries, forged]));
    }

    [Fact]
    public void Another_founding_is_refused()
    {
        using var elsewhere = new AgentLab(7);
        var fresh = new AgentMemoryStore();
        var first = lab.Open(fresh);
        Assert.False(first.Accept(0, AgentLab.Bytes(elsewhere.Entries), elsewhere.Checkpoint(elsewhere.Entries)));
        Assert.Equal(RefusalReason.ForkedHistory, Assert.Single(fresh.ReadEvidence()).Reason);
        Assert.Equal(0, first.Size);
    }

    [Fact]
    public void A_person_may_decide_to_follow_again()
    {
        var forbidden = lab.Write(lab.Customer, Request("one"));
        Refused(RefusalReason.UnauthorisedChange, 6, [forbidden], lab.Checkpoint([.. lab.Entries, forbidden]));
        store.ClearRefusal();
        var again = lab.Open(store);
        lab.Request("instances.create", "one", AgentLab.Order());
        lab.Sync(again);
        lab.Sync(again);
        var evidence = Assert.Single(store.ReadEvidence());

        // What it was refused for stands in the ledger, by the agent's hand, and that this is over.
        var raised = Assert.Single(lab.Entries.Select(entry => entry.Data).OfType<FindingRaised>());
        Assert.Equal(AgentFindings.PlaneRefused, raised.Finding);
        Assert.Contains(RefusalReason.UnauthorisedChange, raised.Reason, StringComparison.Ordinal);
        Assert.Contains(AgentFindings.HashOf(evidence), raised.Remedy, StringComparison.Ordinal);
        Assert.Equal(AgentFindings.PlaneRefused, Assert.Single(lab.Entries.Select(entry => entry.Data).OfType<FindingCleared>()).Finding);
        Assert.Equal(9, again.Size);
        Assert.Empty(again.Outbox);
    }

    private static ChangeRequested Request(string instance) =>
        new(ChangeId.Parse("c-" + instance + "-x"), new InstanceRequest("instances.create", InstanceId.Parse(instance), AgentLab.Order()));

    private void Refused(string reason, long first, IReadOnlyList<Entry> entries, string checkpoint) =>
        RefusedBytes(reason, first, AgentLab.Bytes(entries), checkpoint);

    private void RefusedRaw(string reason, long first, byte[] entry, string checkpoint) => RefusedBytes(reason, first, [entry], checkpoint);

    private void RefusedBytes(string reason, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, string checkpoint)
    {
        var size = ledger.Size;
        var root = ledger.Root;
        Assert.False(ledger.Accept(first, entries, checkpoint));
        var kept = Kept(reason);
        Assert.Equal(checkpoint, kept.Checkpoint);
        Assert.Equal(ledger.Checkpoint, kept.Held);
        Assert.Equal(entries.Select(e => e.ToArray()), kept.Envelopes.Select(e => e.ToArray()));
        Assert.Equal(size, ledger.Size);
        Assert.Equal(root, ledger.Root);
    }

    private Evidence Kept(string reason)
    {
        var kept = Assert.Single(store.ReadEvidence());
        Assert.Equal(reason, kept.Reason);
        Assert.StartsWith(reason, ledger.Refusal, StringComparison.Ordinal);
        Assert.StartsWith(reason, lab.Open(store).Refusal, StringComparison.Ordinal);
        return kept;
    }
}
