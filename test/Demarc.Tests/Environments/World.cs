using System.Collections.Immutable;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>
/// A small environment to try things on: both parties' roots, a plane key, an agent, everything from one seed. <see cref="Do"/> folds an entry that must
/// be accepted, <see cref="Refusal"/> one that must not be and leaves the state as it was.
/// </summary>
internal sealed class World
{
    private readonly Random random;

    public World(int seed = 1)
    {
        random = new Random(seed);
        Customer = Key();
        Vendor = Key();
        Plane = Key();
        Agent = Key();
        Invitation = Key();
    }

    public static EnvironmentId Id { get; } = EnvironmentId.Parse("test-env");

    public SigningKey Customer { get; }

    public SigningKey Vendor { get; }

    public SigningKey Plane { get; }

    public SigningKey Agent { get; }

    public SigningKey Invitation { get; }

    public DateTimeOffset Now { get; set; } = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    public EnvironmentState State { get; set; } = EnvironmentState.Empty;

    public List<Entry> Entries { get; } = [];

    public static InstanceId Docs { get; } = InstanceId.Parse("docs");

    public static InstanceOrder Small { get; } = new("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty);

    public EnvironmentFounded Founding => new("Test", Customer.Public.KeyId, Vendor.Public.KeyId, new NoteKey("plane.test", Plane.Public).ToString(), AgeIdentity.Generate(Fill).Recipient.ToString());

    public void Fill(Span<byte> destination) => random.NextBytes(destination);

    public SigningKey Key() => SigningKey.Generate(Fill);

    public Entry Write(EntryData data, params SigningKey[] keys)
    {
        Now = Now.AddSeconds(1);
        return Entry.Write(Id, Entry.NewId(Fill), Now, data, keys);
    }

    /// <summary>Folds an entry that must have its place.</summary>
    public World Do(EntryData data, params SigningKey[] keys) => Do(Write(data, keys));

    public World Do(Entry entry)
    {
        var folded = EnvironmentFold.Apply(State, entry);
        Assert.True(folded.State is not null, folded.Refusal);
        State = folded.State;
        Entries.Add(entry);
        return this;
    }

    /// <summary>Folds an entry that must not have a place; gives the words.</summary>
    public string Refusal(EntryData data, params SigningKey[] keys) => Refusal(Write(data, keys));

    public string Refusal(Entry entry)
    {
        var folded = EnvironmentFold.Apply(State, entry);
        Assert.True(folded.State is null, $"{entry.Body.Kind} was accepted");
        Assert.False(string.IsNullOrWhiteSpace(folded.Refusal));
        return folded.Refusal!;
    }

    public World Founded() => Do(Founding, Customer, Vendor);

    public World Chartered(CharterDocument? charter = null)
    {
        if (State.Founding is null) Founded();
        var yaml = CharterYaml.Write(charter ?? CharterDocument.Default);
        var version = (State.Charter?.Version ?? 0) + 1;
        return Do(new CharterProposed(version, yaml), Vendor)
            .Do(new CharterSigned(version, CharterText.Hash(yaml)), Vendor)
            .Do(new CharterSigned(version, CharterText.Hash(yaml)), Customer);
    }

    public World Joined(CharterDocument? charter = null)
    {
        if (State.Charter is null) Chartered(charter);
        return Do(new AgentInvited(Invitation.Public.KeyId, Now.AddDays(1)), Customer)
            .Do(new AgentJoined(Agent.Public.KeyId, Invitation.Public.KeyId, "machine"), Agent, Invitation);
    }

    public ChangeId Request(ChangeAction action, SigningKey by, InstanceId? instance = null)
    {
        var id = ChangeId.New(Fill);
        Do(new ChangeRequested(id, new InstanceRequest(action.Name, instance ?? Docs, OrderFor(action))), by);
        return id;
    }

    public Plan PlanFor(ChangeId change, Observation? observed = null)
    {
        var planned = InstancePlanner.Plan(State, State.Changes[change], observed ?? Seen());
        Assert.True(planned.Plan is not null, planned.Why);
        return planned.Plan;
    }

    public Plan Planned(ChangeId change, Observation? observed = null)
    {
        var plan = PlanFor(change, observed);
        Do(new ChangePlanned(change, plan.Text, plan.Hash), Agent);
        return plan;
    }

    /// <summary>A whole change, approved by the customer where that is asked, to its good end.</summary>
    public World Carry(ChangeAction action, SigningKey? by = null, InstanceId? instance = null, Observation? observed = null)
    {
        var change = Request(action, by ?? Vendor, instance);
        var plan = Planned(change, observed);
        if (State.Changes[change].Status == ChangeStatus.Planned) Do(new ChangeApproved(change, plan.Hash), Customer);
        Do(new ChangeStarted(change, plan.Hash), Agent);
        for (var step = 0; step < plan.Steps.Length; step++) Do(new StepStarted(change, step), Agent).Do(new StepFinished(change, step, "done"), Agent);
        return Do(new ChangeSucceeded(change, "checked"), Agent);
    }

    /// <summary>What the agent would see of the instances as the ledger has them, all well.</summary>
    public Observation Seen(Func<Observation, Observation>? change = null)
    {
        var instances = State.Instances.Values.ToImmutableSortedDictionary(
            i => i.Id,
            i => new ObservedInstance(i.Status != InstanceStatus.Deleted, i.Status == InstanceStatus.Deleted, i.Status == InstanceStatus.Ready, i.Status == InstanceStatus.Ready, i.Port, 100, 0));
        var seen = new Observation(
            Now, "local",
            new MachineFacts("machine", "Linux", "X64", 2, 24_000, 20_000, 1),
            new NetworkFacts(["127.0.0.1"], []),
            new ClusterFacts("demarc-agent", instances.Count),
            new BucketFacts("/bucket", true, true, 50_000, null),
            [.. Enumerable.Range(19530, 100).Where(p => State.Instances.Values.All(i => i.Port != p)).Take(Observation.MaxFreePorts)],
            ["2.6.4"],
            instances);
        return change is null ? seen : change(seen);
    }

    private static InstanceOrder? OrderFor(ChangeAction action) => action == ChangeAction.Create ? Small : action == ChangeAction.Modify ? Small with { Size = InstanceSize.Medium } : null;
}
