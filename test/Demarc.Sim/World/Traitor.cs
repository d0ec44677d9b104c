using System.Text;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
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
}

/// <summary>
/// A bad plane with the plane's real key: it alters what goes to the agent and signs a checkpoint over it that fits. Only what it has no key for,
/// the people's signatures and the agent's memory, stands against it.
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
            case Treason.InjectsApproval:
                var change = world.AgentDisk.Verified.OpenChanges.FirstOrDefault(c => c.Status == ChangeStatus.Planned);
                return change is null ? null : [Also(batch, Entry.Write(world.Environment, "einjected0002", world.WallTime, new ChangeApproved(change.Id, change.PlanHash!), stranger).Bytes)];
            default:
                return null;
        }
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
