using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
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
    private readonly SigningKey vendorOperator;
    private readonly SigningKey customerApprover;
    private readonly SigningKey viewer;
    private readonly SigningKey stranger;
    private readonly string sealing;

    public SimPeople(SimWorld world, Random dice, SigningKey stranger)
    {
        this.world = world;
        this.dice = dice;
        this.stranger = stranger;
        CustomerRoot = NewKey();
        VendorRoot = NewKey();
        vendorOperator = NewKey();
        customerApprover = NewKey();
        viewer = NewKey();
        sealing = AgeIdentity.Generate(dice.NextBytes).Recipient.ToString()!;
    }

    public SigningKey CustomerRoot { get; }

    public SigningKey VendorRoot { get; }

    /// <summary>Founds the environment, puts the default charter in force, names the members and lets the first agent join.</summary>
    public async Task FoundAsync()
    {
        var founding = Entry.Write(world.Environment, NewId(), world.WallTime, new EnvironmentFounded("sim", CustomerRoot.Public.KeyId, VendorRoot.Public.KeyId, world.Signer.VerifierKey, sealing), CustomerRoot, VendorRoot);
        world.FoundingHash = founding.LeafHash;
        await InsistAsync(founding);
        await AmendAsync(CharterDocument.Default);
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
        else if (roll < 80) await TendAsync(state);
        else if (roll < 86) await WithdrawAsync(state);
        else if (roll < 94) await TrespassAsync(state);
        else if (roll < 98) await AmendAsync(Amended(state.Charter!));
        else await ReplaceAgentAsync(state);
    }

    /// <summary>All that waits for somebody is decided.</summary>
    public async Task DecideAllAsync()
    {
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

        world.Inspector.Approved.Add((change.Id, change.PlanHash!));
        await SayAsync(key, new ChangeApproved(change.Id, change.PlanHash!));
    }

    private async Task WithdrawAsync(EnvironmentState state)
    {
        var open = state.OpenChanges.Where(change => change.RequestedFor is not null && change.Status <= ChangeStatus.Approved).ToList();
        if (open.Count == 0) return;
        var change = dice.Pick(open);
        await SayAsync(change.RequestedFor == Party.Vendor ? VendorRoot : CustomerRoot, new ChangeWithdrawn(change.Id, "another time"));
    }

    // Those who may not, try; the plane must refuse each of them at the door.
    private async Task TrespassAsync(EnvironmentState state)
    {
        var wish = new InstanceRequest("instances.create", InstanceId.Parse("trespass"), new InstanceOrder("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty));
        var planned = state.OpenChanges.FirstOrDefault(change => change.Status == ChangeStatus.Planned && change.Awaits.Contains(Party.Customer));
        (SigningKey Key, EntryData Data) attempt = dice.Next(6) switch
        {
            0 => (viewer, new ChangeRequested(ChangeId.New(dice.NextBytes), wish)),
            1 => (stranger, new ChangeRequested(ChangeId.New(dice.NextBytes), wish)),
            2 when planned is not null && !planned.Awaits.Contains(Party.Vendor) => (VendorRoot, new ChangeApproved(planned.Id, planned.PlanHash!)),
            3 => (vendorOperator, new AgentRevoked(world.AgentKey.Public.KeyId, "mine")),
            4 => (VendorRoot, new AgentInvited(stranger.Public.KeyId, world.WallTime + TimeSpan.FromDays(1))),
            _ => (vendorOperator, new ChangeRequested(ChangeId.New(dice.NextBytes), new InstanceRequest("instances.purge", InstanceId.Parse("alpha"), null))),
        };
        var outcome = await world.SubmitAsync(Entry.Write(world.Environment, NewId(), world.WallTime, attempt.Data, attempt.Key));
        if (outcome is { Refusal: null }) world.Loop.Violate($"the plane took a {attempt.Data.GetType().Name} from somebody who may not");
    }

    private async Task AmendAsync(CharterDocument charter)
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
        rule = dice.Next(5) switch
        {
            0 => rule with { Approval = rule.Approval.SetItem("instances.create", ApprovalNeed.Of(Owner.Customer)) },
            1 => rule with { Approval = rule.Approval.SetItem("instances.suspend", ApprovalNeed.Of(Owner.Both)) },
            2 => rule with { Owner = dice.Pick([Owner.Customer, Owner.Both, Owner.Vendor]) },
            3 => rule with { Limits = rule.Limits.SetItem(CharterLimits.MaxInstances, 1 + dice.Next(3)) },
            _ => CharterDocument.Default[TaskId.Provision],
        };
        return charter with { Version = charter.Version + 1, Rules = charter.Rules.SetItem(TaskId.Provision, rule) };
    }

    // The old agent is cut off; a new one takes its place on the same machine, with a key of its own.
    private async Task ReplaceAgentAsync(EnvironmentState state)
    {
        if (state.Agent is not { } agent || world.Plan.Treason != Treason.None) return;
        await SayAsync(dice.Chance(0.5) ? CustomerRoot : VendorRoot, new AgentRevoked(agent.Key.KeyId, "a new machine"));
        await world.WaitAsync(dice.Between(0.1, 20));
        await JoinAsync();
    }

    private async Task JoinAsync()
    {
        using var invitation = NewKey();
        var key = NewKey();
        await SayAsync(CustomerRoot, new AgentInvited(invitation.Public.KeyId, world.WallTime + TimeSpan.FromDays(6)));
        var joined = await InsistAsync(Entry.Write(world.Environment, NewId(), world.WallTime, new AgentJoined(key.Public.KeyId, invitation.Public.KeyId, "sim"), key, invitation));
        if (joined.Refusal is null) world.Employ(key);
    }

    private Task<Appended> WishAsync(SigningKey key, InstanceRequest request)
    {
        var id = ChangeId.New(dice.NextBytes);
        world.Inspector.Wished.Add(id);
        return SayAsync(key, new ChangeRequested(id, request));
    }

    private Task<Appended> SayAsync(SigningKey key, EntryData data) => InsistAsync(Entry.Write(world.Environment, NewId(), world.WallTime, data, key));

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
}
