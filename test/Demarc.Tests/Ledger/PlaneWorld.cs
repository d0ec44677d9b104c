using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Ledger;

/// <summary>Two parties, a plane's key and an agent, all from small numbers, and the entries they write. Every entry has an id of its own.</summary>
internal sealed class PlaneWorld(DateTimeOffset? start = null)
{
    private int written;

    public static EnvironmentId Acme { get; } = EnvironmentId.Parse("acme");

    public FakeTimeProvider Time { get; } = new(start ?? new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));

    public SigningKey Customer { get; } = Sample.Key(1);

    public SigningKey Vendor { get; } = Sample.Key(2);

    public SigningKey Agent { get; } = Sample.Key(3);

    public SigningKey Invitation { get; } = Sample.Key(4);

    public SigningKey Stranger { get; } = Sample.Key(99);

    public CheckpointSigner Signer { get; } = new("plane.test", Sample.Key(5));

    public HostingRule Hosting => new(Vendor.Public.KeyId, Signer.VerifierKey);

    public static string Sealing { get; } = AgeIdentity.Generate(span => span.Fill(7)).Recipient.ToString();

    public Entry Write(EnvironmentId environment, EntryData data, params SigningKey[] keys) =>
        Entry.Write(environment, $"entry-{++written:d6}", Time.GetUtcNow(), data, keys);

    public Entry Write(EntryData data, params SigningKey[] keys) => Write(Acme, data, keys);

    public Entry Founding(EnvironmentId environment) =>
        Write(environment, new EnvironmentFounded("Acme", Customer.Public.KeyId, Vendor.Public.KeyId, Signer.VerifierKey, Sealing), Customer, Vendor);

    public Entry Member(byte number, Role role, SigningKey? by = null) => Member(Acme, number, role, by);

    public Entry Member(EnvironmentId environment, byte number, Role role, SigningKey? by = null) =>
        Write(environment, new MemberAdded(Sample.Key(number).Public.KeyId, role, $"member {number}"), by ?? Customer);

    /// <summary>A finding of the agent: the smallest thing that an agent reports.</summary>
    public Entry Finding(string name) => Write(new FindingRaised(name, TaskId.Bucket, "the bucket", "is full", "make room"), Agent);

    public Entry Join() => Write(new AgentJoined(Agent.Public.KeyId, Invitation.Public.KeyId, "machine"), Agent, Invitation);

    public Entry Invite(TimeSpan? life = null) => Write(new AgentInvited(Invitation.Public.KeyId, Time.GetUtcNow() + (life ?? TimeSpan.FromHours(1))), Customer);

    public Entry Revoke() => Write(new AgentRevoked(Agent.Public.KeyId, "lost"), Customer);

    public Entry Order(string change, string instance) =>
        Write(new ChangeRequested(ChangeId.Parse(change), new InstanceRequest("instances.create", InstanceId.Parse(instance), new InstanceOrder("2.6.4", InstanceSize.Small, System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty))), Vendor);

    public IReadOnlyList<Entry> Charter()
    {
        var yaml = CharterYaml.Write(CharterDocument.Default);
        var hash = CharterText.Hash(yaml);
        return [Write(new CharterProposed(1, yaml), Vendor), Write(new CharterSigned(1, hash), Vendor), Write(new CharterSigned(1, hash), Customer)];
    }

    /// <summary>Everything up to a joined agent under a signed charter.</summary>
    public IReadOnlyList<Entry> UpToAgent() => [Founding(Acme), .. Charter(), Invite(), Join()];
}

/// <summary>A sequencer that runs as long as the test needs it.</summary>
internal sealed class RunningSequencer : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Task running;

    public RunningSequencer(ILedgerStore store, PlaneWorld world)
    {
        Sequencer = new Sequencer(store, world.Signer, world.Hosting);
        running = Sequencer.RunAsync(stop.Token);
    }

    public Sequencer Sequencer { get; }

    public Task<Appended> AppendAsync(Entry entry) => Sequencer.AppendAsync(entry.Environment, entry, CancellationToken.None).AsTask().WaitAsync(Patience.Limit);

    public async Task AppendAllAsync(IEnumerable<Entry> entries)
    {
        foreach (var entry in entries) Assert.Null((await AppendAsync(entry)).Refusal);
    }

    public async Task<LedgerView> ViewAsync(EnvironmentId environment) =>
        await Sequencer.FindAsync(environment, CancellationToken.None) ?? throw new InvalidOperationException($"no {environment}");

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(Patience.Limit);
        stop.Dispose();
    }
}

/// <summary>How long a test waits for what happens at once: only a hang gets near it.</summary>
internal static class Patience
{
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(20);
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("demarc-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
