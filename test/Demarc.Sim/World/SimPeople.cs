using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Ledger;

namespace Demarc.Sim;

/// <summary>
/// Both parties' people with real keys. They order, approve, change their minds and amend the charter as the die wants, by what the plane shows
/// them; and some who may not, try.
/// </summary>
internal sealed class SimPeople
{
    private static readonly string[] Names = ["alpha", "beta", "gamma"];

    private readonly SimWorld world;
    private readonly Random dice;
    private readonly Random mischief;
    private readonly SigningKey vendorOperator;
    private readonly SigningKey customerApprover;
    private readonly SigningKey viewer;
    private readonly SigningKey stranger;
    private readonly string sealing;
    private HashSet<string>? customers;

    public SimPeople(SimWorld world, Random dice, SigningKey stranger)
    {
        this.world = world;
        this.dice = dice;
        this.stranger = stranger;
        mischief = new Random(world.Plan.Seed ^ 0xbad);
        CustomerRoot = NewKey();
        VendorRoot = NewKey();
        vendorOperator = NewKey();
        customerApprover = NewKey();
        viewer = NewKey();
        sealing = AgeIdentity.Generate(dice.NextBytes).Recipient.ToString()!;
    }

    public SigningKey CustomerRoot { get; }

    public SigningKey VendorRoot { get; }

    public PublicKey CustomerApprover => customerApprover.Public;

    public SigningKey CustomerApproverKey => customerApprover;

    public SigningKey VendorOperator => vendorOperator;

    public SigningKey Viewer => viewer;

    /// <summary>The keys of the customer's people.</summary>
    public IReadOnlySet<string> Customers => customers ??= new HashSet<string> { CustomerRoot.Public.KeyId, customerApprover.Public.KeyId };

    /// <summary>Founds the environment, puts the default charter in force, names the members and lets the first agent join.</summary>
    public async Task FoundAsync()
    {
        var founding = Entry.Write(world.Environment, NewId(), world.WallTime, new EnvironmentFounded("sim", CustomerRoot.Public.KeyId, VendorRoot.Public.KeyId, world.Signer.VerifierKey, sealing), CustomerRoot, VendorRoot);
        world.FoundingHash = founding.LeafHash;
        await InsistAsync(founding);
        var charter = dice.Chance(0.3) ? Windowed(CharterDocument.Default) : CharterDocument.Default;
        await AmendAsync(world.Sessions?.Chartered(charter) ?? charter);
        await SayAsync(VendorRoot, new MemberAdded(vendorOperator.Public.KeyId, Role.Operator, "operator"));
        await SayAsync(VendorRoot, new MemberAdded(viewer.Public.KeyId, Role.Viewer, "viewer"));
        await SayAsync(CustomerRoot, new MemberAdded(customerApprover.Public.KeyId, Role.Approver, "approver"));
        await JoinAsync();
    }

    /// <summary>Somebody does something.</summary>
    public async Task ActAsync()
    {
        if (await world.LookAsync() is not { } state) return;
        var roll = dice.Next(100);
        if (roll < 30) await OrderAsync(state);
        else if (roll < 62) await DecideAsync(state, 0.85);
        else if (roll < 76) await TendAsync(state);
        else if (roll < 80) await WithdrawAsync(state);
        else if (roll < 86) await HoldAsync(state);
        else if (roll < 94) await TrespassAsync(state);
        else if (roll < 98) await AmendAsync(Amended(state.Charter!));
        else await ReplaceAgentAsync(state);
    }

    /// <summary>All that waits for somebody is decided, and what is paused goes on or ends.</summary>
    public async Task DecideAllAsync()
    {
        if (await world.LookAsync() is { } now)
        {
            foreach (var change in now.OpenChanges.Where(change => change.Halt is { Kind: HaltKind.Pause }).ToList())
            {
                if (dice.Chance(0.3)) await SayAsync(CustomerRoot, new ChangeStopped(change.Id, "it has stood long enough"));
                else foreach (var party in change.Halt!.By) await SayAsync(Root(party), new ChangeResumed(change.Id, "go on"));
            }
        }

        for (var i = 0; i < 12; i++)
        {
            if (await world.LookAsync() is not { } state || !state.OpenChanges.Any(change => change.Status == ChangeStatus.Planned)) return;
            await DecideAsync(state, 0.7);
        }
    }

