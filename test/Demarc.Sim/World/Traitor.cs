using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Sim;

/// <summary>What a bad plane does.</summary>
internal enum Treason
{
    None,
    RewritesEntry,
    DropsEntry,
    ForksHistory,
    ForgesSignature,
    ReplaysCheckpoint,
    InjectsChange,
    InjectsApproval,

    /// <summary>What the agent has verified comes once more, in another order.</summary>
    ReordersEntries,

    /// <summary>An approval that was given comes once more.</summary>
    ReplaysApproval,

    /// <summary>A charter that was replaced is proposed once more, in the words that both had signed.</summary>
    ServesOldCharter,

    // From here on the vendor's people are in it too, with all their real keys, and the plane takes whatever they sign.

    /// <summary>The vendor approves what waits for the customer.</summary>
    VendorApproves,

    /// <summary>The vendor lifts a hold that the customer has put on.</summary>
    VendorLiftsHold,

    /// <summary>The vendor takes a person of the customer's out.</summary>
    VendorRemovesCustomer,

    /// <summary>The vendor names another root for the customer.</summary>
    VendorReplacesRoot,

    /// <summary>The vendor invites an agent of its own.</summary>
    VendorInvites,

    /// <summary>The vendor lets more leave than the charter allows.</summary>
    VendorConsents,

    /// <summary>The vendor asks for what the charter gives to the agent alone.</summary>
    VendorErases,

    /// <summary>The vendor writes what only the agent may say: that a change has begun.</summary>
    VendorStarts,
}

/// <summary>
/// A bad plane with the plane's real key, alone or together with a bad vendor: it alters what goes to the agent and signs a checkpoint over it that
/// fits. Only what neither has a key for, the customer's signatures and the agent's memory, stands against it.
/// </summary>
internal sealed class Traitor(SimWorld world, SigningKey stranger)
{
    private Batch? earlier;

    /// <summary>From now on it is bad.</summary>
    public bool Armed { get; set; }

    /// <summary>When it has done it; null before.</summary>
    public TimeSpan? DoneAt { get; private set; }

    /// <summary>Where the batch that was held back ends; null when none was.</summary>
    public int? HeldBack { get; private set; }

    /// <summary>What the agent gets instead of the frame.</summary>
    public IEnumerable<PlaneFrame> Pass(PlaneFrame frame)
    {
        if (frame.FrameCase != PlaneFrame.FrameOneofCase.Batch) return [frame];
        var batch = frame.Batch;
        if (!Armed || DoneAt is not null)
        {
            // What was seen early is what is replayed late; a smaller ledger than the one the agent holds by then.
            earlier ??= batch;
            return [frame];
        }

        var replacement = Replace(batch);
        if (replacement is null) return [frame];
        DoneAt = world.Loop.Now;
        world.Loop.Trace.Line(world.Loop.Now, "traitor", $"{world.Plan.Treason} at entry {batch.First}");
        return replacement;
    }

    private IEnumerable<PlaneFrame>? Replace(Batch batch)
    {
        switch (world.Plan.Treason)
        {
            case Treason.RewritesEntry:
                return [With(batch, Altered(batch.Envelopes[0].Memory))];
            case Treason.DropsEntry:
                HeldBack = (int)batch.First + batch.Envelopes.Count;
                return [];
            case Treason.ForksHistory:
                return batch.First < 2 ? null : [Forked(batch)];
            case Treason.ReplaysCheckpoint:
                return earlier is null || earlier.First + (ulong)earlier.Envelopes.Count >= batch.First ? null : [new PlaneFrame { Batch = earlier }];
            case Treason.ForgesSignature:
                return [Also(batch, Forged())];
            case Treason.InjectsChange:
                return [Also(batch, Entry.Write(world.Environment, "einjected0001", world.WallTime, Wish(), stranger).Bytes)];
            case Treason.ReordersEntries:
                return batch.First < 3 ? null : [Signed((long)batch.First - 2, [world.PlaneDisk.Rows[(int)batch.First - 1].Bytes, world.PlaneDisk.Rows[(int)batch.First - 2].Bytes])];
            case Treason.ReplaysApproval:
                return Again(batch, entry => entry.Data is ChangeApproved);
            case Treason.ServesOldCharter:
                return world.AgentDisk.Verified.Charter is { Version: > 1 } ? Again(batch, entry => entry.Data is CharterProposed { Version: 1 }) : null;
            case >= Treason.VendorApproves:
                return Vendors(world.AgentDisk.Verified) is { } act ? [Also(batch, Entry.Write(world.Environment, "einjected0004", world.WallTime, act, world.People.VendorRoot).Bytes)] : null;
            case Treason.InjectsApproval:
                var change = world.AgentDisk.Verified.OpenChanges.FirstOrDefault(c => c.Status == ChangeStatus.Planned);
                return change is null ? null : [Also(batch, Entry.Write(world.Environment, "einjected0002", world.WallTime, new ChangeApproved(change.Id, change.PlanHash!), stranger).Bytes)];
            default:
                return null;
        }
    }

