using System.Runtime.CompilerServices;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;

namespace Demarc.Sim;

/// <summary>What survives the plane.</summary>
internal sealed class SimPlaneDisk
{
    public List<EntryRow> Rows { get; } = [];

    public LedgerHead? Head { get; set; }

    public HashSet<string> Members { get; set; } = [];

    public List<Notice> Notices { get; } = [];

    /// <summary>How many rows are really on the platter; only the broken variant has fewer than it says.</summary>
    public (int Rows, LedgerHead? Head) Flushed { get; set; }
}

/// <summary>The plane's store for one life of the plane: one environment, commits that take their time and may fail on either side of their effect.</summary>
internal sealed class SimLedgerStore(SimWorld world, SimProcess process, TimeProvider time, SimPlaneDisk disk) : ILedgerStore
{
    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsAsync(CancellationToken cancellation) =>
        Live<IReadOnlyList<EnvironmentId>>(disk.Head is null ? [] : [world.Environment]);

    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsOfAsync(string readerId, CancellationToken cancellation) =>
        Live<IReadOnlyList<EnvironmentId>>(disk.Members.Contains(readerId) ? [world.Environment] : []);

    public ValueTask<LedgerHead?> HeadAsync(EnvironmentId environment, CancellationToken cancellation) => Live(disk.Head);

    public async ValueTask CommitAsync(IReadOnlyList<LedgerWrite> writes, CancellationToken cancellation)
    {
        await Task.Delay(world.Dice.Between(0.001, 0.02), time, cancellation);
        process.MustLive();
        if (writes.Any(write => write.ExpectedSize != disk.Rows.Count)) throw new LedgerConflictException("another size");
        world.Faults.Strike(process, () => Write(writes), "the plane's disk");
        await Task.Delay(world.Dice.Between(0.001, 0.01), time, cancellation);
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(EnvironmentId environment, long first, long count, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Yield();
        process.MustLive();
        foreach (var row in disk.Rows.Skip((int)first).Take((int)count).ToList()) yield return row.Bytes;
    }

    public ValueTask<IReadOnlyList<long?>> FindAsync(IReadOnlyList<EntryName> names, CancellationToken cancellation) =>
        Live<IReadOnlyList<long?>>([.. names.Select(name => disk.Rows.FindIndex(row => row.Id == name.Id)).Select(at => at < 0 ? (long?)null : at)]);

    public ValueTask<IReadOnlyList<byte[]>> NodesAsync(EnvironmentId environment, IReadOnlyList<NodeAddress> nodes, CancellationToken cancellation) =>
        Live<IReadOnlyList<byte[]>>([.. nodes.Select(node => disk.Rows[(int)node.LastLeaf].Nodes.AsSpan(node.Level * MerkleHash.Size, MerkleHash.Size).ToArray())]);

    public ValueTask NoteAsync(EnvironmentId environment, Notice notice, CancellationToken cancellation)
    {
        process.MustLive();
        disk.Notices.Insert(0, notice);
        return default;
    }

    public ValueTask<IReadOnlyList<Notice>> NoticesAsync(EnvironmentId environment, CancellationToken cancellation) => Live<IReadOnlyList<Notice>>([.. disk.Notices]);

    public ValueTask DisposeAsync() => default;

    /// <summary>What a crash leaves of what was written.</summary>
    public static void Crash(SimPlaneDisk disk, Broken broken)
    {
        if (broken != Broken.PlaneStoreNotDurable) return;
        disk.Rows.RemoveRange(disk.Flushed.Rows, disk.Rows.Count - disk.Flushed.Rows);
        disk.Head = disk.Flushed.Head;
    }

    private void Write(IReadOnlyList<LedgerWrite> writes)
    {
        foreach (var write in writes)
        {
            disk.Rows.AddRange(write.Entries.Select(row => row with { Bytes = row.Bytes.ToArray() }));
            disk.Head = new LedgerHead(disk.Rows.Count, write.Checkpoint, write.Countersigned ?? disk.Head?.Countersigned);
            if (write.Members is { } members) disk.Members = [.. members];
        }

        // The broken variant flushes every tenth entry or so, and has told everybody long before.
        if (world.Plan.Broken != Broken.PlaneStoreNotDurable || disk.Rows.Count < 12 || disk.Rows.Count % 10 == 0) disk.Flushed = (disk.Rows.Count, disk.Head);
    }

    private ValueTask<T> Live<T>(T value)
    {
        process.MustLive();
        return new ValueTask<T>(value);
    }
}
