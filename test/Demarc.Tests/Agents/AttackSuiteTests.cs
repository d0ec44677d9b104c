using System.Collections.Immutable;
using Demarc.Agent.Ledger;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>
/// What a plane and a vendor's people who act together might do to get something done that the customer has not agreed to. The plane has its real key and
/// takes whatever anybody signs; each attack is refused by the agent alone, changes nothing, and its bytes are kept as evidence. The list with the other places where attacks are
/// tested is docs/attacks.md.
/// </summary>
public sealed class AttackSuiteTests : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly AgentLedger ledger;

    public AttackSuiteTests()
    {
        ledger = lab.Open(store);
        lab.Sync(ledger);
    }

    public void Dispose() => lab.Dispose();

    [Fact]
    public void A_plane_forges_an_approval()
    {
        var change = Deletion();
        using var forger = SigningKey.Generate(lab.Fill);
        var written = lab.Write(forger, new ChangeApproved(change, lab.State.Changes[change].PlanHash!));
        var text = System.Text.Encoding.UTF8.GetString(written.Bytes.Span).Replace(forger.Public.KeyId, lab.Customer.Public.KeyId, StringComparison.Ordinal);
        RefusedBytes(RefusalReason.ForgedSignature, System.Text.Encoding.UTF8.GetBytes(text));
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
    }

    [Fact]
    public void An_approval_of_another_plan_is_replayed()
    {
        var change = Deletion();
        var approved = lab.Say(lab.Customer, new ChangeApproved(change, lab.State.Changes[change].PlanHash!));
        // The approved plan does not fit any more, and the agent says so with another one.
        Planned(change, new StopEngine(Alpha, "2.6.4", 19530, 1024), new RecycleData(Alpha), new EraseData(Alpha));
        Assert.Equal(ChangeStatus.Planned, lab.State.Changes[change].Status);
        Refused(RefusalReason.UnauthorisedChange, approved);
        var again = Entry.Write(lab.Environment, Entry.NewId(lab.Fill), lab.Time.GetUtcNow(), approved.Data!, lab.Vendor);
        RefusedByAnother(RefusalReason.UnauthorisedChange, again);
    }

    [Fact]
    public void An_approval_of_another_environment_is_replayed()
    {
        var change = Deletion();
        var elsewhere = Entry.Write(EnvironmentId.Parse("lab-two"), Entry.NewId(lab.Fill), lab.Time.GetUtcNow(), new ChangeApproved(change, lab.State.Changes[change].PlanHash!), lab.Customer);
        Refused(RefusalReason.UnauthorisedChange, elsewhere);
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
    }

    [Fact]
    public void An_approval_given_under_another_charter_does_not_carry_a_start()
    {
        var change = Deletion();
        lab.Say(lab.Customer, new ChangeApproved(change, lab.State.Changes[change].PlanHash!));
        Assert.Equal(ChangeStatus.Approved, lab.State.Changes[change].Status);
        var rule = CharterDocument.Default[TaskId.Provision];
        Amend(CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Approval = rule.Approval.SetItem("instances.delete", new ApprovalNeed(0, 2, [], false)) }) });
        lab.Sync(ledger);
        Assert.Contains("now asks for the approval", ledger.Write(new ChangeStarted(change, lab.State.Changes[change].PlanHash!)).Refusal, StringComparison.Ordinal);
        Assert.Equal(ChangeStatus.Approved, ledger.State.Changes[change].Status);
    }

    [Fact]
    public void A_plane_drops_a_rejection()
    {
        var change = Deletion();
        lab.Sync(ledger);
        var at = lab.Entries.Count;
        var rejected = lab.Say(lab.Customer, new ChangeRejected(change, "we need it"));
        lab.Say(lab.Vendor, Wish("beta"));
        // A head that counts it and a batch that lacks it, and then a history in which it never was, to an agent that has seen it.
        Assert.False(ledger.Accept(at, [lab.Entries[at + 1].Bytes], lab.Checkpoint(lab.Entries)));
        var other = Another();
        List<Entry> without = [.. lab.Entries.Where(entry => entry != rejected)];
        Assert.False(other.Ledger.Accept(at, AgentLab.Bytes(without.Skip(at)), lab.Checkpoint(without)));
        Assert.Contains(other.Store.ReadEvidence().Single().Reason, new[] { RefusalReason.RewrittenEntry, RefusalReason.ForkedHistory, RefusalReason.ReplayedCheckpoint });
        Assert.Equal(ChangeStatus.Rejected, other.Ledger.State.Changes[change].Status);
    }

    [Fact]
    public void A_plane_reorders_entries()
    {
        lab.Say(lab.Vendor, Wish("one"));
        lab.Say(lab.Vendor, Wish("two"));
        lab.Sync(ledger);
        var size = lab.Entries.Count;
        List<Entry> swapped = [.. lab.Entries[..^2], lab.Entries[^1], lab.Entries[^2]];
        Assert.False(ledger.Accept(size - 2, AgentLab.Bytes(swapped.Skip(size - 2)), lab.Checkpoint(swapped)));
        Assert.Single(store.ReadEvidence());
        Assert.Equal(size, ledger.Size);
    }

    [Fact]
    public void A_plane_serves_an_old_charter()
    {
        Amend(CharterDocument.Default with { Version = 2, Name = "stricter" });
        var first = lab.Entries.First(entry => entry.Data is CharterProposed { Version: 1 });
        var signed = lab.Entries.First(entry => entry.Data is CharterSigned { Version: 1 });
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, first);
        RefusedByAnother(RefusalReason.UnauthorisedChange, signed);
        Assert.Equal(2, ledger.State.Charter!.Version);
    }

    [Fact]
    public void A_plane_shows_two_histories()
    {
        var fork = lab.Write(lab.Vendor, Wish("fork"));
        List<Entry> other = [.. lab.Entries, fork];
        lab.Say(lab.Vendor, Wish("one"));
        lab.Sync(ledger);
        Assert.False(ledger.Accept(ledger.Size, [], lab.Checkpoint(other)));
        Assert.Equal(RefusalReason.ForkedHistory, Assert.Single(store.ReadEvidence()).Reason);
    }

    [Fact]
    public void A_vendor_claims_another_clock()
    {
        // What is signed for tomorrow opens no window today: the agent starts by its own clock, and the fold holds its start against the window.
        var window = new TimeWindow(PosixZone.Utc, [], new TimeOnly(22, 0), TimeSpan.FromHours(1), []);
        var rule = CharterDocument.Default[TaskId.Provision];
        Amend(CharterDocument.Default with
        {
            Version = 2,
            Windows = CharterDocument.Default.Windows.SetItem("late", window),
            Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Windows = rule.Windows.SetItem("instances.create", "late") }),
        });
        var change = ChangeId.New(lab.Fill);
        lab.Sequence(Entry.Write(lab.Environment, Entry.NewId(lab.Fill), lab.Time.GetUtcNow().AddHours(14), Wish("alpha") with { Change = change }, lab.Vendor));
        Planned(change, new CreateData(Alpha));
        lab.Sync(ledger);
        Assert.Equal(ChangeStatus.Approved, ledger.State.Changes[change].Status);
        Assert.Contains("waits for window late", ledger.Write(new ChangeStarted(change, ledger.State.Changes[change].PlanHash!)).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vendor_s_operator_acts_in_a_customer_s_task()
    {
        var mine = CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, CharterDocument.Default[TaskId.Provision] with { Owner = Owner.Customer }) };
        Amend(mine);
        using var key = SigningKey.Generate(lab.Fill);
        lab.Say(lab.Vendor, new MemberAdded(key.Public.KeyId, Role.Operator, "operator"));
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, lab.Write(key, Wish("alpha")));
        Assert.Empty(ledger.State.OpenChanges);
    }

    [Fact]
    public void A_viewer_approves()
    {
        var change = Deletion();
        using var viewer = SigningKey.Generate(lab.Fill);
        lab.Say(lab.Customer, new MemberAdded(viewer.Public.KeyId, Role.Viewer, "viewer"));
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, lab.Write(viewer, new ChangeApproved(change, lab.State.Changes[change].PlanHash!)));
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
    }

    [Fact]
    public void An_approver_approves_their_own_request()
    {
        var rule = CharterDocument.Default[TaskId.Provision];
        Amend(CharterDocument.Default with { Version = 2, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Provision, rule with { Approval = rule.Approval.SetItem("instances.create", new ApprovalNeed(1, 0, [], true)) }) });
        var change = lab.Request("instances.create", "alpha", AgentLab.Order());
        Planned(change, new CreateData(Alpha));
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, lab.Write(lab.Vendor, new ChangeApproved(change, lab.State.Changes[change].PlanHash!)));
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
    }

    [Fact]
    public void A_removed_member_decides()
    {
        var change = Deletion();
        using var gone = SigningKey.Generate(lab.Fill);
        lab.Say(lab.Customer, new MemberAdded(gone.Public.KeyId, Role.Approver, "has left"));
        lab.Say(lab.Customer, new MemberRemoved(gone.Public.KeyId));
        lab.Sync(ledger);
        Refused(RefusalReason.UnauthorisedChange, lab.Write(gone, new ChangeApproved(change, lab.State.Changes[change].PlanHash!)));
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
    }

    private static InstanceId Alpha { get; } = InstanceId.Parse("alpha");

    private ChangeRequested Wish(string instance) =>
        new(ChangeId.New(lab.Fill), new InstanceRequest("instances.create", InstanceId.Parse(instance), new InstanceOrder("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty)));

    private void Amend(CharterDocument charter)
    {
        var yaml = CharterYaml.Write(charter);
        lab.Say(lab.Vendor, new CharterProposed(charter.Version, yaml));
        lab.Say(lab.Vendor, new CharterSigned(charter.Version, CharterText.Hash(yaml)));
        lab.Say(lab.Customer, new CharterSigned(charter.Version, CharterText.Hash(yaml)));
    }

    // A ready instance, and a wish of the vendor to delete it that waits for the customer.
    private ChangeId Deletion()
    {
        var made = lab.Request("instances.create", "alpha", AgentLab.Order());
        Planned(made, new CreateData(Alpha));
        var hash = lab.State.Changes[made].PlanHash!;
        foreach (var entry in new EntryData[] { new ChangeStarted(made, hash), new StepStarted(made, 0), new StepFinished(made, 0, "made"), new ChangeSucceeded(made, "seen") }) lab.Say(lab.AgentKey, entry);
        var change = lab.Request("instances.delete", "alpha");
        Planned(change, new RecycleData(Alpha));
        lab.Sync(ledger);
        Assert.Equal(ChangeStatus.Planned, ledger.State.Changes[change].Status);
        return change;
    }

    private void Planned(ChangeId change, params InstanceStep[] steps)
    {
        var plan = Plan.Of([.. steps]);
        lab.Say(lab.AgentKey, new ChangePlanned(change, plan.Text, plan.Hash));
    }

    private void Refused(string reason, Entry entry)
    {
        lab.Sync(ledger);
        RefusedBytes(reason, entry.Bytes);
    }

    private void RefusedBytes(string reason, ReadOnlyMemory<byte> bytes) => RefusedBy(ledger, store, reason, bytes);

    // An agent that refuses a plane follows it no more: the next attack needs another one.
    private void RefusedByAnother(string reason, Entry entry)
    {
        var other = Another();
        RefusedBy(other.Ledger, other.Store, reason, entry.Bytes);
    }

    private (AgentLedger Ledger, AgentMemoryStore Store) Another()
    {
        var fresh = new AgentMemoryStore();
        var other = lab.Open(fresh);
        lab.Sync(other);
        return (other, fresh);
    }

    private void RefusedBy(AgentLedger by, AgentMemoryStore disk, string reason, ReadOnlyMemory<byte> bytes)
    {
        var size = by.Size;
        var frontier = new MerkleFrontier();
        foreach (var entry in lab.Entries) frontier.AppendEntry(entry.Bytes.Span);
        frontier.AppendEntry(bytes.Span);
        Assert.False(by.Accept(size, [bytes], SignedNote.Sign(new Checkpoint(lab.Origin, frontier.Size, frontier.Root()).Body, lab.Plane).ToString()));
        var evidence = Assert.Single(disk.ReadEvidence());
        Assert.Equal(reason, evidence.Reason);
        Assert.Equal(size, by.Size);
        Assert.NotNull(by.Refusal);
    }
}
