using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Agents;

/// <summary>
/// A founded environment with a charter and a joined agent, and a plane of the simplest kind: a list of entries that fold, and a key that signs
/// whatever a test wants signed. Everything comes from a seed.
/// </summary>
public sealed class AgentLab : IDisposable
{
    private readonly Random random;
    private readonly SigningKey planeKey;
    private SigningKey invitation;

    public AgentLab(int seed = 1, CharterDocument? charter = null)
    {
        random = new Random(seed);
        Time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 8, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
        Customer = SigningKey.Generate(Fill);
        Vendor = SigningKey.Generate(Fill);
        planeKey = SigningKey.Generate(Fill);
        invitation = SigningKey.Generate(Fill);
        AgentKey = SigningKey.Generate(Fill);
        Sealing = AgeIdentity.Generate(Fill);
        Plane = new NoteSigner("plane.test", planeKey);
        Found(charter ?? CharterDocument.Default);
        Identity = new AgentIdentity(new ReplicaTrust(Environment, Entries[0].LeafHash), AgentKey, "lab");
    }

    public FakeTimeProvider Time { get; }

    public EnvironmentId Environment { get; } = EnvironmentId.Parse("lab-one");

    public SigningKey Customer { get; }

    public SigningKey Vendor { get; }

    public SigningKey AgentKey { get; private set; }

    public AgeIdentity Sealing { get; }

    public NoteSigner Plane { get; }

    public AgentIdentity Identity { get; private set; }

    public List<Entry> Entries { get; } = [];

    public EnvironmentState State { get; private set; } = EnvironmentState.Empty;

    public string Origin => $"demarc/{Environment}";

    public void Fill(Span<byte> bytes) => random.NextBytes(bytes);

    /// <summary>A person's entry, sequenced at once.</summary>
    public Entry Say(SigningKey author, EntryData data) => Sequence(Write(author, data));

    public Entry Write(SigningKey author, EntryData data, params SigningKey[] others) =>
        Entry.Write(Environment, Entry.NewId(Fill), Time.GetUtcNow(), data, [author, .. others]);

    public Entry Sequence(Entry entry)
    {
        var folded = EnvironmentFold.Apply(State, entry);
        Assert.True(folded.State is not null, folded.Refusal);
        State = folded.State;
        Entries.Add(entry);
        return entry;
    }

    /// <summary>The agent is revoked, and another joins in its place.</summary>
    public void ReplaceAgent()
    {
        Say(Customer, new AgentRevoked(AgentKey.Public.KeyId, "lost laptop"));
        AgentKey.Dispose();
        invitation.Dispose();
        AgentKey = SigningKey.Generate(Fill);
        invitation = SigningKey.Generate(Fill);
        Join();
        Identity = Identity with { Key = AgentKey };
    }

    /// <summary>A request of the vendor; gives the change.</summary>
    public ChangeId Request(string action, string instance, InstanceOrder? order = null)
    {
        var id = ChangeId.New(Fill);
        Say(Vendor, new ChangeRequested(id, new InstanceRequest(action, InstanceId.Parse(instance), order)));
        return id;
    }

    public static InstanceOrder Order(InstanceSize size = InstanceSize.Small) => new("2.6.4", size, System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>A signed checkpoint over the given entries.</summary>
    public string Checkpoint(IReadOnlyList<Entry> over, NoteSigner? signer = null, string? origin = null)
    {
        var frontier = new MerkleFrontier();
        foreach (var entry in over) frontier.AppendEntry(entry.Bytes.Span);
        return SignedNote.Sign(new Checkpoint(origin ?? Origin, frontier.Size, frontier.Root()).Body, signer ?? Plane).ToString();
    }

    public static IReadOnlyList<ReadOnlyMemory<byte>> Bytes(IEnumerable<Entry> entries) => [.. entries.Select(entry => entry.Bytes)];

    public AgentLedger Open(IAgentStore store)
    {
        var (ledger, fault) = AgentLedger.Open(store, Identity, Time, Fill, NullLogger.Instance);
        Assert.True(ledger is not null, fault);
        return ledger;
    }

    /// <summary>The gate in front of a link, as the program puts it there.</summary>
    public EgressGate Gate(IPlaneLink link, AgentLedger ledger, KnownSecrets? secrets = null, EgressMirror? mirror = null) =>
        new(link, ledger, AgentKey.Public, secrets ?? new KnownSecrets(Fill), mirror, Time, NullLogger.Instance);

    /// <summary>What an honest plane does in one round: takes the outbox in order, and sends what the agent has not.</summary>
    public void Sync(AgentLedger ledger)
    {
        foreach (var entry in ledger.Outbox.ToList())
        {
            var at = Entries.FindIndex(e => e.Id == entry.Id);
            if (at < 0)
            {
                var folded = EnvironmentFold.Apply(State, entry);
                if (folded.State is null)
                {
                    ledger.RefusedByPlane(entry.Id, folded.Refusal!);
                    continue;
                }

                Sequence(entry);
                at = Entries.Count - 1;
            }

            Assert.True(ledger.Acknowledged(entry.Id, at));
        }

        if (ledger.Size < Entries.Count)
            Assert.True(ledger.Accept(ledger.Size, Bytes(Entries.Skip((int)ledger.Size)), Checkpoint(Entries)), ledger.Refusal);
    }

    public void Dispose()
    {
        Customer.Dispose();
        Vendor.Dispose();
        planeKey.Dispose();
        invitation.Dispose();
        AgentKey.Dispose();
        Sealing.Dispose();
    }

    private void Found(CharterDocument charter)
    {
        var founding = new EnvironmentFounded("Lab one", Customer.Public.KeyId, Vendor.Public.KeyId, Plane.Key.ToString(), Sealing.Recipient.ToString());
        Sequence(Write(Customer, founding, Vendor));
        var yaml = CharterYaml.Write(charter);
        Say(Customer, new CharterProposed(1, yaml));
        Say(Customer, new CharterSigned(1, CharterText.Hash(yaml)));
        Say(Vendor, new CharterSigned(1, CharterText.Hash(yaml)));
        Join();
    }

    private void Join()
    {
        Say(Customer, new AgentInvited(invitation.Public.KeyId, Time.GetUtcNow().AddDays(1)));
        Sequence(Write(AgentKey, new AgentJoined(AgentKey.Public.KeyId, invitation.Public.KeyId, "lab"), invitation));
    }
}