    private Task OrderAsync(EnvironmentState state)
    {
        var id = InstanceId.Parse(dice.Pick(Names));
        var order = new InstanceOrder(dice.Chance(0.95) ? "2.6.4" : "9.9.9", dice.Pick<InstanceSize>([InstanceSize.Small, InstanceSize.Small, InstanceSize.Medium, InstanceSize.Large]), ImmutableSortedDictionary<string, string>.Empty);
        var action = state.Instances.ContainsKey(id) ? "instances.modify" : "instances.create";
        return WishAsync(dice.Chance(0.8) ? vendorOperator : CustomerRoot, new InstanceRequest(action, id, order));
    }

    private async Task TendAsync(EnvironmentState state)
    {
        if (state.Instances.IsEmpty) return;
        var instance = dice.Pick(state.Instances.Values.ToList());
        var action = instance.Status switch
        {
            InstanceStatus.Ready => dice.Pick(["instances.suspend", "instances.delete", "instances.suspend"]),
            InstanceStatus.Suspended => dice.Pick(["instances.resume", "instances.resume", "instances.delete"]),
            InstanceStatus.Deleted => "instances.restore",
            _ => "instances.delete",
        };
        await WishAsync(vendorOperator, new InstanceRequest(action, instance.Id, null));
    }

    private async Task DecideAsync(EnvironmentState state, double yes)
    {
        var waiting = state.OpenChanges.Where(change => change.Status == ChangeStatus.Planned).ToList();
        if (waiting.Count == 0) return;
        var change = dice.Pick(waiting);
        var key = change.Awaits[0] == Party.Vendor ? VendorRoot : dice.Chance(0.5) ? customerApprover : CustomerRoot;
        if (!dice.Chance(yes))
        {
            await SayAsync(key, new ChangeRejected(change.Id, "no"));
            return;
        }

        world.Inspector.Approved.Add((change.Id, change.PlanHash!, key.Public.KeyId));
        await SayAsync(key, new ChangeApproved(change.Id, change.PlanHash!));
    }

    private async Task WithdrawAsync(EnvironmentState state)
    {
        var open = state.OpenChanges.Where(change => change.RequestedFor is not null && change.Status <= ChangeStatus.Approved).ToList();
        if (open.Count == 0) return;
        var change = dice.Pick(open);
        await SayAsync(change.RequestedFor == Party.Vendor ? VendorRoot : CustomerRoot, new ChangeWithdrawn(change.Id, "another time"));
    }

    /// <summary>Somebody who watches closely interferes with what runs just now, and does not leave it standing for long.</summary>
    public async Task WatchAsync()
    {
        if (await world.LookAsync() is not { } state) return;
        foreach (var change in state.OpenChanges.Where(change => change.Status == ChangeStatus.Running).ToList())
        {
            if (change.IsPaused ? !dice.Chance(0.05) : !dice.Chance(0.08)) continue;
            // A stop of the agent's own has neither side behind it.
            var party = change.Halt is { By.IsEmpty: false } halt ? halt.By[0] : dice.Pick<Party>([Party.Vendor, Party.Customer]);
            EntryData act = dice.Chance(0.25) ? new ChangeStopped(change.Id, "no more of this") : change.Halt is null ? new ChangePaused(change.Id, "one moment") : new ChangeResumed(change.Id, "go on");
            await SayAsync(Root(party), act);
        }
    }

    // Either side holds up what is open, lets go of its own hold, and puts the other's changes off.
    private async Task HoldAsync(EnvironmentState state)
    {
        var open = state.OpenChanges.ToList();
        if (open.Count == 0) return;
        var change = dice.Pick(open);
        var party = dice.Pick<Party>([Party.Vendor, Party.Customer]);
        var key = party == Party.Vendor ? dice.Chance(0.5) ? VendorRoot : vendorOperator : dice.Chance(0.5) ? CustomerRoot : customerApprover;
        if (change.Halt is { Kind: HaltKind.Pause } halt && dice.Chance(0.7))
        {
            // Who has not paused it tries as well.
            var outcome = await SayAsync(key, new ChangeResumed(change.Id, "go on"));
            if (outcome.Refusal is null && !halt.By.Contains(party) && (await world.LookAsync())?.Changes[change.Id].Halt?.By.Contains(party.Other()) == false)
                world.Loop.Violate($"the {party.Word()} has lifted a pause of {change.Id} that it had not put on");
            return;
        }

        await (dice.Next(4) switch
        {
            0 => SayAsync(key, new ChangeStopped(change.Id, "no more of this")),
            1 => SayAsync(dice.Chance(0.8) ? customerApprover : VendorRoot, new ChangeDeferred(change.Id, world.WallTime + dice.Between(10, 6000), "later")),
            _ => SayAsync(key, new ChangePaused(change.Id, "one moment")),
        });
    }