    // What a bad vendor signs; null while there is no occasion for it.
    private EntryData? Vendors(EnvironmentState state) => world.Plan.Treason switch
    {
        Treason.VendorApproves when state.OpenChanges.FirstOrDefault(c => c.Status == ChangeStatus.Planned && c.NeedsApproval?.Includes(Party.Vendor) == false) is { } change => new ChangeApproved(change.Id, change.PlanHash!),
        Treason.VendorLiftsHold when state.OpenChanges.FirstOrDefault(c => c.Halt is { Kind: HaltKind.Pause } halt && !halt.By.Contains(Party.Vendor)) is { } change => new ChangeResumed(change.Id, "go on"),
        Treason.VendorRemovesCustomer => new MemberRemoved(world.People.CustomerApprover.KeyId),
        Treason.VendorReplacesRoot => new RootReplaced(world.People.CustomerRoot.Public.KeyId, stranger.Public.KeyId, "lost"),
        Treason.VendorInvites => new AgentInvited(stranger.Public.KeyId, world.WallTime + TimeSpan.FromDays(1)),
        Treason.VendorConsents => new EgressConsented(EgressClass.Bundle, 1_000_000, DateOnly.FromDateTime(world.WallTime.UtcDateTime), "we need it"),
        Treason.VendorErases when !state.Instances.IsEmpty => new ChangeRequested(ChangeId.Parse("c-injected"), new InstanceRequest("instances.purge", state.Instances.Keys.First(), null)),
        Treason.VendorStarts when state.OpenChanges.FirstOrDefault(c => c.Status == ChangeStatus.Approved) is { } change => new ChangeStarted(change.Id, change.PlanHash!),
        _ => null,
    };

    private IEnumerable<PlaneFrame>? Again(Batch batch, Func<Entry, bool> which)
    {
        var earlier = world.PlaneDisk.Rows.Take((int)batch.First).FirstOrDefault(row => which(Entry.Read(row.Bytes).Entry!));
        return earlier is null ? null : [Also(batch, earlier.Bytes)];
    }

    private static ChangeRequested Wish() =>
        new(ChangeId.Parse("c-injected"), new InstanceRequest("instances.create", InstanceId.Parse("injected"), new InstanceOrder("2.6.4", InstanceSize.Small, System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty)));

    private static ReadOnlyMemory<byte> Altered(ReadOnlyMemory<byte> envelope)
    {
        var bytes = envelope.ToArray();
        var text = Encoding.UTF8.GetString(bytes);
        var at = text.IndexOf("payload\":\"", StringComparison.Ordinal) + 60;
        bytes[at] = bytes[at] == (byte)'A' ? (byte)'B' : (byte)'A';
        return bytes;
    }

    // Says that the customer's root has signed it; the signature is the stranger's.
    private ReadOnlyMemory<byte> Forged()
    {
        var written = Entry.Write(world.Environment, "einjected0003", world.WallTime, Wish(), stranger);
        var text = Encoding.UTF8.GetString(written.Bytes.Span);
        return Encoding.UTF8.GetBytes(text.Replace(stranger.Public.KeyId, world.People.CustomerRoot.Public.KeyId, StringComparison.Ordinal));
    }

    // The last entry that the agent has verified, once more, as another one.
    private PlaneFrame Forked(Batch batch)
    {
        var other = Entry.Write(world.Environment, "eforked00001", world.WallTime, Wish(), stranger).Bytes;
        return Signed((long)batch.First - 1, [other]);
    }

    private PlaneFrame With(Batch batch, ReadOnlyMemory<byte> first) =>
        Signed((long)batch.First, [first, .. batch.Envelopes.Skip(1).Select(envelope => envelope.Memory)]);

    private PlaneFrame Also(Batch batch, ReadOnlyMemory<byte> last) =>
        Signed((long)batch.First, [.. batch.Envelopes.Select(envelope => envelope.Memory), last]);

    private PlaneFrame Signed(long first, IReadOnlyList<ReadOnlyMemory<byte>> envelopes)
    {
        var tree = new MerkleFrontier();
        foreach (var row in world.PlaneDisk.Rows.Take((int)first)) tree.AppendEntry(row.Bytes.Span);
        foreach (var envelope in envelopes) tree.AppendEntry(envelope.Span);
        var batch = new Batch { First = (ulong)first, Checkpoint = world.Signer.Sign(world.Environment, tree.Size, tree.Root()) };
        batch.Envelopes.AddRange(envelopes.Select(envelope => ByteString.CopyFrom(envelope.Span)));
        return new PlaneFrame { Batch = batch };
    }
}
