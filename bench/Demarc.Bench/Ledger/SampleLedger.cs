using System.Collections.Immutable;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Bench.Ledger;

/// <summary>Ledgers as they grow in service: a founding, a charter, an agent, and then instances that are suspended and resumed, ten entries a change.</summary>
internal sealed class SampleLedger
{
    private readonly Random random = new(7);
    private readonly SigningKey customer;
    private readonly SigningKey vendor;
    private readonly SigningKey agent;
    private readonly EnvironmentId id;
    private readonly NoteKey plane;
    private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public SampleLedger(string name, NoteKey plane, SigningKey? vendor = null)
    {
        id = EnvironmentId.Parse(name);
        this.plane = plane;
        customer = SigningKey.Generate(Fill);
        this.vendor = vendor ?? SigningKey.Generate(Fill);
        agent = SigningKey.Generate(Fill);
    }

    public EnvironmentId Id => id;

    public string VendorRoot => vendor.Public.KeyId;

    /// <summary>The first entries: everything up to a ready instance.</summary>
    public IEnumerable<Entry> Beginning()
    {
        var sealing = AgeIdentity.Generate(Fill).Recipient.ToString();
        yield return Write(new EnvironmentFounded("bench", customer.Public.KeyId, vendor.Public.KeyId, plane.ToString(), sealing), customer, vendor);
        var yaml = CharterYaml.Write(CharterDocument.Default);
        yield return Write(new CharterProposed(1, yaml), vendor);
        yield return Write(new CharterSigned(1, CharterText.Hash(yaml)), vendor);
        yield return Write(new CharterSigned(1, CharterText.Hash(yaml)), customer);
        using var invitation = SigningKey.Generate(Fill);
        yield return Write(new AgentInvited(invitation.Public.KeyId, now.AddDays(1)), customer);
        yield return Write(new AgentJoined(agent.Public.KeyId, invitation.Public.KeyId, "bench"), agent, invitation);
        var instance = InstanceId.Parse("docs");
        var create = new InstanceRequest(ChangeAction.Create.Name, instance, new InstanceOrder("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty));
        foreach (var entry in Change(create, new StartEngine(instance, "2.6.4", 19530, 512), new AwaitHealthy(instance, 19530), new VerifyInstance(instance, 19530))) yield return entry;
    }

    /// <summary>One suspend or resume after the other, for ever.</summary>
    public IEnumerable<Entry> Days()
    {
        var instance = InstanceId.Parse("docs");
        while (true)
        {
            foreach (var entry in Change(new InstanceRequest(ChangeAction.Suspend.Name, instance, null), new StopEngine(instance, "2.6.4", 19530, 512))) yield return entry;
            foreach (var entry in Change(new InstanceRequest(ChangeAction.Resume.Name, instance, null), new StartEngine(instance, "2.6.4", 19530, 512), new AwaitHealthy(instance, 19530), new VerifyInstance(instance, 19530))) yield return entry;
        }
    }

    private IEnumerable<Entry> Change(InstanceRequest request, params ImmutableArray<InstanceStep> steps)
    {
        var change = ChangeId.New(Fill);
        var plan = Plan.Of(steps);
        yield return Write(new ChangeRequested(change, request), vendor);
        yield return Write(new ChangePlanned(change, plan.Text, plan.Hash), agent);
        yield return Write(new ChangeStarted(change, plan.Hash), agent);
        for (var step = 0; step < steps.Length; step++)
        {
            yield return Write(new StepStarted(change, step), agent);
            yield return Write(new StepFinished(change, step, "done"), agent);
        }

        yield return Write(new ChangeSucceeded(change, "written, searched and read back"), agent);
    }

    private Entry Write(EntryData data, params SigningKey[] keys)
    {
        now = now.AddMilliseconds(20);
        return Entry.Write(id, Entry.NewId(Fill), now, data, keys);
    }

    private void Fill(Span<byte> destination) => random.NextBytes(destination);
}