    private SigningKey Root(Party party) => party == Party.Vendor ? VendorRoot : CustomerRoot;

    // Those who may not, try; the plane must refuse each of them at the door.
    private async Task TrespassAsync(EnvironmentState state)
    {
        var wish = new InstanceRequest("instances.create", InstanceId.Parse("trespass"), new InstanceOrder("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty));
        var planned = state.OpenChanges.FirstOrDefault(change => change.Status == ChangeStatus.Planned && change.Awaits.Contains(Party.Customer));
        var attempt = dice.Next(7) switch
        {
            0 => new Attempt(viewer, new ChangeRequested(ChangeId.New(dice.NextBytes), wish)),
            1 => new Attempt(stranger, new ChangeRequested(ChangeId.New(dice.NextBytes), wish)),
            2 when planned is not null && !planned.Awaits.Contains(Party.Vendor) => new Attempt(VendorRoot, new ChangeApproved(planned.Id, planned.PlanHash!)),
            3 => new Attempt(vendorOperator, new AgentRevoked(world.AgentKey.Public.KeyId, "mine")),
            4 when state.OpenChanges.FirstOrDefault() is { } open => new Attempt(dice.Chance(0.5) ? viewer : stranger, new ChangeStopped(open.Id, "mine to stop")),
            5 => new Attempt(VendorRoot, new AgentInvited(stranger.Public.KeyId, world.WallTime + TimeSpan.FromDays(1))),
            _ => new Attempt(vendorOperator, new ChangeRequested(ChangeId.New(dice.NextBytes), new InstanceRequest("instances.purge", InstanceId.Parse("alpha"), null))),
        };
        if ((attempt.Key == VendorRoot || attempt.Key == vendorOperator) && Overreach(state) is { } act) attempt = new Attempt(mischief.Chance(0.7) ? VendorRoot : vendorOperator, act);
        var outcome = await world.SubmitAsync(Entry.Write(world.Environment, NewId(), world.WallTime, attempt.Data, attempt.Key));
        if (outcome is { Refusal: null }) world.Loop.Violate($"the plane took a {attempt.Data.GetType().Name} from somebody who may not");
    }

    // A vendor who tries everything that is the customer's, with keys that are all genuine. On dice of its own: what is refused leaves the run as it was.
    private EntryData? Overreach(EnvironmentState state)
    {
        return mischief.Next(9) switch
        {
            0 => new MemberRemoved(CustomerApprover.KeyId),
            1 => new RootReplaced(CustomerRoot.Public.KeyId, stranger.Public.KeyId, "lost"),
            2 => new MemberRekeyed(stranger.Public.KeyId),
            3 => new EgressConsented(EgressClass.Bundle, 1_000_000, DateOnly.FromDateTime(world.WallTime.UtcDateTime), "we need it"),
            4 => new VendorSevered(world.Signer.VerifierKey, "we leave"),
            5 when state.OpenChanges.FirstOrDefault(change => change.Halt is { Kind: HaltKind.Pause } halt && !halt.By.Contains(Party.Vendor)) is { } held => new ChangeResumed(held.Id, "go on"),
            6 when state.OpenChanges.FirstOrDefault() is { } open => new ChangeHalted(open.Id, open.Holds),
            7 when state.OpenChanges.FirstOrDefault(change => change.Status == ChangeStatus.Approved) is { } ready => new ChangeStarted(ready.Id, ready.PlanHash!),
            8 when state.OpenChanges.FirstOrDefault(change => change.Status == ChangeStatus.Planned) is { } planned => new ChangeApproved(planned.Id, "sha256:" + new string('0', 64)),
            _ => null,
        };
    }

    public async Task AmendAsync(CharterDocument charter)
    {
        var yaml = CharterYaml.Write(charter);
        var first = dice.Chance(0.5);
        await SayAsync(first ? CustomerRoot : VendorRoot, new CharterProposed(charter.Version, yaml));
        await SayAsync(VendorRoot, new CharterSigned(charter.Version, CharterText.Hash(yaml)));
        if (charter.Version > 1 && dice.Chance(0.2)) return;
        await SayAsync(CustomerRoot, new CharterSigned(charter.Version, CharterText.Hash(yaml)));
    }

    private CharterDocument Amended(CharterDocument charter)
    {
        var rule = charter[TaskId.Provision];
        if (dice.Chance(0.2)) return Windowed(charter) with { Version = charter.Version + 1 };
        rule = dice.Next(6) switch
        {
            0 => rule with { Approval = rule.Approval.SetItem("instances.create", dice.Chance(0.5) ? ApprovalNeed.OfCustomer : new ApprovalNeed(0, 2, [], false)) },
            1 => rule with { Approval = rule.Approval.SetItem("instances.suspend", ApprovalNeed.Of(Owner.Both) with { NotRequester = dice.Chance(0.5) }) },
            2 => rule with { Owner = dice.Pick([Owner.Customer, Owner.Both, Owner.Vendor]) },
            3 => rule with { Limits = rule.Limits.SetItem(CharterLimits.MaxInstances, 1 + dice.Next(3)) },
            4 => rule with { OnStop = dice.Pick<OnStop>([OnStop.Leave, OnStop.RollBack]) },
            _ => CharterDocument.Default[TaskId.Provision],
        };
        return charter with { Version = charter.Version + 1, Rules = charter.Rules.SetItem(TaskId.Provision, rule) };
    }

    // A minute or two in the first five: runs see them open and close.
    private CharterDocument Windowed(CharterDocument charter)
    {
        var rule = charter[TaskId.Provision];
        var windows = rule.Windows;
        foreach (var action in new[] { "instances.create", "instances.modify", "instances.suspend", "instances.delete", "instances.purge" })
        {
            if (dice.Chance(0.5)) windows = windows.SetItem(action, "brief");
        }

        return charter with
        {
            Windows = charter.Windows.SetItem("brief", new TimeWindow(PosixZone.Utc, [], new TimeOnly(8, dice.Next(0, 10)), TimeSpan.FromMinutes(dice.Next(1, 3)), [])),
            Rules = charter.Rules.SetItem(TaskId.Provision, rule with { Windows = windows }),
        };
    }

    // The old agent is cut off; a new one takes its place on the same machine, with a key of its own.
    public async Task ReplaceAgentAsync(EnvironmentState state)
    {
        if (state.Agent is not { } agent || world.Plan.Treason != Treason.None) return;
        await SayAsync(dice.Chance(0.5) ? CustomerRoot : VendorRoot, new AgentRevoked(agent.Key.KeyId, "a new machine"));
        await world.WaitAsync(dice.Between(0.1, 20));
        await JoinAsync();
    }

    private async Task JoinAsync()
    {
        // When the clocks leap over an invitation's end it is given again.
        while (true)
        {
            using var invitation = NewKey();
            var key = NewKey();
            await SayAsync(CustomerRoot, new AgentInvited(invitation.Public.KeyId, world.WallTime + TimeSpan.FromDays(6)));
            var joined = await InsistAsync(Entry.Write(world.Environment, NewId(), world.WallTime, new AgentJoined(key.Public.KeyId, invitation.Public.KeyId, "sim"), key, invitation));
            if (joined.Refusal is null)
            {
                world.Employ(key);
                return;
            }

            // Two had the same thought, and the other was first.
            if ((await world.LookAsync())?.Agent is not null) return;
        }
    }

    private Task<Appended> WishAsync(SigningKey key, InstanceRequest request)
    {
        var id = ChangeId.New(dice.NextBytes);
        world.Inspector.Wished.Add(id);
        return SayAsync(key, new ChangeRequested(id, request));
    }

    public Task<Appended> SayAsync(SigningKey key, EntryData data) => InsistAsync(Entry.Write(world.Environment, NewId(), world.WallTime, data, key));

    // A person who got no answer sends the identical entry again.
    private async Task<Appended> InsistAsync(Entry entry)
    {
        world.Inspector.Signed.Add(entry.Id);
        while (true)
        {
            if (await world.SubmitAsync(entry) is { } outcome)
            {
                world.Loop.Trace.Line(world.Loop.Now, "people", $"{entry.Body.Kind}: {outcome.Refusal ?? $"entry {outcome.Index}"}");
                if (outcome.Index is { } index) world.Inspector.Promised[index] = entry.Id;
                return outcome;
            }

            await world.WaitAsync(dice.Between(0.5, 4));
        }
    }

    private SigningKey NewKey() => SigningKey.Generate(dice.NextBytes);

    private string NewId() => Entry.NewId(dice.NextBytes);

    private readonly record struct Attempt(SigningKey Key, EntryData Data);
}
